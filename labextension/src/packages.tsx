import * as React from 'react';

import type { IPackages } from './generated/wire';
import { USUAL_COLUMNS, packageColumns } from './columns';
import { Details } from './details';
import type { Flag } from './flags';
import { Grid } from './grid';
import { Filter, Popup } from './parts';
import { parse } from './query';
import { tableOf, type IPackageRow, type PackageTable } from './table';
import type { Words } from './words';

/** What a person has chosen to see; lives in the layout and in links. */
export interface IPackagesState {
  readonly filter: string;
  readonly sort: string;
  readonly descending: boolean;
  /** Ids of the columns. */
  readonly columns: readonly string[];
}

export const USUAL_STATE: IPackagesState = {
  filter: '',
  sort: 'name',
  descending: false,
  columns: USUAL_COLUMNS
};

interface IPackagesProps {
  readonly spec: IPackages;
  readonly words: Words;
  readonly state: IPackagesState;
  readonly onState: (change: Partial<IPackagesState>) => void;
}

/** Flags that are offered as buttons where any package has them. */
const OFFERED: readonly Flag[] = ['requested', 'pip', 'no-hash', 'licence-unknown', 'other-channel'];

/** Every package of a release: searched, sorted, and each explained. */
export function Packages({ spec, words, state, onState }: IPackagesProps): JSX.Element {
  const { trans } = words;
  const table = tableOf(spec);
  const all = React.useMemo(() => packageColumns(words), [words]);
  const columns = React.useMemo(
    () => all.filter(({ id }) => id === 'name' || state.columns.includes(id)),
    [all, state.columns]
  );
  const rows = React.useMemo(
    () => table.select(state.filter, state.sort, state.descending),
    [table, state.filter, state.sort, state.descending]
  );
  const [opened, setOpened] = React.useState<IOpened | null>(null);
  const [copied, setCopied] = React.useState('');
  const field = React.useRef<HTMLInputElement>(null);
  const body = React.useRef<HTMLDivElement>(null);
  const shown = opened ? table.rows.find(row => row.key === opened.key) : undefined;
  const toGrid = () => body.current?.querySelector<HTMLElement>('[role=grid]')?.focus();
  return (
    <>
      <Tools {...{ spec, table, words, state, onState, all, field, toGrid }} found={rows.length} />
      <span className="jp-EnvGuard-unseen" role="status">
        {copied && trans.__('Copied %1', copied)}
      </span>
      <div ref={body} className="jp-EnvGuard-body">
        {rows.length === 0 ? (
          <Nothing spec={spec} words={words} />
        ) : (
          <Grid
            label={trans.__('Packages')}
            rows={rows}
            columns={columns}
            keyOf={keyOf}
            order={{ column: state.sort, descending: state.descending }}
            onOrder={({ column, descending }) => onState({ sort: column, descending })}
            opened={opened?.key ?? null}
            onOpen={(row, jump) => setOpened({ key: row.key, jump })}
            onCopy={row => {
              const pin = pinOf(row);
              void navigator.clipboard.writeText(pin).then(() => setCopied(pin));
            }}
            onSearch={() => field.current?.focus()}
            onEscape={() => setOpened(null)}
          />
        )}
        {shown && (
          <Details
            row={shown}
            table={table}
            words={words}
            focus={opened?.jump ?? false}
            onGo={name => {
              const row = table.find(name);
              setOpened(row ? { key: row.key, jump: true } : null);
            }}
            onClose={() => {
              setOpened(null);
              toGrid();
            }}
          />
        )}
      </div>
    </>
  );
}

interface IOpened {
  readonly key: string;
  /** Whether the keyboard goes there. */
  readonly jump: boolean;
}

const keyOf = (row: IPackageRow) => row.key;

/** A package as conda writes it. */
const pinOf = ({ name, version, build }: IPackageRow) => [name, version, build].filter(Boolean).join('=');

interface IToolsProps extends IPackagesProps {
  readonly table: PackageTable;
  readonly all: ReturnType<typeof packageColumns>;
  readonly found: number;
  readonly field: React.RefObject<HTMLInputElement>;
  readonly toGrid: () => void;
}

function Tools(props: IToolsProps): JSX.Element {
  const { spec, table, words, state, onState, found, field, toGrid } = props;
  const { trans } = words;
  const id = React.useId();
  const problems = parse(state.filter).problems;
  return (
    <div className="jp-EnvGuard-tools">
      <Filter
        label={trans.__('Filter packages, or key:value')}
        value={state.filter}
        onChange={filter => onState({ filter })}
        field={field}
        describedBy={id}
        onDown={toGrid}
      />
      <div className="jp-EnvGuard-chips" role="group" aria-label={trans.__('Show only')}>
        {OFFERED.filter(flag => table.counts[flag] > 0).map(flag => (
          <FlagButton key={flag} flag={flag} {...props} />
        ))}
      </div>
      <Columns {...props} />
      <span className="jp-EnvGuard-count" role="status">
        {found === spec.packages.length ? words.count(found) : words.part(found, spec.packages.length)}
      </span>
      <span id={id} className={problems.length > 0 ? 'jp-EnvGuard-remark' : 'jp-EnvGuard-unseen'}>
        {problems.length > 0
          ? problems.map(problem => words.problem(problem)).join(' ')
          : trans.__('For example license:gpl, size>10MB, numpy>=2, is:pip, needs:openssl, -name:lib.')}
      </span>
    </div>
  );
}

function FlagButton({ flag, table, words, state, onState }: IToolsProps & { flag: Flag }): JSX.Element {
  const term = `is:${flag}`;
  const terms = state.filter.split(/\s+/).filter(Boolean);
  const pressed = terms.includes(term);
  return (
    <button
      type="button"
      className="jp-EnvGuard-chip"
      aria-pressed={pressed}
      title={words.flagSentence(flag)}
      onClick={() =>
        onState({
          filter: pressed ? terms.filter(other => other !== term).join(' ') : [...terms, term].join(' ')
        })
      }
    >
      {words.flag(flag)} <span className="jp-EnvGuard-chipCount">{table.counts[flag]}</span>
    </button>
  );
}

function Columns({ words, all, state, onState }: IToolsProps): JSX.Element {
  return (
    <Popup label={words.trans.__('Columns')}>
      {all
        .filter(({ id }) => id !== 'name')
        .map(({ id, title }) => (
          <label key={id} className="jp-EnvGuard-check">
            <input
              type="checkbox"
              checked={state.columns.includes(id)}
              onChange={({ target }) =>
                onState({
                  columns: target.checked
                    ? [...state.columns, id]
                    : state.columns.filter(other => other !== id)
                })
              }
            />
            {title}
          </label>
        ))}
    </Popup>
  );
}

function Nothing({ spec, words: { trans } }: Pick<IPackagesProps, 'spec' | 'words'>): JSX.Element {
  return (
    <p className="jp-EnvGuard-empty">
      {spec.packages.length === 0
        ? trans.__('This environment holds no packages.')
        : trans.__('No package matches.')}
    </p>
  );
}
