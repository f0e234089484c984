import { Widget } from '@lumino/widgets';
import { act, fireEvent, screen } from '@testing-library/react';

import { ComparePage, asCompareState, pairOf } from '../src/comparepage';
import { EnvironmentsModel } from '../src/model';
import { giveSizes } from './layout';
import { FakeApi, catalog, environment, unavailable, words } from './server';

describe('ComparePage', () => {
  beforeAll(giveSizes);

  it('is a tab named after both sides, which keeps what was chosen', async () => {
    const model = new EnvironmentsModel(new FakeApi());
    await model.refresh();
    const page = new ComparePage({ environments: model, actions: {}, words, state: asCompareState({}) });
    expect(page.title.label).toBe('Compare environments');
    const changed = jest.fn();
    page.stateChanged.connect(changed);
    act(() => Widget.attach(page, document.body));
    await screen.findByText('Choose two environments to see what differs.');
    fireEvent.change(screen.getByRole('combobox', { name: 'To' }), { target: { value: 'datasci@2026.11' } });
    act(() => page.choose({ from: 'datasci@2026.11' }));
    await screen.findByText('Both hold the same packages.');
    expect(page.title.label).toBe('datasci@2026.11 ⇄ datasci@2026.11');
    expect(page.state).toMatchObject({ from: 'datasci@2026.11', to: 'datasci@2026.11' });
    expect(changed).toHaveBeenCalledTimes(2);
    act(() => page.dispose());
    model.dispose();
  });
});

describe('asCompareState', () => {
  it.each([
    [{}, { from: '', to: '', kind: '', licenses: false, descending: false }],
    [
      { from: 1, kind: 'exploded', licenses: 'yes' },
      { from: '', kind: '', licenses: false }
    ],
    [
      { kind: 'rebuilt', licenses: true },
      { kind: 'rebuilt', licenses: true }
    ]
  ])('makes something of %j', (found, state) => {
    expect(asCompareState(found as never)).toMatchObject(state);
  });
});

describe('pairOf', () => {
  const found = catalog({
    environments: [
      environment(),
      environment({ release: '2026.05', current: false }),
      environment({ release: '2025.11', current: false, successor: 'geo@1' }),
      environment({ name: 'geo', release: '1' })
    ],
    unavailable: [unavailable({ successor: 'datasci@2026.11' })]
  });

  it.each([
    ['datasci@2026.11', 'datasci@2026.05', 'datasci@2026.11'],
    ['datasci@2026.05', 'datasci@2026.05', 'datasci@2026.11'],
    ['datasci@2025.11', 'datasci@2025.11', 'geo@1'],
    ['legacy@2024.01', 'legacy@2024.01', 'datasci@2026.11'],
    ['geo@1', 'geo@1', ''],
    ['nothing@0', 'nothing@0', '']
  ])('of %j is %j and %j', (id, from, to) => {
    expect(pairOf(id, { catalog: found })).toEqual({ from, to });
  });

  it('is nothing much while the catalog is not known', () => {
    expect(pairOf('datasci@2026.11', { catalog: null })).toEqual({ from: 'datasci@2026.11', to: '' });
  });
});
