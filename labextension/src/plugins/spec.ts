import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import { CommandIDs, wordsOf } from '../commands';
import { SpecPage } from '../spec';
import { IEnvironments, ISpecOpener } from '../tokens';

export const spec: JupyterFrontEndPlugin<ISpecOpener> = {
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
