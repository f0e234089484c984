/**
 * Lets everybody who asks the server know when to ask.
 */
import type { KernelSpec } from '@jupyterlab/services';

import type { IServerEvent } from './eventstream';
import { asRunningKernel } from './running';
import type { IEnvironments, ILive, IRequests, IRunning } from './tokens';
import { Fields, Refusal } from './wire';

export interface IFollowing {
  readonly environments: Pick<IEnvironments, 'refresh' | 'isTold'>;
  readonly running: Pick<IRunning, 'refresh' | 'put' | 'isTold'> | null;
  readonly requests: Pick<IRequests, 'refresh'> | null;
  readonly kernelspecs: Pick<KernelSpec.IManager, 'refreshSpecs'>;
}

/** Hands events on to those whom they concern. */
export class Follower {
  constructor(
    live: Pick<ILive, 'happened' | 'opened'>,
    private readonly _following: IFollowing
  ) {
    live.happened.connect((_, event) => this._take(event));
    live.opened.connect((_, isOpen) => this._turn(isOpen));
  }

  private _take({ type, data }: IServerEvent): void {
    switch (type) {
      case 'catalog':
        return this._refreshCatalog();
      case 'kernel':
        return this._putKernel(data);
      case 'request':
        void this._following.requests?.refresh();
    }
  }

  /** What happened while nobody listened is asked for. */
  private _turn(isOpen: boolean): void {
    const { environments, running, requests } = this._following;
    environments.isTold = isOpen;
    if (running) {
      running.isTold = isOpen;
    }
    if (isOpen && this._wasOpen) {
      this._refreshCatalog();
      void requests?.refresh();
    }
    this._wasOpen ||= isOpen;
  }

  private _refreshCatalog(): void {
    const { environments, running, kernelspecs } = this._following;
    void environments.refresh();
    void running?.refresh();
    // Launcher and dialog list what the specifications say; without an answer they keep the list.
    kernelspecs.refreshSpecs().catch(() => undefined);
  }

  private _putKernel(data: string): void {
    const { running } = this._following;
    try {
      running?.put(asRunningKernel(new Fields(JSON.parse(data), '')));
    } catch (reason) {
      if (!(reason instanceof Refusal || reason instanceof SyntaxError)) {
        throw reason;
      }
      void running?.refresh();
    }
  }

  private _wasOpen = false;
}
