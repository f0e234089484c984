import { Signal } from '@lumino/signaling';

import { EnvironmentsModel } from '../src/model';
import { KernelStanding, originOf, type Session } from '../src/kernel';
import { FakeApi, catalog, environment, unavailable } from './server';

const ours = (changes: object = {}) => ({
  metadata: { envguard: { environment: 'datasci', release: '2026.11', state: 'approved', ...changes } }
});

/** The parts of a session context that change under a kernel. */
class FakeSession {
  isReady = false;
  session: { kernel: { id: string; name: string } | null } | null = null;
  kernelChanged = new Signal<this, void>(this);
  statusChanged = new Signal<this, void>(this);
  specsManager = {
    specs: null as { kernelspecs: Record<string, object> } | null,
    specsChanged: new Signal<object, void>(this),
    refreshed: 0,
    refreshSpecs: (): Promise<void> => {
      this.specsManager.refreshed += 1;
      return Promise.resolve();
    }
  };

  list(kernelspecs: Record<string, object>): void {
    this.specsManager.specs = { kernelspecs };
    this.specsManager.specsChanged.emit();
  }

  start(id: string, name = 'datasci'): void {
    this.isReady = true;
    this.session = { kernel: { id, name } };
    this.kernelChanged.emit();
  }
}

describe('KernelStanding', () => {
  let api: FakeApi;
  let model: EnvironmentsModel;
  let session: FakeSession;
  let kernel: KernelStanding;
  let said: (string | null)[];

  beforeEach(() => {
    api = new FakeApi();
    model = new EnvironmentsModel(api);
    session = new FakeSession();
    kernel = new KernelStanding(session as unknown as Session, model);
    said = [];
    kernel.changed.connect(() => said.push(kernel.standing?.mark ?? null));
  });

  afterEach(() => {
    kernel.dispose();
    model.dispose();
  });

  it('says only that it is checking until kernel and specifications are known', () => {
    expect(kernel.standing?.mark).toBe('checking');
    session.list({});
    expect(kernel.standing?.mark).toBe('checking');
    session.list({ datasci: ours() });
    session.start('k1');
    expect(kernel.standing?.mark).toBe('approved');
    expect(said).toEqual(['approved']);
  });

  it('says only that it is checking while the specifications are late', () => {
    session.start('k1');
    expect(kernel.standing?.mark).toBe('checking');
    session.list({ datasci: ours() });
    expect(said).toEqual(['approved']);
  });

  it('says nothing about a document without a kernel', () => {
    session.list({ datasci: ours() });
    session.isReady = true;
    session.statusChanged.emit();
    expect(kernel.standing).toBeNull();
  });

  it('calls a kernel of another origin unmanaged', () => {
    session.list({ python3: { metadata: {} } });
    session.start('k1', 'python3');
    expect(kernel.standing).toEqual({ mark: 'unmanaged', origin: null });
  });

  it('asks for newer specifications before it calls an unlisted kernel unmanaged', async () => {
    session.list({});
    session.start('k1');
    expect(kernel.standing?.mark).toBe('checking');
    await new Promise<void>(resolve => kernel.changed.connect(() => resolve()));
    expect(said).toEqual(['unmanaged']);
    expect(session.specsManager.refreshed).toBe(1);
    session.statusChanged.emit();
    expect(session.specsManager.refreshed).toBe(1);
  });

  it('recognises a kernel whose specification arrives with the newer ones', async () => {
    session.specsManager.refreshSpecs = () => {
      session.list({ datasci: ours() });
      return Promise.resolve();
    };
    session.list({});
    session.start('k1');
    await new Promise<void>(resolve => kernel.changed.connect(() => resolve()));
    expect(said).toEqual(['approved']);
  });

  it('survives a server that cannot list specifications', async () => {
    session.specsManager.refreshSpecs = () => Promise.reject(new Error('503'));
    session.list({});
    session.start('k1');
    await new Promise<void>(resolve => kernel.changed.connect(() => resolve()));
    expect(said).toEqual(['unmanaged']);
  });

  it('keeps the release that the kernel was started from when the name moves on', () => {
    session.list({ datasci: ours() });
    session.start('k1');
    session.list({ datasci: ours({ release: '2027.02' }) });
    expect(kernel.standing?.origin?.release).toBe('2026.11');
    session.start('k2');
    expect(kernel.standing?.origin?.release).toBe('2027.02');
  });

  it('follows the catalog once it is known', async () => {
    session.list({ datasci: ours() });
    session.start('k1');
    api.answers.catalog = catalog({ environments: [environment({ state: 'deprecated' })] });
    await model.refresh();
    expect(kernel.standing?.mark).toBe('deprecated');
    api.answers.catalog = catalog({
      environments: [],
      unavailable: [unavailable({ name: 'datasci', release: '2026.11', state: 'revoked' })]
    });
    await model.refresh();
    expect(kernel.standing?.mark).toBe('revoked');
    api.answers.catalog = catalog({ environments: [] });
    await model.refresh();
    expect(said).toEqual(['approved', 'deprecated', 'revoked', 'unavailable']);
  });

  it('follows the specification while the catalog is not known', () => {
    session.list({ datasci: ours() });
    session.start('k1');
    session.list({ datasci: ours({ state: 'deprecated' }) });
    expect(said).toEqual(['approved', 'deprecated']);
  });

  it('still knows a revoked kernel after its specification is gone', async () => {
    session.list({ datasci: ours() });
    session.start('k1');
    session.list({});
    api.answers.catalog = catalog({
      environments: [],
      unavailable: [unavailable({ name: 'datasci', release: '2026.11', state: 'revoked' })]
    });
    await model.refresh();
    expect(kernel.standing?.mark).toBe('revoked');
  });

  it('may be disposed twice, and then says nothing more', () => {
    kernel.dispose();
    kernel.dispose();
    session.list({ datasci: ours() });
    session.start('k1');
    expect(kernel.isDisposed).toBe(true);
    expect(said).toEqual([]);
  });
});

describe('originOf', () => {
  it.each([
    undefined,
    null,
    {},
    { envguard: null },
    { envguard: { environment: 'a', release: 1, state: 's' } }
  ])('finds nothing in %j', metadata => {
    expect(originOf(metadata)).toBeNull();
  });
});
