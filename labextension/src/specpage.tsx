import { UseSignal } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Signal, type ISignal } from '@lumino/signaling';
import * as React from 'react';

import { boxIcon } from './icons';
import { USUAL_STATE, type IPackagesState } from './packages';
import { Page } from './page';
import { SpecView, type ISpecActions } from './spec';
import type { IEnvironments, IRunning } from './tokens';
import type { Words } from './words';

/** What a person has chosen to see of a release; lives in the layout and in links. */
export interface ISpecState extends IPackagesState {
  readonly tab: string;
}

/** Read a state from a layout or a link, where anything may stand. */
export function asSpecState(found: ReadonlyPartialJSONObject): ISpecState {
  const { tab, filter, sort, descending, columns } = found;
  const text = (value: unknown, otherwise: string) => (typeof value === 'string' ? value : otherwise);
  return {
    tab: text(tab, 'packages'),
    filter: text(filter, USUAL_STATE.filter),
    sort: text(sort, USUAL_STATE.sort),
    descending: descending === true,
    columns: Array.isArray(columns)
      ? columns.filter((id): id is string => typeof id === 'string')
      : USUAL_STATE.columns
  };
}

interface ISpecPageProps {
  readonly name: string;
  readonly release: string;
  readonly environments: IEnvironments;
  readonly running: IRunning | null;
  readonly actions: ISpecActions;
  readonly words: Words;
  readonly state?: ISpecState;
}

/** A page about one release: what it is, who approved it, and every package in it. */
export class SpecPage extends Page {
  constructor(readonly props: ISpecPageProps) {
    super(`jp-envguard-spec-${props.name}--${props.release}`);
    const { name, release, environments, words } = props;
    this._state = props.state ?? asSpecState({});
    this.title.icon = boxIcon;
    this.title.caption = words.trans.__('Packages of %1', `${name}@${release}`);
    this.node.setAttribute('aria-label', this.title.caption);
    environments.changed.connect(this._retitle, this);
    this._retitle();
  }

  /** Emitted after `state` has changed. */
  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get state(): ISpecState {
    return this._state;
  }

  /** Choose what to see. */
  choose(change: Partial<ISpecState>): void {
    this._state = { ...this._state, ...change };
    this._stateChanged.emit();
  }

  protected override render(): JSX.Element {
    const { environments } = this.props;
    return (
      <UseSignal signal={environments.changed}>
        {() => (
          <UseSignal signal={this._stateChanged}>
            {() => <SpecView {...this.props} state={this._state} onState={change => this.choose(change)} />}
          </UseSignal>
        )}
      </UseSignal>
    );
  }

  private _retitle(): void {
    const { name, release, environments } = this.props;
    this.title.label = `${environments.find(name, release)?.displayName ?? name} ${release}`;
  }

  private _state: ISpecState;
  private readonly _stateChanged = new Signal<this, void>(this);
}
