/**
 * Which environment made the outputs that are on the screen, as far as cells have run here.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { KernelMessage } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import type { KernelStanding } from './kernel';
import { stampOf, type IStamp } from './stamp';

/** Remembers which environment the latest cell ran in. */
export class Runs implements IDisposable {
  constructor(private readonly _kernel: Pick<KernelStanding, 'standing' | 'changed'>) {
    _kernel.changed.connect(this._settle, this);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  /** What made the latest output; `null` while no cell has run, or it is not known where. */
  get made(): IStamp | null {
    return this._made;
  }

  /** What would make the next one. */
  get now(): IStamp | null {
    const origin = this._kernel.standing?.origin;
    return origin ? stampOf(origin) : null;
  }

  /** Tell that a cell has run. */
  note(): void {
    this._hasRun = true;
    this._settle();
  }

  /** A cell may run before it is known where its kernel comes from. */
  private _settle(): void {
    const { now } = this;
    if (this._hasRun && now) {
      this._made = now;
      this._hasRun = false;
    }
  }

  private _hasRun = false;
  private _made: IStamp | null = null;
  private _isDisposed = false;
}

/** Let `runs` know of every cell that a console sends, and of none that others send to the same kernel. */
export function noteCells(runs: Runs, session: Pick<ISessionContext, 'session' | 'iopubMessage'>): void {
  session.iopubMessage.connect((_, message) => {
    const sender = (message.parent_header as Partial<KernelMessage.IHeader>).session;
    if (message.header.msg_type === 'execute_input' && sender === session.session?.kernel?.clientId) {
      runs.note();
    }
  });
}
