import { countDifferences, resolve } from '../src/resolve';
import { digest, environmentJson, wired } from './server';

const resolutionJson = (changes: object = {}) => ({
  kernel: 'python3',
  status: 'successor',
  environment: environmentJson(),
  stamped: null,
  reason: { code: 'kernel-not-approved', message: 'There is no kernel python3.', hint: 'Use datasci.' },
  ...changes
});

/** A server that answers so, and remembers what it was asked. */
function wire(answer: unknown) {
  const asked: string[] = [];
  return { asked, ...wired(address => (asked.push(address), answer)) };
}

describe('resolve', () => {
  it('asks with what is known of the document', async () => {
    const server = wire(resolutionJson());
    await resolve(server, 'geo kernel', '');
    await resolve(server, 'python3', digest('c'));
    expect(server.asked).toEqual([
      'resolve?kernel=geo%20kernel',
      `resolve?kernel=python3&digest=sha256%3A${'c'.repeat(64)}`
    ]);
  });

  it('says what to start', async () => {
    const found = await resolve(wire(resolutionJson()), 'python3', '');
    expect([found.status, found.environment?.kernelName, found.reason?.hint]).toEqual([
      'successor',
      'datasci',
      'Use datasci.'
    ]);
  });
});

const identity = { environment: 'datasci', release: '2026.11', spec: digest('b') };
const change = { name: 'numpy', kind: 'removed', from: null, to: null, license_changed: false };
const comparison = { from: identity, to: identity, changes: [change, change] };

describe('countDifferences', () => {
  it('counts what the server lists', async () => {
    const server = wire(comparison);
    const [from, to] = [
      { name: 'datasci', release: '2026.05' },
      { name: 'datasci', release: '2026.11' }
    ];
    expect(await countDifferences(server, from, to)).toBe(2);
    expect(server.asked).toEqual(['environments/datasci/releases/2026.05/diff?to=datasci%402026.11']);
  });
});
