import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';

import type { ICatalog, IEnvironment, ISpec, IUnavailable, Refusal } from './api';

/** The approved environments of this user, kept up to date. */
export const IEnvironments = new Token<IEnvironments>(
  'jupyter-envguard:IEnvironments',
  'The approved environments of this user, kept up to date.'
);

export interface IEnvironments extends IDisposable {
  /** Emitted after anything below has changed. */
  readonly changed: ISignal<IEnvironments, void>;
  /** The last catalog that arrived; `null` until the first one does. */
  readonly catalog: ICatalog | null;
  /** When `catalog` arrived. */
  readonly asOf: Date | null;
  /** Why the latest attempt failed; `null` if it did not. */
  readonly refusal: Refusal | null;
  /** Fetch the catalog now; never rejects, the outcome is in the fields above. */
  refresh(): Promise<void>;
  /** Find a release that this user may start. */
  find(name: string, release: string): IEnvironment | undefined;
  /** Find a release that this user may not start. */
  findUnavailable(name: string, release: string): IUnavailable | undefined;
  /** Fetch what a release contains; rejects with a `Refusal`. */
  spec(environment: IEnvironment): Promise<ISpec>;
}

/** Opens the spec of a release somewhere on the screen. */
export const ISpecOpener = new Token<ISpecOpener>(
  'jupyter-envguard:ISpecOpener',
  'Opens the list of packages of a release.'
);

export interface ISpecOpener {
  open(name: string, release: string): void;
}
