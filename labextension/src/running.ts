/**
 * The kernels that run in this server, as the server knows them: which release each
 * was started from, and whether that release is still what was approved.
 */
import { Poll } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';

import type { IRunning } from './tokens';
import { Fields, type Wire } from './wire';

/** One thing that is not as it was sealed. */
export interface IFinding {
  readonly kind: string;
  readonly name: string;
  readonly where: string;
  readonly message: string;
}

/** What keeps a kernel from changing its environment. */
export interface IWall {
  /** Whether it stands without a gap. */
  readonly complete: boolean;
  /** What is open, a sentence each. */
  readonly gaps: readonly string[];
}

/** One kernel that runs. */
export interface IRunningKernel {
  readonly id: string;
  readonly kernelName: string;
  readonly environment: string;
  readonly release: string;
  /** Digest of the manifest; empty for a kernel that is none of ours. */
  readonly digest: string;
  readonly state: string;
  readonly drift: 'clean' | 'drifted' | 'unknown';
  readonly findings: readonly IFinding[];
  /** `null` where nobody can tell. */
  readonly wall: IWall | null;
}

/** How often to ask while nothing tells us; and while something does, in case it misses one. */
const ALONE_MS = 60 * 1000;
const TOLD_MS = 10 * 60 * 1000;
const LONGEST_MS = 10 * 60 * 1000;

/** Keeps the running kernels up to date. */
export class RunningKernels implements IRunning {
  constructor(private readonly _wire: Pick<Wire, 'get'>) {
    this._poll = new Poll({
      name: 'jupyter-envguard:running-kernels',
      factory: () => this._load(),
      frequency: { interval: ALONE_MS, backoff: true, max: LONGEST_MS },
      standby: 'when-hidden'
    });
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get all(): readonly IRunningKernel[] {
    return [...this._kernels.values()];
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    if (!this.isDisposed) {
      this._poll.dispose();
      Signal.clearData(this);
    }
  }

  find(id: string): IRunningKernel | undefined {
    return this._kernels.get(id);
  }

  async refresh(): Promise<void> {
    await this._poll.refresh();
    await this._poll.tick.catch(() => undefined);
  }

  put(kernel: IRunningKernel): void {
    this._kernels = new Map([...this._kernels, [kernel.id, kernel]]);
    this._changed.emit();
  }

  get isTold(): boolean {
    return this._poll.frequency.interval === TOLD_MS;
  }

  set isTold(told: boolean) {
    this._poll.frequency = { ...this._poll.frequency, interval: told ? TOLD_MS : ALONE_MS };
  }

  private async _load(): Promise<void> {
    const kernels = new Fields(await this._wire.get('kernels'), '').list('kernels', asRunningKernel);
    this._kernels = new Map(kernels.map(kernel => [kernel.id, kernel]));
    if (!this.isDisposed) {
      this._changed.emit();
    }
  }

  private _kernels: ReadonlyMap<string, IRunningKernel> = new Map();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _poll: Poll;
}

/** Return one kernel of an answer or an event, or throw a `Refusal` that names the field at fault. */
export function asRunningKernel(fields: Fields): IRunningKernel {
  const drift = fields.fields('drift');
  const state = drift.text('state');
  return {
    id: fields.text('id'),
    kernelName: fields.text('kernel_name'),
    environment: fields.optional('environment', key => fields.text(key)) ?? '',
    release: fields.optional('release', key => fields.text(key)) ?? '',
    digest: fields.optional('digests', key => fields.fields(key).text('manifest')) ?? '',
    state: fields.text('state'),
    drift: state === 'clean' || state === 'drifted' ? state : 'unknown',
    findings: drift.list('findings', finding => ({
      kind: finding.text('kind'),
      name: finding.text('name'),
      where: finding.text('where'),
      message: finding.text('message')
    })),
    wall: fields.optional('wall', key => asWall(fields.fields(key)))
  };
}

function asWall(fields: Fields): IWall | null {
  return fields.text('level') ? { complete: fields.flag('complete'), gaps: fields.texts('gaps') } : null;
}
