/**
 * What is remarkable about a package.
 */
import type { Flag as ToldFlag, IListedPackage } from './generated/wire';

/** Said of a package by a word in the grid, and asked for by `is:…`. */
export type Flag = 'requested' | 'dependency' | ToldFlag;
export const FLAGS: readonly Flag[] = [
  'requested',
  'dependency',
  'pip',
  'no-hash',
  'licence-unknown',
  'other-channel'
];

/** The flags that a person should look at, the gravest first. */
export const WARNINGS: readonly Flag[] = ['no-hash', 'licence-unknown', 'other-channel', 'pip'];

export function isFlag(text: string): text is Flag {
  return (FLAGS as readonly string[]).includes(text);
}

/** Return all flags of a package. */
export function flagsOf({ requested, flags }: IListedPackage): ReadonlySet<Flag> {
  return new Set([requested ? 'requested' : 'dependency', ...flags]);
}
