/**
 * What is found while somebody types: names at once, packages as soon as the server has looked.
 */
import * as React from 'react';

import type { IEnvironment, IMatch, ISearch } from './generated/wire';
import { Refusal } from './wire';

/** How long nobody types before the server is asked. */
export const PAUSE_MS = 250;

/** Where a search stands. */
export interface ISearching {
  /** What the server found; `null` until it has answered for what is typed now. */
  readonly found: ISearch | null;
  /** Why the server did not look; names are searched nevertheless. */
  readonly refusal: Refusal | null;
  readonly isPending: boolean;
}

const IDLE: ISearching = { found: null, refusal: null, isPending: false };
const PENDING: ISearching = { ...IDLE, isPending: true };

/** Ask the server for `query`, a moment after it was typed; a late answer to an older one is dropped. */
export function useSearch(query: string, search: (query: string) => Promise<ISearch>): ISearching {
  const [searching, setSearching] = React.useState<ISearching>(IDLE);
  const asked = query.trim();
  React.useEffect(() => {
    if (!asked) {
      setSearching(IDLE);
      return;
    }
    setSearching(PENDING);
    let current = true;
    const settle = (outcome: Partial<ISearching>) => current && setSearching({ ...IDLE, ...outcome });
    const timer = setTimeout(() => {
      search(asked).then(
        found => settle({ found }),
        (reason: unknown) =>
          settle({
            refusal: reason instanceof Refusal ? reason : new Refusal('unforeseen', String(reason), '')
          })
      );
    }, PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [asked, search]);
  return searching;
}

/** An environment that is shown, and the packages for which it is. */
export interface IFound {
  readonly environment: IEnvironment;
  readonly packages: IMatch['packages'];
}

/** Return the environments that `query` finds, by what they say of themselves or by what is in them. */
export function findIn(
  environments: readonly IEnvironment[],
  query: string,
  found: ISearch | null
): readonly IFound[] {
  return environments.flatMap(environment => {
    const match = found?.matches.find(
      ({ name, release }) => name === environment.name && release === environment.release
    );
    return match || matches(environment, query) ? [{ environment, packages: match?.packages ?? [] }] : [];
  });
}

/** Whether every word that was typed occurs somewhere in what the card says. */
export function matches(environment: IEnvironment, query: string): boolean {
  const { name, release, displayName, description, language, state } = environment;
  const text = [name, release, displayName, description, language, state].join('\n').toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word));
}
