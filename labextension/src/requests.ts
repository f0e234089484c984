/**
 * What this user has asked for, and what became of it.
 */
import { Signal, type ISignal } from '@lumino/signaling';

import type { IRequests } from './tokens';
import { Fields, Refusal, type Wire } from './wire';

/** What a person asks for. */
export interface IAsk {
  readonly kind: 'package' | 'environment';
  /** A package with its versions, or a name for an environment. */
  readonly subject: string;
  /** The environment that a package is to be added to; empty if none in particular. */
  readonly environment: string;
  readonly channel: string;
  readonly reason: string;
  /** `YYYY-MM-DD`, or empty. */
  readonly neededBy: string;
  /** Paths of notebooks that wait for it. */
  readonly notebooks: readonly string[];
}

/** Who decided, when and why; `release` is where an approved package is to be found. */
export interface IDecision {
  readonly who: string;
  readonly when: string;
  readonly reason: string;
  readonly release: string;
}

/** What was asked for. */
export interface IRequest extends IAsk {
  readonly id: string;
  readonly state: string;
  readonly created: string;
  readonly decision: IDecision | null;
}

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
      const all = new Fields(await this._wire.get('requests'), '').list('requests', asRequest);
      all.sort((a, b) => b.created.localeCompare(a.created));
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
    const { neededBy, ...rest } = ask;
    const request = asRequest(
      new Fields(await this._wire.post('requests', { ...rest, needed_by: neededBy }), '')
    );
    this._all = [request, ...(this._all ?? []).filter(({ id }) => id !== request.id)];
    this._changed.emit();
    return request;
  }

  private _all: readonly IRequest[] | null = null;
  private _refusal: Refusal | null = null;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _decided = new Signal<this, IRequest>(this);
}

/** Return one request of an answer, or throw a `Refusal` that names the field at fault. */
export function asRequest(fields: Fields): IRequest {
  return {
    id: fields.text('id'),
    kind: fields.text('kind') === 'environment' ? 'environment' : 'package',
    subject: fields.text('subject'),
    environment: fields.text('environment'),
    channel: fields.text('channel'),
    reason: fields.text('reason'),
    neededBy: fields.text('needed_by'),
    notebooks: fields.texts('notebooks'),
    state: fields.text('state'),
    created: fields.text('created'),
    decision: fields.optional('decision', key => asDecision(fields.fields(key)))
  };
}

function asDecision(fields: Fields): IDecision {
  return {
    who: fields.text('who'),
    when: fields.text('when'),
    reason: fields.text('reason'),
    release: fields.optional('release', key => fields.text(key)) ?? ''
  };
}
