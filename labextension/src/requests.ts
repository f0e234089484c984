/**
 * What this user has asked for, and what became of it.
 */
import { Signal, type ISignal } from '@lumino/signaling';

import type { INewRequest, IRequest } from './generated/wire';
import type { IRequests } from './tokens';
import { Refusal, type Wire } from './wire';

/** What a person asks for. */
export type IAsk = Required<INewRequest>;

/** Characters that a reason must have: `need it` helps nobody who decides. */
export const SHORTEST_REASON = 20;

/** Asks the server for the requests of this user, and hands it new ones. */
export class Requests implements IRequests {
  constructor(private readonly _wire: Pick<Wire, 'get' | 'post'>) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get decided(): ISignal<this, IRequest> {
    return this._decided;
  }

  get all(): readonly IRequest[] | null {
    return this._all;
  }

  get refusal(): Refusal | null {
    return this._refusal;
  }

  async refresh(): Promise<void> {
    try {
      const { requests } = await this._wire.get('requests', 'Requests');
      const all = [...requests].sort((a, b) => b.created.localeCompare(a.created));
      const before = new Map(this._all?.map(({ id, state }) => [id, state]));
      this._all = all;
      this._refusal = null;
      all
        .filter(({ id, state }) => before.get(id) === 'open' && state !== 'open')
        .forEach(request => this._decided.emit(request));
    } catch (reason) {
      this._refusal = reason instanceof Refusal ? reason : new Refusal('unforeseen', String(reason), '');
    }
    this._changed.emit();
  }

  async submit(ask: IAsk): Promise<IRequest> {
    const request = await this._wire.post('requests', ['NewRequest', ask], 'Request');
    this._all = [request, ...(this._all ?? []).filter(({ id }) => id !== request.id)];
    this._changed.emit();
    return request;
  }

  private _all: readonly IRequest[] | null = null;
  private _refusal: Refusal | null = null;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _decided = new Signal<this, IRequest>(this);
}
