import type { IRequest } from '../src/generated/wire';
import { Requests, type IAsk } from '../src/requests';
import { Refusal } from '../src/wire';
import { requestJson, requestId, wired } from './server';

const ask: IAsk = {
  kind: 'package',
  subject: 'xgboost>=2',
  environment: 'datasci',
  channel: '',
  reason: 'Gradient boosting for the churn study.',
  neededBy: '2026-12-24',
  notebooks: ['churn.ipynb']
};

/** A server that knows these requests. */
function wire(...known: object[]) {
  const sent: object[] = [];
  const said = { requests: known, error: null as Error | null };
  const both = wired((_, body) => {
    if (said.error) {
      throw said.error;
    }
    if (body) {
      sent.push(body);
    }
    return body ? requestJson(body) : { requests: said.requests };
  });
  return { said, sent, ...both };
}

describe('Requests', () => {
  it('has them with the latest first', async () => {
    const requests = new Requests(
      wire(
        requestJson({ id: requestId('b'), created: '2026-01-01T00:00:00Z' }),
        requestJson({ id: requestId('c'), created: '2026-11-01T00:00:00Z' })
      )
    );
    expect(requests.all).toBeNull();
    await requests.refresh();
    expect(requests.all?.map(({ id }) => id)).toEqual([requestId('c'), requestId('b')]);
  });

  it('tells once of what was decided', async () => {
    const server = wire(requestJson({ id: requestId('a') }), requestJson({ id: requestId('b') }));
    const requests = new Requests(server);
    const told: IRequest[] = [];
    requests.decided.connect((_, request) => void told.push(request));
    await requests.refresh();
    const decision = { who: 'ada', when: '2026-11-20T10:00:00Z', reason: '', release: 'datasci@2026.12' };
    server.said.requests = [
      requestJson({ id: requestId('a'), state: 'approved', decision }),
      requestJson({ id: requestId('b') })
    ];
    await requests.refresh();
    await requests.refresh();
    expect(told.map(({ id }) => id)).toEqual([requestId('a')]);
    expect(told[0]?.decision?.release).toBe('datasci@2026.12');
  });

  it('keeps what it has when the server fails', async () => {
    const server = wire(requestJson());
    const requests = new Requests(server);
    await requests.refresh();
    server.said.error = new Refusal('catalog-unreadable', 'No.', '');
    await requests.refresh();
    expect(requests.all).toHaveLength(1);
    expect(requests.refusal?.code).toBe('catalog-unreadable');
    server.said.error = new Error('what?');
    await requests.refresh();
    expect(requests.refusal?.code).toBe('unforeseen');
  });

  it('hands in what was asked, as the server calls it, and has it at once', async () => {
    const server = wire();
    const requests = new Requests(server);
    const made = await requests.submit(ask);
    expect(made.subject).toBe('xgboost>=2');
    expect(requests.all).toEqual([made]);
    const { neededBy, ...rest } = ask;
    expect(server.sent).toEqual([{ ...rest, needed_by: neededBy }]);
  });
});
