import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Signal, type ISignal } from '@lumino/signaling';

import type { Feature, IPreferences } from './tokens';

/** What is switched on and off, as the settings say once they have been read. */
export class Preferences implements IPreferences {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  isOn(feature: Feature): boolean {
    return this._settings?.composite[feature] !== false;
  }

  /** Follow these settings from now on. */
  follow(settings: Pick<ISettingRegistry.ISettings, 'composite' | 'changed'>): void {
    this._settings = settings;
    settings.changed.connect(() => this._changed.emit());
    this._changed.emit();
  }

  private _settings: Pick<ISettingRegistry.ISettings, 'composite'> | null = null;
  private readonly _changed = new Signal<this, void>(this);
}
