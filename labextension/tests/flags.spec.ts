import { flagsOf, isFlag } from '../src/flags';
import { pinned } from './server';

describe('flagsOf', () => {
  it.each([
    [{ requested: true }, ['requested']],
    [{ flags: ['pip', 'no-hash'] }, ['dependency', 'pip', 'no-hash']]
  ] as const)('of %j are %j', (changes, flags) => {
    expect([...flagsOf(pinned('x', changes))]).toEqual(flags);
  });
});

describe('isFlag', () => {
  it('knows the flags', () => {
    expect(isFlag('no-hash')).toBe(true);
    expect(isFlag('nohash')).toBe(false);
  });
});
