import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { CommandRegistry } from '@lumino/commands';
import type { Widget } from '@lumino/widgets';

import plugins, { CommandIDs, type IEnvironments, type ISpecOpener } from '../src/index';
import { badge } from '../src/plugins/badge';
import { environments } from '../src/plugins/environments';
import { panel } from '../src/plugins/panel';
import { spec } from '../src/plugins/spec';
import { giveSizes } from './layout';
import { catalogJson, server } from './server';

/** An application without a screen: it only remembers what was put where. */
function application() {
  const { settings } = server(() => new Response(JSON.stringify(catalogJson())));
  const placed: { area: string; widget: Widget }[] = [];
  const activated: string[] = [];
  const app = {
    commands: new CommandRegistry(),
    serviceManager: { serverSettings: settings },
    shell: {
      add: (widget: Widget, area: string) => placed.push({ widget, area }),
      activateById: (id: string) => activated.push(id)
    }
  };
  return { app: app as unknown as JupyterFrontEnd, placed, activated };
}

const activate = <T>(plugin: JupyterFrontEndPlugin<T>, ...services: unknown[]): T =>
  (plugin.activate as (...args: unknown[]) => T)(...services);

describe('plugins', () => {
  beforeAll(giveSizes);

  it('have ids and descriptions, and need nothing that another shell might lack', () => {
    expect(plugins.map(plugin => plugin.id)).toEqual([
      'jupyter-envguard:environments',
      'jupyter-envguard:preferences',
      'jupyter-envguard:running',
      'jupyter-envguard:kernels',
      'jupyter-envguard:exports',
      'jupyter-envguard:spec',
      'jupyter-envguard:compare',
      'jupyter-envguard:panel',
      'jupyter-envguard:panel-menu',
      'jupyter-envguard:badge',
      'jupyter-envguard:status',
      'jupyter-envguard:stamps',
      'jupyter-envguard:dialogs',
      'jupyter-envguard:stamp',
      'jupyter-envguard:mismatch',
      'jupyter-envguard:revocation',
      'jupyter-envguard:requests',
      'jupyter-envguard:live',
      'jupyter-envguard:empty',
      'jupyter-envguard:links'
    ]);
    for (const plugin of plugins) {
      expect(plugin.description).toMatch(/\.$/);
      expect(plugin.requires ?? []).not.toContain(ILabShell);
    }
  });

  it('open each release once in JupyterLab', async () => {
    const { app, placed, activated } = application();
    const model = activate<IEnvironments>(environments, app, null, null);
    activate(spec, app, model, null, null, null, {} as ILabShell, null);
    const args = { name: 'datasci', release: '2026.11' };
    await app.commands.execute(CommandIDs.openSpec, args);
    await app.commands.execute(CommandIDs.openSpec, args);
    await app.commands.execute(CommandIDs.openSpec, { ...args, release: '2026.05' });
    expect(placed.map(({ area, widget }) => [area, widget.id])).toEqual([
      ['main', 'jp-envguard-spec-datasci--2026.11'],
      ['main', 'jp-envguard-spec-datasci--2026.05']
    ]);
    expect(activated).toHaveLength(3);
    model.dispose();
  });

  it('leave the main area of Notebook to the notebook', async () => {
    const { app, placed } = application();
    const model = activate<IEnvironments>(environments, app, null, null);
    activate<ISpecOpener>(spec, app, model, null, null, null, null, null);
    await app.commands.execute(CommandIDs.openSpec, { name: 'datasci', release: '2026.11' });
    await app.commands.execute(CommandIDs.openSpec, { name: 'datasci', release: '2026.05' });
    expect(placed.map(({ area, widget }) => [area, widget.isDisposed])).toEqual([
      ['right', true],
      ['right', false]
    ]);
    model.dispose();
  });

  it('put the panel into the side bar and refresh it on command', async () => {
    const { app, placed } = application();
    const palette = { addItem: jest.fn() };
    const model = activate<IEnvironments>(environments, app, null, palette);
    activate(panel, app, model, { open: jest.fn() }, null, null, null, null);
    await app.commands.execute(CommandIDs.refresh);
    expect(placed.map(({ area, widget }) => [area, widget.id])).toEqual([
      ['left', 'jp-envguard-environments']
    ]);
    expect(model.catalog?.user).toBe('analyst');
    expect(palette.addItem).toHaveBeenCalledTimes(1);
    model.dispose();
  });

  it('offer the packages of the current kernel only when it has an environment', async () => {
    const { app } = application();
    const model = activate<IEnvironments>(environments, app, null, null);
    const toolbars = { addFactory: jest.fn() };
    const kernels = { current: null };
    const palette = { addItem: jest.fn() };
    activate(badge, app, model, { open: jest.fn() }, toolbars, kernels, null, null, palette);
    expect(toolbars.addFactory).toHaveBeenCalledWith('Notebook', 'envguardBadge', expect.any(Function));
    expect(app.commands.isEnabled(CommandIDs.openCurrentSpec)).toBe(false);
    model.dispose();
  });
});
