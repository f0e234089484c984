import { Signal } from '@lumino/signaling';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import type { IHost } from '../src/hosts';
import type { IStanding } from '../src/kernel';
import { EnvironmentsModel } from '../src/model';
import type { IStamp } from '../src/stamp';
import { ThisNotebook } from '../src/thisnotebook';
import type { IKernels } from '../src/tokens';
import { stumbles } from './axe';
import { FakeApi, digest, words } from './server';

const origin = { environment: 'datasci', release: '2026.11', state: 'approved', digest: digest('c') };
const findings: IStanding['findings'] = [];
const notebook = () => ({ context: {} }) as unknown as IHost;

describe('ThisNotebook', () => {
  let model: EnvironmentsModel;
  let done: string[];

  beforeEach(async () => {
    model = new EnvironmentsModel(new FakeApi());
    await model.refresh();
    done = [];
  });

  afterEach(() => {
    model.dispose();
  });

  const show = (
    standing: IStanding | null,
    made: IStamp | null = null,
    current: IHost | null = notebook()
  ) => {
    const kernels = {
      changed: new Signal<object, void>({}),
      current,
      of: () => ({ standing })
    };
    const { container } = render(
      <ThisNotebook
        kernels={kernels as unknown as IKernels}
        environments={model}
        words={words}
        madeOf={() => made}
        onOpen={(name, release) => done.push(`open ${name}@${release}`)}
        onCompare={(from, to) => done.push(`compare ${from} ${to}`)}
      />
    );
    return { kernels, container };
  };

  it('says what to do where no notebook is open', () => {
    const { kernels, container } = show({ mark: 'approved', origin, findings }, null, null);
    expect(container.textContent).toBe('Open a notebook to see its environment here.');
    kernels.current = notebook();
    act(() => kernels.changed.emit());
    expect(screen.getByRole('button', { name: /Data Science/ })).toBeTruthy();
  });

  it.each([
    [null, 'This notebook has no kernel.'],
    [{ mark: 'checking', origin: null, findings } as const, 'Checking…'],
    [
      { mark: 'unmanaged', origin: null, findings } as const,
      'UnmanagedIts kernel does not come from an approved environment.'
    ]
  ])('says no more than it knows: %j', (standing, text) => {
    expect(show(standing).container.textContent).toBe(text);
  });

  it('shows where the kernel comes from, and opens it', async () => {
    const { container } = show({ mark: 'approved', origin, findings });
    const card = screen.getByRole('button', { name: /Data Science/ });
    expect(card.textContent).toBe('Data ScienceApproved2026.113 packagesbbbbbbbb');
    fireEvent.click(card);
    expect(done).toEqual(['open datasci@2026.11']);
    expect(await stumbles(container)).toEqual([]);
  });

  it('shows a release that has left the catalog by its name', () => {
    const { container } = show({ mark: 'revoked', origin: { ...origin, release: '2026.05' }, findings });
    expect(container.textContent).toBe('datasciRevoked2026.05');
  });

  it('says what is not as it was sealed', () => {
    const drifted = [1, 2, 3, 4].map(number => ({
      kind: 'file-changed',
      name: `m${number}`,
      where: '',
      message: `m${number} differs.`
    }));
    const { container } = show({ mark: 'drifted', origin, findings: drifted });
    expect(container.textContent).toContain('m1 differs.m2 differs.m3 differs.and 1 more');
  });

  it.each([
    [{ name: 'datasci', release: '2026.11', digest: digest('c') }, 'made with this very environment', 0],
    [{ name: 'datasci', release: '2026.11', digest: digest('e') }, 'other content under the same name', 0],
    [{ name: 'datasci', release: '2026.05', digest: digest('e') }, 'made with datasci@2026.05.', 1]
  ])('says what made the outputs: %j', (made, text, offers) => {
    const { container } = show({ mark: 'approved', origin, findings }, made);
    expect(container.textContent).toContain(text);
    const buttons = screen.queryAllByRole('button', { name: 'Compare' });
    expect(buttons).toHaveLength(offers);
    buttons.forEach(button => fireEvent.click(button));
    expect(done).toEqual(offers ? ['compare datasci@2026.05 datasci@2026.11'] : []);
  });
});
