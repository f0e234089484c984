import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IPackage, ISpec } from './api';
import { Filter } from './parts';
import type { Words } from './words';

/** Columns by which the table can be sorted. */
type Column = 'name' | 'version' | 'build' | 'channel' | 'manager' | 'license' | 'sha256' | 'size';

interface IOrder {
  readonly column: Column;
  readonly descending: boolean;
}

const MANAGERS: Readonly<Record<string, string>> = { conda: 'conda', pypi: 'pip' };

/** Every package of a release, to be searched and sorted. */
export function Packages({ spec, words }: { spec: ISpec; words: Words }): JSX.Element {
  const { trans } = words;
  const [filter, setFilter] = React.useState('');
  const [requested, setRequested] = React.useState(false);
  const [order, setOrder] = React.useState<IOrder>({ column: 'name', descending: false });
  const shown = React.useMemo(
    () => select(spec.packages, { filter, requested, order }),
    [spec, filter, requested, order]
  );
  const turn = (column: Column) =>
    setOrder({ column, descending: order.column === column && !order.descending });
  return (
    <>
      <div className="jp-EnvGuard-tools">
        <Filter label={trans.__('Filter packages')} value={filter} onChange={setFilter} />
        <label className="jp-EnvGuard-check">
          <input type="checkbox" checked={requested} onChange={event => setRequested(event.target.checked)} />
          {trans.__('Asked for by name')}
        </label>
        <span className="jp-EnvGuard-quiet" role="status">
          {shown.length === spec.packages.length
            ? words.count(shown.length)
            : trans.__('%1 of %2', shown.length, spec.packages.length)}
        </span>
      </div>
      <div className="jp-EnvGuard-scroll" tabIndex={0} role="group" aria-label={trans.__('Packages')}>
        <table className="jp-EnvGuard-table">
          <Head order={order} turn={turn} words={words} />
          <tbody>
            {shown.map(item => (
              <Row key={`${item.manager}:${item.name}:${item.build}`} item={item} words={words} />
            ))}
          </tbody>
        </table>
        {shown.length === 0 && (
          <p className="jp-EnvGuard-empty">
            {spec.packages.length === 0
              ? trans.__('This environment holds no packages.')
              : trans.__('No package matches.')}
          </p>
        )}
      </div>
    </>
  );
}

interface IHeadProps {
  readonly order: IOrder;
  readonly turn: (column: Column) => void;
  readonly words: Words;
}

function Head({ order, turn, words: { trans } }: IHeadProps): JSX.Element {
  const columns: readonly (readonly [Column, string])[] = [
    ['name', trans.__('Package')],
    ['version', trans.__('Version')],
    ['build', trans.__('Build')],
    ['channel', trans.__('Channel')],
    ['manager', trans.__('Manager')],
    ['license', trans.__('Licence')],
    ['sha256', trans.__('SHA-256')],
    ['size', trans.__('Size')]
  ];
  const Caret = (order.descending ? caretDownIcon : caretUpIcon).react;
  return (
    <thead>
      <tr>
        {columns.map(([column, label]) => {
          const sorted = order.column === column;
          return (
            <th
              key={column}
              scope="col"
              data-column={column}
              aria-sort={sorted ? (order.descending ? 'descending' : 'ascending') : 'none'}
            >
              <button type="button" className="jp-EnvGuard-sort" onClick={() => turn(column)}>
                {label}
                {sorted && <Caret tag="span" aria-hidden />}
              </button>
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

function Row({ item, words }: { item: IPackage; words: Words }): JSX.Element {
  const { trans } = words;
  return (
    <tr>
      <th scope="row" title={item.url}>
        {item.name}
      </th>
      <td>{item.version}</td>
      <td>{item.build}</td>
      <td>{[lastPart(item.channel), item.subdir].filter(Boolean).join('/')}</td>
      <td data-manager={item.manager}>{MANAGERS[item.manager] ?? item.manager}</td>
      <td>{item.license || <em>{trans.__('unknown')}</em>}</td>
      <td title={item.sha256}>
        {item.sha256 ? <code>{item.sha256.slice(0, 8)}</code> : <em>{trans.__('no hash')}</em>}
      </td>
      <td data-column="size">{words.size(item.size)}</td>
    </tr>
  );
}

interface ISelection {
  readonly filter: string;
  readonly requested: boolean;
  readonly order: IOrder;
}

/** Return the packages that match, sorted; names are compared as people read them. */
export function select(packages: readonly IPackage[], selection: ISelection): IPackage[] {
  const words = selection.filter.toLowerCase().split(/\s+/);
  const { column, descending } = selection.order;
  const compare = (a: IPackage, b: IPackage) => by(a[column], b[column]) || by(a.name, b.name);
  return packages
    .filter(item => !selection.requested || item.requested)
    .filter(item => words.every(word => textOf(item).includes(word)))
    .sort((a, b) => (descending ? compare(b, a) : compare(a, b)));
}

function by(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : COLLATOR.compare(String(a), String(b));
}

/** `1.10` comes after `1.9`. */
const COLLATOR = new Intl.Collator('en', { numeric: true });

function textOf(item: IPackage): string {
  const manager = MANAGERS[item.manager] ?? item.manager;
  return [item.name, item.version, item.build, item.channel, manager, item.license, item.sha256]
    .join('\n')
    .toLowerCase();
}

/** Channels are URLs; people know them by the last part. */
function lastPart(channel: string): string {
  return channel.replace(/\/+$/, '').split('/').pop() ?? '';
}
