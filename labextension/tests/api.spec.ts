import { Api } from '../src/api';
import { Refusal, Wire } from '../src/wire';
import { catalogJson, digest, exportsJson, searchJson, server, specJson } from './server';

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
    // Nothing in the address keeps the browser from finding the answer that it has.
    expect(asked[0]).toMatch(/=sha256%3Ab{64}$/);
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

describe('The answers', () => {
  it('are read by what they are', async () => {
    const { settings, asked } = server(() => json(exportsJson()));
    expect(await new Api(new Wire(settings)).exports('datasci', '2026.11')).toEqual([
      {
        format: 'explicit',
        title: 'Explicit',
        mediaType: 'text/plain',
        fileName: 'datasci-2026.11-bbbbbbbb.txt',
        exact: true
      }
    ]);
    expect(asked[0]).toContain('environments/datasci/releases/2026.11/exports');
  });

  it('come back from a question that may hold anything', async () => {
    const { settings, asked } = server(() => json(searchJson()));
    expect((await new Api(new Wire(settings)).search('torch>=2.4,<3 &x')).suggestions).toEqual([
      'torchvision'
    ]);
    expect(asked[0]).toContain('envguard/api/search?q=torch%3E%3D2.4%2C%3C3%20%26x');
  });
});
