import { closeIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Copy, IconButton } from './parts';
import { managerOf, type IPackageRow, type PackageTable } from './table';
import { WARNINGS } from './flags';
import type { Words } from './words';

interface IDetailsProps {
  readonly row: IPackageRow;
  readonly table: PackageTable;
  readonly words: Words;
  /** Show another package instead. */
  readonly onGo: (name: string) => void;
  readonly onClose: () => void;
  /** Put the keyboard here. */
  readonly focus: boolean;
}

/** Everything about one package, and why it is there. */
export function Details({ row, table, words, onGo, onClose, focus }: IDetailsProps): JSX.Element {
  const { trans } = words;
  const title = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => {
    if (focus) {
      title.current?.focus();
    }
  }, [focus, row]);
  return (
    <section
      className="jp-EnvGuard-details"
      aria-label={trans.__('Details of %1', row.name)}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      <div className="jp-EnvGuard-detailsHead">
        <h3 ref={title} tabIndex={-1} className="jp-EnvGuard-detailsTitle">
          {row.name}
        </h3>
        <IconButton label={trans.__('Close the details')} icon={closeIcon} onClick={onClose} />
      </div>
      <Flags row={row} words={words} />
      <Why row={row} table={table} words={words} onGo={onGo} />
      <Pin row={row} words={words} />
      <Names
        title={trans.__('Required by (%1)', row.item.requiredBy.length)}
        names={row.item.requiredBy}
        none={trans.__('No other package requires it.')}
        words={words}
        onGo={onGo}
      />
      <Names
        title={trans.__('Requires (%1)', row.item.depends.length)}
        names={row.item.depends}
        none={trans.__('It requires no other package.')}
        words={words}
        onGo={onGo}
      />
    </section>
  );
}

/** What a person should mind about a package, each in a sentence. */
function Flags({ row, words }: Pick<IDetailsProps, 'row' | 'words'>): JSX.Element | null {
  const flags = WARNINGS.filter(flag => row.flags.has(flag));
  return flags.length === 0 ? null : (
    <ul className="jp-EnvGuard-flags">
      {flags.map(flag => (
        <li key={flag}>{words.flagSentence(flag)}</li>
      ))}
    </ul>
  );
}

function Why({ row, table, words, onGo }: Omit<IDetailsProps, 'onClose' | 'focus'>): JSX.Element {
  const { trans } = words;
  const way = table.relations.why(row.name);
  return (
    <div className="jp-EnvGuard-why">
      <h4>{trans.__('Why is it here?')}</h4>
      {row.item.requested && <p>{trans.__('It was asked for by name.')}</p>}
      {!row.item.requested && way.length === 0 && (
        <p>{trans.__('Nothing that was asked for by name requires it.')}</p>
      )}
      {!row.item.requested && way.length > 0 && (
        <ol className="jp-EnvGuard-way" aria-label={trans.__('From what was asked for to %1', row.name)}>
          {way.map((name, index) => (
            <li key={name}>
              {index < way.length - 1 ? <NameButton name={name} onGo={onGo} /> : <strong>{row.name}</strong>}
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

function Pin({ row: { item }, words }: Pick<IDetailsProps, 'row' | 'words'>): JSX.Element {
  const { trans } = words;
  return (
    <dl className="jp-EnvGuard-pin">
      <dt>{trans.__('Version')}</dt>
      <dd>{[item.version, item.build].filter(Boolean).join(' ')}</dd>
      <dt>{trans.__('Manager')}</dt>
      <dd>{managerOf(item)}</dd>
      <dt>{trans.__('Channel')}</dt>
      <dd>{[item.channel.replace(/\/+$/, ''), item.subdir].filter(Boolean).join('/') || '—'}</dd>
      <dt>{trans.__('Licence')}</dt>
      <dd>{item.license || trans.__('unknown')}</dd>
      <dt>{trans.__('Size')}</dt>
      <dd>{words.size(item.size) || trans.__('unknown')}</dd>
      <dt>{trans.__('SHA-256')}</dt>
      <dd>
        {item.sha256 ? (
          <>
            <code>{item.sha256}</code>
            <Copy text={item.sha256} label={trans.__('Copy the hash')} words={words} />
          </>
        ) : (
          trans.__('no hash')
        )}
      </dd>
      {item.url && (
        <>
          <dt>{trans.__('Address')}</dt>
          <dd>
            <span>{item.url}</span>
            <Copy text={item.url} label={trans.__('Copy the address')} words={words} />
          </dd>
        </>
      )}
    </dl>
  );
}

interface INamesProps {
  readonly title: string;
  readonly names: readonly string[];
  readonly none: string;
  readonly words: Words;
  readonly onGo: (name: string) => void;
}

/** More names than these are shown only when somebody asks for them. */
const SHOWN_NAMES = 24;

function Names({ title, names, none, words, onGo }: INamesProps): JSX.Element {
  const [all, setAll] = React.useState(false);
  const shown = all ? names : names.slice(0, SHOWN_NAMES);
  return (
    <div>
      <h4>{title}</h4>
      {names.length === 0 && <p className="jp-EnvGuard-quiet">{none}</p>}
      <ul className="jp-EnvGuard-names">
        {shown.map(name => (
          <li key={name}>
            <NameButton name={name} onGo={onGo} />
          </li>
        ))}
        {shown.length < names.length && (
          <li>
            <button type="button" className="jp-EnvGuard-link" onClick={() => setAll(true)}>
              {words.trans.__('%1 more', names.length - shown.length)}
            </button>
          </li>
        )}
      </ul>
    </div>
  );
}

function NameButton({ name, onGo }: { name: string; onGo: (name: string) => void }): JSX.Element {
  return (
    <button type="button" className="jp-EnvGuard-link" onClick={() => onGo(name)}>
      {name}
    </button>
  );
}
