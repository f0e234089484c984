import Ajv from 'ajv/dist/2020';

import environmentsSchema from '../../jupyter_envguard/schemas/environments.json';
import resolutionSchema from '../../jupyter_envguard/schemas/resolution.json';
import { asResolution, countDifferences, resolve } from '../src/resolve';
import { digest, environmentJson } from './server';

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
  const get = (address: string) => {
    asked.push(address);
    return Promise.resolve(answer);
  };
  return { asked, get };
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

  it.each([
    ['current', { status: 'current', reason: null }, 'available'],
    ['available', { status: 'available', reason: null }, 'available'],
    ['successor', {}, 'successor'],
    ['gone', { status: 'gone', environment: null }, 'gone']
  ])('reads what the schema promises: %s', (_, changes, status) => {
    const json = resolutionJson(changes);
    const ajv = new Ajv({ strict: false, validateFormats: false });
    ajv.addSchema(environmentsSchema);
    const validate = ajv.compile(resolutionSchema);
    expect([validate(json), validate.errors]).toEqual([true, null]);
    const found = asResolution(json);
    expect(found.status).toBe(status);
    expect(found.replacement?.kernelName).toBe(json.environment ? 'datasci' : undefined);
    expect(found.reason?.hint).toBe(json.reason ? 'Use datasci.' : undefined);
  });
});

describe('countDifferences', () => {
  it('counts what the server lists', async () => {
    const server = wire({ changes: [{}, {}] });
    const [from, to] = [
      { name: 'datasci', release: '2026.05' },
      { name: 'datasci', release: '2026.11' }
    ];
    expect(await countDifferences(server, from, to)).toBe(2);
    expect(server.asked).toEqual(['environments/datasci/releases/2026.05/diff?to=datasci%402026.11']);
  });
});
