import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import { Api } from '../api';
import { Wire } from '../wire';
import { CommandIDs, NO_ARGUMENTS, wordsOf } from '../commands';
import { whenQuiet } from '../idle';
import { EnvironmentsModel } from '../model';
import { IEnvironments } from '../tokens';

export const environments: JupyterFrontEndPlugin<IEnvironments> = {
  id: 'jupyter-envguard:environments',
  description: 'Keeps the approved environments of this user up to date.',
  autoStart: true,
  optional: [ITranslator, ICommandPalette],
  provides: IEnvironments,
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): IEnvironments => {
    const { trans } = wordsOf(translator);
    const api = new Api(new Wire(app.serviceManager.serverSettings));
    const model = new EnvironmentsModel(api, whenQuiet(app));
    app.commands.addCommand(CommandIDs.refresh, {
      label: trans.__('Refresh Approved Environments'),
      describedBy: NO_ARGUMENTS,
      execute: () => model.refresh()
    });
    palette?.addItem({ command: CommandIDs.refresh, category: trans.__('Kernel Operations') });
    return model;
  }
};
