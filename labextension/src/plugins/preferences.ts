import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator } from '@jupyterlab/translation';

import { wordsOf } from '../commands';
import { translated } from '../schematexts';
import { Preferences } from '../preferences';
import { IPreferences } from '../tokens';

/** Also the name of the settings; their schema lies in `schema/preferences.json`. */
const ID = 'jupyter-envguard:preferences';

export const preferences: JupyterFrontEndPlugin<IPreferences> = {
  id: ID,
  description: 'Reads which features are switched on.',
  autoStart: true,
  optional: [ISettingRegistry, ITranslator],
  provides: IPreferences,
  activate: (
    _: JupyterFrontEnd,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ): IPreferences => {
    const { trans } = wordsOf(translator);
    registry?.transform(ID, {
      compose: plugin => plugin,
      fetch: plugin => ({ ...plugin, schema: translated(plugin.schema, trans) })
    });
    const found = new Preferences();
    // Without settings everything is on, which is also what they say by default.
    registry?.load(ID).then(
      settings => found.follow(settings),
      () => undefined
    );
    return found;
  }
};
