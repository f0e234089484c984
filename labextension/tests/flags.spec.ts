import { flagsOf, isFlag, mainChannel } from '../src/flags';
import { pinned } from './server';

const MAIN = 'https://conda.example/main/';

describe('flagsOf', () => {
  it.each([
    [{ requested: true }, ['requested']],
    [{ manager: 'pypi', channel: 'https://index.example/simple' }, ['dependency', 'pip']],
    [{ channel: 'https://conda.example/other' }, ['dependency', 'other-channel']],
    [{ sha256: '' }, ['dependency', 'no-hash']],
    [{ license: 'UNKNOWN' }, ['dependency', 'licence-unknown']],
    [{ license: '', channel: '' }, ['dependency', 'licence-unknown']]
  ])('of %j are %j', (changes, flags) => {
    expect([...flagsOf(pinned('x', changes), MAIN)]).toEqual(flags);
  });
});

describe('mainChannel', () => {
  it('is where most conda packages come from', () => {
    const other = { channel: 'https://conda.example/other' };
    const pip = { manager: 'pypi', channel: 'https://index.example/simple' };
    expect(mainChannel([pinned('a', other), pinned('b'), pinned('c'), pinned('d', pip)])).toBe(MAIN);
    expect(mainChannel([pinned('a', other), pinned('b')])).toBe(MAIN);
    expect(mainChannel([])).toBe('');
  });
});

describe('isFlag', () => {
  it('knows the flags', () => {
    expect(isFlag('no-hash')).toBe(true);
    expect(isFlag('nohash')).toBe(false);
  });
});
