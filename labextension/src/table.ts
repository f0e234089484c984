/**
 * The packages of one spec, made ready once to be searched, sorted and explained.
 */
import type { IListedPackage, IPackages } from './generated/wire';
import { FLAGS, flagsOf, type Flag } from './flags';
import { parse, predicate, type IRow } from './query';
import { Relations, canonical } from './relations';
import { compareVersions } from './versions';

/** One row of the grid. */
export interface IPackageRow extends IRow {
  readonly key: string;
  readonly item: IListedPackage;
}

/** Columns by which packages can be sorted. */
export type SortColumn = Exclude<keyof typeof ORDERS, symbol>;

/** Everything that is derived from a spec; `tableOf` makes it once. */
export class PackageTable {
  constructor(spec: IPackages) {
    this.relations = new Relations(spec.packages);
    this.rows = spec.packages.map((item, index) => rowOf(item, index));
    this.counts = Object.fromEntries(
      FLAGS.map(flag => [flag, this.rows.filter(row => row.flags.has(flag)).length])
    ) as Record<Flag, number>;
  }

  readonly rows: readonly IPackageRow[];
  readonly relations: Relations;
  /** How many packages have each flag. */
  readonly counts: Readonly<Record<Flag, number>>;

  /** Return the rows that match what was typed, sorted by `column`. */
  select(typed: string, column: string, descending: boolean): IPackageRow[] {
    const found = this._sorted(column).filter(predicate(parse(typed)));
    return descending ? found.reverse() : found;
  }

  find(name: string): IPackageRow | undefined {
    const wanted = canonical(name);
    return this.rows.find(row => canonical(row.name) === wanted);
  }

  /** Sorting is slower than filtering by far, and happens less often. */
  private _sorted(column: string): readonly IPackageRow[] {
    const known = this._orders.get(column);
    if (known) {
      return known;
    }
    const compare = orderOf(column);
    const sorted = [...this.rows].sort((a, b) => compare(a, b) || byText(a.name, b.name));
    this._orders.set(column, sorted);
    return sorted;
  }

  private readonly _orders = new Map<string, readonly IPackageRow[]>();
}

const tables = new WeakMap<IPackages, PackageTable>();

/** Return the table of a spec, made when it is first asked for. */
export function tableOf(spec: IPackages): PackageTable {
  const known = tables.get(spec) ?? new PackageTable(spec);
  tables.set(spec, known);
  return known;
}

/** Channels are URLs; people know them by the last part. */
export function shortChannel({ channel, subdir }: IListedPackage): string {
  return [channel.replace(/\/+$/, '').split('/').pop(), subdir].filter(Boolean).join('/');
}

/** What people call whoever installed a package. */
export function managerOf({ manager }: IListedPackage): string {
  return manager === 'pypi' ? 'pip' : manager;
}

const COLLATOR = new Intl.Collator('en', { numeric: true });
const byText = (a: string, b: string) => COLLATOR.compare(a, b);

const ORDERS = {
  name: (a: IPackageRow, b: IPackageRow) => byText(a.name, b.name),
  version: (a: IPackageRow, b: IPackageRow) => compareVersions(a.version, b.version),
  build: (a: IPackageRow, b: IPackageRow) => byText(a.build, b.build),
  channel: (a: IPackageRow, b: IPackageRow) => byText(shortChannel(a.item), shortChannel(b.item)),
  manager: (a: IPackageRow, b: IPackageRow) => byText(a.manager, b.manager),
  license: (a: IPackageRow, b: IPackageRow) => byText(a.license, b.license),
  sha256: (a: IPackageRow, b: IPackageRow) => byText(a.sha256, b.sha256),
  size: (a: IPackageRow, b: IPackageRow) => a.size - b.size,
  origin: (a: IPackageRow, b: IPackageRow) => Number(b.item.requested) - Number(a.item.requested)
} as const;

/** Return how rows are compared by a column; by name where the column is not known. */
export function orderOf(column: string): (a: IPackageRow, b: IPackageRow) => number {
  return column in ORDERS ? ORDERS[column as SortColumn] : ORDERS.name;
}

function rowOf(item: IListedPackage, index: number): IPackageRow {
  const { name, version, build, subdir, license, sha256, url, size } = item;
  const manager = managerOf(item);
  const text = [name, version, build, item.channel, subdir, manager, license, sha256].join('\n');
  return {
    key: `${item.manager}:${name}:${index}`,
    item,
    name,
    version,
    build,
    channel: item.channel,
    subdir,
    manager,
    license,
    sha256,
    url,
    size,
    flags: flagsOf(item),
    needs: new Set(item.depends.map(canonical)),
    text: text.toLowerCase()
  };
}
