/**
 * What has a kernel of its own in the main area: notebooks and consoles.
 *
 * Notebooks are told of by their tracker. Consoles are recognised by what they are, wherever
 * the shell has them, so that none of this needs the console's own package.
 */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

/** A notebook or a console. */
export interface IHost extends Widget {
  readonly sessionContext: ISessionContext;
}

/** The parts of a shell that are looked at. */
export interface IShell {
  readonly currentChanged?: ISignal<unknown, { readonly newValue: unknown }>;
  /** Only JupyterLab tells of what is opened without coming to the front. */
  readonly layoutModified?: ISignal<unknown, void>;
  widgets(area: string): IterableIterator<unknown>;
}

/** Where somebody can put a console. */
const AREAS = ['main', 'down', 'left', 'right'] as const;

/** Whether `widget` has a session that starts kernels. */
export function isHost(widget: unknown): widget is IHost {
  const { sessionContext } = (widget ?? {}) as { sessionContext?: object | null };
  return typeof sessionContext === 'object' && sessionContext !== null && 'kernelChanged' in sessionContext;
}

/** Whether `host` keeps what its kernel says in a document. */
export function isNotebook(host: IHost): host is NotebookPanel {
  return 'context' in host;
}

/** Every notebook and console that is open, and the one in front. */
export class Hosts {
  constructor(
    notebooks: Pick<INotebookTracker, 'forEach' | 'widgetAdded' | 'currentChanged'>,
    shell: IShell
  ) {
    notebooks.forEach(host => this._meet(host));
    notebooks.widgetAdded.connect((_, host) => this._meet(host));
    notebooks.currentChanged.connect((_, host) => host && this._turn(host));
    shell.currentChanged?.connect((_, { newValue }) => isHost(newValue) && this._turn(newValue));
    shell.layoutModified?.connect(() => this._searchSoon(shell));
    this._search(shell);
  }

  /** Emitted after another one came to the front. */
  get currentChanged(): ISignal<this, void> {
    return this._currentChanged;
  }

  /** The one in front, or that was in front last; `null` if none is open. */
  get current(): IHost | null {
    return this._open.at(-1) ?? null;
  }

  /** Call `follow` for each that is open, and for each that is opened from now on. */
  forEach(follow: (host: IHost) => void): void {
    this._open.forEach(follow);
    this._met.connect((_, host) => follow(host));
  }

  /** A layout that is restored or dragged about is modified many times in a moment. */
  private _searchSoon(shell: IShell): void {
    this._due ??= setTimeout(() => {
      this._due = null;
      this._search(shell);
    });
  }

  private _search(shell: IShell): void {
    for (const area of AREAS) {
      for (const widget of shell.widgets(area)) {
        if (isHost(widget)) {
          this._meet(widget);
        }
      }
    }
  }

  private _meet(host: IHost): void {
    if (this._open.includes(host) || host.isDisposed) {
      return;
    }
    host.disposed.connect(() => this._drop(host));
    // What nobody has looked at yet is behind everything else.
    this._open.unshift(host);
    this._met.emit(host);
    if (this.current === host) {
      this._currentChanged.emit();
    }
  }

  private _turn(host: IHost): void {
    this._meet(host);
    if (this.current !== host && !host.isDisposed) {
      this._open = [...this._open.filter(other => other !== host), host];
      this._currentChanged.emit();
    }
  }

  private _drop(host: IHost): void {
    const wasInFront = this.current === host;
    this._open = this._open.filter(other => other !== host);
    if (wasInFront) {
      this._currentChanged.emit();
    }
  }

  private _due: ReturnType<typeof setTimeout> | null = null;
  /** The one in front is the last. */
  private _open: IHost[] = [];
  private readonly _met = new Signal<this, IHost>(this);
  private readonly _currentChanged = new Signal<this, void>(this);
}
