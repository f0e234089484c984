import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';

import { wordsOf } from '../commands';
import { StatusItem } from '../statusitem';
import { IEnvironments, IKernels, IPreferences, ISpecOpener } from '../tokens';

export const status: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:status',
  description: 'Says in the status bar how the environment of the current notebook or console stands.',
  autoStart: true,
  requires: [IEnvironments, IKernels, IPreferences, ISpecOpener],
  optional: [ILabShell, IStatusBar, ITranslator],
  activate: (
    _: JupyterFrontEnd,
    environments: IEnvironments,
    kernels: IKernels,
    preferences: IPreferences,
    opener: ISpecOpener,
    labShell: ILabShell | null,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ): void => {
    if (!labShell || !statusBar) {
      return;
    }
    const item = new StatusItem({ environments, kernels, opener, words: wordsOf(translator) });
    const turned = new Signal<object, void>(item);
    labShell.currentChanged.connect(() => turned.emit());
    kernels.changed.connect(() => turned.emit());
    preferences.changed.connect(() => turned.emit());
    statusBar.registerStatusItem(status.id, {
      item,
      align: 'left',
      rank: 3,
      isActive: () =>
        preferences.isOn('statusBar') &&
        kernels.current !== null &&
        labShell.currentWidget === kernels.current,
      activeStateChanged: turned
    });
  }
};
