import type { ISessionContext } from '@jupyterlab/apputils';
import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { IEnvironments } from './tokens';
import { markOf, type Mark } from './words';

/** The release that a kernel was started from. */
export interface IOrigin {
  readonly environment: string;
  readonly release: string;
  readonly state: string;
}

/** What may truthfully be said about the kernel of a document. */
export interface IStanding {
  readonly mark: Mark;
  readonly origin: IOrigin | null;
}

/** The parts of a session context that are looked at. */
export type Session = Pick<
  ISessionContext,
  'isReady' | 'session' | 'specsManager' | 'kernelChanged' | 'statusChanged'
>;

/**
 * Follows the kernel of one document and says where it comes from.
 *
 * A kernel keeps the release it was started from, while the kernel specification
 * of the same name may move on to the next release or disappear. So the origin is
 * read once per kernel. Until the specifications are known *and* the kernel is,
 * the only answer is `checking`.
 */
export class KernelStanding implements IDisposable {
  constructor(
    private readonly _session: Session,
    private readonly _environments: IEnvironments
  ) {
    _session.kernelChanged.connect(this._update, this);
    _session.statusChanged.connect(this._update, this);
    _session.specsManager.specsChanged.connect(this._update, this);
    _environments.changed.connect(this._update, this);
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
    const specs = this._session.specsManager.specs;
    if (!this._session.isReady || !specs) {
      return CHECKING;
    }
    if (!kernel) {
      return null;
    }
    if (kernel.id !== this._kernel) {
      this._kernel = kernel.id;
      this._origin = null;
      this._asked = false;
    }
    const spec = specs.kernelspecs[kernel.name];
    const listed = originOf(spec?.metadata);
    if (!this._origin || (listed && sameRelease(listed, this._origin))) {
      this._origin = listed;
    }
    if (this._origin) {
      return { mark: this._markOf(this._origin), origin: this._origin };
    }
    if (!spec && !this._asked) {
      // The list may be older than the kernel; ask once before saying anything about it.
      this._asked = true;
      this._pending = kernel.id;
      // Later, for the answer may come at once and must not be overtaken by this one.
      void Promise.resolve().then(() => this._refresh(kernel.id));
    }
    return this._pending === kernel.id ? CHECKING : UNMANAGED;
  }

  private async _refresh(kernel: string): Promise<void> {
    await this._session.specsManager.refreshSpecs().catch(() => undefined);
    if (this._pending === kernel) {
      this._pending = '';
    }
    if (!this._isDisposed) {
      this._update();
    }
  }

  /** The catalog knows best; before it arrives, what the server said with the specification. */
  private _markOf({ environment, release, state }: IOrigin): Mark {
    const { catalog } = this._environments;
    if (!catalog) {
      return markOf(state);
    }
    const offered = this._environments.find(environment, release);
    if (offered) {
      return markOf(offered.state);
    }
    const known = this._environments.findUnavailable(environment, release);
    return known?.state === 'revoked' ? 'revoked' : 'unavailable';
  }

  private _kernel = '';
  private _origin: IOrigin | null = null;
  private _asked = false;
  private _pending = '';
  private _standing: IStanding | null = CHECKING;
  private _isDisposed = false;
  private readonly _changed = new Signal<this, void>(this);
}

const CHECKING: IStanding = { mark: 'checking', origin: null };
const UNMANAGED: IStanding = { mark: 'unmanaged', origin: null };

/** Read where a kernel specification says it comes from; `null` if it is not one of ours. */
export function originOf(metadata: unknown): IOrigin | null {
  const found = (metadata as { envguard?: Partial<Record<string, unknown>> } | undefined)?.envguard;
  const { environment, release, state } = found ?? {};
  return typeof environment === 'string' && typeof release === 'string' && typeof state === 'string'
    ? { environment, release, state }
    : null;
}

function sameRelease(a: IOrigin, b: IOrigin): boolean {
  return a.environment === b.environment && a.release === b.release;
}

function same(a: IStanding | null, b: IStanding | null): boolean {
  return (
    a?.mark === b?.mark &&
    a?.origin?.environment === b?.origin?.environment &&
    a?.origin?.release === b?.origin?.release
  );
}
