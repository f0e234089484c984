import { PackageTable, managerOf, shortChannel, tableOf } from '../src/table';
import { pinned, spec } from './server';

const names = (rows: readonly { name: string }[]) => rows.map(({ name }) => name);

describe('PackageTable', () => {
  const packages = [
    pinned('b', { version: '1.10', size: 5, requested: true, depends: ['A_b'] }),
    pinned('a-b', { version: '1.9', size: 50, requiredBy: ['b'], flags: ['no-hash'], sha256: '' }),
    pinned('c', { version: '1.10.0', size: 1, manager: 'pypi', channel: '', subdir: '', flags: ['pip'] })
  ];
  const table = new PackageTable(spec({ packages }));

  it.each([
    ['name', false, ['a-b', 'b', 'c']],
    ['name', true, ['c', 'b', 'a-b']],
    ['version', false, ['a-b', 'b', 'c']],
    ['size', false, ['c', 'b', 'a-b']],
    ['origin', false, ['b', 'a-b', 'c']],
    ['manager', false, ['a-b', 'b', 'c']],
    ['no such column', false, ['a-b', 'b', 'c']]
  ])('sorts by %s', (column, descending, sorted) => {
    expect(names(table.select('', column, descending))).toEqual(sorted);
  });

  it.each([
    ['is:pip', ['c']],
    ['pip', ['c']],
    ['manager:pip', ['c']],
    ['needs:a.b', ['b']],
    ['size>=5', ['a-b', 'b']],
    ['is:requested', ['b']]
  ])('finds %j', (typed, found) => {
    expect(names(table.select(typed, 'name', false))).toEqual(found);
  });

  it('counts the flags', () => {
    expect(table.counts).toEqual({
      requested: 1,
      dependency: 2,
      pip: 1,
      'no-hash': 1,
      'licence-unknown': 0,
      'other-channel': 0
    });
  });

  it('finds a package however its name is written', () => {
    expect(table.find('A.B')?.item).toBe(packages[1]);
    expect(table.find('z')).toBeUndefined();
  });

  it('leaves the packages of the spec in their order', () => {
    table.select('', 'size', true);
    expect(names(table.rows)).toEqual(['b', 'a-b', 'c']);
  });
});

describe('tableOf', () => {
  it('is made once per spec', () => {
    const one = spec();
    expect(tableOf(one)).toBe(tableOf(one));
    expect(tableOf(spec())).not.toBe(tableOf(one));
  });
});

describe('shortChannel', () => {
  it.each([
    [{}, 'main/linux-64'],
    [{ channel: '' }, 'linux-64'],
    [{ channel: 'conda-forge', subdir: '' }, 'conda-forge']
  ])('of %j is %j', (changes, short) => {
    expect(shortChannel(pinned('x', changes))).toBe(short);
  });
});

describe('managerOf', () => {
  it('says pip where people say pip', () => {
    expect(managerOf(pinned('x', { manager: 'pypi' }))).toBe('pip');
    expect(managerOf(pinned('x'))).toBe('conda');
  });
});
