/**
 * Lets everybody who asks the server know when to ask.
 */
import type { KernelSpec } from '@jupyterlab/services';

import type { IServerEvent } from './eventstream';
import type { IEnvironments, ILive, IRequests, IRunning } from './tokens';
import { Refusal, happeningOf } from './wire';

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

  private _take(event: IServerEvent): void {
    switch (event.type) {
      case 'catalog':
        return this._refreshCatalog();
      case 'kernel':
        return this._putKernel(event);
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

  /** What cannot be read is asked for. */
  private _putKernel(event: IServerEvent): void {
    const { running } = this._following;
    try {
      const { kernel } = happeningOf(event);
      if (kernel) {
        running?.put(kernel);
      }
    } catch (reason) {
      if (!(reason instanceof Refusal)) {
        throw reason;
      }
      void running?.refresh();
    }
  }

  private _wasOpen = false;
}
