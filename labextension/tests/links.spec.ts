import { PATTERN, destinationOf, linkTo, withoutOurs } from '../src/links';

describe('destinationOf', () => {
  it.each([
    ['?envguard=datasci', { kind: 'release', shown: { name: 'datasci', release: '' }, chosen: {} }],
    [
      '?envguard=datasci@2026.05',
      { kind: 'release', shown: { name: 'datasci', release: '2026.05' }, chosen: {} }
    ],
    [
      '?reset&envguard=datasci%402026.05',
      { kind: 'release', shown: { name: 'datasci', release: '2026.05' }, chosen: {} }
    ],
    [
      '?envguard=b@2&vs=a@1',
      { kind: 'compare', from: { name: 'a', release: '1' }, to: { name: 'b', release: '2' } }
    ],
    ['?envguard-request=xgboost%3E%3D2', { kind: 'request', subject: 'xgboost>=2', environment: '' }],
    [
      '?envguard-request=xgboost&envguard-environment=datasci',
      { kind: 'request', subject: 'xgboost', environment: 'datasci' }
    ],
    [
      '?envguard=a@1&envguard-tab=integrity&envguard-filter=is%3Apip&envguard-sort=-size',
      {
        kind: 'release',
        shown: { name: 'a', release: '1' },
        chosen: { tab: 'integrity', filter: 'is:pip', sort: 'size', descending: true }
      }
    ],
    ['?envguard-request=', { kind: 'request', subject: '', environment: '' }]
  ])('understands %s', (search, destination) => {
    expect(destinationOf(search)).toEqual(destination);
    expect(PATTERN.test(`/lab${search}`)).toBe(true);
  });

  it.each(['', '?reset', '?envguard=', '?envguard=@2026.05', '?vs=a@1'])('leads nowhere from %j', search => {
    expect(destinationOf(search)).toBeNull();
  });
});

describe('withoutOurs', () => {
  it('keeps what is not ours', () => {
    expect(
      withoutOurs('?reset=&envguard=a&vs=b&envguard-tab=x&envguard-filter=y&envguard-sort=z&path=x')
    ).toBe('?reset=&path=x');
    expect(withoutOurs('?envguard-request=a&envguard-environment=b')).toBe('');
  });
});

describe('linkTo', () => {
  it('is understood again', () => {
    for (const shown of [
      { name: 'datasci', release: '2026.05' },
      { name: 'datasci', release: '' }
    ]) {
      expect(destinationOf(linkTo(shown))).toEqual({ kind: 'release', shown, chosen: {} });
    }
  });
});
