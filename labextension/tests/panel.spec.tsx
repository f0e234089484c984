import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';

import type { ICatalog } from '../src/api';
import { Refusal } from '../src/wire';
import { EnvironmentsModel } from '../src/model';
import { EnvironmentList, EnvironmentsPanel, matches } from '../src/panel';
import { Sections } from '../src/sections';
import { stumbles } from './axe';
import { FakeApi, catalog, environment, unavailable, words } from './server';

describe('EnvironmentList', () => {
  let api: FakeApi;
  let model: EnvironmentsModel;
  let opened: string[];
  let sections: Sections;

  beforeEach(() => {
    api = new FakeApi();
    model = new EnvironmentsModel(api);
    opened = [];
    sections = new Sections();
  });

  afterEach(() => {
    model.dispose();
  });

  const opener = { open: (name: string, release: string) => void opened.push(`${name}@${release}`) };
  const list = () => (
    <EnvironmentList environments={model} opener={opener} sections={sections} words={words} />
  );
  const show = async (answer: ICatalog | Error) => {
    api.answers.catalog = answer;
    await model.refresh();
    return render(list());
  };

  it('says that it is reading before it knows anything', () => {
    render(list());
    expect(screen.getByRole('status', { name: 'Reading the catalog…' })).toBeTruthy();
    expect(screen.queryByText(/No environment/)).toBeNull();
  });

  it('shows each environment with its state, release and size, and opens it', async () => {
    await show(catalog());
    const card = screen.getByRole('button', { name: /Data Science/ });
    expect(card.textContent).toBe('Data ScienceApproved2026.113 packagesbbbbbbbb');
    fireEvent.click(card);
    expect(opened).toEqual(['datasci@2026.11']);
  });

  it('says nothing about the number of packages where nobody can tell', async () => {
    await show(catalog({ environments: [environment({ packages: 0 })] }));
    expect(screen.getByRole('button', { name: /Data Science/ }).textContent).not.toContain('package');
  });

  it('says until when a deprecated release lasts and what comes after it', async () => {
    await show(
      catalog({
        environments: [
          environment({
            state: 'deprecated',
            expires: '2027-01-31T12:00:00Z',
            successor: 'datasci@2027.02'
          })
        ]
      })
    );
    const card = screen.getByRole('button', { name: /Data Science/ });
    expect(card.textContent).toContain('Deprecated');
    expect(card.textContent).toContain('Until Jan 31, 2027');
    expect(card.textContent).toContain('Use datasci@2027.02 instead');
  });

  it('filters by every word that is typed', async () => {
    await show(
      catalog({ environments: [environment(), environment({ name: 'geo', displayName: 'Geospatial' })] })
    );
    fireEvent.change(screen.getByRole('searchbox', { name: 'Filter environments' }), {
      target: { value: 'GEO 2026' }
    });
    expect(screen.getByRole('status').textContent).toBe('1 of 2');
    expect(screen.queryByRole('button', { name: /Data Science/ })).toBeNull();
    expect(screen.getByRole('button', { name: /Geospatial/ })).toBeTruthy();
  });

  it('explains an empty list', async () => {
    await show(catalog({ environments: [] }));
    expect(screen.getByText('No environment has been approved for you yet.')).toBeTruthy();
    expect(screen.queryByRole('searchbox')).toBeNull();
  });

  it('gives every reason why something is not available', async () => {
    await show(
      catalog({ unavailable: [unavailable(), unavailable({ release: '2023.01', state: 'approved' })] })
    );
    const group = screen.getByText('Not available to you (2)').closest('details') as HTMLElement;
    expect(within(group).getAllByText('legacy@2024.01 was revoked. Use datasci.')).toHaveLength(2);
    expect(within(group).getByText('Revoked')).toBeTruthy();
    expect(within(group).getByText('Not available')).toBeTruthy();
    expect(within(group).queryByText('Approved')).toBeNull();
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

  it('shows what other features add, and takes it away again', async () => {
    const count = new Signal<object, void>({});
    let requests = 1;
    await show(catalog());
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
    expect(screen.getByText('My requests (1)')).toBeTruthy();
    expect(screen.getByText('Open: xgboost')).toBeTruthy();
    requests = 2;
    act(() => count.emit());
    expect(screen.getByText('My requests (2)')).toBeTruthy();
    act(() => added?.dispose());
    expect(screen.queryByText(/My requests/)).toBeNull();
  });

  it('has nothing to stumble over', async () => {
    const { container } = await show(catalog({ unavailable: [unavailable()] }));
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

describe('EnvironmentsPanel', () => {
  it('is a named region that follows the catalog', async () => {
    const api = new FakeApi();
    const model = new EnvironmentsModel(api);
    const panel = new EnvironmentsPanel({
      environments: model,
      opener: { open: () => undefined },
      sections: new Sections(),
      words
    });
    act(() => Widget.attach(panel, document.body));
    await act(() => model.refresh());
    await screen.findByRole('button', { name: /Data Science/ });
    expect(screen.getByRole('region', { name: 'Approved environments' })).toBe(panel.node);
    api.answers.catalog = catalog({ environments: [] });
    await act(() => model.refresh());
    await screen.findByText(/No environment has been approved/);
    act(() => panel.dispose());
    model.dispose();
  });
});

describe('matches', () => {
  it.each([
    ['', true],
    ['  ', true],
    ['numpy', true],
    ['approved PYTHON', true],
    ['datasci 2025', false]
  ])('with %j is %s', (filter, found) => {
    expect(matches(environment(), filter)).toBe(found);
  });
});
