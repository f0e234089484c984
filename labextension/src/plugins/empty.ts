import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';

import { CommandIDs, wordsOf } from '../commands';
import { EmptyWatch } from '../empty';
import { IEnvironments, IPreferences } from '../tokens';

export const empty: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:empty',
  description: 'Tells somebody for whom there is no environment why there are no kernels.',
  autoStart: true,
  requires: [IEnvironments, IPreferences],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    environments: IEnvironments,
    preferences: IPreferences,
    translator: ITranslator | null
  ): void => {
    const ask = () => void app.commands.execute(CommandIDs.request);
    new EmptyWatch({
      environments,
      preferences,
      words: wordsOf(translator),
      // Looked up when it is needed, for plugins come in any order.
      get ask() {
        return app.commands.hasCommand(CommandIDs.request) ? ask : null;
      }
    });
  }
};
