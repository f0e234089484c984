import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import { Addresses } from '../addresses';
import type { IEnvironment } from '../generated/wire';
import { CommandIDs, NO_ARGUMENTS, wordsOf } from '../commands';
import { IEnvironments, IExports } from '../tokens';

/** A release in the side panel; its attributes say which. */
const CARD = '.jp-EnvGuard-card[data-release]';

/** JupyterLab's own command; it is there where notebooks are. */
const NEW_NOTEBOOK = 'notebook:create-new';

export const panelMenu: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:panel-menu',
  description: 'Offers what can be done with an environment in the side panel, in its context menu.',
  autoStart: true,
  requires: [IEnvironments],
  optional: [IExports, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    environments: IEnvironments,
    exports: IExports | null,
    translator: ITranslator | null
  ): void => {
    const { trans } = wordsOf(translator);
    const { commands, contextMenu } = app;
    const addresses = new Addresses(app.serviceManager.serverSettings);
    const isCard = (node: HTMLElement) => node.matches(CARD);
    let rank = 0;
    const add = (
      command: string,
      label: string,
      act: (environment: IEnvironment, card: HTMLElement) => unknown,
      isVisible: () => boolean = () => true
    ): void => {
      commands.addCommand(command, {
        label,
        describedBy: NO_ARGUMENTS,
        isVisible,
        execute: () => {
          const card = app.contextMenuHitTest(isCard);
          const found = card && environments.find(card.dataset['name'] ?? '', card.dataset['release'] ?? '');
          return found ? act(found, card) : undefined;
        }
      });
      contextMenu.addItem({ command, selector: CARD, rank: rank++ });
    };
    const idOf = ({ name, release }: IEnvironment) => `${name}@${release}`;
    add('envguard:card-open', trans.__('Show Packages'), ({ name, release }) =>
      commands.execute(CommandIDs.openSpec, { name, release })
    );
    add(
      'envguard:card-new-notebook',
      trans.__('New Notebook'),
      ({ kernelName }) => commands.execute(NEW_NOTEBOOK, { kernelName }),
      () => commands.hasCommand(NEW_NOTEBOOK)
    );
    add(
      'envguard:card-compare',
      trans.__('Compare…'),
      environment => commands.execute(CommandIDs.compare, { from: idOf(environment) }),
      () => commands.hasCommand(CommandIDs.compare)
    );
    add(
      'envguard:card-export',
      trans.__('Export…'),
      ({ name, release }, card) => exports?.offer(name, release, card),
      () => exports !== null
    );
    add('envguard:card-copy-digest', trans.__('Copy Digest'), ({ digests }) =>
      Clipboard.copyToSystem(digests.manifest)
    );
    add('envguard:card-copy-link', trans.__('Copy Link'), environment =>
      Clipboard.copyToSystem(addresses.page({ envguard: idOf(environment) }))
    );
  }
};
