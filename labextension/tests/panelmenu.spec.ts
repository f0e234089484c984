import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard } from '@jupyterlab/apputils';
import { CommandRegistry } from '@lumino/commands';

import { CommandIDs } from '../src/commands';
import { EnvironmentsModel } from '../src/model';
import { panelMenu } from '../src/plugins/panelmenu';
import type { IExports } from '../src/tokens';
import { FakeApi, digest, server } from './server';

describe('The context menu of the panel', () => {
  const setUp = async (exports: IExports | null) => {
    const model = new EnvironmentsModel(new FakeApi());
    await model.refresh();
    const card = document.createElement('button');
    card.className = 'jp-EnvGuard-card';
    Object.assign(card.dataset, { name: 'datasci', release: '2026.11' });
    const items: { command: string; selector: string }[] = [];
    const app = {
      commands: new CommandRegistry(),
      contextMenu: { addItem: (item: { command: string; selector: string }) => items.push(item) },
      serviceManager: { serverSettings: server(() => new Response('{}')).settings },
      contextMenuHitTest: (test: (node: HTMLElement) => boolean) => (test(card) ? card : undefined)
    };
    const activate = panelMenu.activate as (...args: unknown[]) => void;
    activate(app as unknown as JupyterFrontEnd, model, exports, null);
    return { ...app, items, card, model };
  };

  it('does with the card that was clicked what it says', async () => {
    const offer = jest.fn().mockResolvedValue(undefined);
    const copied = jest.spyOn(Clipboard, 'copyToSystem').mockImplementation(() => undefined);
    const { commands, items, card, model } = await setUp({ offer });
    const done: string[] = [];
    for (const id of [CommandIDs.openSpec, CommandIDs.compare, 'notebook:create-new']) {
      commands.addCommand(id, {
        describedBy: { args: {} },
        execute: args => done.push(`${id} ${JSON.stringify(args)}`)
      });
    }
    for (const { command, selector } of items) {
      expect(card.matches(selector)).toBe(true);
      expect(commands.isVisible(command)).toBe(true);
      await commands.execute(command);
    }
    expect(done).toEqual([
      'envguard:open-spec {"name":"datasci","release":"2026.11"}',
      'notebook:create-new {"kernelName":"datasci"}',
      'envguard:compare {"from":"datasci@2026.11"}'
    ]);
    expect(offer).toHaveBeenCalledWith('datasci', '2026.11', card);
    expect(copied.mock.calls).toEqual([
      [digest('c')],
      [expect.stringMatching(/^http:\/\/hub\.example\/user\/analyst\/.*\?envguard=datasci%402026\.11$/)]
    ]);
    model.dispose();
  });

  it('hides what is not there, and does nothing for what is gone', async () => {
    const { commands, items, card, model } = await setUp(null);
    expect(items.map(({ command }) => command).filter(command => commands.isVisible(command))).toEqual([
      'envguard:card-open',
      'envguard:card-copy-digest',
      'envguard:card-copy-link'
    ]);
    card.dataset['release'] = '1999.01';
    expect(await commands.execute('envguard:card-open')).toBeUndefined();
    model.dispose();
  });
});
