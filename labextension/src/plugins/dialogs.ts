import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISessionContextDialogs } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator } from '@jupyterlab/translation';

import { wordsOf } from '../commands';
import { KernelDialogs } from '../dialogs';
import { countDifferences, resolve } from '../resolve';
import { IEnvironments, IPreferences, IRunning, IStamps } from '../tokens';
import { Wire } from '../wire';

export const dialogs: JupyterFrontEndPlugin<ISessionContextDialogs> = {
  id: 'jupyter-envguard:dialogs',
  description: 'Asks for a kernel, and says what is known about each.',
  autoStart: true,
  requires: [IEnvironments, IPreferences, IStamps],
  optional: [IRunning, ITranslator, ISettingRegistry],
  provides: ISessionContextDialogs,
  activate: (
    app: JupyterFrontEnd,
    environments: IEnvironments,
    preferences: IPreferences,
    stamps: IStamps,
    running: IRunning | null,
    translator: ITranslator | null,
    settingRegistry: ISettingRegistry | null
  ): ISessionContextDialogs => {
    const { serverSettings } = app.serviceManager;
    const wire = new Wire(serverSettings);
    return new KernelDialogs(
      {
        environments,
        preferences,
        running,
        words: wordsOf(translator),
        labUrl: URLExt.join(serverSettings.baseUrl, 'lab'),
        stampOf: session => stamps.of(session),
        resolve: (kernel, digest) => resolve(wire, kernel, digest),
        countDifferences: (from, to) => countDifferences(wire, from, to)
      },
      { ...(translator && { translator }), ...(settingRegistry && { settingRegistry }) }
    );
  }
};
