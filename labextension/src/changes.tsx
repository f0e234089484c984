import { Clipboard } from '@jupyterlab/apputils';
import * as React from 'react';

import type { ChangeKind, IEnvironment } from './generated/wire';
import type { ICompareProps } from './compare';
import { KINDS, asMarkdown, countOf, licensesOf, pinOf, type IChange } from './diff';
import { Grid, type IColumn } from './grid';
import { Filter, Popup } from './parts';
import { managerOf } from './table';
import { compareVersions } from './versions';
import type { Words } from './words';

/** What is compared and what is shown of it; lives in the layout. */
export interface ICompareState {
  /** `name@release`, or empty while nothing has been chosen. */
  readonly from: string;
  readonly to: string;
  readonly filter: string;
  /** Only changes of this kind; empty for all. */
  readonly kind: ChangeKind | '';
  readonly licenses: boolean;
  /** Empty for the order in which changes matter. */
  readonly sort: string;
  readonly descending: boolean;
}

interface IChangesProps extends ICompareProps {
  readonly from: IEnvironment;
  readonly to: IEnvironment;
  readonly changes: readonly IChange[];
}

/** What differs, by kind, to be searched, sorted and taken along. */
export function Changes(props: IChangesProps): JSX.Element {
  const { changes, state, onState, words } = props;
  const { trans } = words;
  const mixed = changes.some(({ manager }) => manager === 'pypi');
  const columns = React.useMemo(
    () => changeColumns(words).filter(({ id }) => mixed || id !== 'manager'),
    [words, mixed]
  );
  const shown = React.useMemo(
    () => select(changes, state, columns),
    [changes, columns, state.filter, state.kind, state.licenses, state.sort, state.descending]
  );
  const field = React.useRef<HTMLInputElement>(null);
  const [copied, setCopied] = React.useState('');
  return (
    <>
      <div className="jp-EnvGuard-tools">
        <Kinds {...props} />
        <label className="jp-EnvGuard-check">
          <input
            type="checkbox"
            checked={state.licenses}
            onChange={event => onState({ licenses: event.target.checked })}
          />
          {trans.__('licence changed (%1)', changes.filter(change => change.licenseChanged).length)}
        </label>
      </div>
      <div className="jp-EnvGuard-tools">
        <Filter
          label={trans.__('Filter changes')}
          value={state.filter}
          field={field}
          onChange={filter => onState({ filter })}
        />
        <span role="status">{words.part(shown.length, changes.length)}</span>
        <div className="jp-EnvGuard-actions">
          <TakeAlong {...props} shown={shown} />
        </div>
      </div>
      <span className="jp-EnvGuard-unseen" role="status">
        {copied && trans.__('Copied %1', copied)}
      </span>
      {shown.length === 0 ? (
        <p className="jp-EnvGuard-empty">{trans.__('No change matches.')}</p>
      ) : (
        <Grid
          label={trans.__('Changes')}
          rows={shown}
          columns={columns}
          keyOf={keyOf}
          order={{ column: state.sort, descending: state.descending }}
          onOrder={({ column, descending }) => onState({ sort: column, descending })}
          onSearch={() => field.current?.focus()}
          onCopy={change => {
            const line = `${change.name} ${pinOf(change.from) || '—'} → ${pinOf(change.to) || '—'}`;
            Clipboard.copyToSystem(line);
            setCopied(line);
          }}
        />
      )}
    </>
  );
}

const keyOf = ({ manager, name }: IChange) => `${manager}:${name}`;

function Kinds({ changes, state, onState, words }: IChangesProps): JSX.Element {
  const { trans } = words;
  const counts = countOf(changes);
  const chip = (kind: ChangeKind | '', label: string, count: number) => (
    <button
      key={kind}
      type="button"
      className="jp-EnvGuard-chip"
      aria-pressed={state.kind === kind}
      onClick={() => onState({ kind: state.kind === kind ? '' : kind })}
    >
      {label} <span className="jp-EnvGuard-chipCount">{words.number(count)}</span>
    </button>
  );
  return (
    <div className="jp-EnvGuard-chips" role="group" aria-label={trans.__('Kind of change')}>
      {chip('', trans.__('All'), changes.length)}
      {KINDS.filter(kind => counts[kind] > 0).map(kind => chip(kind, words.kind(kind), counts[kind]))}
    </div>
  );
}

/** The comparison for tickets and for other programs. */
function TakeAlong({
  from,
  to,
  shown,
  actions,
  state,
  words
}: IChangesProps & { shown: readonly IChange[] }): JSX.Element {
  const { trans } = words;
  const [copied, setCopied] = React.useState(false);
  const { difference, linkTo } = actions;
  const markdown = () =>
    asMarkdown(shown, {
      title: trans.__('Change'),
      name: trans.__('Package'),
      from: `${from.name}@${from.release}`,
      to: `${to.name}@${to.release}`,
      license: trans.__('Licence'),
      change: change => words.change(change)
    });
  const copy = (text: string) => {
    Clipboard.copyToSystem(text);
    setCopied(true);
  };
  return (
    <>
      <button
        type="button"
        className="jp-mod-styled jp-EnvGuard-button"
        onClick={() => copy(markdown())}
        onBlur={() => setCopied(false)}
      >
        {copied ? trans.__('Copied') : trans.__('Copy as Markdown')}
      </button>
      {difference && (
        <Popup label={trans.__('Export')}>
          {(['markdown', 'csv', 'json'] as const).map(format => (
            <a key={format} className="jp-EnvGuard-link" href={difference(from, to, format)} download="">
              {FORMATS[format]}
            </a>
          ))}
          {linkTo && (
            <button
              type="button"
              className="jp-EnvGuard-link"
              onClick={() => copy(linkTo(state.from, state.to))}
            >
              {trans.__('Copy a link to this comparison')}
            </button>
          )}
        </Popup>
      )}
    </>
  );
}

const FORMATS = { markdown: 'Markdown', csv: 'CSV', json: 'JSON' } as const;

/** A sign before the word, so that a kind is told by more than its colour. */
const SIGNS: Readonly<Record<ChangeKind, string>> = {
  rebuilt: '≡',
  upgraded: '↑',
  downgraded: '↓',
  added: '+',
  removed: '−',
  changed: '~'
};

/** The licence that there is now; the one before stands with it where there is room for both. */
function NewLicense({ from, to }: IChange): JSX.Element {
  return (
    <>
      <span className="jp-EnvGuard-before">{from?.license || '?'} </span>→ {to?.license || '?'}
    </>
  );
}

function changeColumns(words: Words): readonly IColumn<IChange>[] {
  const { trans } = words;
  const side = (pick: (change: IChange) => IChange['from']) => (change: IChange) => {
    const item = pick(change);
    // Where builds are called alike, only the hash tells them apart, and there is room for one of them.
    const { from, to } = change;
    const byHash = change.kind === 'rebuilt' && item?.sha256 && from?.build === to?.build;
    return item ? (
      <span className="jp-EnvGuard-cellText" title={[pinOf(item), item.sha256].join('\n')}>
        {item.version}{' '}
        {byHash ? (
          <code>{item.sha256.slice(0, 8)}</code>
        ) : (
          <span className="jp-EnvGuard-build">{item.build}</span>
        )}
      </span>
    ) : (
      '—'
    );
  };
  const version = (change: IChange) => (change.to ?? change.from)?.version ?? '';
  return [
    {
      id: 'name',
      title: trans.__('Package'),
      width: 'minmax(9em, 1fr)',
      render: change => <span className="jp-EnvGuard-cellText">{change.name}</span>,
      compare: (a, b) => byText(a.name, b.name)
    },
    {
      id: 'kind',
      title: trans.__('Change'),
      width: 'minmax(14em, 0.8fr)',
      render: change => (
        <span className="jp-EnvGuard-kind" data-kind={change.kind}>
          <span aria-hidden>{SIGNS[change.kind]}</span> {words.change(change)}
        </span>
      ),
      compare: (a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind)
    },
    { id: 'from', title: trans.__('From'), width: 'minmax(16em, 1.2fr)', render: side(({ from }) => from) },
    {
      id: 'to',
      title: trans.__('To'),
      width: 'minmax(16em, 1.2fr)',
      render: side(({ to }) => to),
      compare: (a, b) => compareVersions(version(a), version(b))
    },
    {
      id: 'license',
      title: trans.__('Licence'),
      width: 'minmax(12em, 1.2fr)',
      render: change => (
        <span
          className={change.licenseChanged ? 'jp-EnvGuard-flag' : 'jp-EnvGuard-cellText'}
          title={licensesOf(change)}
        >
          <span className="jp-EnvGuard-cellText">
            {change.licenseChanged ? <NewLicense {...change} /> : licensesOf(change)}
          </span>
        </span>
      ),
      compare: (a, b) => byText(licensesOf(a), licensesOf(b))
    },
    {
      id: 'manager',
      title: trans.__('Manager'),
      width: 'minmax(6em, 0.5fr)',
      render: ({ from, to }) => (from || to ? managerOf((to ?? from) as NonNullable<IChange['to']>) : ''),
      compare: (a, b) => byText(a.manager, b.manager)
    }
  ];
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function select(
  changes: readonly IChange[],
  { filter, kind, licenses, sort, descending }: ICompareState,
  columns: readonly IColumn<IChange>[]
): readonly IChange[] {
  const typed = filter.toLowerCase().split(/\s+/);
  const found = changes.filter(
    change =>
      (!kind || change.kind === kind) &&
      (!licenses || change.licenseChanged) &&
      typed.every(word => textOf(change).includes(word))
  );
  const compare = columns.find(({ id }) => id === sort)?.compare;
  if (compare) {
    found.sort(compare);
  }
  return descending ? found.reverse() : found;
}

function textOf(change: IChange): string {
  const { name, kind, from, to } = change;
  return [name, kind, pinOf(from), pinOf(to), from?.sha256, to?.sha256, licensesOf(change)]
    .join('\n')
    .toLowerCase();
}
