/**
 * Lets everybody who asks the server know when to ask.
 */
import type { KernelSpec } from '@jupyterlab/services';

import type { IServerEvent } from './eventstream';
import type { IEvents } from './generated/wire';
import type { IEnvironments, ILive, IRequests, IRunning } from './tokens';
import { Refusal, happeningOf } from './wire';

export interface IFollowing {
  readonly environments: Pick<IEnvironments, 'refresh' | 'isTold' | 'catalog'>;
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
        return this._isGreeting(event) ? undefined : this._refreshCatalog();
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
    this._isNew = isOpen;
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

  /** A stream begins with the version of the catalog: whoever has that one need not ask. */
  private _isGreeting(event: IServerEvent): boolean {
    const isFirst = this._isNew;
    this._isNew = false;
    const version = this._following.environments.catalog?.catalog.version;
    return isFirst && version !== undefined && read(event)?.catalog?.version === version;
  }

  /** What cannot be read is asked for. */
  private _putKernel(event: IServerEvent): void {
    const { running } = this._following;
    const said = read(event);
    if (said?.kernel) {
      running?.put(said.kernel);
    } else if (!said) {
      void running?.refresh();
    }
  }

  private _isNew = false;
  private _wasOpen = false;
}

/** What an event says; `null` where that cannot be read. */
function read(event: IServerEvent): IEvents | null {
  try {
    return happeningOf(event);
  } catch (reason) {
    if (reason instanceof Refusal) {
      return null;
    }
    throw reason;
  }
}
