import { Clipboard } from '@jupyterlab/apputils';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';

import type { ICatalog, IPackages } from '../src/generated/wire';
import type { ICompareState } from '../src/changes';
import { CompareView, type ICompareActions } from '../src/compare';
import { asCompareState } from '../src/comparepage';
import { EnvironmentsModel } from '../src/model';
import { Refusal } from '../src/wire';
import { stumbles } from './axe';
import { giveSizes } from './layout';
import { FakeApi, catalog, digest, environment, pinned, spec, unavailable, words } from './server';

const newer = environment();
const older = environment({
  release: '2026.05',
  state: 'deprecated',
  current: false,
  digests: { pack: digest('1'), spec: digest('2'), manifest: digest('3') }
});

const before = [
  pinned('openssl', { version: '3.3.1', sha256: '1'.repeat(64) }),
  pinned('numpy', { version: '2.1.3' }),
  pinned('gdal', { license: 'MIT' }),
  pinned('torch', { version: '2.9' }),
  pinned('same')
];
const after = [
  pinned('openssl', { version: '3.3.1', sha256: '2'.repeat(64) }),
  pinned('numpy', { version: '2.3.1' }),
  pinned('scipy', { license: '' }),
  pinned('torch', { version: '2.8', license: 'Proprietary' }),
  pinned('same')
];

describe('CompareView', () => {
  beforeAll(giveSizes);

  let api: FakeApi;
  let model: EnvironmentsModel;
  let state: ICompareState;
  let specs: Record<string, IPackages | Error>;
  let actions: ICompareActions;

  beforeEach(() => {
    api = new FakeApi();
    model = new EnvironmentsModel(api);
    specs = { '2026.05': spec({ packages: before }), '2026.11': spec({ packages: after }) };
    jest.spyOn(api, 'spec').mockImplementation((_, release) => {
      const found = specs[release] ?? new Error('no such release');
      return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
    });
    actions = {
      difference: (from, to, format) => `http://hub.example/${from.release}/${to.release}.${format}`,
      linkTo: (from, to) => `http://hub.example/${from}/${to}`
    };
  });

  afterEach(() => {
    model.dispose();
  });

  const show = async (chosen: Partial<ICompareState> = {}, answer?: ICatalog | Error) => {
    api.answers.catalog = answer ?? catalog({ environments: [newer, older], unavailable: [unavailable()] });
    await model.refresh();
    state = { ...asCompareState({ from: 'datasci@2026.05', to: 'datasci@2026.11' }), ...chosen };
    const draw = () => (
      <CompareView
        state={state}
        onState={change => {
          state = { ...state, ...change };
          rerender(draw());
        }}
        environments={model}
        actions={actions}
        words={words}
      />
    );
    const { rerender, container } = render(draw());
    await act(() => Promise.resolve());
    return container;
  };

  const rows = () =>
    screen.getAllByRole('rowheader').map(({ parentElement }) => {
      const cells = within(parentElement as HTMLElement).getAllByRole('gridcell');
      return [within(parentElement as HTMLElement).getByRole('rowheader'), ...cells].map(
        cell => cell.textContent
      );
    });
  const names = () => rows().map(([name]) => name);

  it('shows what differs, what was rebuilt first', async () => {
    const container = await show();
    expect(rows()).toEqual([
      ['openssl', '≡ rebuilt', '3.3.1 11111111', '3.3.1 22222222', 'BSD-3-Clause'],
      ['gdal', '− removed', '1.0 h0_0', '—', 'MIT'],
      ['numpy', '↑ upgraded, minor', '2.1.3 h0_0', '2.3.1 h0_0', 'BSD-3-Clause'],
      ['scipy', '+ added', '—', '1.0 h0_0', ''],
      ['torch', '↓ downgraded, minor', '2.9 h0_0', '2.8 h0_0', 'BSD-3-Clause → Proprietary']
    ]);
    expect(await stumbles(container)).toEqual([]);
  });

  it('narrows down by kind, by licence and by text', async () => {
    await show();
    const chips = within(screen.getByRole('group', { name: 'Kind of change' })).getAllByRole('button');
    expect(chips.map(chip => chip.textContent)).toEqual([
      'All 5',
      'rebuilt 1',
      'upgraded 1',
      'downgraded 1',
      'added 1',
      'removed 1'
    ]);
    fireEvent.click(screen.getByRole('button', { name: 'downgraded 1' }));
    expect(names()).toEqual(['torch']);
    expect(screen.getByText('1 of 5').getAttribute('role')).toBe('status');
    fireEvent.click(screen.getByRole('button', { name: 'downgraded 1' }));
    fireEvent.click(screen.getByRole('checkbox', { name: 'licence changed (1)' }));
    expect(names()).toEqual(['torch']);
    fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'openssl' } });
    expect(screen.getByText('No change matches.')).toBeTruthy();
  });

  it('sorts by any column that has an order', async () => {
    await show();
    fireEvent.click(screen.getByText('Package'));
    expect(names()).toEqual(['gdal', 'numpy', 'openssl', 'scipy', 'torch']);
    fireEvent.click(screen.getByText('Package'));
    expect(names()).toEqual(['torch', 'scipy', 'openssl', 'numpy', 'gdal']);
    for (const title of ['Change', 'Licence']) {
      fireEvent.click(screen.getByText(title));
      expect(names()).toHaveLength(5);
    }
  });

  it('can be turned round, and told what to compare', async () => {
    await show();
    fireEvent.click(screen.getByRole('button', { name: 'The other way round' }));
    expect(state).toMatchObject({ from: 'datasci@2026.11', to: 'datasci@2026.05' });
    await screen.findByText(/upgraded, minor/);
    fireEvent.change(screen.getByRole('combobox', { name: 'To' }), { target: { value: 'datasci@2026.11' } });
    await screen.findByText('Both hold the same packages.');
    expect(screen.getByText(/byte for byte/)).toBeTruthy();
  });

  it('does not take the same packages for the same environment', async () => {
    specs['2026.05'] = spec({ packages: after });
    const container = await show();
    expect(container.textContent).toContain('Other files in them differ');
  });

  it('says what of pip, where there is any', async () => {
    specs['2026.11'] = spec({ packages: [...after, pinned('humanize', { manager: 'pypi' })] });
    await show({ filter: 'humanize' });
    expect(rows()[0]?.at(-1)).toBe('pip');
    fireEvent.click(screen.getByText('Manager'));
    expect(state.sort).toBe('manager');
  });

  it('copies a table for a ticket, and one line of it', async () => {
    const copied = jest.spyOn(Clipboard, 'copyToSystem').mockImplementation(() => undefined);
    await show({ kind: 'rebuilt' });
    fireEvent.click(screen.getByRole('button', { name: 'Copy as Markdown' }));
    expect(copied).toHaveBeenLastCalledWith(
      [
        '| Change | Package | datasci@2026.05 | datasci@2026.11 | Licence |',
        '| --- | --- | --- | --- | --- |',
        '| rebuilt | openssl | 3.3.1 h0_0 | 3.3.1 h0_0 | BSD-3-Clause |',
        ''
      ].join('\n')
    );
    fireEvent.blur(screen.getByRole('button', { name: 'Copied' }));
    fireEvent.keyDown(screen.getByRole('grid'), { key: 'c', ctrlKey: true });
    expect(copied).toHaveBeenLastCalledWith('openssl 3.3.1 h0_0 → 3.3.1 h0_0');
    fireEvent.keyDown(screen.getByRole('grid'), { key: '/' });
    expect(document.activeElement).toBe(screen.getByRole('searchbox'));
  });

  it('is a file of the server, and a link', async () => {
    const copied = jest.spyOn(Clipboard, 'copyToSystem').mockImplementation(() => undefined);
    await show();
    fireEvent.click(screen.getByRole('button', { name: 'Export' }));
    expect(screen.getByRole<HTMLAnchorElement>('link', { name: 'CSV' }).href).toBe(
      'http://hub.example/2026.05/2026.11.csv'
    );
    fireEvent.click(screen.getByRole('button', { name: 'Copy a link to this comparison' }));
    expect(copied).toHaveBeenCalledWith('http://hub.example/datasci@2026.05/datasci@2026.11');
  });

  it('says why something cannot be compared', async () => {
    const container = await show({ from: 'legacy@2024.01' });
    expect(container.textContent).toContain(
      'legacy@2024.01 is not available to you, so it cannot be compared.'
    );
    expect(container.textContent).toContain('legacy@2024.01 was revoked. Use datasci.');
    expect(screen.getByRole<HTMLSelectElement>('combobox', { name: 'From' }).value).toBe('legacy@2024.01');
    expect(await stumbles(container)).toEqual([]);
  });

  it('waits until both are chosen', async () => {
    await show({ from: '' });
    expect(screen.getByText('Choose two environments to see what differs.')).toBeTruthy();
  });

  it('shows a refusal and tries again', async () => {
    specs['2026.05'] = new Refusal('image-missing', 'It is not on this node.', '');
    await show();
    const alert = await screen.findByRole('alert');
    expect(alert.textContent).toContain('It is not on this node.');
    specs['2026.05'] = new TypeError('broken');
    fireEvent.click(within(alert).getByRole('button', { name: 'Try again' }));
    await screen.findByText('TypeError: broken');
  });

  it('waits for the catalog, or says why there is none', async () => {
    await show({}, new Refusal('catalog-expired', 'The catalog has expired.', ''));
    expect(screen.getByRole('alert').textContent).toContain('The catalog has expired.');
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    const fresh = new EnvironmentsModel(api);
    render(
      <CompareView state={state} onState={() => undefined} environments={fresh} actions={{}} words={words} />
    );
    expect(screen.getByRole('status', { name: 'Reading the catalog…' })).toBeTruthy();
    fresh.dispose();
  });
});
