/**
 * The order of versions, as conda and pip see it.
 *
 * `1.9 < 1.10`, `2.0rc1 < 2.0`, `2.0 < 2.0.post1`, `1.0 = 1.0.0`: the rules of conda's
 * `VersionOrder`, on which PEP 440 agrees wherever both have something to say. Any text
 * is a version here, for an environment may hold anything.
 */

/** One run of digits or letters; letters come before digits, `dev` before, `post` after everything. */
type Atom = number | string;

/** A version taken apart: epoch, release, local part. */
type Key = readonly [number, readonly (readonly Atom[])[], readonly (readonly Atom[])[]];

const PADDING: readonly Atom[] = [0];

/** Versions repeat from package to package and from sort to sort. */
const known = new Map<string, Key>();
const MOST_KNOWN = 20_000;

/** Return a negative number if `a` comes before `b`, a positive one if after, 0 if they are equal. */
export function compareVersions(a: string, b: string): number {
  if (a === b) {
    return 0;
  }
  const [one, two] = [keyOf(a), keyOf(b)];
  return one[0] - two[0] || compareParts(one[1], two[1]) || compareParts(one[2], two[2]);
}

/** Whether `version` is `prefix` or begins with it, part by part: `3.12.1` with `3.12`, but not `3.120`. */
export function startsWith(version: string, prefix: string): boolean {
  const [whole, start] = [keyOf(version), keyOf(prefix)];
  const shown = start[1].filter((_, index) => index < whole[1].length);
  return (
    whole[0] === start[0] &&
    shown.length === start[1].length &&
    shown.every((part, index) => comparePart(part, whole[1][index] ?? PADDING) === 0)
  );
}

function keyOf(version: string): Key {
  const found = known.get(version);
  if (found) {
    return found;
  }
  const text = version
    .trim()
    .toLowerCase()
    .replace(/^v(?=\d)/, '');
  const [main = '', local = ''] = split(text, '+');
  const bang = main.indexOf('!');
  const epoch = bang > 0 && /^\d+$/.test(main.slice(0, bang)) ? Number(main.slice(0, bang)) : 0;
  const key: Key = [epoch, partsOf(main.slice(bang + 1)), partsOf(local)];
  if (known.size >= MOST_KNOWN) {
    known.clear();
  }
  known.set(version, key);
  return key;
}

/** Split at the first `mark`; the second part is empty where there is none. */
function split(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function partsOf(text: string): Atom[][] {
  return text ? text.split(/[._-]/).map(atomsOf) : [];
}

/** `10rc2` is 10, rc, 2; what begins with letters has a 0 before them. */
function atomsOf(part: string): Atom[] {
  const runs: Atom[] = (part.match(/\d+|[^\d]+/g) ?? []).map(run => (/^\d/.test(run) ? Number(run) : run));
  return typeof runs[0] === 'string' ? [0, ...runs] : runs;
}

function compareParts(a: readonly (readonly Atom[])[], b: readonly (readonly Atom[])[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const order = comparePart(a[index] ?? PADDING, b[index] ?? PADDING);
    if (order) {
      return order;
    }
  }
  return 0;
}

function comparePart(a: readonly Atom[], b: readonly Atom[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const order = compareAtoms(a[index] ?? 0, b[index] ?? 0);
    if (order) {
      return order;
    }
  }
  return 0;
}

function compareAtoms(a: Atom, b: Atom): number {
  const [one, two] = [rankOf(a), rankOf(b)];
  if (one !== two) {
    return one - two;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function rankOf(atom: Atom): number {
  if (typeof atom === 'number') {
    return 2;
  }
  return atom === 'dev' ? 0 : atom === 'post' ? 3 : 1;
}
