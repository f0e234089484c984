import Ajv from 'ajv/dist/2020';

import newRequestSchema from '../../jupyter_envguard/schemas/new-request.json';
import requestsSchema from '../../jupyter_envguard/schemas/requests.json';
import { Requests, type IAsk, type IRequest } from '../src/requests';
import { Refusal } from '../src/wire';
import { requestJson } from './server';

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
  const said = { requests: known as object[], error: null as Error | null };
  const answer = (found: unknown) => (said.error ? Promise.reject(said.error) : Promise.resolve(found));
  return {
    said,
    sent,
    get: () => answer({ requests: said.requests }),
    post: (_: string, body: object) => {
      sent.push(body);
      return answer(requestJson(body));
    }
  };
}

describe('Requests', () => {
  it('has them with the latest first', async () => {
    const requests = new Requests(
      wire(
        requestJson({ id: 'old', created: '2026-01-01T00:00:00Z' }),
        requestJson({ id: 'new', created: '2026-11-01T00:00:00Z' })
      )
    );
    expect(requests.all).toBeNull();
    await requests.refresh();
    expect(requests.all?.map(({ id }) => id)).toEqual(['new', 'old']);
  });

  it('tells once of what was decided', async () => {
    const server = wire(requestJson({ id: 'a' }), requestJson({ id: 'b' }));
    const requests = new Requests(server);
    const told: IRequest[] = [];
    requests.decided.connect((_, request) => void told.push(request));
    await requests.refresh();
    const decision = { who: 'ada', when: '2026-11-20T10:00:00Z', reason: '', release: 'datasci@2026.12' };
    server.said.requests = [requestJson({ id: 'a', state: 'approved', decision }), requestJson({ id: 'b' })];
    await requests.refresh();
    await requests.refresh();
    expect(told.map(({ id }) => id)).toEqual(['a']);
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

  it('hands in what fits the schema, and has it at once', async () => {
    const server = wire();
    const requests = new Requests(server);
    const made = await requests.submit(ask);
    expect(made.subject).toBe('xgboost>=2');
    expect(requests.all).toEqual([made]);
    const ajv = new Ajv({ strict: false, validateFormats: false });
    ajv.addSchema(requestsSchema);
    expect(ajv.compile(newRequestSchema)(server.sent[0])).toBe(true);
  });

  it('reads everything that the schema promises', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    ajv.addSchema(requestsSchema);
    expect(ajv.validate(requestsSchema.$id, { requests: [requestJson({ id: 'a234567bcdefg' })] })).toBe(true);
  });
});
