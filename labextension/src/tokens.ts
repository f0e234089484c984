import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import type { ComponentType } from 'react';

import type { ICatalog, IEnvironment, IPackages, IUnavailable } from './generated/wire';
import type { IServerEvent } from './eventstream';
import type { IHost } from './hosts';
import type { KernelStanding } from './kernel';
import type { IChosen } from './links';
import type { IRequest } from './generated/wire';
import type { IAsk } from './requests';
import type { IKernel } from './generated/wire';
import type { IStamp } from './stamp';
import type { Refusal } from './wire';

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
  spec(environment: IEnvironment): Promise<IPackages>;
  /** Whether somebody tells when to fetch the catalog; then it is asked for less often. */
  isTold: boolean;
}

/** Opens the spec of a release somewhere on the screen. */
export const ISpecOpener = new Token<ISpecOpener>(
  'jupyter-envguard:ISpecOpener',
  'Opens the list of packages of a release.'
);

export interface ISpecOpener {
  /** Open a release, and show of it what is chosen. */
  open(name: string, release: string, chosen?: IChosen): void;
}

/** What is known about the kernels of open notebooks and consoles. */
export const IKernels = new Token<IKernels>(
  'jupyter-envguard:IKernels',
  'Where the kernels of open notebooks and consoles come from.'
);

export interface IKernels {
  /** Emitted after another notebook or console came to the front, or the standing of the one in front changed. */
  readonly changed: ISignal<IKernels, void>;
  /** The notebook or console in front, or that was in front last; `null` if none is open. */
  readonly current: IHost | null;
  /** The standing of its kernel: one for each, which lives as long as it. */
  of(host: IHost): KernelStanding;
  /** Call `follow` for each that is open, and for each that is opened from now on. */
  forEach(follow: (host: IHost) => void): void;
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
  /** When the section is to show what lies below its heading. */
  readonly unfold?: ISignal<unknown, unknown>;
}

export interface IPanelSections {
  /** Add a section until what is returned is disposed. */
  add(section: IPanelSection): IDisposable;
}

/** The kernels that run in this server. */
export const IRunning = new Token<IRunning>(
  'jupyter-envguard:IRunning',
  'The running kernels, with what each was started from and whether it has drifted.'
);

export interface IRunning extends IDisposable {
  /** Emitted after anything below has changed. */
  readonly changed: ISignal<IRunning, void>;
  /** Every kernel that runs, as far as the server has told. */
  readonly all: readonly IKernel[];
  /** Find a kernel by its id. */
  find(id: string): IKernel | undefined;
  /** Ask the server now; never rejects. */
  refresh(): Promise<void>;
  /** Take what the server says about one kernel. */
  put(kernel: IKernel): void;
  /** Whether somebody tells when to ask; then the server is asked less often. */
  isTold: boolean;
}

/** Tells what happens on the server, as it happens. */
export const ILive = new Token<ILive>('jupyter-envguard:ILive', 'What changes on the server, as it changes.');

export interface ILive extends IDisposable {
  /** Emitted for every event that arrives. */
  readonly happened: ISignal<ILive, IServerEvent>;
  /** Emitted when the server is listened to from now on, or is not any more. */
  readonly opened: ISignal<ILive, boolean>;
  /** Whether the server is listened to now. */
  readonly isOpen: boolean;
}

/** What this user has asked for. */
export const IRequests = new Token<IRequests>(
  'jupyter-envguard:IRequests',
  'What this user has asked for, and what became of it.'
);

export interface IRequests {
  /** Emitted after anything below has changed. */
  readonly changed: ISignal<IRequests, void>;
  /** Emitted once for each request that was open and has been decided since. */
  readonly decided: ISignal<IRequests, IRequest>;
  /** The requests, the latest first; `null` until they have been fetched. */
  readonly all: readonly IRequest[] | null;
  /** Why the latest attempt to fetch them failed; `null` if it did not. */
  readonly refusal: Refusal | null;
  /** Fetch the requests now; never rejects. */
  refresh(): Promise<void>;
  /** Hand in a request; rejects with a `Refusal` whose `fields` say what to mend. */
  submit(ask: IAsk): Promise<IRequest>;
}

/** Which environment made the outputs of a document, as its stamp says. */
export const IStamps = new Token<IStamps>(
  'jupyter-envguard:IStamps',
  'Which environment made the outputs of a document.'
);

export interface IStamps {
  /** Return the stamp of the document that this session belongs to; `null` if it has none. */
  of(session: object): IStamp | null;
  /** Let `read` answer for the document of this session. */
  register(session: object, read: () => IStamp | null): void;
}

/** What a person has switched on and off. */
export const IPreferences = new Token<IPreferences>(
  'jupyter-envguard:IPreferences',
  'Which features are switched on.'
);

/** What can be switched off; each is a property of the settings. */
export type Feature =
  'badge' | 'statusBar' | 'kernelDialog' | 'stamp' | 'mismatch' | 'revocation' | 'requestDecided' | 'empty';

export interface IPreferences {
  /** Emitted after anything was switched. */
  readonly changed: ISignal<IPreferences, void>;
  /** Whether the feature is on; everything is until the settings have been read. */
  isOn(feature: Feature): boolean;
}

/** Hands out releases as files. */
export const IExports = new Token<IExports>('jupyter-envguard:IExports', 'Hands out releases as files.');

export interface IExports {
  /** Offer the formats of a release in a menu below `at`; never rejects. */
  offer(name: string, release: string, at: Element): Promise<void>;
}
