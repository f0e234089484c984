import { Addresses, addressOf } from '../src/addresses';

describe('Addresses', () => {
  const addresses = new Addresses({ baseUrl: 'http://hub.example/user/ada/', appUrl: '/lab' });
  const api = 'http://hub.example/user/ada/envguard/api/environments/data%20sci/releases/2026.11';

  it('are whole, so that curl understands them', () => {
    expect(addresses.spec('data sci', '2026.11')).toBe(`${api}/spec`);
    expect(addresses.exported('data sci', '2026.11', 'conda-lock')).toBe(`${api}/exports/conda-lock`);
    expect(addresses.difference('data sci', '2026.11', 'other@1', 'csv')).toBe(
      `${api}/diff?to=other%401&format=csv`
    );
  });

  it('lead to the page', () => {
    expect(addresses.page({ envguard: 'a@1', vs: 'b@2' })).toBe(
      'http://hub.example/user/ada/lab?envguard=a%401&vs=b%402'
    );
  });
});

describe('addressOf', () => {
  it('keeps names in their place', () => {
    expect(addressOf('a/b', '../c')).toBe('environments/a%2Fb/releases/..%2Fc');
  });
});
