/**
 * Only wiring: one plugin per feature, so that each can be switched off alone.
 */
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry, WidgetTracker } from '@jupyterlab/apputils';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Api } from './api';
import { KernelBadge } from './badge';
import { EnvironmentsModel } from './model';
import { EnvironmentsPanel } from './panel';
import { SpecPage } from './spec';
import { IEnvironments, ISpecOpener } from './tokens';
import { Words } from './words';

export { IEnvironments, ISpecOpener } from './tokens';

/** Names of our commands. */
export namespace CommandIDs {
  export const openSpec = 'envguard:open-spec';
  export const openCurrentSpec = 'envguard:open-current-spec';
  export const refresh = 'envguard:refresh';
}

const DOMAIN = 'jupyter_envguard';

const wordsOf = (translator: ITranslator | null) =>
  new Words((translator ?? nullTranslator).load(DOMAIN), (translator ?? nullTranslator).languageCode);

const NO_ARGUMENTS = { args: { type: 'object', properties: {} } };

const environments: JupyterFrontEndPlugin<IEnvironments> = {
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
    const model = new EnvironmentsModel(new Api(app.serviceManager.serverSettings));
    app.commands.addCommand(CommandIDs.refresh, {
      label: trans.__('Refresh Approved Environments'),
      describedBy: NO_ARGUMENTS,
      execute: () => model.refresh()
    });
    palette?.addItem({ command: CommandIDs.refresh, category: trans.__('Kernel Operations') });
    return model;
  }
};

const spec: JupyterFrontEndPlugin<ISpecOpener> = {
  id: 'jupyter-envguard:spec',
  description: 'Shows every package of an approved environment.',
  autoStart: true,
  requires: [IEnvironments],
  optional: [ITranslator, ILabShell, ILayoutRestorer],
  provides: ISpecOpener,
  activate: (
    app: JupyterFrontEnd,
    model: IEnvironments,
    translator: ITranslator | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null
  ): ISpecOpener => {
    const words = wordsOf(translator);
    const tracker = new WidgetTracker<SpecPage>({ namespace: 'jupyter-envguard-spec' });
    const open = (name: string, release: string) => {
      const shown = tracker.find(page => page.props.name === name && page.props.release === release);
      const page = shown ?? new SpecPage({ name, release, environments: model, words });
      if (!shown) {
        // Notebook has room for one document in its main area, and that is the notebook's.
        if (!labShell) {
          tracker.forEach(other => other.dispose());
        }
        app.shell.add(page, labShell ? 'main' : 'right');
        void tracker.add(page);
      }
      app.shell.activateById(page.id);
    };
    app.commands.addCommand(CommandIDs.openSpec, {
      label: words.trans.__('Show Packages of an Environment'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            name: { type: 'string', description: words.trans.__('Name of the environment') },
            release: { type: 'string', description: words.trans.__('Its release') }
          },
          required: ['name', 'release']
        }
      },
      execute: args => open(String(args['name']), String(args['release']))
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openSpec,
      args: ({ props: { name, release } }) => ({ name, release }),
      name: page => page.id
    });
    return { open };
  }
};

const panel: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:panel',
  description: 'Lists the approved environments of this user in the side bar.',
  autoStart: true,
  requires: [IEnvironments, ISpecOpener],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    model: IEnvironments,
    opener: ISpecOpener,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const widget = new EnvironmentsPanel({ environments: model, opener, words: wordsOf(translator) });
    app.shell.add(widget, 'left', { rank: 300 });
    restorer?.add(widget, widget.id);
  }
};

const badge: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:badge',
  description: 'Says in the toolbar of a notebook which environment its kernel runs.',
  autoStart: true,
  requires: [IEnvironments, ISpecOpener, IToolbarWidgetRegistry, INotebookTracker],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    model: IEnvironments,
    opener: ISpecOpener,
    toolbars: IToolbarWidgetRegistry,
    notebooks: INotebookTracker,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): void => {
    const words = wordsOf(translator);
    const badges = new WeakMap<NotebookPanel, KernelBadge>();
    toolbars.addFactory<NotebookPanel>('Notebook', 'envguardBadge', notebook => {
      const widget = new KernelBadge(notebook, { environments: model, opener, words });
      badges.set(notebook, widget);
      return widget;
    });
    const origin = () =>
      notebooks.currentWidget ? (badges.get(notebooks.currentWidget)?.origin ?? null) : null;
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

export default [environments, spec, panel, badge];
