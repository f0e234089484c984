import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { Addresses } from '../addresses';
import { CommandIDs, wordsOf } from '../commands';
import type { ISpecActions } from '../spec';
import type { SpecPage } from '../specpage';
import { IEnvironments, IExports, IRunning, ISpecOpener } from '../tokens';

/** JupyterLab's own command; it is there where notebooks are. */
const NEW_NOTEBOOK = 'notebook:create-new';

export const spec: JupyterFrontEndPlugin<ISpecOpener> = {
  id: 'jupyter-envguard:spec',
  description: 'Shows every package of an approved environment.',
  autoStart: true,
  requires: [IEnvironments],
  optional: [IExports, IRunning, ITranslator, ILabShell, ILayoutRestorer],
  provides: ISpecOpener,
  activate: (
    app: JupyterFrontEnd,
    environments: IEnvironments,
    exports: IExports | null,
    running: IRunning | null,
    translator: ITranslator | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null
  ): ISpecOpener => {
    const words = wordsOf(translator);
    const tracker = new WidgetTracker<SpecPage>({ namespace: 'jupyter-envguard-spec' });
    const show = async (name: string, release: string, chosen: ReadonlyPartialJSONObject): Promise<void> => {
      // The packages come while what shows them does; a failure is told on the page.
      const known = environments.find(name, release);
      void (known && environments.spec(known).catch(() => undefined));
      // Nobody who does not look at packages waits for what shows them.
      const { SpecPage, asSpecState } = await import('../specpage');
      const shown = tracker.find(page => page.props.name === name && page.props.release === release);
      const state = asSpecState({ ...shown?.state, ...chosen });
      const page =
        shown ??
        new SpecPage({
          name,
          release,
          environments,
          running,
          words,
          state,
          actions: actionsOf(app, exports)
        });
      if (shown) {
        shown.choose(state);
      } else {
        // Notebook has room for one document in its main area, and that is the notebook's.
        if (!labShell) {
          tracker.forEach(other => other.dispose());
        }
        app.shell.add(page, labShell ? 'main' : 'right');
        void tracker.add(page);
        page.stateChanged.connect(() => void tracker.save(page));
      }
      app.shell.activateById(page.id);
    };
    const text = (description: string) => ({ type: 'string', description });
    app.commands.addCommand(CommandIDs.openSpec, {
      label: words.trans.__('Show Packages of an Environment'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            name: text(words.trans.__('Name of the environment')),
            release: text(words.trans.__('Its release')),
            tab: text(words.trans.__('What to show of it: packages, approval or integrity')),
            filter: text(words.trans.__('Which packages to show')),
            sort: text(words.trans.__('By which column they are sorted')),
            descending: { type: 'boolean' },
            columns: { type: 'array', items: { type: 'string' } }
          },
          required: ['name', 'release']
        }
      },
      execute: ({ name, release, ...chosen }) => show(String(name), String(release), chosen)
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openSpec,
      args: ({ props: { name, release }, state }) => ({
        name,
        release,
        ...state,
        columns: [...state.columns]
      }),
      name: page => page.id
    });
    return { open: (name, release, chosen = {}) => void show(name, release, { ...chosen }) };
  }
};

/** What can be done from the page of a release in this application. */
function actionsOf(app: JupyterFrontEnd, exports: IExports | null): ISpecActions {
  const { commands } = app;
  const addresses = new Addresses(app.serviceManager.serverSettings);
  return {
    specAddress: (name, release) => addresses.spec(name, release),
    linkTo: (name, release, { tab, filter, sort, descending }) =>
      addresses.page({
        envguard: `${name}@${release}`,
        ...(tab !== 'packages' && { 'envguard-tab': tab }),
        ...(filter && { 'envguard-filter': filter }),
        ...((sort !== 'name' || descending) && { 'envguard-sort': descending ? `-${sort}` : sort })
      }),
    ...(commands.hasCommand(NEW_NOTEBOOK) && {
      newNotebook: ({ kernelName }) => void commands.execute(NEW_NOTEBOOK, { kernelName })
    }),
    ...(commands.hasCommand(CommandIDs.compare) && {
      compare: (name, release) => void commands.execute(CommandIDs.compare, { from: `${name}@${release}` })
    }),
    ...(exports && { offerExports: (name, release, at) => void exports.offer(name, release, at) })
  };
}
