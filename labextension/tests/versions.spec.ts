import fc from 'fast-check';

import { compareVersions, startsWith } from '../src/versions';

/** Versions as they occur, and any text, for environments hold both. */
const versions = fc.oneof(
  fc
    .tuple(
      fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('', 'a1', 'b2', 'rc1', '.dev3', '.post1', '+cpu', 'dev', 'post', '_1')
    )
    .map(([numbers, tail]) => numbers.join('.') + tail),
  fc.string({ maxLength: 12 })
);

describe('compareVersions', () => {
  it.each([
    ['1.9', '1.10'],
    ['1.0.0', '1.0.1'],
    ['2.0rc1', '2.0'],
    ['2.0a1', '2.0b1'],
    ['2.0dev3', '2.0a1'],
    ['2.0', '2.0.post1'],
    ['2.0.post1', '2.0.1'],
    ['99.0', '1!0.1'],
    ['2.9.0+cpu', '2.9.0+cuda'],
    ['3.3.1', '3.3.1a.1'].reverse() as [string, string],
    ['', '0.1']
  ])('puts %j before %j', (a, b) => {
    expect(compareVersions(a, b)).toBeLessThan(0);
    expect(compareVersions(b, a)).toBeGreaterThan(0);
  });

  it.each([
    ['1.0', '1.0.0'],
    ['v1.2', '1.2'],
    ['1.0RC1', '1.0rc1'],
    ['1-2', '1.2']
  ])('takes %j and %j for the same', (a, b) => {
    expect(compareVersions(a, b)).toBe(0);
  });

  it('is an order: everything compares with itself, both ways, and in a row', () => {
    fc.assert(
      fc.property(versions, versions, versions, (a, b, c) => {
        expect(compareVersions(a, a)).toBe(0);
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) {
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
        }
      })
    );
  });

  it('forgets old versions rather than grow for ever', () => {
    for (let index = 0; index < 21_000; index++) {
      compareVersions(`1.${index}`, '1');
    }
    expect(compareVersions('1.9', '1.10')).toBeLessThan(0);
  });
});

describe('startsWith', () => {
  it.each([
    ['3.12.1', '3.12', true],
    ['3.12', '3.12', true],
    ['3.120', '3.12', false],
    ['3.1', '3.12', false],
    ['3', '3.12', false],
    ['1!3.12', '3', false]
  ])('%j with %j is %s', (version, prefix, found) => {
    expect(startsWith(version, prefix)).toBe(found);
  });
});
