import { act, fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';

import { Packages, USUAL_STATE, type IPackagesState } from '../src/packages';
import { stumbles } from './axe';
import { giveSizes } from './layout';
import { pinned, spec, words } from './server';

const names = () => screen.getAllByRole('rowheader').map(cell => cell.textContent);

/** A spec in which pandas brought numpy, and pip something odd. */
const packages = [
  pinned('pandas', { requested: true, depends: ['numpy'], version: '2.10' }),
  pinned('numpy', { depends: ['openblas'], requiredBy: ['pandas'], version: '2.9' }),
  pinned('openblas', { requiredBy: ['numpy'], flags: ['other-channel'] }),
  pinned('odd', { manager: 'pypi', sha256: '', license: '', size: 0, channel: '', subdir: '', url: '' }),
  pinned('stray', { requiredBy: [] })
].map(item =>
  item.name === 'odd' ? { ...item, flags: ['pip', 'no-hash', 'licence-unknown'] as const } : item
);

describe('Packages', () => {
  beforeAll(giveSizes);

  let state: IPackagesState;
  const show = (found = spec({ packages })) => {
    state = USUAL_STATE;
    const draw = () => (
      <Packages
        spec={found}
        words={words}
        state={state}
        onState={change => {
          state = { ...state, ...change };
          rerender(draw());
        }}
      />
    );
    const { rerender, container } = render(draw());
    return container;
  };
  const type = (text: string) => fireEvent.change(screen.getByRole('searchbox'), { target: { value: text } });
  const press = (key: string, init = {}) => fireEvent.keyDown(screen.getByRole('grid'), { key, ...init });
  const open = (name: string) => {
    fireEvent.click(screen.getByRole('rowheader', { name }));
    return screen.getByRole('region', { name: `Details of ${name}` });
  };
  const cellsOf = (name: string) =>
    within(screen.getByRole('rowheader', { name }).parentElement as HTMLElement)
      .getAllByRole('gridcell')
      .map(cell => cell.textContent);

  it('shows what is pinned about a package', () => {
    show();
    expect(cellsOf('pandas')).toEqual([
      '2.10',
      'h0_0',
      'main/linux-64',
      'conda',
      'BSD-3-Clause',
      'dddddddd',
      '1.5 MB'
    ]);
  });

  it('says so where a hash, a licence or a size is not known', () => {
    show();
    expect(cellsOf('odd')).toEqual(['1.0', 'h0_0', '', 'pip', 'unknown', 'no hash', '']);
  });

  it('filters, and says how many are left', () => {
    show();
    expect(screen.getByText('5 packages').getAttribute('role')).toBe('status');
    type('needs:openblas');
    expect(names()).toEqual(['numpy']);
    expect(screen.getByText('1 of 5').getAttribute('role')).toBe('status');
    type('nothing like it');
    expect(screen.getByText('No package matches.')).toBeTruthy();
  });

  it('says what it does not understand, and finds it as text', () => {
    show();
    type('lizense:mit');
    expect(screen.getByRole('searchbox').getAttribute('aria-describedby')).toBe(
      screen.getByText(/There is no column “lizense”/).id
    );
    type('is:hashless');
    expect(screen.getByText(/There is no flag “hashless”/)).toBeTruthy();
    type('size>much');
    expect(screen.getByText(/“much” is no size/)).toBeTruthy();
  });

  it('offers the flags that there are, each with its number, and writes them into the filter', () => {
    show();
    const chips = within(screen.getByRole('group', { name: 'Show only' })).getAllByRole('button');
    expect(chips.map(chip => chip.textContent)).toEqual([
      'asked for by name 1',
      'pip 1',
      'no hash 1',
      'licence unknown 1',
      'other channel 1'
    ]);
    type('odd');
    fireEvent.click(screen.getByRole('button', { name: 'no hash 1' }));
    expect(state.filter).toBe('odd is:no-hash');
    expect(screen.getByRole('button', { name: 'no hash 1' }).getAttribute('aria-pressed')).toBe('true');
    fireEvent.click(screen.getByRole('button', { name: 'no hash 1' }));
    expect(state.filter).toBe('odd');
  });

  it('sorts by any column, one way and back', () => {
    show();
    fireEvent.click(screen.getByText('Version'));
    expect(names()).toEqual(['odd', 'openblas', 'stray', 'numpy', 'pandas']);
    fireEvent.click(screen.getByText('Version'));
    expect(names()).toEqual(['pandas', 'numpy', 'stray', 'openblas', 'odd']);
    expect(state).toMatchObject({ sort: 'version', descending: true });
  });

  it('shows the columns that somebody chooses', () => {
    show();
    fireEvent.click(screen.getByRole('button', { name: 'Columns' }));
    fireEvent.click(screen.getByRole('checkbox', { name: 'Build' }));
    fireEvent.click(screen.getByRole('checkbox', { name: 'Origin' }));
    expect(screen.getAllByRole('columnheader').map(({ textContent }) => textContent)).toEqual([
      'Package',
      'Version',
      'Channel',
      'Manager',
      'Licence',
      'SHA-256',
      'Size',
      'Origin'
    ]);
    expect(cellsOf('pandas').at(-1)).toBe('asked for');
    fireEvent.keyDown(screen.getByRole('checkbox', { name: 'Build' }), { key: 'Escape' });
    expect(screen.queryByRole('checkbox')).toBeNull();
    expect(document.activeElement?.textContent).toBe('Columns');
    fireEvent.click(screen.getByRole('button', { name: 'Columns' }));
    fireEvent.pointerDown(document.body);
    expect(screen.queryByRole('checkbox')).toBeNull();
  });

  it('says why a package is there, by the shortest way', () => {
    show();
    const details = open('openblas');
    const way = within(details).getByRole('list', { name: 'From what was asked for to openblas' });
    expect(
      within(way)
        .getAllByRole('listitem')
        .map(({ textContent }) => textContent)
    ).toEqual(['pandas', 'numpy', 'openblas']);
    expect(details.textContent).toContain('It comes from another channel than most packages here.');
    expect(open('pandas').textContent).toContain('It was asked for by name.');
    expect(open('stray').textContent).toContain('Nothing that was asked for by name requires it.');
  });

  it('goes from a package to what it requires, and to what requires it', () => {
    show();
    fireEvent.click(within(open('pandas')).getByRole('button', { name: 'numpy' }));
    const details = screen.getByRole('region', { name: 'Details of numpy' });
    expect(document.activeElement?.textContent).toBe('numpy');
    expect(details.textContent).toContain('Required by (1)');
    fireEvent.click(within(details).getAllByRole('button', { name: 'pandas' })[0] as HTMLElement);
    expect(screen.getByRole('region', { name: 'Details of pandas' })).toBeTruthy();
  });

  it('shows many names only when asked to', () => {
    const many = Array.from({ length: 30 }, (_, index) => `user-${index}`);
    const all = [
      pinned('base', { requiredBy: many }),
      ...many.map(name => pinned(name, { depends: ['base'] }))
    ];
    show(spec({ packages: all }));
    const details = open('base');
    expect(within(details).queryByRole('button', { name: 'user-29' })).toBeNull();
    fireEvent.click(within(details).getByRole('button', { name: '6 more' }));
    expect(within(details).getByRole('button', { name: 'user-29' })).toBeTruthy();
  });

  it('opens details by key, and comes back by Escape', () => {
    show();
    press('ArrowDown');
    press('Enter');
    const details = screen.getByRole('region', { name: 'Details of odd' });
    expect(document.activeElement?.textContent).toBe('odd');
    fireEvent.keyDown(details, { key: 'Escape' });
    expect(screen.queryByRole('region')).toBeNull();
    expect(document.activeElement).toBe(screen.getByRole('grid'));
    press('Enter');
    screen.getByRole('grid').focus();
    press('Escape');
    expect(screen.queryByRole('region')).toBeNull();
  });

  it('leads from the grid to the filter and back', () => {
    show();
    screen.getByRole('grid').focus();
    press('/');
    expect(document.activeElement).toBe(screen.getByRole('searchbox'));
    fireEvent.keyDown(screen.getByRole('searchbox'), { key: 'ArrowDown' });
    expect(document.activeElement).toBe(screen.getByRole('grid'));
  });

  it('copies a package as conda writes it, and its hash and address in full', async () => {
    const writeText = jest.fn().mockResolvedValue(undefined);
    Object.assign(navigator, { clipboard: { writeText } });
    show();
    await act(async () => {
      press('c', { ctrlKey: true });
      await Promise.resolve();
    });
    expect(writeText).toHaveBeenLastCalledWith('numpy=2.9=h0_0');
    expect(screen.getByText('Copied numpy=2.9=h0_0').getAttribute('role')).toBe('status');
    const details = open('numpy');
    await act(async () => {
      fireEvent.click(within(details).getByRole('button', { name: 'Copy the hash' }));
      await Promise.resolve();
    });
    expect(writeText).toHaveBeenLastCalledWith('d'.repeat(64));
    expect(within(details).getByText('Copied')).toBeTruthy();
  });

  it('has nothing to stumble over', async () => {
    const container = show();
    open('odd');
    fireEvent.click(screen.getByRole('button', { name: 'Columns' }));
    expect(await stumbles(container)).toEqual([]);
  });

  it('has nothing to stumble over when it is empty', async () => {
    const container = show(spec({ packages: [] }));
    expect(screen.getByText('This environment holds no packages.')).toBeTruthy();
    expect(await stumbles(container)).toEqual([]);
  });
});
