import type { IRouter, JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { act, render, screen } from '@testing-library/react';
import * as React from 'react';

import { CommandIDs } from '../src/commands';
import { Kernels } from '../src/kernels';
import { EnvironmentsModel } from '../src/model';
import { links } from '../src/plugins/links';
import { preferences } from '../src/plugins/preferences';
import { Preferences } from '../src/preferences';
import { StatusView } from '../src/statusitem';
import { stumbles } from './axe';
import { FakeApi, catalog, envguardJson, environment, unavailable, words } from './server';

describe('links', () => {
  afterEach(() => Notification.dismiss());

  /** An application that is at this address. */
  async function at(search: string) {
    const api = new FakeApi();
    const older = environment({ release: '2026.05', current: false });
    api.answers.catalog = catalog({ environments: [older, environment()], unavailable: [unavailable()] });
    const model = new EnvironmentsModel(api);
    const commands = new CommandRegistry();
    const asked: [string, object][] = [];
    for (const id of [CommandIDs.request, CommandIDs.compare]) {
      commands.addCommand(id, { label: id, execute: args => void asked.push([id, args]) });
    }
    const router = {
      current: { path: '/lab', search },
      register: jest.fn(),
      navigate: jest.fn()
    };
    const app = { commands, restored: Promise.resolve() } as unknown as JupyterFrontEnd;
    const opener = { open: (name: string, release: string) => void asked.push(['open', { name, release }]) };
    void links.activate(app, router as unknown as IRouter, model, opener, null);
    await commands.execute('envguard:follow-link', { path: '/lab', search });
    model.dispose();
    return { asked, router };
  }

  it.each([
    ['?envguard=datasci', [['open', { name: 'datasci', release: '2026.11' }]]],
    ['?envguard=datasci@2026.05', [['open', { name: 'datasci', release: '2026.05' }]]],
    ['?envguard=legacy', [['open', { name: 'legacy', release: '2024.01' }]]],
    [
      '?envguard=datasci&vs=datasci@2026.05',
      [[CommandIDs.compare, { from: 'datasci@2026.05', to: 'datasci@2026.11' }]]
    ],
    [
      '?envguard-request=xgboost&envguard-environment=datasci',
      [[CommandIDs.request, { subject: 'xgboost', environment: 'datasci' }]]
    ],
    ['?envguard=', []]
  ])('follow %s', async (search, expected) => {
    const { asked } = await at(search);
    expect(asked).toEqual(expected);
  });

  it('leave what is not theirs in the address', async () => {
    const { router } = await at('?reset=1&envguard=datasci');
    expect(router.navigate).toHaveBeenCalledWith('/lab?reset=1', { skipRouting: true });
  });

  it.each(['?envguard=nowhere', '?envguard=nowhere&vs=datasci', '?envguard=datasci&vs=nowhere'])(
    'say that there is nothing at %s',
    async search => {
      const { asked } = await at(search);
      expect(asked).toEqual([]);
      expect(Notification.manager.notifications[0]?.message).toBe(
        'There is no environment “nowhere” for you.'
      );
    }
  );
});

describe('preferences', () => {
  it('are all on until settings say otherwise', async () => {
    const changed = new Signal<object, void>({});
    const settings = { composite: { badge: false, stamp: true }, changed };
    const transform = jest.fn();
    const registry = { load: () => Promise.resolve(settings), transform };
    const found = preferences.activate({} as JupyterFrontEnd, registry) as Preferences;
    expect(found.isOn('badge')).toBe(true);
    const [id, { compose, fetch }] = transform.mock.calls[0];
    const fetched = { id, schema: { type: 'object', title: 'Approved Environments' } };
    expect([id, compose(fetched), fetch(fetched)]).toEqual([preferences.id, fetched, fetched]);
    await Promise.resolve();
    expect([found.isOn('badge'), found.isOn('stamp'), found.isOn('mismatch')]).toEqual([false, true, true]);
    const told = jest.fn();
    found.changed.connect(told);
    changed.emit();
    expect(told).toHaveBeenCalledTimes(1);
  });

  it('do without settings', async () => {
    const registry = { load: () => Promise.reject(new Error('no schema')), transform: jest.fn() };
    const found = (await preferences.activate({} as JupyterFrontEnd, registry)) as Preferences;
    await Promise.resolve();
    expect(found.isOn('stamp')).toBe(true);
    expect(((await preferences.activate({} as JupyterFrontEnd, null)) as Preferences).isOn('stamp')).toBe(
      true
    );
  });
});

describe('StatusView', () => {
  it('says how the kernel of the notebook in front stands', async () => {
    const model = new EnvironmentsModel(new FakeApi());
    const session = {
      isReady: true,
      session: { kernel: { id: 'k1', name: 'datasci', status: 'idle' } },
      kernelChanged: new Signal({}),
      statusChanged: new Signal({}),
      specsManager: {
        specs: {
          kernelspecs: {
            datasci: { metadata: { envguard: envguardJson } }
          }
        },
        specsChanged: new Signal({}),
        refreshSpecs: () => Promise.resolve()
      }
    };
    const notebook = { sessionContext: session, disposed: new Signal({}) };
    const kernels = new Kernels(
      { current: notebook, currentChanged: new Signal({}), forEach: jest.fn() } as never,
      model
    );
    const opener = { open: jest.fn() };
    const props = { environments: model, kernels, opener, words };
    const { container, rerender } = render(React.createElement(StatusView, props));
    expect(screen.getByRole('img').textContent).toBe('Checking…');
    await act(async () => void (await new Promise(resolve => setTimeout(resolve, 20))));
    rerender(React.createElement(StatusView, props));
    const button = screen.getByRole('button');
    expect(button.textContent).toBe('Approved');
    expect(await stumbles(container)).toEqual([]);
    button.click();
    expect(opener.open).toHaveBeenCalledWith('datasci', '2026.11');
    const none = { ...props, kernels: { ...kernels, current: null } as never };
    expect(render(React.createElement(StatusView, none)).container.innerHTML).toBe('');
    model.dispose();
  });
});
