import { read } from '../src/check';
import { findIn, matches } from '../src/search';
import { environment, searchJson, searched } from './server';

describe('findIn', () => {
  const geo = environment({ name: 'geo', displayName: 'Geospatial' });
  const torch = { name: 'torch', version: '2.9', build: '', manager: 'conda' as const };

  it('finds by name or by package, and says which packages', () => {
    const match = { ...read('Search', searchJson()).matches[0]!, name: 'geo', packages: [torch] };
    const found = searched({ matches: [match] });
    expect(findIn([environment(), geo], 'torch', found)).toEqual([{ environment: geo, packages: [torch] }]);
    expect(findIn([environment(), geo], 'geo', null)).toEqual([{ environment: geo, packages: [] }]);
    expect(findIn([environment(), geo], '', null)).toHaveLength(2);
  });
});

describe('matches', () => {
  it.each([
    ['', true],
    ['  ', true],
    ['numpy', true],
    ['approved PYTHON', true],
    ['datasci 2025', false]
  ])('with %j is %s', (filter, found) => {
    expect(matches(environment(), filter)).toBe(found);
  });
});
