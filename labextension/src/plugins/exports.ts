import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { Addresses } from '../addresses';
import { Api } from '../api';
import { CommandIDs, wordsOf } from '../commands';
import { Exporter, download } from '../exports';
import { IExports } from '../tokens';
import { Wire } from '../wire';

export const exports: JupyterFrontEndPlugin<IExports> = {
  id: 'jupyter-envguard:exports',
  description: 'Hands out approved environments as files for other tools.',
  autoStart: true,
  optional: [ITranslator],
  provides: IExports,
  activate: (app: JupyterFrontEnd, translator: ITranslator | null): IExports => {
    const words = wordsOf(translator);
    const { trans } = words;
    const settings = app.serviceManager.serverSettings;
    const addresses = new Addresses(settings);
    const exporter = new Exporter(new Api(new Wire(settings)), app.commands, words);
    const text = (description: string) => ({ type: 'string', description });
    const describedBy = {
      args: {
        type: 'object',
        properties: {
          name: text(trans.__('Name of the environment')),
          release: text(trans.__('Its release')),
          format: text(trans.__('Name of the format')),
          label: text(trans.__('What the menu says'))
        },
        required: ['name', 'release', 'format']
      }
    };
    const address = ({ name, release, format }: ReadonlyPartialJSONObject) =>
      addresses.exported(String(name), String(release), String(format));
    app.commands.addCommand(CommandIDs.exportRelease, {
      label: ({ label }) => String(label ?? trans.__('Export an Environment')),
      describedBy,
      execute: args => download(address(args))
    });
    app.commands.addCommand(CommandIDs.copyExportAddress, {
      label: ({ label }) => String(label ?? trans.__('Copy the Address of an Export')),
      describedBy,
      execute: args => Clipboard.copyToSystem(address(args))
    });
    return exporter;
  }
};
