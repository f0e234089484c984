import { Refusal } from '../src/wire';
import { EnvironmentsModel } from '../src/model';
import { FakeApi, catalog, environment, spec, unavailable } from './server';

describe('EnvironmentsModel', () => {
  let api: FakeApi;
  let model: EnvironmentsModel;

  beforeEach(() => {
    api = new FakeApi();
    model = new EnvironmentsModel(api);
  });

  afterEach(() => {
    model.dispose();
  });

  it('knows nothing before the first answer', () => {
    expect([model.catalog, model.asOf, model.refusal]).toEqual([null, null, null]);
    expect(model.find('datasci', '2026.11')).toBeUndefined();
  });

  it('asks by itself and says when it has an answer', async () => {
    await new Promise<void>(resolve => model.changed.connect(() => resolve()));
    expect(model.catalog).toEqual(catalog());
    expect(model.asOf).toBeInstanceOf(Date);
  });

  it('finds releases by name and release', async () => {
    api.answers.catalog = catalog({ unavailable: [unavailable()] });
    await model.refresh();
    expect(model.find('datasci', '2026.11')).toEqual(environment());
    expect(model.find('datasci', '2026.05')).toBeUndefined();
    expect(model.findUnavailable('legacy', '2024.01')).toEqual(unavailable());
  });

  it('keeps the last good catalog when the server fails, and recovers', async () => {
    await model.refresh();
    api.answers.catalog = new Refusal('catalog-expired', 'Expired.', '');
    await model.refresh();
    expect(model.catalog).toEqual(catalog());
    expect(model.refusal?.code).toBe('catalog-expired');
    api.answers.catalog = catalog({ catalog: { version: 5, expires: '2027-01-01T00:00:00Z' } });
    await model.refresh();
    expect([model.catalog?.catalog.version, model.refusal]).toEqual([5, null]);
  });

  it('turns a failure that nobody foresaw into a refusal', async () => {
    api.answers.catalog = new Error('out of memory');
    await model.refresh();
    expect(model.refusal?.message).toContain('out of memory');
  });

  it('fetches a spec once per digest', async () => {
    const [one, two] = await Promise.all([model.spec(environment()), model.spec(environment())]);
    expect(one).toBe(two);
    expect(api.asked.filter(what => what === 'datasci@2026.11')).toHaveLength(1);
  });

  it('asks for a spec again after a failure', async () => {
    api.answers.spec = new Refusal('image-missing', 'Not on this node.', '');
    await expect(model.spec(environment())).rejects.toThrow('Not on this node.');
    api.answers.spec = spec();
    await expect(model.spec(environment())).resolves.toEqual(spec());
  });

  it('may be disposed twice', () => {
    model.dispose();
    model.dispose();
    expect(model.isDisposed).toBe(true);
  });
});
