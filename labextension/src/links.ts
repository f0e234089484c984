/**
 * Addresses that lead to a place in the panel.
 *
 *     /lab?envguard=NAME[@RELEASE][&vs=NAME@RELEASE]
 *         [&envguard-tab=TAB][&envguard-filter=FILTER][&envguard-sort=[-]COLUMN]
 *     /lab?envguard-request=SUBJECT[&envguard-environment=NAME]
 */

/** A release, or the current one of an environment where `release` is empty. */
export interface IReleaseName {
  readonly name: string;
  readonly release: string;
}

/** What to show of a release; what is not said stays as it is. */
export interface IChosen {
  readonly tab?: string;
  readonly filter?: string;
  readonly sort?: string;
  readonly descending?: boolean;
}

/** Where an address leads. */
export type Destination =
  | { readonly kind: 'release'; readonly shown: IReleaseName; readonly chosen: IChosen }
  | { readonly kind: 'compare'; readonly from: IReleaseName; readonly to: IReleaseName }
  | { readonly kind: 'request'; readonly subject: string; readonly environment: string };

/** The parameters that are ours. */
const OURS = [
  'envguard',
  'vs',
  'envguard-tab',
  'envguard-filter',
  'envguard-sort',
  'envguard-request',
  'envguard-environment'
] as const;

/** Matches every address that may be ours. */
export const PATTERN = /[?&]envguard(-request)?=/;

/** Say where the query of an address leads; `null` if nowhere of ours. */
export function destinationOf(search: string): Destination | null {
  const query = new URLSearchParams(search);
  const subject = query.get('envguard-request');
  if (subject !== null) {
    return { kind: 'request', subject, environment: query.get('envguard-environment') ?? '' };
  }
  const shown = releaseName(query.get('envguard'));
  const other = releaseName(query.get('vs'));
  if (!shown) {
    return null;
  }
  return other
    ? { kind: 'compare', from: other, to: shown }
    : { kind: 'release', shown, chosen: chosenIn(query) };
}

function chosenIn(query: URLSearchParams): IChosen {
  const tab = query.get('envguard-tab');
  const filter = query.get('envguard-filter');
  const sort = query.get('envguard-sort');
  return {
    ...(tab && { tab }),
    ...(filter && { filter }),
    ...(sort && { sort: sort.replace(/^-/, ''), descending: sort.startsWith('-') })
  };
}

/** Return the query without our parameters, so that a reload does not lead there again. */
export function withoutOurs(search: string): string {
  const query = new URLSearchParams(search);
  OURS.forEach(name => query.delete(name));
  const rest = query.toString();
  return rest && `?${rest}`;
}

/** Write the query that leads to a release. */
export function linkTo({ name, release }: IReleaseName): string {
  return `?${new URLSearchParams({ envguard: release ? `${name}@${release}` : name }).toString()}`;
}

function releaseName(text: string | null): IReleaseName | null {
  const [name = '', release = ''] = (text ?? '').split('@', 2);
  return name ? { name, release } : null;
}
