import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { Addresses } from '../addresses';
import { CommandIDs, wordsOf } from '../commands';
import type { ICompareActions } from '../compare';
import type { ComparePage } from '../comparepage';
import { IEnvironments, ISpecOpener } from '../tokens';

export const compare: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:compare',
  description: 'Shows what differs between two environments.',
  autoStart: true,
  requires: [IEnvironments],
  optional: [ISpecOpener, ITranslator, ICommandPalette, ILabShell, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    environments: IEnvironments,
    opener: ISpecOpener | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const words = wordsOf(translator);
    const { trans } = words;
    const tracker = new WidgetTracker<ComparePage>({ namespace: 'jupyter-envguard-compare' });
    const actions = actionsOf(app, opener);
    const show = async (chosen: ReadonlyPartialJSONObject): Promise<void> => {
      // Nobody who does not compare waits for what does.
      const { ComparePage, asCompareState, pairOf } = await import('../comparepage');
      if (!environments.catalog) {
        await environments.refresh();
      }
      const asked = asCompareState(chosen);
      const only = asked.from && asked.to ? '' : asked.from || asked.to;
      const state = { ...asked, ...(only && pairOf(only, environments)) };
      const shown = tracker.find(() => true);
      const page = shown ?? new ComparePage({ environments, actions, words, state });
      if (shown) {
        shown.choose(state);
      } else {
        // Notebook has room for one document in its main area, and that is the notebook's.
        app.shell.add(page, labShell ? 'main' : 'right');
        void tracker.add(page);
        page.stateChanged.connect(() => void tracker.save(page));
      }
      app.shell.activateById(page.id);
    };
    const text = (description: string) => ({ type: 'string', description });
    app.commands.addCommand(CommandIDs.compare, {
      label: trans.__('Compare Environments'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            from: text(trans.__('One release, as name@release')),
            to: text(trans.__('The other release, as name@release')),
            filter: text(trans.__('Which changes to show')),
            kind: text(trans.__('Only changes of this kind')),
            licenses: { type: 'boolean' },
            sort: text(trans.__('By which column they are sorted')),
            descending: { type: 'boolean' }
          }
        }
      },
      execute: args => show(args)
    });
    palette?.addItem({ command: CommandIDs.compare, category: trans.__('Kernel Operations') });
    void restorer?.restore(tracker, {
      command: CommandIDs.compare,
      args: ({ state }) => ({ ...state }),
      name: page => page.id
    });
  }
};

/** What can be done from a comparison in this application. */
function actionsOf(app: JupyterFrontEnd, opener: ISpecOpener | null): ICompareActions {
  const addresses = new Addresses(app.serviceManager.serverSettings);
  return {
    difference: (from, to, format) =>
      addresses.difference(from.name, from.release, `${to.name}@${to.release}`, format),
    linkTo: (from, to) => addresses.page({ envguard: to, vs: from }),
    ...(opener && { open: (name, release) => opener.open(name, release) })
  };
}
