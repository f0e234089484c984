import { Refusal, Wire, happeningOf, releaseOf } from '../src/wire';
import { envguardJson, exportsJson, requestJson, server } from './server';

const json = (body: unknown, init?: ResponseInit) => new Response(JSON.stringify(body), init);

const ask = { kind: 'package', subject: 'xgboost', reason: 'Because.' } as const;

describe('Wire', () => {
  it('lets nothing in that its schema does not describe, and names the field at fault', async () => {
    const { settings } = server(() => json({ exports: [exportsJson().exports[0], { format: 'csv' }] }));
    await expect(new Wire(settings).get('exports', 'Exports')).rejects.toMatchObject({
      code: 'answer-malformed',
      message: '/exports/1/title'
    });
  });

  it('sends a body as JSON', async () => {
    const { settings, asked } = server(() => json(requestJson(), { status: 201 }));
    expect(await new Wire(settings).post('requests', ['NewRequest', ask], 'Request')).toMatchObject({
      neededBy: ''
    });
    expect(asked[0]).toContain('/user/analyst/envguard/api/requests');
  });

  it('tells which fields the server found fault with', async () => {
    const said = { code: 'invalid-argument', message: 'No.', hint: '', fields: { subject: 'Empty.' } };
    const { settings } = server(() => json(said, { status: 400 }));
    const reason: unknown = await new Wire(settings)
      .post('requests', ['NewRequest', ask], 'Request')
      .catch((error: unknown) => error);
    expect(reason).toBeInstanceOf(Refusal);
    expect((reason as Refusal).fields).toEqual({ subject: 'Empty.' });
  });

  it('hands over a stream, or says why there is none', async () => {
    const { settings } = server(() => new Response('event: x\n\n'));
    const response = await new Wire(settings).stream('events', new AbortController().signal, '7');
    expect(await response.text()).toBe('event: x\n\n');
    const { settings: closed } = server(() =>
      json({ code: 'gone', message: 'Gone.', hint: '' }, { status: 404 })
    );
    await expect(new Wire(closed).stream('events', new AbortController().signal)).rejects.toMatchObject({
      code: 'gone'
    });
  });
});

describe('happeningOf', () => {
  const event = (type: string, data: string) => ({ id: '1', type, data });

  it('reads an event by its kind', () => {
    expect(happeningOf(event('catalog', '{"version": 7}'))).toEqual({ catalog: { version: 7 } });
    expect(happeningOf(event('of-tomorrow', '{}'))).toEqual({});
  });

  it.each(['{', '{}', '[]', '{"version": "7"}', '{"version": -1}'])('refuses %s', data => {
    expect(() => happeningOf(event('catalog', data))).toThrow(Refusal);
  });
});

describe('releaseOf', () => {
  const said = { ...envguardJson, kernel_provisioner: {} };

  it('reads what a kernel specification says of its release', () => {
    expect(releaseOf({ Packages: 3, envguard: said })).toMatchObject({ environment: 'datasci' });
  });

  it.each([
    undefined,
    {},
    { envguard: null },
    { envguard: 'datasci' },
    { envguard: { ...said, state: 'fine' } }
  ])('takes %j for none of ours', metadata => {
    expect(releaseOf(metadata)).toBeNull();
  });
});
