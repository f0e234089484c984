import fc from 'fast-check';

import { FLAGS, flagsOf } from '../src/flags';
import { KEYS, TEXT_KEYS, parse, predicate, satisfies, write, type IQuery, type IRow } from '../src/query';
import { pinned } from './server';

const row = (changes: Parameters<typeof pinned>[1] = {}, name = 'numpy'): IRow => {
  const item = pinned(name, changes);
  const text = [item.name, item.version, item.build, item.channel, item.manager, item.license, item.sha256];
  return {
    ...item,
    flags: flagsOf(item),
    needs: new Set(item.depends),
    text: text.join('\n').toLowerCase()
  };
};

const matches = (typed: string, found: IRow) => predicate(parse(typed))(found);

const rows = fc
  .record({
    name: fc.constantFrom('numpy', 'openssl', 'Pillow'),
    version: fc.constantFrom('1.0', '2.4.1', '3.12', 'weird'),
    license: fc.constantFrom('MIT', 'BSD 3', ''),
    manager: fc.constantFrom('conda', 'pypi'),
    sha256: fc.constantFrom('', 'd'.repeat(64)),
    size: fc.constantFrom(0, 5_000, 20_000_000),
    requested: fc.boolean(),
    depends: fc.subarray(['openssl', 'zlib'])
  })
  .map(({ name, ...rest }) => row(rest, name));

/** Queries as people write them, right and wrong. */
const typed = fc.oneof(
  fc.string(),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          'numpy',
          '-numpy',
          'numpy>=2,<3',
          'python=3.12',
          '"BSD 3"',
          'size>10MB',
          'size:1k',
          'a:b'
        ),
        fc
          .tuple(
            fc.constantFrom('', '-'),
            fc.constantFrom(...KEYS),
            fc.constantFrom(':', '>=', '=', '!='),
            fc.string()
          )
          .map(parts => parts.join('')),
        fc.constantFrom(...FLAGS).map(flag => `is:${flag}`)
      )
    )
    .map(terms => terms.join(' '))
);

describe('parse', () => {
  it('reads anything', () => {
    fc.assert(fc.property(typed, text => expect(parse(text).terms.length).toBeGreaterThanOrEqual(0)));
  });

  it('reads from what is written what was read at first', () => {
    fc.assert(
      fc.property(typed, text => {
        const query = parse(text);
        expect(parse(write(query)).terms).toEqual(query.terms);
      })
    );
  });

  it.each([
    ['vresion:2', 'key', 'vresion'],
    ['is:wrong', 'flag', 'wrong'],
    ['size>many', 'size', 'many']
  ])('says what it does not know in %j', (text, kind, part) => {
    expect(parse(text).problems).toEqual([{ kind, text: part }]);
  });

  it.each(['', '   ', 'version:', 'is:no-', 'https://conda.example/x', '"license:x"', 'numpy>', '-'])(
    'finds no fault with %j',
    text => {
      expect(parse(text).problems).toEqual([]);
    }
  );
});

describe('predicate', () => {
  it('holds with nothing to ask', () => {
    fc.assert(fc.property(rows, found => expect(matches('  ', found)).toBe(true)));
  });

  it('holds for a term or for its opposite, never for both', () => {
    fc.assert(
      fc.property(typed, rows, (text, found) => {
        for (const term of parse(text).terms) {
          const test = (negated: boolean) =>
            predicate({ terms: [{ ...term, negated }], problems: [] } satisfies IQuery)(found);
          expect(test(true)).toBe(!test(false));
        }
      })
    );
  });

  it('holds for less, never for more, with each further term', () => {
    fc.assert(
      fc.property(typed, typed, rows, (one, two, found) => {
        const [first, second] = [parse(one), parse(two)];
        const both = predicate({ terms: [...first.terms, ...second.terms], problems: [] })(found);
        expect(both).toBe(predicate(first)(found) && predicate(second)(found));
      })
    );
  });

  it.each([
    ['num', true],
    ['NUM', true],
    ['-num', false],
    ['"num"', true],
    ['name:ump', true],
    ['name=num', false],
    ['name=numpy', true],
    ['package:numpy', true],
    ['name!=numpy', false],
    ['license:bsd', true],
    ['licence:"bsd-3"', true],
    ['-license:gpl', true],
    ['version>=1.9', true],
    ['version:>=1.9', true],
    ['version:1', true],
    ['version<1.10', false],
    ['version==1.10', true],
    ['version!=1.10.0', false],
    ['size>1MB', true],
    ['size:1MB', true],
    ['size<=1.5M', true],
    ['size>"1.5 GB"', false],
    ['manager=conda', true],
    ['is:requested', false],
    ['is:dependency -is:no-hash', true],
    ['needs:openssl', true],
    ['needs:ssl', false],
    ['numpy>=1.9,<2', true],
    ['numpy>=2', false],
    ['numpy=1', true],
    ['numpy==1.10', true],
    ['"numpy>=1"', false],
    ['pandas>=1', false],
    ['version:2', false],
    ['sha256:dddd', true],
    ['hash:e', false]
  ])('of %j is %s', (text, found) => {
    expect(matches(text, row({ version: '1.10', depends: ['openssl'] }))).toBe(found);
  });

  it('says of an unknown size neither that it is large nor that it is small', () => {
    expect(matches('size>1', row({ size: 0 }))).toBe(false);
    expect(matches('size<1GB', row({ size: 0 }))).toBe(false);
  });
});

describe('satisfies', () => {
  it.each([
    ['2.4.1', '~=', '2.4', true],
    ['3.0', '~=', '2.4', false],
    ['2.3', '~=', '2.4', false],
    ['2.4.1', '==', '2.4.*', true],
    ['2.4.1', '!=', '2.4.*', false],
    ['2.4.1', '!=', '2.4', true],
    ['2.4.1', '>', '2.4', true],
    ['2.4rc1', '<', '2.4', true]
  ] as const)('%j %s %j is %s', (version, operator, said, found) => {
    expect(satisfies(version, { operator, version: said })).toBe(found);
  });
});

describe('keys', () => {
  it('are documented: every text column, and size, flags and requirements', () => {
    expect(KEYS).toEqual([...TEXT_KEYS, 'size', 'is', 'needs']);
  });
});
