/**
 * The order of versions: that of the server, part by part (`jupyter_envguard/versions.py`).
 *
 * `1.9 < 1.10`, `2.0rc1 < 2.0`, `2.0 < 2.0.post1`, `1.0 = 1.0.0`, `1.1.1_ < 1.1.1a`. Any text is a
 * version here, for an environment may hold anything. Both sides are tested by one table.
 */

/** One number or word: its rank, the length of a number, its text. */
type Part = readonly [number, number, string];

/** Epoch, leading numbers, what follows them, local part. */
type Key = readonly [readonly Part[], readonly Part[], readonly Part[], readonly Part[]];

/** The number 0, and the end of what everybody may see of a version: `1.0` is `1`. */
const ZERO: Part = [1, 0, ''];

/** Words that stand in versions later than the one without them. */
const AFTER: ReadonlySet<string> = new Set(['post', 'r', 'rev', 'pl']);

/** Versions repeat from package to package and from sort to sort. */
const known = new Map<string, Key>();
const MOST_KNOWN = 20_000;

/** Return a negative number if `a` comes before `b`, a positive one if after, 0 if they are equal. */
export function compareVersions(a: string, b: string): number {
  if (a === b) {
    return 0;
  }
  const [one, two] = [keyOf(a), keyOf(b)];
  return (
    compareParts(one[0], two[0]) ||
    compareParts(one[1], two[1]) ||
    compareParts(one[2], two[2]) ||
    compareParts(one[3], two[3])
  );
}

/** Whether `version` is `prefix` or begins with it, part by part: `3.12.1` with `3.12`, but not `3.120`. */
export function startsWith(version: string, prefix: string): boolean {
  const [found, wanted] = [partsOf(lowered(version)), partsOf(lowered(prefix))];
  return wanted.every((part, index) => comparePart(found[index] ?? ZERO, part) === 0);
}

/** Return the version without what somebody has added locally: `2.9` for `2.9+cu128`. */
export function publicOf(version: string): string {
  return version.split('+', 1)[0] ?? '';
}

function keyOf(version: string): Key {
  const found = known.get(version);
  if (found) {
    return found;
  }
  const text = lowered(version);
  const bang = text.lastIndexOf('!');
  const rest = text.slice(bang + 1);
  const shown = publicOf(rest);
  const parts = partsOf(shown);
  const word = parts.findIndex(part => !isNumber(part));
  const numbers = word < 0 ? parts.length : word;
  const key: Key = [
    [partOf(text.slice(0, Math.max(bang, 0)) || '0')],
    significant(parts.slice(0, numbers)),
    [...significant(parts.slice(numbers)), ZERO],
    partsOf(rest.slice(shown.length))
  ];
  if (known.size >= MOST_KNOWN) {
    known.clear();
  }
  known.set(version, key);
  return key;
}

/** Some write a `v` before the number. */
function lowered(version: string): string {
  return version.toLowerCase().replace(/^v(?=[0-9])/, '');
}

/** A mark at the very end of what everybody may see is a word of its own, the first of all letters. */
function partsOf(text: string): Part[] {
  return (text.match(/[0-9]+|[a-z]+|(?<=[0-9])_$/g) ?? []).map(partOf);
}

/** Words come before numbers, numbers go by their value however long they are. */
function partOf(part: string): Part {
  if (/^\p{Nd}+$/u.test(part)) {
    const digits = part.replace(/^0+/, '');
    return [1, digits.length, digits];
  }
  return [AFTER.has(part) ? 1 : part === 'dev' ? -1 : 0, 0, part];
}

function isNumber(part: Part): boolean {
  return part[1] > 0 || comparePart(part, ZERO) === 0;
}

/** Return `parts` without the zeros at their end, which say nothing. */
function significant(parts: readonly Part[]): readonly Part[] {
  let end = parts.length;
  while (end > 0 && comparePart(parts[end - 1] ?? ZERO, ZERO) === 0) {
    end--;
  }
  return parts.slice(0, end);
}

function compareParts(a: readonly Part[], b: readonly Part[]): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    const order = comparePart(a[index] ?? ZERO, b[index] ?? ZERO);
    if (order) {
      return order;
    }
  }
  return a.length - b.length;
}

function comparePart(a: Part, b: Part): number {
  return a[0] - b[0] || a[1] - b[1] || (a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : 0);
}
