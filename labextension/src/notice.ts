/**
 * What tells of something about a kernel in a notification: once for each thing that it sees.
 */
import { Notification } from '@jupyterlab/apputils';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import type { KernelStanding } from './kernel';

/** Watches one kernel; at most one notification of it is there at a time. */
export abstract class KernelNotice implements IDisposable {
  constructor(protected readonly kernel: Pick<KernelStanding, 'standing' | 'changed'>) {
    kernel.changed.connect(this.look, this);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._withdraw();
      Signal.clearData(this);
    }
  }

  /** Look at the kernel, and call `tellOnce` when there is something to be seen. */
  protected abstract look(): void;

  /** Withdraw the last notification, and show the one that `tell` makes, unless `seen` is what was seen last. */
  protected tellOnce(seen: string, tell: () => string): void {
    if (seen !== this._seen) {
      this._seen = seen;
      this._withdraw();
      this._shown = tell();
    }
  }

  private _withdraw(): void {
    if (this._shown) {
      Notification.dismiss(this._shown);
      this._shown = '';
    }
  }

  private _isDisposed = false;
  private _seen = '';
  private _shown = '';
}
