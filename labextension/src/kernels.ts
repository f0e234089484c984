import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { Signal, type ISignal } from '@lumino/signaling';

import { KernelStanding } from './kernel';
import type { IEnvironments, IKernels, IRunning } from './tokens';

/** Keeps one standing per open notebook, whoever asks for it, and follows the notebook in front. */
export class Kernels implements IKernels {
  constructor(
    private readonly _notebooks: Pick<INotebookTracker, 'currentWidget' | 'currentChanged'>,
    private readonly _environments: IEnvironments,
    private readonly _running: IRunning | null = null
  ) {
    _notebooks.currentChanged.connect(this._turn, this);
    this._turn();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get current(): NotebookPanel | null {
    return this._current;
  }

  of(notebook: NotebookPanel): KernelStanding {
    const known = this._standings.get(notebook);
    if (known) {
      return known;
    }
    const standing = new KernelStanding(notebook.sessionContext, this._environments, this._running);
    this._standings.set(notebook, standing);
    notebook.disposed.connect(() => standing.dispose());
    standing.changed.connect(() => notebook === this._current && this._changed.emit());
    return standing;
  }

  private _turn(): void {
    this._current = this._notebooks.currentWidget;
    if (this._current) {
      this.of(this._current);
    }
    this._changed.emit();
  }

  private _current: NotebookPanel | null = null;
  private readonly _standings = new WeakMap<NotebookPanel, KernelStanding>();
  private readonly _changed = new Signal<this, void>(this);
}
