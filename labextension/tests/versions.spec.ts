import fc from 'fast-check';

import table from '../../tests/versions.json';
import { satisfies, type IBound } from '../src/query';
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

/** What the server is tested by as well: versions that rise from group to group. */
const { rising, drawn, bounds } = table as unknown as {
  rising: string[][];
  drawn: string[][];
  bounds: [string, string, string][];
};

describe('compareVersions', () => {
  it.each([
    ['by hand', rising],
    ['by chance', drawn]
  ])('sees what was put together %s as the server does', (_, groups) => {
    const placed = groups.flatMap((group, place) => group.map(version => ({ version, place })));
    fc.assert(
      fc.property(fc.constantFrom(...placed), fc.constantFrom(...placed), (a, b) => {
        expect(Math.sign(compareVersions(a.version, b.version))).toBe(Math.sign(a.place - b.place));
      }),
      { numRuns: 5000 }
    );
    groups.slice(1).forEach((group, index) => {
      expect(compareVersions(groups[index]![0]!, group[0]!)).toBeLessThan(0);
    });
  });

  it.each(bounds)('%s holds for %s and not for %s, as on the server', (text, allowed, refused) => {
    const keeps = (version: string) =>
      text.split(',').every(bound => {
        const [, operator = '', said = ''] = /^([<>=!~]+)(.*)$/.exec(bound) ?? [];
        return satisfies(version, { operator: operator as IBound['operator'], version: said });
      });
    expect([keeps(allowed), keeps(refused)]).toEqual([true, false]);
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
