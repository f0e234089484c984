import { Signal } from '@lumino/signaling';

import type { ICatalog } from '../src/generated/wire';
import { Refusal } from '../src/wire';
import { EnvironmentsModel } from '../src/model';
import { KernelStanding, originOf, type Session } from '../src/kernel';
import { FakeApi, catalog, environment, envguardJson, unavailable } from './server';

const ours = (changes: object = {}) => ({
  metadata: { envguard: { ...envguardJson, ...changes } }
});

/** The parts of a session context that change under a kernel. */
class FakeSession {
  isReady = false;
  hasNoKernel = false;
  session: { kernel: { id: string; name: string; status: string } | null } | null = null;
  kernelChanged = new Signal<this, void>(this);
  statusChanged = new Signal<this, void>(this);
  specsManager = {
    specs: null as { kernelspecs: Record<string, object> } | null,
    specsChanged: new Signal<object, void>(this),
    refreshed: 0,
    /** What the server would list, if that is not what is known already. */
    server: null as Record<string, object> | null,
    refreshSpecs: (): Promise<void> => {
      this.specsManager.refreshed += 1;
      if (this.specsManager.server) {
        this.list(this.specsManager.server);
      }
      return Promise.resolve();
    }
  };

  list(kernelspecs: Record<string, object>): void {
    this.specsManager.specs = { kernelspecs };
    this.specsManager.specsChanged.emit();
  }

  async start(id: string, name = 'datasci'): Promise<void> {
    this.isReady = true;
    this.session = { kernel: { id, name, status: 'starting' } };
    this.kernelChanged.emit();
    await settled();
  }

  async status(status: string): Promise<void> {
    this.session!.kernel!.status = status;
    this.statusChanged.emit();
    await settled();
  }
}

/** Let everything that was promised come true. */
const settled = () => new Promise<void>(resolve => setTimeout(resolve));

describe('KernelStanding', () => {
  let api: FakeApi;
  let model: EnvironmentsModel;
  let session: FakeSession;
  let kernel: KernelStanding;
  let said: (string | null)[];
  let unknown: jest.SpyInstance;
  let refresh: jest.SpyInstance;

  beforeEach(() => {
    api = new FakeApi();
    model = new EnvironmentsModel(api);
    unknown = jest.spyOn(model, 'catalog', 'get').mockReturnValue(null);
    refresh = jest.spyOn(model, 'refresh').mockResolvedValue(undefined);
    session = new FakeSession();
    kernel = new KernelStanding(session as unknown as Session, model);
    said = [];
    kernel.changed.connect(() => said.push(kernel.standing?.mark ?? null));
  });

  afterEach(() => {
    kernel.dispose();
    model.dispose();
  });

  /** From here on the catalog is known. */
  const read = async (answer: ICatalog) => {
    unknown.mockRestore();
    refresh.mockRestore();
    api.answers.catalog = answer;
    await model.refresh();
  };

  const spoken = () => new Promise<void>(resolve => kernel.changed.connect(() => resolve()));

  it('says only that it is checking until kernel and specifications are known', async () => {
    expect(kernel.standing?.mark).toBe('checking');
    session.list({});
    expect(kernel.standing?.mark).toBe('checking');
    session.list({ datasci: ours() });
    await session.start('k1');
    expect(said).toEqual(['approved']);
  });

  it('says only that it is checking while the specifications are late', async () => {
    await session.start('k1');
    expect(kernel.standing?.mark).toBe('checking');
    session.list({ datasci: ours() });
    await settled();
    expect(said).toEqual(['approved']);
  });

  it('says nothing about a document without a kernel', () => {
    session.list({ datasci: ours() });
    session.isReady = true;
    session.statusChanged.emit();
    expect(kernel.standing).toBeNull();
  });

  it('says nothing while no kernel is wanted, and speaks once one is', async () => {
    session.list({ datasci: ours() });
    session.hasNoKernel = true;
    session.statusChanged.emit();
    expect(kernel.standing).toBeNull();
    session.hasNoKernel = false;
    session.statusChanged.emit();
    expect(kernel.standing?.mark).toBe('checking');
    await session.start('k1');
    expect(said).toEqual([null, 'checking', 'approved']);
  });

  it('calls a kernel of another origin unmanaged', async () => {
    session.list({ python3: { metadata: {} } });
    await session.start('k1', 'python3');
    expect(kernel.standing).toEqual({ mark: 'unmanaged', origin: null, findings: [] });
  });

  it('reads specifications that are newer than the start of the kernel', async () => {
    session.list({ datasci: ours({ release: '2026.05' }) });
    session.specsManager.server = { datasci: ours() };
    await session.start('k1');
    expect(kernel.standing?.origin?.release).toBe('2026.11');
    await session.status('idle');
    expect([said, session.specsManager.refreshed]).toEqual([['approved'], 1]);
  });

  it('makes do with the specifications it has when the server cannot list them', async () => {
    session.specsManager.refreshSpecs = () => Promise.reject(new Error('503'));
    session.list({ datasci: ours() });
    await session.start('k1');
    expect(said).toEqual(['approved']);
  });

  it('keeps the release that the kernel was started from when the name moves on', async () => {
    session.list({ datasci: ours() });
    await session.start('k1');
    session.list({ datasci: ours({ release: '2027.02' }) });
    expect(kernel.standing?.origin?.release).toBe('2026.11');
    await session.start('k2');
    expect(kernel.standing?.origin?.release).toBe('2027.02');
  });

  it('looks again after a restart, which starts what the name means now', async () => {
    session.list({ datasci: ours() });
    await session.start('k1');
    session.specsManager.server = { datasci: ours({ release: '2027.02' }) };
    await session.status('restarting');
    expect(kernel.standing?.mark).toBe('checking');
    await session.status('starting');
    expect(kernel.standing?.origin?.release).toBe('2027.02');
    expect(said).toEqual(['approved', 'checking', 'approved']);
  });

  it('does not take the answer for one start as the answer for the next', async () => {
    let late: () => void = () => undefined;
    session.specsManager.refreshSpecs = () => new Promise(resolve => (late = resolve));
    session.list({ datasci: ours() });
    await session.start('k1');
    await session.start('k2', 'python3');
    const answer = late;
    session.specsManager.refreshSpecs = () => Promise.resolve();
    await session.start('k3', 'python3');
    answer();
    await settled();
    expect(said).toEqual(['unmanaged']);
  });

  it('follows the catalog once it is known', async () => {
    session.list({ datasci: ours() });
    await session.start('k1');
    await read(catalog({ environments: [environment({ state: 'deprecated' })] }));
    expect(kernel.standing?.mark).toBe('deprecated');
    await read(
      catalog({
        environments: [],
        unavailable: [unavailable({ name: 'datasci', release: '2026.11', state: 'revoked' })]
      })
    );
    expect(kernel.standing?.mark).toBe('revoked');
    await read(catalog({ environments: [] }));
    expect(said).toEqual(['approved', 'deprecated', 'revoked', 'unavailable']);
  });

  it('never calls a kernel unavailable only because its catalog is older than the kernel', async () => {
    await read(catalog({ environments: [] }));
    api.answers.catalog = catalog();
    session.list({ datasci: ours() });
    await Promise.all([spoken(), session.start('k1')]);
    expect(said).toEqual(['approved']);
  });

  it('never calls a kernel unavailable only because the catalog cannot be read', async () => {
    await read(catalog({ environments: [] }));
    api.answers.catalog = new Refusal('catalog-expired', 'Expired.', '');
    session.list({ datasci: ours() });
    await Promise.all([spoken(), session.start('k1')]);
    expect(kernel.standing).toMatchObject({ mark: 'checking', origin: { release: '2026.11' } });
  });

  it('follows the specification while the catalog is not known', async () => {
    session.list({ datasci: ours() });
    await session.start('k1');
    session.list({ datasci: ours({ state: 'deprecated' }) });
    expect(said).toEqual(['approved', 'deprecated']);
    session.list({ datasci: ours({ release: '2027.02' }) });
    expect(said).toEqual(['approved', 'deprecated', 'checking']);
  });

  it('still knows a revoked kernel after its specification is gone', async () => {
    session.list({ datasci: ours() });
    await session.start('k1');
    session.list({});
    await read(
      catalog({
        environments: [],
        unavailable: [unavailable({ name: 'datasci', release: '2026.11', state: 'revoked' })]
      })
    );
    expect(kernel.standing?.mark).toBe('revoked');
  });

  it('may be disposed twice, and then says nothing more', async () => {
    session.list({ datasci: ours() });
    const started = session.start('k1');
    kernel.dispose();
    kernel.dispose();
    await started;
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
