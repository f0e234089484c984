import type { NotebookPanel } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { Badge, KernelBadge } from '../src/badge';
import { KernelStanding, type IStanding } from '../src/kernel';
import { EnvironmentsModel } from '../src/model';
import { stumbles } from './axe';
import { FakeApi, catalog, digest, envguardJson, unavailable, words } from './server';

const origin = { environment: 'datasci', release: '2026.11', state: 'approved', digest: digest('c') };
const found = envguardJson;

describe('Badge', () => {
  let api: FakeApi;
  let model: EnvironmentsModel;
  let opened: string[];

  beforeEach(() => {
    api = new FakeApi();
    model = new EnvironmentsModel(api);
    opened = [];
  });

  afterEach(() => {
    model.dispose();
  });

  const opener = { open: (name: string, release: string) => void opened.push(`${name}@${release}`) };
  const show = (standing: IStanding | null) =>
    render(<Badge standing={standing} environments={model} opener={opener} words={words} />);

  it('is not there without a kernel', () => {
    expect(show(null).container.innerHTML).toBe('');
  });

  it('names environment, release and state, and opens the packages', () => {
    show({ mark: 'approved', origin, findings: [] });
    const badge = screen.getByRole('button');
    expect(badge.textContent).toBe('datasci 2026.11 · Approved');
    expect(badge.getAttribute('aria-label')).toBe(
      'datasci 2026.11 · Approved. Show the packages of datasci@2026.11.'
    );
    fireEvent.click(badge);
    expect(opened).toEqual(['datasci@2026.11']);
  });

  it.each([
    ['checking', 'Checking…'],
    ['unmanaged', 'Unmanaged']
  ] as const)('says no more than %s where nothing more is known', async (mark, word) => {
    const { container } = show({ mark, origin: null, findings: [] });
    expect(container.textContent).toBe(word);
    expect(screen.queryByRole('button')).toBeNull();
    expect(screen.getByRole('img').getAttribute('aria-label')).toContain(word);
    expect(await stumbles(container)).toEqual([]);
  });

  it('says why a kernel is revoked', async () => {
    api.answers.catalog = catalog({
      unavailable: [unavailable({ name: 'datasci', release: '2026.11' })]
    });
    await model.refresh();
    const { container } = show({ mark: 'revoked', origin, findings: [] });
    const sentence = screen.getByRole('button').getAttribute('aria-label');
    expect(sentence).toContain('legacy@2024.01 was revoked. Use datasci.');
    expect(await stumbles(container)).toEqual([]);
  });
});

describe('KernelBadge', () => {
  /** A notebook whose kernel runs `datasci`, as wide as the test says. */
  function notebook(): { panel: NotebookPanel; resize: (width: number) => void } {
    const panel = new Widget();
    let width = 0;
    Object.defineProperty(panel.node, 'clientWidth', { get: () => width });
    let observe: () => void = () => undefined;
    globalThis.ResizeObserver = class {
      constructor(callback: ResizeObserverCallback) {
        observe = () => callback([], this);
      }
      observe = jest.fn();
      unobserve = jest.fn();
      disconnect = jest.fn();
    };
    const subject = {};
    const sessionContext = {
      isReady: true,
      session: { kernel: { id: 'k1', name: 'datasci', status: 'idle' } },
      kernelChanged: new Signal(subject),
      statusChanged: new Signal(subject),
      specsManager: {
        specs: { kernelspecs: { datasci: { metadata: { envguard: found } } } },
        specsChanged: new Signal(subject),
        refreshSpecs: () => Promise.resolve()
      }
    };
    return {
      panel: Object.assign(panel, { sessionContext }) as unknown as NotebookPanel,
      resize: pixels => {
        width = pixels;
        observe();
      }
    };
  }

  it('follows the kernel of its notebook and makes room where there is little', async () => {
    const model = new EnvironmentsModel(new FakeApi());
    const { panel, resize } = notebook();
    const kernel = new KernelStanding(panel.sessionContext, model);
    const badge = new KernelBadge(panel, { environments: model, opener: { open: jest.fn() }, words, kernel });
    act(() => Widget.attach(badge, document.body));
    expect(screen.getByRole('img').textContent).toBe('Checking…');
    await screen.findByRole('button');
    expect(screen.getByRole('button').textContent).toBe('datasci 2026.11 · Approved');
    resize(500);
    expect(badge.hasClass('jp-mod-compact')).toBe(true);
    resize(1200);
    expect(badge.hasClass('jp-mod-compact')).toBe(false);
    act(() => badge.dispose());
    kernel.dispose();
    model.dispose();
  });
});
