import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { ComponentType } from 'react';

import type { ICatalog, IEnvironment, ISpec, IUnavailable } from './api';
import type { Refusal } from './wire';
import type { KernelStanding } from './kernel';

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

/** What is known about the kernels of open notebooks. */
export const IKernels = new Token<IKernels>(
  'jupyter-envguard:IKernels',
  'Where the kernels of open notebooks come from.'
);

export interface IKernels {
  /** Emitted after another notebook came to the front, or the standing of the one in front changed. */
  readonly changed: ISignal<IKernels, void>;
  /** The notebook in front, or that was in front last; `null` if none is open. */
  readonly current: NotebookPanel | null;
  /** The standing of a notebook's kernel: one per notebook, which lives as long as the notebook. */
  of(notebook: NotebookPanel): KernelStanding;
}

/** The sections of the side panel. */
export const IPanelSections = new Token<IPanelSections>(
  'jupyter-envguard:IPanelSections',
  'Adds sections to the side panel of approved environments.'
);

/** One section of the side panel: a heading that folds it, and what lies below. */
export interface IPanelSection {
  /** Unique, kebab-case. */
  readonly id: string;
  /** Sections stand in the order of their ranks; ours have 10, 20, 30. */
  readonly rank: number;
  /** Translated. */
  readonly title: string;
  /** Whether it is folded until the person opens it. */
  readonly folded?: boolean;
  /** What stands below the heading; it brings its own empty, loading and failing state. */
  readonly Content: ComponentType;
  /** How many things there are, shown after the title; asked for whenever `changed` fires. */
  readonly count?: () => number;
  /** When `count` may have changed. */
  readonly changed?: ISignal<unknown, unknown>;
}

export interface IPanelSections {
  /** Add a section until what is returned is disposed. */
  add(section: IPanelSection): IDisposable;
}
