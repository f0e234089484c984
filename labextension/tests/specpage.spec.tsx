import { Widget } from '@lumino/widgets';
import { act, fireEvent, screen } from '@testing-library/react';

import { EnvironmentsModel } from '../src/model';
import { SpecPage, asSpecState } from '../src/specpage';
import { giveSizes } from './layout';
import { FakeApi, words } from './server';

describe('SpecPage', () => {
  beforeAll(giveSizes);

  it('is a tab named after the environment, as soon as that is known', async () => {
    const model = new EnvironmentsModel(new FakeApi());
    const page = new SpecPage({
      name: 'datasci',
      release: '2026.11',
      environments: model,
      running: null,
      actions: {},
      words
    });
    expect(page.title.label).toBe('datasci 2026.11');
    act(() => Widget.attach(page, document.body));
    await act(() => model.refresh());
    expect(page.title.label).toBe('Data Science 2026.11');
    await screen.findByRole('grid');
    expect(screen.getByRole('region', { name: 'Packages of datasci@2026.11' })).toBe(page.node);
    act(() => page.dispose());
    model.dispose();
  });

  it('keeps what was chosen, and says when that changes', async () => {
    const model = new EnvironmentsModel(new FakeApi());
    await model.refresh();
    const state = asSpecState({ filter: 'ssl', sort: 'size', descending: true });
    const page = new SpecPage({
      name: 'datasci',
      release: '2026.11',
      environments: model,
      running: null,
      actions: {},
      words,
      state
    });
    const changed = jest.fn();
    page.stateChanged.connect(changed);
    act(() => Widget.attach(page, document.body));
    await screen.findByRole('grid');
    expect(screen.getAllByRole('rowheader').map(({ textContent }) => textContent)).toEqual(['openssl']);
    fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'z' } });
    fireEvent.click(screen.getByRole('tab', { name: 'Approval' }));
    expect(page.state).toMatchObject({ filter: 'z', sort: 'size', descending: true, tab: 'approval' });
    expect(changed).toHaveBeenCalledTimes(2);
    act(() => page.dispose());
    model.dispose();
  });
});

describe('asSpecState', () => {
  it.each([
    [{}, { tab: 'packages', filter: '', sort: 'name', descending: false }],
    [
      { tab: 3, filter: null, sort: [], descending: 'yes', columns: 'all' },
      { tab: 'packages', filter: '' }
    ],
    [{ columns: ['name', 7, 'size'] }, { columns: ['name', 'size'] }]
  ])('makes something of %j', (found, state) => {
    expect(asSpecState(found as never)).toMatchObject(state);
  });
});
