/**
 * What is remarkable about a package.
 */
import type { IPackage } from './api';

/** Said of a package by a word in the grid, and asked for by `is:…`; the server says the last four. */
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

/** Return all flags of a package; one that we do not know says nothing to anybody. */
export function flagsOf({ requested, flags }: IPackage): ReadonlySet<Flag> {
  return new Set([requested ? 'requested' : 'dependency', ...flags.filter(isFlag)]);
}
