/**
 * What is remarkable about a package.
 */
import type { IPackage } from './api';

/** Said of a package by a word in the grid, and asked for by `is:…`. */
export const FLAGS = [
  'requested',
  'dependency',
  'pip',
  'no-hash',
  'licence-unknown',
  'other-channel'
] as const;
export type Flag = (typeof FLAGS)[number];

/** The flags that a person should look at, the gravest first. */
export const WARNINGS: readonly Flag[] = ['no-hash', 'licence-unknown', 'other-channel', 'pip'];

export function isFlag(text: string): text is Flag {
  return (FLAGS as readonly string[]).includes(text);
}

/** Return the flags of `item` in a spec whose packages mostly come from `channel`. */
export function flagsOf(item: IPackage, channel: string): ReadonlySet<Flag> {
  const flags = new Set<Flag>([item.requested ? 'requested' : 'dependency']);
  if (item.manager === 'pypi') {
    flags.add('pip');
  } else if (item.channel && item.channel !== channel) {
    flags.add('other-channel');
  }
  if (!item.sha256) {
    flags.add('no-hash');
  }
  if (!item.license || /^(unknown|other|none)$/i.test(item.license)) {
    flags.add('licence-unknown');
  }
  return flags;
}

/** The channel from which most conda packages come; of two the first in the alphabet. */
export function mainChannel(packages: readonly IPackage[]): string {
  const counts = new Map<string, number>();
  for (const { channel, manager } of packages) {
    if (manager === 'conda' && channel) {
      counts.set(channel, (counts.get(channel) ?? 0) + 1);
    }
  }
  const [most] = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return most?.[0] ?? '';
}
