import { Poll } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';

import type { ICatalog, IEnvironment, IPackages, IUnavailable } from './generated/wire';
import type { IApi } from './api';
import { beginAfter } from './idle';
import { Refusal } from './wire';
import type { IEnvironments } from './tokens';

/** A catalog changes a few times a day; a revocation should be seen within a minute. */
const INTERVAL_MS = 60 * 1000;
const LONGEST_INTERVAL_MS = 5 * 60 * 1000;
/** While the server tells of changes, asking only makes up for what it could not tell. */
const TOLD_INTERVAL_MS = 5 * 60 * 1000;

/** Asks the server again and again, more slowly while it fails, and not while nobody looks. */
export class EnvironmentsModel implements IEnvironments {
  /** Without somebody who refreshes it, it asks for the first time after `begin`. */
  constructor(
    private readonly _api: IApi,
    begin: Promise<unknown> = Promise.resolve()
  ) {
    this._poll = new Poll({
      auto: false,
      name: 'jupyter-envguard:catalog',
      factory: () => this._load(),
      frequency: { interval: INTERVAL_MS, backoff: true, max: LONGEST_INTERVAL_MS },
      standby: 'when-hidden'
    });
    void beginAfter(begin, this._poll);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get catalog(): ICatalog | null {
    return this._catalog;
  }

  get asOf(): Date | null {
    return this._asOf;
  }

  get refusal(): Refusal | null {
    return this._refusal;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._poll.dispose();
    Signal.clearData(this);
  }

  get isTold(): boolean {
    return this._poll.frequency.interval === TOLD_INTERVAL_MS;
  }

  set isTold(told: boolean) {
    const interval = told ? TOLD_INTERVAL_MS : INTERVAL_MS;
    this._poll.frequency = { ...this._poll.frequency, interval };
  }

  async refresh(): Promise<void> {
    await this._poll.refresh();
    // A failed tick rejects; the failure is kept in `refusal`.
    await this._poll.tick.catch(() => undefined);
  }

  find(name: string, release: string): IEnvironment | undefined {
    return this._catalog?.environments.find(e => e.name === name && e.release === release);
  }

  findUnavailable(name: string, release: string): IUnavailable | undefined {
    return this._catalog?.unavailable.find(e => e.name === name && e.release === release);
  }

  spec(environment: IEnvironment): Promise<IPackages> {
    const { name, release, digests } = environment;
    const known = this._specs.get(digests.spec);
    if (known) {
      return known;
    }
    const asked = this._api.spec(name, release, digests.spec);
    this._specs.set(digests.spec, asked);
    // A digest names its content for ever, a failure does not last: forget only the latter.
    asked.catch(() => this._specs.delete(digests.spec));
    return asked;
  }

  private async _load(): Promise<void> {
    try {
      this._catalog = await this._api.catalog();
      this._asOf = new Date();
      this._refusal = null;
    } catch (reason) {
      this._refusal = reason instanceof Refusal ? reason : new Refusal('unforeseen', String(reason), '');
      throw reason;
    } finally {
      if (!this.isDisposed) {
        this._changed.emit();
      }
    }
  }

  private _catalog: ICatalog | null = null;
  private _asOf: Date | null = null;
  private _refusal: Refusal | null = null;
  private readonly _specs = new Map<string, Promise<IPackages>>();
  private readonly _changed = new Signal<this, void>(this);
  private readonly _poll: Poll;
}
