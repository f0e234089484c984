import Ajv from 'ajv/dist/2020';

import environmentsSchema from '../../jupyter_envguard/schemas/environments.json';
import exportsSchema from '../../jupyter_envguard/schemas/exports.json';
import packagesSchema from '../../jupyter_envguard/schemas/packages.json';
import searchSchema from '../../jupyter_envguard/schemas/search.json';
import { Api, asCatalog, asExports, asSearch, asSpec } from '../src/api';
import { Refusal, Wire } from '../src/wire';
import {
  catalogJson,
  digest,
  environmentJson,
  exportsJson,
  packageJson,
  searchJson,
  server,
  specJson
} from './server';

const json = (body: unknown, init?: ResponseInit) => new Response(JSON.stringify(body), init);

async function refusalOf(asked: Promise<unknown>): Promise<Refusal> {
  const reason: unknown = await asked.catch((error: unknown) => error);
  expect(reason).toBeInstanceOf(Refusal);
  return reason as Refusal;
}

describe('Api', () => {
  it('asks below the base URL of the server', async () => {
    const { settings, asked } = server(() => json(catalogJson()));
    await new Api(new Wire(settings)).catalog();
    expect(asked[0]).toMatch(/^http:\/\/hub\.example\/user\/analyst\/envguard\/api\/environments(\?|$)/);
  });

  it('asks for the packages of one release', async () => {
    const { settings, asked } = server(() => json(specJson()));
    const spec = await new Api(new Wire(settings)).spec('data sci', '2026.11', digest('b'));
    expect(asked[0]).toContain(
      `envguard/api/environments/data%20sci/releases/2026.11/packages?digest=sha256%3A${'b'.repeat(64)}`
    );
    expect(spec.packages.map(item => item.name)).toEqual(['numpy']);
  });

  it("keeps the server's own words when it refuses", async () => {
    const said = { code: 'not-allowed', message: 'datasci is not for you.', hint: 'Ask ada.' };
    const { settings } = server(() => json(said, { status: 403 }));
    expect(await refusalOf(new Api(new Wire(settings)).catalog())).toMatchObject(said);
  });

  it.each([
    ['a page', () => new Response('<h1>Bad Gateway</h1>', { status: 502, statusText: 'Bad Gateway' })],
    ['null', () => new Response('null', { status: 502, statusText: 'Bad Gateway' })]
  ])('names the status when a proxy answers with %s', async (_, answer) => {
    const { settings } = server(answer);
    expect(await refusalOf(new Api(new Wire(settings)).catalog())).toMatchObject({
      code: 'http-502',
      message: '502 Bad Gateway'
    });
  });

  it('says that the server cannot be reached', async () => {
    const { settings } = server(() => Promise.reject(new TypeError('Failed to fetch')));
    expect((await refusalOf(new Api(new Wire(settings)).catalog())).code).toBe('server-unreachable');
  });

  it('refuses an answer that is not JSON', async () => {
    const { settings } = server(() => new Response('<html>'));
    expect((await refusalOf(new Api(new Wire(settings)).catalog())).code).toBe('answer-malformed');
  });
});

describe('asCatalog', () => {
  it('reads what the server writes', () => {
    const catalog = asCatalog(
      catalogJson({
        environments: [environmentJson({ approval: null, expires: '2027-01-31T00:00:00Z' })]
      })
    );
    expect(catalog.environments[0]).toMatchObject({
      kernelName: 'datasci',
      approval: null,
      successor: null,
      expires: '2027-01-31T00:00:00Z'
    });
    expect(catalog.unavailable[0]?.reasons[0]?.message).toBe('legacy@2024.01 was revoked.');
  });

  it.each([
    [null, '/'],
    [[], '/'],
    [{}, '/catalog'],
    [catalogJson({ user: 1 }), '/user'],
    [catalogJson({ environments: {} }), '/environments'],
    [catalogJson({ environments: ['datasci'] }), '/environments/0'],
    [catalogJson({ environments: [environmentJson({ packages: '3' })] }), '/environments/0/packages'],
    [catalogJson({ environments: [environmentJson({ current: 1 })] }), '/environments/0/current'],
    [catalogJson({ environments: [environmentJson({ approval: 'ada' })] }), '/environments/0/approval']
  ])('names the field at fault (%#)', (answer, path) => {
    expect(() => asCatalog(answer)).toThrow(new Refusal('answer-malformed', path, ''));
  });
});

describe('asSpec', () => {
  it('names the field at fault', () => {
    const answer = specJson({ packages: [packageJson('a', { size: null })] });
    expect(() => asSpec(answer)).toThrow('/packages/0/size');
  });
});

describe('asSearch', () => {
  it('reads what the server writes', () => {
    expect(asSearch(searchJson())).toEqual({
      matches: [
        {
          name: 'datasci',
          release: '2026.11',
          packages: [{ name: 'torch', version: '2.9', build: 'h0_0', manager: 'conda' }]
        }
      ],
      suggestions: ['torchvision']
    });
    expect(() => asSearch(searchJson({ suggestions: [1] }))).toThrow('/suggestions');
  });

  it('is what comes back from a question that may hold anything', async () => {
    const { settings, asked } = server(() => json(searchJson()));
    await new Api(new Wire(settings)).search('torch>=2.4,<3 &x');
    expect(asked[0]).toContain('envguard/api/search?q=torch%3E%3D2.4%2C%3C3%20%26x');
  });
});

describe('asExports', () => {
  it('reads what the server writes', async () => {
    const { settings, asked } = server(() => json(exportsJson()));
    expect(await new Api(new Wire(settings)).exports('datasci', '2026.11')).toEqual([
      { format: 'explicit', title: 'Explicit', fileName: 'datasci-2026.11-bbbbbbbb.txt', exact: true }
    ]);
    expect(asked[0]).toContain('environments/datasci/releases/2026.11/exports');
    expect(() => asExports({ exports: [{}] })).toThrow('/exports/0/format');
  });
});

describe('The documents of these tests', () => {
  const ajv = new Ajv({ validateFormats: false });
  ajv.addSchema([environmentsSchema, packagesSchema, searchSchema, exportsSchema]);

  it.each([
    [environmentsSchema, catalogJson()],
    [packagesSchema, specJson()],
    [searchSchema, searchJson()],
    [exportsSchema, exportsJson()]
  ])('are those that the server describes', ({ $id }, document) => {
    expect(ajv.validate($id, document) || ajv.errorsText()).toBe(true);
  });
});
