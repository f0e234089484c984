import { fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { Grid, type IColumn, type IGridProps, type IOrder } from '../src/grid';
import { stumbles } from './axe';
import { giveSizes } from './layout';

interface IItem {
  readonly name: string;
  readonly size: number;
}

const columns: readonly IColumn<IItem>[] = [
  { id: 'name', title: 'Name', width: '1fr', render: ({ name }) => name, compare: () => 0 },
  {
    id: 'size',
    title: 'Size',
    width: '6em',
    render: ({ size }) => String(size),
    compare: () => 0,
    numeric: true
  },
  { id: 'note', title: 'Note', width: '6em', render: () => '' }
];

const items = (count: number): IItem[] =>
  Array.from({ length: count }, (_, index) => ({ name: `item ${index}`, size: index }));

describe('Grid', () => {
  beforeAll(giveSizes);

  const show = (count: number, props: Partial<IGridProps<IItem>> = {}) => {
    const draw = (rows: readonly IItem[]) => (
      <Grid label="Items" rows={rows} columns={columns} keyOf={({ name }) => name} {...props} />
    );
    const { rerender, container } = render(draw(items(count)));
    const grid = screen.getByRole('grid');
    grid.focus();
    return { grid, container, resize: (rows: number) => rerender(draw(items(rows))) };
  };

  const press = (...keys: string[]) => {
    for (const key of keys) {
      fireEvent.keyDown(screen.getByRole('grid'), { key });
    }
  };

  /** What a screen reader is told: the text of the cell in which the keyboard is. */
  const here = () => {
    const id = screen.getByRole('grid').getAttribute('aria-activedescendant') ?? '';
    return document.getElementById(id)?.textContent;
  };

  it('holds only the rows in sight, and says how many there are', () => {
    const { grid } = show(3000);
    expect(screen.getAllByRole('row').length).toBeLessThan(60);
    expect(grid.getAttribute('aria-rowcount')).toBe('3001');
    expect(grid.getAttribute('aria-colcount')).toBe('3');
    expect(
      screen.getByRole('rowheader', { name: 'item 0' }).parentElement?.getAttribute('aria-rowindex')
    ).toBe('2');
  });

  it('goes where the keys say, and never further', () => {
    show(3000);
    expect(here()).toBe('item 0');
    press('ArrowDown', 'ArrowRight');
    expect(here()).toBe('1');
    press('ArrowLeft', 'ArrowLeft', 'ArrowUp', 'ArrowUp', 'ArrowUp');
    expect(here()).toBe('Name');
    press('End');
    expect(here()).toBe('item 2999');
    press('ArrowDown');
    expect(here()).toBe('item 2999');
    press('PageUp');
    expect(here()).toMatch(/item 29[78]\d/);
    press('Home', 'PageDown');
    expect(here()).toMatch(/item [12]\d$/);
  });

  it('stays with a row that is there when there are fewer', () => {
    const { resize } = show(100);
    press('End');
    resize(3);
    expect(here()).toBe('item 2');
  });

  it('mirrors the arrows where people read from right to left', () => {
    const { grid } = show(3);
    grid.style.direction = 'rtl';
    press('ArrowLeft');
    expect(here()).toBe('0');
  });

  it('opens rows, by key and by click', () => {
    const opened: string[] = [];
    show(5, { onOpen: ({ name }, jump) => opened.push(`${name} ${jump}`), opened: 'item 1' });
    press('ArrowDown', 'Enter', ' ');
    fireEvent.click(screen.getByRole('rowheader', { name: 'item 3' }));
    expect(opened).toEqual(['item 1 true', 'item 1 true', 'item 3 false']);
    expect(here()).toBe('item 3');
    expect(screen.getByRole('row', { selected: true }).textContent).toContain('item 1');
  });

  it('asks for another order, by key and by click, where there is one', () => {
    const orders: IOrder[] = [];
    const order = { column: 'name', descending: false };
    show(5, { order, onOrder: next => orders.push(next) });
    expect(screen.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort')).toBe('ascending');
    expect(screen.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort')).toBe('none');
    expect(screen.getByRole('columnheader', { name: 'Note' }).hasAttribute('aria-sort')).toBe(false);
    press('ArrowUp', 'Enter');
    fireEvent.click(screen.getByText('Size'));
    fireEvent.click(screen.getByText('Note'));
    expect(orders).toEqual([
      { column: 'name', descending: true },
      { column: 'size', descending: false }
    ]);
  });

  it('copies, searches and leaves', () => {
    const done: string[] = [];
    show(5, {
      onCopy: ({ name }) => done.push(`copy ${name}`),
      onSearch: () => done.push('search'),
      onEscape: () => done.push('escape')
    });
    fireEvent.keyDown(screen.getByRole('grid'), { key: 'c', ctrlKey: true });
    press('/', 'Escape');
    expect(done).toEqual(['copy item 0', 'search', 'escape']);
  });

  it('leaves all other keys to others', () => {
    const { grid } = show(5);
    for (const init of [
      { key: 'Tab' },
      { key: 'x' },
      { key: '/' },
      { key: 'Escape' },
      { key: 'c', ctrlKey: true }
    ]) {
      expect(fireEvent.keyDown(grid, init)).toBe(true);
    }
    expect(fireEvent.keyDown(grid, { key: 'ArrowDown' })).toBe(false);
  });

  it('has nothing to stumble over', async () => {
    const { container } = show(50, { order: { column: 'size', descending: true }, opened: 'item 2' });
    expect(await stumbles(container)).toEqual([]);
  });
});
