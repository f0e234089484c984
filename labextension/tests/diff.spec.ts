import fc from 'fast-check';

import type { IListedPackage } from '../src/generated/wire';
import { KINDS, asMarkdown, countOf, diff, licensesOf, pinOf, type IChange } from '../src/diff';
import { pinned } from './server';

const packages = fc.uniqueArray(
  fc
    .record({
      name: fc.constantFrom('numpy', 'openssl', 'torch', 'zlib', 'pip|e'),
      version: fc.constantFrom('1.0', '1.0.0', '1.1', '2.0rc1', '2.0'),
      build: fc.constantFrom('h0_0', 'h1_1'),
      manager: fc.constantFrom('conda', 'pypi'),
      license: fc.constantFrom('MIT', '', 'GPL-3.0'),
      requested: fc.boolean()
    })
    .map(({ name, ...rest }) => pinned(name, rest)),
  { selector: item => `${item.manager} ${item.name}` }
);

const keyOf = (item: { manager: string; name: string }) => `${item.manager} ${item.name}`;

/** Lay the changes over what was there. */
function applied(
  before: readonly IListedPackage[],
  changes: readonly IChange[]
): Map<string, IListedPackage> {
  const result = new Map(before.map(item => [keyOf(item), item]));
  for (const change of changes) {
    if (change.to) {
      result.set(keyOf(change), change.to);
    } else {
      result.delete(keyOf(change));
    }
  }
  return result;
}

const INVERSE = {
  rebuilt: 'rebuilt',
  upgraded: 'downgraded',
  downgraded: 'upgraded',
  added: 'removed',
  removed: 'added',
  changed: 'changed'
} as const;

describe('diff', () => {
  it('finds nothing between a list and itself', () => {
    fc.assert(fc.property(packages, list => expect(diff(list, [...list].reverse())).toEqual([])));
  });

  it('names exactly what must change to get from one list to the other', () => {
    fc.assert(
      fc.property(packages, packages, (from, to) => {
        const changes = diff(from, to);
        expect(applied(from, changes)).toEqual(new Map(applied(to, [])));
        expect(new Set(changes.map(keyOf)).size).toBe(changes.length);
      })
    );
  });

  it('says the opposite the other way round', () => {
    fc.assert(
      fc.property(packages, packages, (from, to) => {
        const back = new Map(diff(to, from).map(change => [keyOf(change), change]));
        for (const change of diff(from, to)) {
          expect(back.get(keyOf(change))?.kind).toBe(INVERSE[change.kind]);
        }
      })
    );
  });

  it('puts what was rebuilt first, then goes by name', () => {
    fc.assert(
      fc.property(packages, packages, (from, to) => {
        const changes = diff(from, to);
        const rest = changes.slice(countOf(changes).rebuilt);
        expect(rest.some(({ kind }) => kind === 'rebuilt')).toBe(false);
        expect(rest.map(({ name }) => name)).toEqual([...rest.map(({ name }) => name)].sort());
      })
    );
  });

  it('sees another hash under the same version', () => {
    const [change] = diff([pinned('openssl')], [pinned('openssl', { sha256: 'e'.repeat(64) })]);
    expect(change).toMatchObject({ name: 'openssl', kind: 'rebuilt', step: null, licenseChanged: false });
  });

  it.each([
    ['2.1.3', '2.3.1', 'upgraded', 'minor'],
    ['2.3.1', '3.0', 'upgraded', 'major'],
    ['2.3.1', '2.3.0', 'downgraded', 'patch'],
    ['2.0', '2.0rc1', 'downgraded', 'minor']
  ])('calls %j to %j %s by a %s step', (a, b, kind, step) => {
    const [change] = diff([pinned('x', { version: a })], [pinned('x', { version: b })]);
    expect(change).toMatchObject({ kind, step });
  });

  it('sees a licence that changed in the same file', () => {
    const [change] = diff([pinned('x', { license: 'MIT' })], [pinned('x', { license: 'GPL-3.0' })]);
    expect(change).toMatchObject({ kind: 'changed', licenseChanged: true });
    expect(licensesOf(change as IChange)).toBe('MIT → GPL-3.0');
  });
});

describe('countOf', () => {
  it('adds up', () => {
    fc.assert(
      fc.property(packages, packages, (from, to) => {
        const changes = diff(from, to);
        const counts = countOf(changes);
        expect(KINDS.reduce((sum, kind) => sum + counts[kind], 0)).toBe(changes.length);
      })
    );
  });
});

describe('asMarkdown', () => {
  const headings = {
    title: 'Change',
    name: 'Package',
    from: 'a@1',
    to: 'b@2',
    license: 'Licence',
    change: ({ kind }: IChange) => kind
  };

  it('is a table that fits into a ticket', () => {
    const changes = diff(
      [pinned('numpy'), pinned('gone', { license: '' })],
      [pinned('numpy', { version: '2.0' })]
    );
    expect(asMarkdown(changes, headings)).toBe(
      [
        '| Change | Package | a@1 | b@2 | Licence |',
        '| --- | --- | --- | --- | --- |',
        '| removed | gone | 1.0 h0_0 |  |  |',
        '| upgraded | numpy | 1.0 h0_0 | 2.0 h0_0 | BSD-3-Clause |',
        ''
      ].join('\n')
    );
  });

  it('has five cells in each row, whatever is in them', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (version, license) => {
        const changes = diff([], [pinned('x', { version, license })]);
        const rows = asMarkdown(changes, headings).trimEnd().split('\n');
        expect(rows).toHaveLength(3);
        for (const row of rows) {
          expect(row.replace(/\\\\/g, '').replace(/\\\|/g, '').split('|')).toHaveLength(7);
        }
      })
    );
  });
});

describe('pinOf', () => {
  it('leaves out what is not there', () => {
    expect(pinOf(pinned('x', { build: '' }))).toBe('1.0');
    expect(pinOf(null)).toBe('');
  });
});
