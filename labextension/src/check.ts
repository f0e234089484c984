/**
 * Tells whether a value is what its schema says, by the shapes that are made from the schemas.
 *
 *   const kernel = read('Kernel', JSON.parse(text))   // an IKernel, or a `Malformed`
 *   const body = JSON.stringify(write('NewRequest', ask))
 *
 * A field that the schema does not know is left out, so that a page that was loaded
 * before the server was renewed goes on as long as it finds what it needs.
 */
import { SHAPES, type ITitles } from './generated/wire';

/** What a value has to be like. */
export type Shape =
  | 'text'
  | 'time'
  | 'flag'
  | { readonly is: keyof ITitles }
  | { readonly words: readonly string[] }
  | { readonly pattern: string }
  | { readonly atLeast: number }
  | { readonly list: Shape }
  | { readonly orNull: Shape }
  | { readonly each: Shape }
  /** Name on the wire, name here, shape, and whether it may be missing. */
  | { readonly fields: readonly (readonly [string, string, Shape, boolean?])[] };

/** Something is not what its schema says. */
export class Malformed extends Error {
  /** `path` leads to what is at fault; it is empty for the value itself. */
  constructor(readonly path: string) {
    super(path || '/');
    this.name = 'Malformed';
  }

  /** Return the same fault, seen from one level higher. */
  below(step: string | number): Malformed {
    return new Malformed(`/${step}${this.path}`);
  }
}

/** Return `value`, which came over the wire, as what `title` stands for; throws `Malformed`. */
export function read<T extends keyof ITitles>(title: T, value: unknown): ITitles[T] {
  return reader(SHAPES[title])(value) as ITitles[T];
}

/** Return `value` as it goes over the wire. */
export function write<T extends keyof ITitles>(title: T, value: ITitles[T]): object {
  return written(SHAPES[title], value) as object;
}

type Reader = (value: unknown) => unknown;

/** A spec has thousands of packages: what reads one is made once. */
const readers = new Map<Shape, Reader>();

function reader(shape: Shape): Reader {
  let known = readers.get(shape);
  if (!known) {
    known = readerOf(shape);
    readers.set(shape, known);
  }
  return known;
}

function readerOf(shape: Shape): Reader {
  switch (shape) {
    case 'text':
      return taken(value => typeof value === 'string');
    case 'time':
      return taken(value => typeof value === 'string' && !Number.isNaN(Date.parse(value)));
    case 'flag':
      return taken(value => typeof value === 'boolean');
  }
  if ('is' in shape) {
    return value => reader(SHAPES[shape.is])(value);
  }
  if ('words' in shape) {
    return taken(value => (shape.words as readonly unknown[]).includes(value));
  }
  if ('pattern' in shape) {
    const pattern = new RegExp(shape.pattern, 'u');
    return taken(value => typeof value === 'string' && pattern.test(value));
  }
  if ('atLeast' in shape) {
    return taken(value => Number.isSafeInteger(value) && (value as number) >= shape.atLeast);
  }
  if ('orNull' in shape) {
    return value => (value === null ? null : reader(shape.orNull)(value));
  }
  if ('list' in shape) {
    return listReader(reader(shape.list));
  }
  return 'each' in shape ? recordReader(reader(shape.each)) : fieldsReader(shape.fields);
}

function taken(fits: (value: unknown) => boolean): Reader {
  return value => {
    if (!fits(value)) {
      throw new Malformed('');
    }
    return value;
  };
}

/** Do `take`; a fault in it lies below `step`. */
function at<T>(step: string | number, take: () => T): T {
  try {
    return take();
  } catch (reason) {
    throw reason instanceof Malformed ? reason.below(step) : reason;
  }
}

function listReader(item: Reader): Reader {
  return value => {
    if (!Array.isArray(value)) {
      throw new Malformed('');
    }
    return value.map((each: unknown, index) => at(index, () => item(each)));
  };
}

function recordReader(item: Reader): Reader {
  return value =>
    Object.fromEntries(
      Object.entries(asObject(value)).map(([key, each]) => [key, at(key, () => item(each))])
    );
}

function fieldsReader(fields: Extract<Shape, { fields: unknown }>['fields']): Reader {
  return value => {
    const found = asObject(value);
    const result: Record<string, unknown> = {};
    for (const [key, name, shape, isOptional] of fields) {
      // What a prototype has did not come over the wire.
      const given = Object.hasOwn(found, key) ? found[key] : undefined;
      if (given !== undefined || !isOptional) {
        result[name] = at(key, () => reader(shape)(given));
      }
    }
    return result;
  };
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Malformed('');
  }
  return value as Record<string, unknown>;
}

/** The way back is short: what has a type needs no check. */
function written(shape: Shape, value: unknown): unknown {
  if (typeof shape === 'string' || value === null) {
    return value;
  }
  if ('is' in shape) {
    return written(SHAPES[shape.is], value);
  }
  if ('orNull' in shape) {
    return written(shape.orNull, value);
  }
  if ('list' in shape) {
    return (value as readonly unknown[]).map(item => written(shape.list, item));
  }
  if ('each' in shape) {
    const items = Object.entries(value as object) as [string, unknown][];
    return Object.fromEntries(items.map(([key, item]) => [key, written(shape.each, item)]));
  }
  if ('fields' in shape) {
    const given = value as Readonly<Record<string, unknown>>;
    const present = shape.fields.filter(([, name]) => given[name] !== undefined);
    return Object.fromEntries(present.map(([key, name, part]) => [key, written(part, given[name])]));
  }
  return value;
}
