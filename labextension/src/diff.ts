/**
 * What changes from one list of packages to another.
 */
import type { ChangeKind, IListedPackage } from './generated/wire';
import { compareVersions } from './versions';

/** In the order in which they are offered; somebody should look at rebuilt ones first. */
export const KINDS: readonly ChangeKind[] = [
  'rebuilt',
  'upgraded',
  'downgraded',
  'added',
  'removed',
  'changed'
];

/** How far apart two versions are. */
export type Step = 'major' | 'minor' | 'patch';

/** One package that two lists do not agree on. */
export interface IChange {
  readonly name: string;
  readonly manager: string;
  readonly kind: ChangeKind;
  readonly from: IListedPackage | null;
  readonly to: IListedPackage | null;
  /** The first part in which the versions differ; `null` unless it went up or down. */
  readonly step: Step | null;
  readonly licenseChanged: boolean;
}

/**
 * Return what differs, rebuilt packages first, then by name.
 *
 * Packages are paired by name and manager: one that moved from conda to pip is
 * one removed and one added. Paired packages that are the same file but whose
 * records differ, in licence or in who asked for them, are `changed`.
 */
export function diff(from: readonly IListedPackage[], to: readonly IListedPackage[]): IChange[] {
  const [before, after] = [paired(from), paired(to)];
  const changes: IChange[] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const change = compare(before.get(key) ?? null, after.get(key) ?? null);
    if (change) {
      changes.push(change);
    }
  }
  return changes.sort(
    (a, b) =>
      Number(b.kind === 'rebuilt') - Number(a.kind === 'rebuilt') ||
      byText(a.name, b.name) ||
      byText(a.manager, b.manager)
  );
}

/** Count the changes of each kind. */
export function countOf(changes: readonly IChange[]): Readonly<Record<ChangeKind, number>> {
  const counts = Object.fromEntries(KINDS.map(kind => [kind, 0])) as Record<ChangeKind, number>;
  for (const { kind } of changes) {
    counts[kind] += 1;
  }
  return counts;
}

/** Headings of the table that goes into tickets. */
export interface IHeadings {
  readonly name: string;
  readonly change: (change: IChange) => string;
  readonly from: string;
  readonly to: string;
  readonly license: string;
  readonly title: string;
}

/** Write the changes as a Markdown table. */
export function asMarkdown(changes: readonly IChange[], headings: IHeadings): string {
  const rows = [
    [headings.title, headings.name, headings.from, headings.to, headings.license],
    ['---', '---', '---', '---', '---'],
    ...changes.map(change => [
      headings.change(change),
      change.name,
      pinOf(change.from),
      pinOf(change.to),
      licensesOf(change)
    ])
  ];
  return rows.map(row => `| ${row.map(escaped).join(' | ')} |`).join('\n') + '\n';
}

/** The version and build of one side; nothing where the package is not there. */
export function pinOf(item: IListedPackage | null): string {
  return item ? [item.version, item.build].filter(Boolean).join(' ') : '';
}

/** The licence, or both where it changed. */
export function licensesOf({ from, to, licenseChanged }: IChange): string {
  return licenseChanged ? `${from?.license || '?'} → ${to?.license || '?'}` : ((to ?? from)?.license ?? '');
}

function compare(from: IListedPackage | null, to: IListedPackage | null): IChange | null {
  const item = to ?? from;
  const kind = kindOf(from, to);
  if (!item || !kind) {
    return null;
  }
  return {
    name: item.name,
    manager: item.manager,
    kind,
    from,
    to,
    step: from && to && (kind === 'upgraded' || kind === 'downgraded') ? stepOf(from, to) : null,
    licenseChanged: from !== null && to !== null && from.license !== to.license
  };
}

function kindOf(from: IListedPackage | null, to: IListedPackage | null): ChangeKind | null {
  if (!from || !to) {
    return from ? 'removed' : 'added';
  }
  const order = compareVersions(from.version, to.version);
  if (order) {
    return order < 0 ? 'upgraded' : 'downgraded';
  }
  if (FILE.some(field => from[field] !== to[field])) {
    return 'rebuilt';
  }
  return RECORD.some(field => from[field] !== to[field]) ? 'changed' : null;
}

/** What tells one file of a package from another of the same version. */
const FILE = ['version', 'build', 'sha256', 'url'] as const;
/** What a record says beside that. */
const RECORD = ['license', 'requested'] as const;

function stepOf(from: IListedPackage, to: IListedPackage): Step {
  const [before, after] = [from.version.split('.'), to.version.split('.')];
  return before[0] !== after[0] ? 'major' : before[1] !== after[1] ? 'minor' : 'patch';
}

function paired(packages: readonly IListedPackage[]): Map<string, IListedPackage> {
  return new Map(packages.map(item => [`${item.manager}\n${item.name}`, item]));
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A bar would end the cell, a line break the row. */
function escaped(cell: string): string {
  return cell.replace(/\\/g, '\\\\').replace(/\|/g, '\\|').replace(/\s+/g, ' ');
}
