import { Notification } from '@jupyterlab/apputils';
import { CommandRegistry } from '@lumino/commands';
import { MessageLoop } from '@lumino/messaging';

import { CommandIDs } from '../src/commands';
import { Exporter, download } from '../src/exports';
import { Refusal } from '../src/wire';
import { FakeApi, words } from './server';

describe('Exporter', () => {
  const setUp = () => {
    const api = new FakeApi();
    const commands = new CommandRegistry();
    const done: string[] = [];
    for (const id of [CommandIDs.exportRelease, CommandIDs.copyExportAddress]) {
      commands.addCommand(id, {
        label: args => String(args['label']),
        describedBy: { args: {} },
        execute: ({ name, release, format }) => done.push(`${id} ${name}@${release} ${format}`)
      });
    }
    const button = document.createElement('button');
    document.body.append(button);
    return { api, exporter: new Exporter(api, commands, words), button, done };
  };
  const labels = () => {
    MessageLoop.flush();
    return [...document.querySelectorAll('.lm-Menu-itemLabel')].map(({ textContent }) => textContent);
  };

  it('offers what the server can write, and says what is not exact', async () => {
    const { api, exporter, button } = setUp();
    api.answers.exports = [
      { format: 'explicit', title: 'Explicit', mediaType: '', fileName: 'a', exact: true },
      { format: 'environment-yaml', title: 'YAML', mediaType: '', fileName: 'b', exact: false },
      { format: 'of-tomorrow', title: 'Something new', mediaType: '', fileName: 'c', exact: true }
    ];
    await exporter.offer('datasci', '2026.11', button);
    expect(api.asked).toEqual(['exports datasci@2026.11']);
    expect(labels()).toEqual([
      'Explicit list for conda (@EXPLICIT)',
      'environment.yml (not exact)',
      'Something new',
      '',
      'Copy Address'
    ]);
    document.querySelectorAll('.lm-Menu').forEach(node => node.remove());
    button.remove();
  });

  it('says why there is nothing to offer', async () => {
    const { api, exporter, button } = setUp();
    const error = jest.spyOn(Notification, 'error').mockReturnValue('');
    api.answers.exports = new Refusal('revoked', 'datasci@2026.11 was revoked.', 'Use another one.');
    await exporter.offer('datasci', '2026.11', button);
    expect(error).toHaveBeenCalledWith('datasci@2026.11 was revoked. Use another one.');
    api.answers.exports = new TypeError('broken');
    await exporter.offer('datasci', '2026.11', button);
    expect(error).toHaveBeenLastCalledWith('TypeError: broken');
    expect(document.querySelector('.lm-Menu')).toBeNull();
    button.remove();
  });
});

describe('download', () => {
  it('lets the browser fetch the file under the name that the server gives it', () => {
    const clicked: string[] = [];
    jest.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
      clicked.push(`${this.href} ${this.hasAttribute('download')}`);
    });
    download('http://hub.example/x');
    expect(clicked).toEqual(['http://hub.example/x true']);
    expect(document.querySelector('a')).toBeNull();
  });
});
