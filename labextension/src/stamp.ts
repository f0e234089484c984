/**
 * The stamp in a notebook: which environment made its outputs.
 *
 * It holds a name, a release and a digest, and nothing that tells about the machine
 * or the person. It is written while the notebook is being saved, into the same save.
 */
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import type { IOrigin, KernelStanding } from './kernel';
import { Runs } from './runs';
import type { IPreferences, IStamps } from './tokens';

/** Key of the stamp in the metadata of a notebook. */
export const STAMP_KEY = 'envguard';

/** One release, by name and by content. */
export interface IStamp {
  readonly name: string;
  readonly release: string;
  /** Digest of the manifest. */
  readonly digest: string;
}

/** Read a stamp; `null` where there is none, or something else. */
export function asStamp(found: unknown): IStamp | null {
  const { name, release, digest } = (found ?? {}) as Partial<Record<string, unknown>>;
  return typeof name === 'string' && typeof release === 'string' && typeof digest === 'string' && name
    ? { name, release, digest }
    : null;
}

/** Return the stamp that a kernel of this origin would leave; `null` if the digest is not known. */
export function stampOf({ environment, release, digest }: IOrigin): IStamp | null {
  return digest ? { name: environment, release, digest } : null;
}

/** How what made the outputs relates to what would make them now. */
export type Match = 'same' | 'other-release' | 'other-content' | 'other-environment';

/** Compare two stamps; the digest decides, names only say how they differ. */
export function matchOf(made: IStamp, now: IStamp): Match {
  if (made.digest === now.digest) {
    return 'same';
  }
  if (made.name !== now.name) {
    return 'other-environment';
  }
  return made.release === now.release ? 'other-content' : 'other-release';
}

/** The stamps of open documents, by their sessions. */
export class Stamps implements IStamps {
  of(session: object): IStamp | null {
    return this._readers.get(session)?.() ?? null;
  }

  register(session: object, read: () => IStamp | null): void {
    this._readers.set(session, read);
  }

  private readonly _readers = new WeakMap<object, () => IStamp | null>();
}

/** The parts of a notebook's context that are needed. */
export type Saved = Pick<DocumentRegistry.IContext<INotebookModel>, 'model' | 'saveState'>;

/**
 * Stamps one notebook when it is saved.
 *
 * A stamp speaks of outputs, so it changes only when a cell has run since the
 * notebook was opened, or when there is no output that it could be wrong about.
 * Somebody who opens an old notebook and saves a corrected sentence keeps its stamp.
 */
export class Stamper implements IDisposable {
  constructor(
    private readonly _context: Saved,
    kernel: Pick<KernelStanding, 'standing' | 'changed'>,
    private readonly _preferences: Pick<IPreferences, 'isOn'>
  ) {
    this._runs = new Runs(kernel);
    _context.saveState.connect(this._onSave, this);
  }

  get isDisposed(): boolean {
    return this._runs.isDisposed;
  }

  dispose(): void {
    this._runs.dispose();
    Signal.clearData(this);
  }

  /** What made the outputs as they are now, saved or not; `null` if that is not known. */
  get stamp(): IStamp | null {
    return this._runs.made ?? asStamp(this._context.model.getMetadata(STAMP_KEY));
  }

  /** Tell that a cell of this notebook has run. */
  noteRun(): void {
    this._runs.note();
  }

  private _onSave(_: unknown, state: DocumentRegistry.SaveState): void {
    if (state !== 'started' || !this._preferences.isOn('stamp')) {
      return;
    }
    const { model } = this._context;
    const stamp = this._runs.made ?? (hasOutputs(model) ? null : this._runs.now);
    const present = asStamp(model.getMetadata(STAMP_KEY));
    if (stamp && JSON.stringify(stamp) !== JSON.stringify(present)) {
      model.setMetadata(STAMP_KEY, { ...stamp });
    }
  }

  private readonly _runs: Runs;
}

/** Whether any cell of a notebook has an output. */
export function hasOutputs(model: INotebookModel): boolean {
  return Array.from(model.cells).some(cell => {
    const { outputs } = cell.toJSON() as { outputs?: unknown };
    return Array.isArray(outputs) && outputs.length > 0;
  });
}
