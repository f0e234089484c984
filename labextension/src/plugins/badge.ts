import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import { KernelBadge } from '../badge';
import { CommandIDs, NO_ARGUMENTS, wordsOf } from '../commands';
import type { IHost } from '../hosts';
import { IEnvironments, IKernels, IPreferences, ISpecOpener } from '../tokens';

export const badge: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:badge',
  description: 'Says in the toolbar of a notebook or a console which environment its kernel runs.',
  autoStart: true,
  requires: [IEnvironments, ISpecOpener, IToolbarWidgetRegistry, IKernels],
  optional: [IPreferences, ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    model: IEnvironments,
    opener: ISpecOpener,
    toolbars: IToolbarWidgetRegistry,
    kernels: IKernels,
    preferences: IPreferences | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): void => {
    const words = wordsOf(translator);
    const make = (host: IHost): KernelBadge => {
      const kernel = kernels.of(host);
      const widget = new KernelBadge(host, { environments: model, opener, words, kernel });
      const show = () => widget.setHidden(preferences?.isOn('badge') === false);
      preferences?.changed.connect(show);
      widget.disposed.connect(() => preferences?.changed.disconnect(show));
      show();
      return widget;
    };
    for (const toolbar of ['Notebook', 'ConsolePanel']) {
      toolbars.addFactory<IHost>(toolbar, 'envguardBadge', make);
    }
    const origin = () => (kernels.current ? kernels.of(kernels.current).standing?.origin : null) ?? null;
    app.commands.addCommand(CommandIDs.openCurrentSpec, {
      label: words.trans.__('Show Packages of the Current Kernel'),
      describedBy: NO_ARGUMENTS,
      isEnabled: () => origin() !== null,
      execute: () => {
        const found = origin();
        if (found) {
          opener.open(found.environment, found.release);
        }
      }
    });
    palette?.addItem({
      command: CommandIDs.openCurrentSpec,
      category: words.trans.__('Kernel Operations')
    });
  }
};
