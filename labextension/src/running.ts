/**
 * The kernels that run in this server, as the server knows them: which release each
 * was started from, and whether that release is still what was approved.
 */
import { Poll } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';

import type { IKernel } from './generated/wire';
import { beginAfter } from './idle';
import type { IRunning } from './tokens';
import type { Wire } from './wire';

/** How often to ask while nothing tells us; and while something does, in case it misses one. */
const ALONE_MS = 60 * 1000;
const TOLD_MS = 10 * 60 * 1000;
const LONGEST_MS = 10 * 60 * 1000;

/** Keeps the running kernels up to date. */
export class RunningKernels implements IRunning {
  /** Without somebody who refreshes it, it asks for the first time after `begin`. */
  constructor(
    private readonly _wire: Pick<Wire, 'get'>,
    begin: Promise<unknown> = Promise.resolve()
  ) {
    this._poll = new Poll({
      auto: false,
      name: 'jupyter-envguard:running-kernels',
      factory: () => this._load(),
      frequency: { interval: ALONE_MS, backoff: true, max: LONGEST_MS },
      standby: 'when-hidden'
    });
    void beginAfter(begin, this._poll);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get all(): readonly IKernel[] {
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

  find(id: string): IKernel | undefined {
    return this._kernels.get(id);
  }

  async refresh(): Promise<void> {
    await this._poll.refresh();
    await this._poll.tick.catch(() => undefined);
  }

  put(kernel: IKernel): void {
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
    const { kernels } = await this._wire.get('running', 'Kernels');
    this._kernels = new Map(kernels.map(kernel => [kernel.id, kernel]));
    if (!this.isDisposed) {
      this._changed.emit();
    }
  }

  private _kernels: ReadonlyMap<string, IKernel> = new Map();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _poll: Poll;
}
