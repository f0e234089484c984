import { fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { Packages, select } from '../src/packages';
import { stumbles } from './axe';
import { pinned, spec, words } from './server';

const names = () => screen.getAllByRole('rowheader').map(cell => cell.textContent);

describe('Packages', () => {
  it('shows what is pinned about a package', () => {
    render(<Packages spec={spec({ packages: [pinned('numpy')] })} words={words} />);
    const cells = screen.getAllByRole('cell').map(cell => cell.textContent);
    expect(names()).toEqual(['numpy']);
    expect(cells).toEqual(['1.0', 'h0_0', 'main/linux-64', 'conda', 'BSD-3-Clause', 'dddddddd', '1.5 MB']);
  });

  it('says so where a hash, a licence or a size is not known', () => {
    const item = pinned('mystery', { sha256: '', license: '', size: 0, manager: 'pypi', channel: '' });
    render(<Packages spec={spec({ packages: [item] })} words={words} />);
    const cells = screen.getAllByRole('cell').map(cell => cell.textContent);
    expect(cells).toEqual(['1.0', 'h0_0', 'linux-64', 'pip', 'unknown', 'no hash', '']);
  });

  it('filters, and says how many are left', () => {
    render(<Packages spec={spec()} words={words} />);
    expect(screen.getByRole('status').textContent).toBe('3 packages');
    fireEvent.change(screen.getByRole('searchbox', { name: 'Filter packages' }), {
      target: { value: 'ssl' }
    });
    expect(names()).toEqual(['openssl']);
    expect(screen.getByRole('status').textContent).toBe('1 of 3');
    fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'nothing like it' } });
    expect(screen.getByText('No package matches.')).toBeTruthy();
  });

  it('shows only what somebody asked for by name', () => {
    render(<Packages spec={spec()} words={words} />);
    fireEvent.click(screen.getByRole('checkbox', { name: 'Asked for by name' }));
    expect(names()).toEqual(['numpy']);
  });

  it('sorts by any column, one way and back', () => {
    const packages = [pinned('a', { size: 2 }), pinned('b', { size: 10 }), pinned('c', { size: 1 })];
    render(<Packages spec={spec({ packages })} words={words} />);
    fireEvent.click(screen.getByRole('button', { name: 'Size' }));
    expect(names()).toEqual(['c', 'a', 'b']);
    expect(screen.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort')).toBe('ascending');
    fireEvent.click(screen.getByRole('button', { name: 'Size' }));
    expect(names()).toEqual(['b', 'a', 'c']);
    expect(screen.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort')).toBe('descending');
    expect(screen.getByRole('columnheader', { name: 'Package' }).getAttribute('aria-sort')).toBe('none');
  });

  it('has nothing to stumble over', async () => {
    const { container } = render(<Packages spec={spec()} words={words} />);
    expect(await stumbles(container)).toEqual([]);
  });

  it('has nothing to stumble over when it is empty', async () => {
    const { container } = render(<Packages spec={spec({ packages: [] })} words={words} />);
    expect(await stumbles(container)).toEqual([]);
  });
});

describe('select', () => {
  const ascending = { column: 'version', descending: false } as const;

  it('compares versions as people read them', () => {
    const packages = [pinned('a', { version: '1.10' }), pinned('b', { version: '1.9' })];
    const chosen = select(packages, { filter: '', requested: false, order: ascending });
    expect(chosen.map(item => item.version)).toEqual(['1.9', '1.10']);
  });

  it('falls back on the name where the column is the same', () => {
    const chosen = select([pinned('b'), pinned('a')], { filter: '', requested: false, order: ascending });
    expect(chosen.map(item => item.name)).toEqual(['a', 'b']);
  });

  it('finds pip packages by the word that people use', () => {
    const packages = [pinned('a', { manager: 'pypi' }), pinned('b')];
    const chosen = select(packages, { filter: 'pip', requested: false, order: ascending });
    expect(chosen.map(item => item.name)).toEqual(['a']);
  });

  it('leaves the packages of the spec in their order', () => {
    const packages = Object.freeze([pinned('b'), pinned('a')]);
    select(packages, { filter: '', requested: false, order: ascending });
    expect(packages.map(item => item.name)).toEqual(['b', 'a']);
  });
});
