import { Fields, Refusal, Wire } from '../src/wire';
import { server } from './server';

const json = (body: unknown, init?: ResponseInit) => new Response(JSON.stringify(body), init);

describe('Wire', () => {
  it('sends a body as JSON', async () => {
    const { settings, asked } = server(() => json({ id: 'r1' }, { status: 201 }));
    expect(await new Wire(settings).post('requests', { subject: 'xgboost' })).toEqual({ id: 'r1' });
    expect(asked[0]).toContain('/user/analyst/envguard/api/requests');
  });

  it('tells which fields the server found fault with', async () => {
    const said = { code: 'invalid-argument', message: 'No.', hint: '', fields: { subject: 'Empty.', x: 1 } };
    const { settings } = server(() => json(said, { status: 400 }));
    const reason: unknown = await new Wire(settings).post('requests', {}).catch((error: unknown) => error);
    expect(reason).toBeInstanceOf(Refusal);
    expect((reason as Refusal).fields).toEqual({ subject: 'Empty.' });
  });

  it('hands over a stream, or says why there is none', async () => {
    const { settings } = server(() => new Response('event: x\n\n'));
    const response = await new Wire(settings).stream('events', new AbortController().signal, '7');
    expect(await response.text()).toBe('event: x\n\n');
    const { settings: closed } = server(() => json({ code: 'gone', message: 'Gone.' }, { status: 404 }));
    await expect(new Wire(closed).stream('events', new AbortController().signal)).rejects.toMatchObject({
      code: 'gone'
    });
  });
});

describe('Fields', () => {
  it('takes lists of texts and nothing else for them', () => {
    expect(new Fields({ names: ['a', 'b'] }, '').texts('names')).toEqual(['a', 'b']);
    expect(() => new Fields({ names: ['a', 1] }, '').texts('names')).toThrow(Refusal);
  });
});
