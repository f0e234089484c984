import { Signal, type ISignal } from '@lumino/signaling';

import type { Hosts, IHost } from './hosts';
import { KernelStanding } from './kernel';
import type { IEnvironments, IKernels, IRunning } from './tokens';

/** Keeps one standing per notebook or console, whoever asks for it, and follows the one in front. */
export class Kernels implements IKernels {
  constructor(
    private readonly _hosts: Pick<Hosts, 'current' | 'currentChanged' | 'forEach'>,
    private readonly _environments: IEnvironments,
    private readonly _running: IRunning | null = null
  ) {
    _hosts.currentChanged.connect(() => this._changed.emit());
    _hosts.forEach(host => this.of(host));
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get current(): IHost | null {
    return this._hosts.current;
  }

  of(host: IHost): KernelStanding {
    const known = this._standings.get(host);
    if (known) {
      return known;
    }
    const standing = new KernelStanding(host.sessionContext, this._environments, this._running);
    this._standings.set(host, standing);
    host.disposed.connect(() => standing.dispose());
    standing.changed.connect(() => host === this.current && this._changed.emit());
    return standing;
  }

  forEach(follow: (host: IHost) => void): void {
    this._hosts.forEach(follow);
  }

  private readonly _standings = new WeakMap<IHost, KernelStanding>();
  private readonly _changed = new Signal<this, void>(this);
}
