import { UseSignal } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Signal, type ISignal } from '@lumino/signaling';
import * as React from 'react';

import type { ICompareState } from './changes';
import { CompareView, idOf, type ICompareActions } from './compare';
import { KINDS } from './diff';
import { compareIcon } from './icons';
import { Page } from './page';
import type { IEnvironments } from './tokens';
import type { Words } from './words';

interface IComparePageProps {
  readonly environments: IEnvironments;
  readonly actions: ICompareActions;
  readonly words: Words;
  readonly state: ICompareState;
}

/** Read a state from a command or a layout, where anything may stand. */
export function asCompareState(found: ReadonlyPartialJSONObject): ICompareState {
  const { from, to, filter, kind, licenses, sort, descending } = found;
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  return {
    from: text(from),
    to: text(to),
    filter: text(filter),
    kind: KINDS.find(known => known === kind) ?? '',
    licenses: licenses === true,
    sort: text(sort),
    descending: descending === true
  };
}

/**
 * Return what is worth comparing with the release `id`, the newer one in `to`.
 *
 * That is what replaces it, else the current release of the same environment, else
 * another release of it; empty where there is none.
 */
export function pairOf(
  id: string,
  { catalog }: Pick<IEnvironments, 'catalog'>
): Pick<ICompareState, 'from' | 'to'> {
  const offers = catalog?.environments ?? [];
  const known = [...offers, ...(catalog?.unavailable ?? [])].find(offer => idOf(offer) === id);
  const [name = ''] = id.split('@');
  const others = offers.filter(offer => offer.name === name && idOf(offer) !== id);
  const newer =
    offers.find(offer => idOf(offer) === known?.successor) ?? others.find(({ current }) => current);
  if (newer) {
    return { from: id, to: idOf(newer) };
  }
  return others[0] ? { from: idOf(others[0]), to: id } : { from: id, to: '' };
}

/** A page that says what differs between two releases. */
export class ComparePage extends Page {
  constructor(readonly props: IComparePageProps) {
    super('jp-envguard-compare');
    this._state = props.state;
    this.title.icon = compareIcon;
    this._retitle();
  }

  /** Emitted after `state` has changed. */
  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get state(): ICompareState {
    return this._state;
  }

  /** Choose what to compare and to see. */
  choose(change: Partial<ICompareState>): void {
    this._state = { ...this._state, ...change };
    this._retitle();
    this._stateChanged.emit();
  }

  protected override render(): JSX.Element {
    return (
      <UseSignal signal={this.props.environments.changed}>
        {() => (
          <UseSignal signal={this._stateChanged}>
            {() => (
              <CompareView {...this.props} state={this._state} onState={change => this.choose(change)} />
            )}
          </UseSignal>
        )}
      </UseSignal>
    );
  }

  private _retitle(): void {
    const { trans } = this.props.words;
    const { from, to } = this._state;
    this.title.label = from && to ? `${from} ⇄ ${to}` : trans.__('Compare environments');
    this.title.caption = trans.__('Compare environments');
    this.node.setAttribute('aria-label', this.title.label);
  }

  private _state: ICompareState;
  private readonly _stateChanged = new Signal<this, void>(this);
}
