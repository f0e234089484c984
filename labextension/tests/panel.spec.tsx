import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';

import { read } from '../src/check';
import type { ICatalog, ISearch } from '../src/generated/wire';
import { EnvironmentsModel } from '../src/model';
import { PanelView, type IPanelActions, type IPanelProps } from '../src/panel';
import { PAUSE_MS } from '../src/search';
import { Sections } from '../src/sections';
import { EnvironmentsPanel } from '../src/sidepanel';
import { Refusal } from '../src/wire';
import { stumbles } from './axe';
import { FakeApi, catalog, environment, unavailable, words, searched, searchJson } from './server';

describe('PanelView', () => {
  let api: FakeApi;
  let model: EnvironmentsModel;
  let done: string[];
  let sections: Sections;
  let props: IPanelProps;

  beforeEach(() => {
    api = new FakeApi();
    model = new EnvironmentsModel(api);
    done = [];
    sections = new Sections();
    const actions: IPanelActions = {
      open: (name, release) => void done.push(`open ${name}@${release}`),
      compare: () => void done.push('compare'),
      request: subject => void done.push(`request ${subject ?? ''}`)
    };
    props = {
      environments: model,
      sections,
      actions: () => actions,
      search: query => api.search(query),
      kernels: null,
      madeOf: () => null,
      words
    };
  });

  afterEach(() => {
    jest.useRealTimers();
    model.dispose();
  });

  const show = async (answer: ICatalog | Error) => {
    api.answers.catalog = answer;
    await model.refresh();
    return render(<PanelView {...props} />);
  };
  const type = (value: string) => fireEvent.change(screen.getByRole('searchbox'), { target: { value } });
  /** Let the pause after typing pass, and the answer arrive. */
  const wait = () => act(() => jest.advanceTimersByTimeAsync(PAUSE_MS));

  it('says that it is reading before it knows anything', () => {
    render(<PanelView {...props} />);
    expect(screen.getByRole('status', { name: 'Reading the catalog…' })).toBeTruthy();
    expect(screen.queryByText(/No environment/)).toBeNull();
  });

  it('shows each environment with its state, release and size, and opens it', async () => {
    await show(catalog());
    const card = screen.getByRole('button', { name: /Data Science/ });
    expect(card.textContent).toBe('Data ScienceApproved2026.113 packagesbbbbbbbb');
    expect(card.dataset).toMatchObject({ name: 'datasci', release: '2026.11' });
    fireEvent.click(card);
    expect(done).toEqual(['open datasci@2026.11']);
  });

  it('says nothing about the number of packages where nobody can tell', async () => {
    await show(catalog({ environments: [environment({ packages: 0 })] }));
    expect(screen.getByRole('button', { name: /Data Science/ }).textContent).not.toContain('package');
  });

  it('says until when a deprecated release lasts and what comes after it', async () => {
    const expires = '2027-01-31T12:00:00Z';
    const old = environment({ state: 'deprecated', expires, successor: 'datasci@2027.02' });
    await show(catalog({ environments: [old] }));
    const card = screen.getByRole('button', { name: /Data Science/ });
    expect(card.textContent).toContain('Deprecated');
    expect(card.textContent).toContain('Until Jan 31, 2027');
    expect(card.textContent).toContain('Use datasci@2027.02 instead');
  });

  describe('search', () => {
    beforeEach(async () => {
      await show(
        catalog({ environments: [environment(), environment({ name: 'geo', displayName: 'Geospatial' })] })
      );
      jest.useFakeTimers();
      api.asked = [];
    });

    it('finds names at once', () => {
      type('GEO 2026');
      expect(screen.queryByRole('button', { name: /Data Science/ })).toBeNull();
      expect(screen.getByRole('button', { name: /Geospatial/ })).toBeTruthy();
      expect(screen.getByRole('status').textContent).toBe('Looking into the packages…');
    });

    it('finds packages after a pause, and asks only for what was typed last', async () => {
      const packages = ['torch', 'torchvision', 'torchaudio', 'torchtext'].map(name => ({
        name,
        version: '2.9',
        build: '',
        manager: 'conda' as const
      }));
      api.answers.search = searched({
        matches: [{ ...read('Search', searchJson()).matches[0]!, name: 'geo', packages }]
      });
      type('torch>');
      type('torch>=2.4');
      await wait();
      expect(api.asked).toEqual(['search torch>=2.4']);
      expect(screen.getByRole('status').textContent).toBe('1 of 2');
      const card = screen.getByRole('button', { name: /Geospatial/ });
      expect(card.textContent).toContain('torch 2.9torchvision 2.9torchaudio 2.9and 1 more');
    });

    it('drops an answer to what is not asked any more', async () => {
      let late: (search: ISearch) => void = () => undefined;
      jest.spyOn(api, 'search').mockReturnValueOnce(new Promise(resolve => (late = resolve)));
      type('xgboost');
      await wait();
      type('');
      await act(async () => {
        late(searched({ suggestions: ['late'] }));
        await Promise.resolve();
      });
      expect(screen.queryByText('late')).toBeNull();
      expect(screen.getAllByRole('button', { name: /2026/ })).toHaveLength(2);
    });

    it('searches names where the server cannot look, and says so', async () => {
      api.answers.search = new Refusal('invalid-argument', 'That is no version.', 'Write torch>=2.4.');
      type('data');
      await wait();
      expect(screen.getByRole('status').textContent).toBe(
        '1 of 2. Only names were searched: That is no version. Write torch>=2.4.'
      );
      api.answers.search = new TypeError('broken') as never;
      type('dat');
      await wait();
      expect(screen.getByRole('status').textContent).toContain('TypeError: broken');
    });

    it('suggests what comes close, and the way to ask for the rest', async () => {
      api.answers.search = searched({ suggestions: ['torch'] });
      type('trch');
      await wait();
      expect(screen.getByText('No environment that you may use has “trch”.')).toBeTruthy();
      fireEvent.click(screen.getByRole('button', { name: 'Ask for it' }));
      expect(done).toEqual(['request trch']);
      fireEvent.click(screen.getByRole('button', { name: 'torch' }));
      expect(screen.getByRole<HTMLInputElement>('searchbox').value).toBe('torch');
    });

    it('leads down to what was found', () => {
      fireEvent.keyDown(screen.getByRole('searchbox'), { key: 'ArrowDown' });
      expect(document.activeElement?.textContent).toContain('Data Science');
    });
  });

  it('explains an empty list', async () => {
    await show(catalog({ environments: [] }));
    expect(screen.getByText('No environment has been approved for you yet.')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Ask for it' }));
    expect(done).toEqual(['request ']);
  });

  it('offers only what there is', async () => {
    await show(catalog());
    for (const name of ['Compare environments', 'Ask for a package or an environment']) {
      fireEvent.click(screen.getByRole('button', { name }));
    }
    expect(done).toEqual(['compare', 'request ']);
    props = { ...props, actions: () => ({ open: () => undefined }) };
    const { container } = await show(catalog({ environments: [] }));
    expect(within(container).queryByRole('button', { name: /Compare|Ask/ })).toBeNull();
  });

  it('gives every reason why something is not available, and what to do', async () => {
    await show(
      catalog({
        unavailable: [
          unavailable({ successor: 'datasci@2026.11' }),
          unavailable({ release: '2023.01', state: 'approved', successor: 'other@1', contact: '' })
        ]
      })
    );
    expect(screen.queryByText('Revoked')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Not available to you (2)' }));
    const group = screen.getByRole('region', { name: 'Not available to you (2)' });
    expect(within(group).getAllByText('legacy@2024.01 was revoked. Use datasci.')).toHaveLength(2);
    expect(within(group).getByText('Revoked')).toBeTruthy();
    expect(within(group).getByText('Not available')).toBeTruthy();
    expect(within(group).queryByText('Approved')).toBeNull();
    expect(within(group).getByText('Whom to ask: Ada, room 4')).toBeTruthy();
    expect(within(group).queryByRole('button', { name: 'Use other@1 instead' })).toBeNull();
    fireEvent.click(within(group).getByRole('button', { name: 'Use datasci@2026.11 instead' }));
    expect(done).toEqual(['open datasci@2026.11']);
  });

  it("shows the server's reason and tries again", async () => {
    await show(
      new Refusal('catalog-expired', 'The catalog expired on 1 November.', 'Tell an administrator.')
    );
    const alert = screen.getByRole('alert');
    expect(alert.textContent).toContain('The catalog expired on 1 November.');
    expect(alert.textContent).toContain('Tell an administrator.');
    expect(alert.textContent).toContain('catalog-expired');
    const before = api.asked.length;
    await act(async () => {
      fireEvent.click(within(alert).getByRole('button', { name: 'Try again' }));
      await model.refresh();
    });
    expect(api.asked.length).toBeGreaterThan(before);
  });

  it('keeps the last good list on the screen and says how old it is', async () => {
    await model.refresh();
    await show(new Refusal('server-unreachable', '', ''));
    expect(screen.getByRole('alert').textContent).toMatch(/The list below is as of \d/);
    expect(screen.getByRole('button', { name: /Data Science/ })).toBeTruthy();
  });

  it('says that a catalog has run out, and what that means', async () => {
    await show(catalog({ catalog: { version: 4, expires: '2020-01-01T00:00:00Z' } }));
    expect(screen.getByRole('alert').textContent).toMatch(
      /valid until .*2020.*Kernels that run keep running/
    );
  });

  it('says so in the moment when it runs out, though nobody tells', async () => {
    const expires = new Date(Date.now() + 1000).toISOString();
    await show(catalog({ catalog: { version: 4, expires } }));
    const told = await screen.findByRole('alert', {}, { timeout: 8000 });
    expect(told.textContent).toContain('The catalog was valid until');
  });

  it('shows what other features add, and takes it away again', async () => {
    const count = new Signal<object, void>({});
    let requests = 1;
    api.answers.catalog = catalog();
    await model.refresh();
    const panel = new EnvironmentsPanel(props);
    await act(async () => Widget.attach(panel, document.body));
    await screen.findByRole('button', { name: /Data Science/ });
    let added: IDisposable | undefined;
    act(() => {
      added = sections.add({
        id: 'requests',
        rank: 40,
        title: 'My requests',
        Content: () => <p>Open: xgboost</p>,
        count: () => requests,
        changed: count
      });
    });
    expect(screen.getByRole('button', { name: 'My requests (1)' })).toBeTruthy();
    expect(screen.getByText('Open: xgboost')).toBeTruthy();
    requests = 2;
    act(() => count.emit());
    fireEvent.click(screen.getByRole('button', { name: 'My requests (2)' }));
    expect(screen.queryByText('Open: xgboost')).toBeNull();
    act(() => added?.dispose());
    expect(screen.queryByText(/My requests/)).toBeNull();
    act(() => panel.dispose());
  });

  it('has nothing to stumble over', async () => {
    const { container } = await show(catalog({ unavailable: [unavailable()] }));
    fireEvent.click(screen.getByRole('button', { name: /Not available/ }));
    expect(await stumbles(container)).toEqual([]);
  });

  it('has nothing to stumble over when it is empty or failing', async () => {
    await model.refresh();
    api.answers.catalog = catalog({ environments: [] });
    await model.refresh();
    const { container } = await show(new Refusal('locked', 'Locked.', 'Wait.'));
    expect(await stumbles(container)).toEqual([]);
  });
});

function panelOf(api: FakeApi, environments: EnvironmentsModel): EnvironmentsPanel {
  return new EnvironmentsPanel({
    environments,
    sections: new Sections(),
    actions: () => ({ open: () => undefined }),
    search: query => api.search(query),
    kernels: null,
    madeOf: () => null,
    words
  });
}

describe('EnvironmentsPanel', () => {
  it('asks for nothing and draws nothing until somebody looks', async () => {
    const api = new FakeApi();
    const model = new EnvironmentsModel(api, new Promise(() => undefined));
    const panel = panelOf(api, model);
    panel.hide();
    await act(async () => Widget.attach(panel, document.body));
    expect([api.asked, panel.content.widgets]).toEqual([[], []]);
    await act(async () => panel.show());
    await screen.findByRole('button', { name: /Data Science/ });
    await act(async () => (panel.hide(), panel.show()));
    expect([api.asked, panel.content.widgets.length]).toEqual([['catalog'], 1]);
    act(() => panel.dispose());
    model.dispose();
  });

  it('is a named region that follows the catalog', async () => {
    const api = new FakeApi();
    const model = new EnvironmentsModel(api);
    const panel = panelOf(api, model);
    await act(async () => Widget.attach(panel, document.body));
    await screen.findByRole('button', { name: /Data Science/ });
    expect(screen.getByRole('region', { name: 'Approved environments' })).toBe(panel.node);
    api.answers.catalog = catalog({ environments: [] });
    await act(() => model.refresh());
    await screen.findByText(/No environment has been approved/);
    act(() => panel.dispose());
    model.dispose();
  });
});
