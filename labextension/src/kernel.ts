import type { ISessionContext } from '@jupyterlab/apputils';
import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { IDriftFinding, IKernel, IKernelSpec } from './generated/wire';
import type { IEnvironments, IRunning } from './tokens';
import { releaseOf } from './wire';
import { markOf, type Mark } from './words';

/** The release that a kernel was started from. */
export interface IOrigin {
  readonly environment: string;
  readonly release: string;
  readonly state: string;
  /** Digest of the manifest; empty where it is not told. */
  readonly digest: string;
}

/** What may truthfully be said about the kernel of a document. */
export interface IStanding {
  readonly mark: Mark;
  readonly origin: IOrigin | null;
  /** What is not as it was sealed, if anything is. */
  readonly findings: readonly IDriftFinding[];
}

/** The parts of a session context that are looked at. */
export type Session = Pick<
  ISessionContext,
  'isReady' | 'hasNoKernel' | 'session' | 'specsManager' | 'kernelChanged' | 'statusChanged'
>;

/**
 * Follows the kernel of one document and says where it comes from.
 *
 * A kernel keeps the release that it was started from, while the kernel
 * specification of its name may move on to the next release or disappear. So the
 * origin is read once per start, a restart included, from specifications and a
 * catalog that are newer than the start. Until then the only answer is `checking`.
 */
export class KernelStanding implements IDisposable {
  constructor(
    private readonly _session: Session,
    private readonly _environments: IEnvironments,
    private readonly _running: IRunning | null = null
  ) {
    _session.kernelChanged.connect(this._update, this);
    _session.statusChanged.connect(this._update, this);
    _session.specsManager.specsChanged.connect(this._update, this);
    _environments.changed.connect(this._update, this);
    _running?.changed.connect(this._update, this);
    this._update();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** What is known now; `null` while the document has no kernel. */
  get standing(): IStanding | null {
    return this._standing;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private _update(): void {
    const standing = this._read();
    if (!same(standing, this._standing)) {
      this._standing = standing;
      this._changed.emit();
    }
  }

  private _read(): IStanding | null {
    const kernel = this._session.session?.kernel;
    if (kernel && RESTARTING.has(kernel.status)) {
      this._start = null;
      return CHECKING;
    }
    // JupyterLab never calls a session ready whose first question for a kernel is answered with none.
    if (!kernel && (this._session.isReady || this._session.hasNoKernel)) {
      return null;
    }
    if (!kernel || !this._session.isReady || !this._session.specsManager.specs) {
      return CHECKING;
    }
    if (this._start?.kernel !== kernel.id) {
      const start: IStart = { kernel: kernel.id, name: kernel.name };
      this._start = start;
      // Later, for the answer may come at once and must not be overtaken by this one.
      void Promise.resolve().then(() => this._ask(start));
    }
    const { origin } = this._start ?? {};
    if (origin === undefined) {
      return CHECKING;
    }
    if (!origin) {
      return UNMANAGED;
    }
    const mark = this._markOf(origin);
    const known = this._running?.find(kernel.id);
    // What nobody may use any more is worse than what has changed.
    return known?.drift.state === 'drifted' && mark !== 'revoked'
      ? { mark: 'drifted', origin, findings: known.drift.findings }
      : { mark, origin, findings: [] };
  }

  private async _ask(start: IStart): Promise<void> {
    // Without an answer, what is there has to do.
    const specs = this._session.specsManager.refreshSpecs().catch(() => undefined);
    await Promise.all([specs, this._environments.refresh(), this._running?.refresh()]);
    if (this._start === start && !this._isDisposed) {
      const known = this._running?.find(start.kernel);
      this._start = { ...start, origin: known ? startedFrom(known) : this._listed(start.name) };
      this._update();
    }
  }

  private _listed(name: string): IOrigin | null {
    return originOf(this._session.specsManager.specs?.kernelspecs[name]?.metadata);
  }

  /** The catalog knows best; before it arrives, the specification, if it still means this release. */
  private _markOf(origin: IOrigin): Mark {
    const { environment, release } = origin;
    if (!this._environments.catalog) {
      const listed = this._start && this._listed(this._start.name);
      return listed && sameRelease(listed, origin) ? markOf(listed.state) : 'checking';
    }
    const offered = this._environments.find(environment, release);
    if (offered) {
      return markOf(offered.state);
    }
    const known = this._environments.findUnavailable(environment, release);
    if (!known && this._environments.refusal) {
      return 'checking';
    }
    return known?.state === 'revoked' ? 'revoked' : 'unavailable';
  }

  private _start: IStart | null = null;
  private _standing: IStanding | null = CHECKING;
  private _isDisposed = false;
  private readonly _changed = new Signal<this, void>(this);
}

/** One start of a kernel; its origin is undefined until it has been asked for. */
interface IStart {
  readonly kernel: string;
  readonly name: string;
  readonly origin?: IOrigin | null;
}

const RESTARTING: ReadonlySet<string> = new Set(['restarting', 'autorestarting']);
const CHECKING: IStanding = { mark: 'checking', origin: null, findings: [] };
const UNMANAGED: IStanding = { mark: 'unmanaged', origin: null, findings: [] };

/** Read where a kernel specification says it comes from; `null` if it is not one of ours. */
export function originOf(metadata: unknown): IOrigin | null {
  const said = releaseOf(metadata);
  return said && startedFrom(said);
}

/** Take what a kernel was started from, or would be; `null` if that is none of ours. */
export function startedFrom(said: IKernel | IKernelSpec): IOrigin | null {
  const { environment, release, state, digests } = said;
  return environment && release ? { environment, release, state, digest: digests?.manifest ?? '' } : null;
}

function sameRelease(a: IOrigin, b: IOrigin): boolean {
  return a.environment === b.environment && a.release === b.release;
}

function same(a: IStanding | null, b: IStanding | null): boolean {
  return (
    a?.mark === b?.mark &&
    a?.origin?.environment === b?.origin?.environment &&
    a?.origin?.release === b?.origin?.release &&
    a?.findings.map(({ message }) => message).join('\n') ===
      b?.findings.map(({ message }) => message).join('\n')
  );
}
