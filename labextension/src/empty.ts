/**
 * Tells somebody for whom there is no environment why there are no kernels: JupyterLab's launcher just lacks them.
 */
import { Notification } from '@jupyterlab/apputils';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import type { IEnvironments, IPreferences } from './tokens';
import type { Words } from './words';

export interface IEmptyProps {
  readonly environments: Pick<IEnvironments, 'catalog' | 'refusal' | 'changed'>;
  readonly preferences: Pick<IPreferences, 'isOn'>;
  readonly words: Words;
  /** Ask for an environment; `null` where nobody can. */
  readonly ask: (() => void) | null;
}

/** Tells once, and takes it back when an environment comes. */
export class EmptyWatch implements IDisposable {
  constructor(private readonly _props: IEmptyProps) {
    _props.environments.changed.connect(this._look, this);
    this._look();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._withdraw();
      Signal.clearData(this);
    }
  }

  private _look(): void {
    const { environments, preferences } = this._props;
    const { catalog, refusal } = environments;
    if (!catalog || refusal) {
      return;
    }
    if (catalog.environments.length > 0) {
      this._withdraw();
      this._told = false;
    } else if (!this._told) {
      this._told = true;
      this._shown = preferences.isOn('empty') ? this._tell() : '';
    }
  }

  private _tell(): string {
    const { words, ask } = this._props;
    const { trans } = words;
    const said = trans.__('No environment has been approved for you yet, so there is no kernel to start.');
    return Notification.info(said, {
      autoClose: false,
      ...(ask && { actions: [{ label: trans.__('Ask for it'), callback: ask }] })
    });
  }

  private _withdraw(): void {
    if (this._shown) {
      Notification.dismiss(this._shown);
      this._shown = '';
    }
  }

  private _isDisposed = false;
  private _told = false;
  private _shown = '';
}
