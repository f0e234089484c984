import { Signal } from '@lumino/signaling';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';

import { read } from '../src/check';
import type { IPackages } from '../src/generated/wire';
import type { IRunning } from '../src/tokens';
import { Refusal } from '../src/wire';
import { EnvironmentsModel } from '../src/model';
import { SpecView, type ISpecActions } from '../src/spec';
import { asSpecState, type ISpecState } from '../src/specpage';
import { stumbles } from './axe';
import { giveSizes } from './layout';
import { FakeApi, catalog, digest, environment, spec, unavailable, words, kernelJson } from './server';

describe('SpecView', () => {
  let api: FakeApi;
  let model: EnvironmentsModel;
  let chosen: Partial<ISpecState>[];

  beforeEach(() => {
    api = new FakeApi();
    model = new EnvironmentsModel(api);
    chosen = [];
  });

  afterEach(() => {
    model.dispose();
  });

  beforeAll(giveSizes);

  let running: IRunning | null = null;
  const view = (name = 'datasci', release = '2026.11', actions: ISpecActions = {}, tab = 'packages') => (
    <SpecView
      name={name}
      release={release}
      environments={model}
      running={running}
      actions={actions}
      words={words}
      state={asSpecState({ tab })}
      onState={change => chosen.push(change)}
    />
  );

  it('says that it is reading while the catalog is not known', () => {
    render(view());
    expect(screen.getByRole('status', { name: 'Reading the catalog…' })).toBeTruthy();
  });

  it('shows who approved the release, when and why, and every package', async () => {
    await model.refresh();
    const { container } = render(view());
    await screen.findByRole('grid');
    expect(screen.getByRole('heading', { name: 'Data Science 2026.11' })).toBeTruthy();
    expect(container.textContent).toContain('by ada on Nov 2, 2026');
    expect(screen.getAllByRole('row')).toHaveLength(4);
    expect(await stumbles(container)).toEqual([]);
  });

  it('copies a digest in full', async () => {
    const writeText = jest.fn().mockResolvedValue(undefined);
    Object.assign(navigator, { clipboard: { writeText } });
    await model.refresh();
    render(view());
    await screen.findByRole('grid');
    await act(async () => {
      fireEvent.click(screen.getByRole('button', { name: 'Copy the digest of the spec' }));
      await Promise.resolve();
    });
    expect(writeText).toHaveBeenCalledWith(digest('b'));
    expect(screen.getByText('Copied')).toBeTruthy();
  });

  it('shows a refusal and asks again when told to', async () => {
    await model.refresh();
    api.answers.spec = new Refusal('image-missing', 'datasci@2026.11 is not on this node.', 'Wait.');
    render(view());
    const alert = await screen.findByRole('alert');
    expect(alert.textContent).toContain('datasci@2026.11 is not on this node.');
    api.answers.spec = spec();
    fireEvent.click(within(alert).getByRole('button', { name: 'Try again' }));
    await screen.findByRole('grid');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('gives the reasons when the release is not for this user', async () => {
    api.answers.catalog = catalog({ unavailable: [unavailable()] });
    await model.refresh();
    const { container } = render(view('legacy', '2024.01'));
    expect(container.textContent).toContain('legacy@2024.01 is not available to you.');
    expect(container.textContent).toContain('legacy@2024.01 was revoked. Use datasci.');
    expect(container.textContent).toContain('Whom to ask: Ada, room 4');
    expect(await stumbles(container)).toEqual([]);
  });

  it('shows the refusal of the catalog when there is none', async () => {
    api.answers.catalog = new Refusal('catalog-expired', 'The catalog has expired.', '');
    await model.refresh();
    render(view());
    expect(screen.getByRole('alert').textContent).toContain('The catalog has expired.');
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(screen.queryByRole('grid')).toBeNull();
  });

  it('says that a mixed release is deprecated, until when, and what follows', async () => {
    api.answers.catalog = catalog({
      environments: [
        environment({
          state: 'deprecated',
          expires: '2027-01-31T12:00:00Z',
          successor: 'datasci@2027.02',
          approval: null
        })
      ]
    });
    api.answers.spec = spec({ mixed: true });
    await model.refresh();
    const { container } = render(view());
    await screen.findByRole('grid');
    for (const text of [
      'Deprecated',
      'Until Jan 31, 2027',
      'Use datasci@2027.02',
      'conda and pip packages'
    ]) {
      expect(container.textContent).toContain(text);
    }
  });

  it('ignores an answer that comes after the page has moved on', async () => {
    await model.refresh();
    let late: (spec: IPackages) => void = () => undefined;
    jest.spyOn(api, 'spec').mockReturnValueOnce(new Promise(resolve => (late = resolve)));
    const { rerender } = render(view());
    api.answers.catalog = catalog({
      environments: [environment({ digests: { ...environment().digests, spec: digest('e') } })]
    });
    api.answers.spec = spec({ packages: [] });
    await model.refresh();
    rerender(view());
    await screen.findByText('This environment holds no packages.');
    await act(async () => {
      late(spec());
      await Promise.resolve();
    });
    expect(screen.getByText('This environment holds no packages.')).toBeTruthy();
  });

  it('moves between its tabs with the arrows', async () => {
    await model.refresh();
    render(view());
    await screen.findByRole('grid');
    const tabs = screen.getAllByRole('tab');
    expect(tabs.map(tab => [tab.textContent, tab.tabIndex])).toEqual([
      ['Packages (3)', 0],
      ['Approval', -1],
      ['Integrity', -1]
    ]);
    for (const key of ['ArrowRight', 'ArrowLeft', 'End', 'Home', 'x']) {
      fireEvent.keyDown(tabs[0] as HTMLElement, { key });
    }
    expect(chosen).toEqual([
      { tab: 'approval' },
      { tab: 'integrity' },
      { tab: 'integrity' },
      { tab: 'packages' }
    ]);
  });

  it('tells who approved it, when, why, until when, and what to mind', async () => {
    const warnings = [{ code: 'expires-soon', message: 'It expires in 3 days.', hint: 'Move on.' }];
    api.answers.catalog = catalog({
      environments: [environment({ expires: '2027-01-31T12:00:00Z', successor: 'datasci@2027.02', warnings })]
    });
    await model.refresh();
    const { container } = render(view('datasci', '2026.11', {}, 'approval'));
    await screen.findByRole('tabpanel', { name: 'Approval' });
    const panel = screen.getByRole('tabpanel');
    for (const text of [
      'ada',
      'Reviewed.',
      'Jan 31, 2027',
      'datasci@2027.02',
      'It expires in 3 days. Move on.'
    ]) {
      expect(panel.textContent).toContain(text);
    }
    expect(panel.textContent).toContain('version 4, signed, valid until Dec 24, 2026');
    expect(await stumbles(container)).toEqual([]);
  });

  it('owns up to not knowing who approved it', async () => {
    api.answers.catalog = catalog({ environments: [environment({ approval: null, current: false })] });
    await model.refresh();
    render(view('datasci', '2026.11', {}, 'approval'));
    const panel = await screen.findByRole('tabpanel');
    expect(panel.textContent).toContain('nobody whose name is known here');
    expect(panel.textContent).toContain('it is revoked or replaced');
  });

  it('shows by what it can be told from others, and how to check that', async () => {
    await model.refresh();
    const specAddress = (name: string, release: string) => `http://hub.example/${name}/${release}/spec`;
    const { container } = render(view('datasci', '2026.11', { specAddress }, 'integrity'));
    const panel = await screen.findByRole('tabpanel', { name: 'Integrity' });
    for (const digit of ['a', 'b', 'c']) {
      expect(panel.textContent).toContain(digest(digit));
    }
    expect(panel.textContent).toContain("'http://hub.example/datasci/2026.11/spec' | sha256sum");
    expect(await stumbles(container)).toEqual([]);
  });

  it('tells of each kernel that runs it whether it is as it was sealed, and what guards it', async () => {
    await model.refresh();
    const finding = { kind: 'file-changed', name: 'numpy', where: '', message: 'numpy differs.' };
    const all = [
      { id: 'aaaaaaaaaa' },
      {
        id: 'bbbbbbbbbb',
        drift: { state: 'drifted', findings: [finding] },
        wall: { level: '', complete: false, gaps: [] }
      },
      {
        id: 'cccccccccc',
        drift: { state: 'unknown', findings: [] },
        wall: { level: 'enforce', complete: false, gaps: ['No mount.'] }
      },
      { id: 'dddddddddd', release: '2026.05' }
    ].map(changes => read('Kernel', kernelJson(changes)));
    const signal = new Signal<object, void>({});
    running = { changed: signal, all } as unknown as IRunning;
    const { container } = render(view('datasci', '2026.11', {}, 'integrity'));
    await screen.findByRole('tabpanel');
    const items = container.querySelectorAll('.jp-EnvGuard-running > li');
    expect([...items].map(({ textContent }) => textContent)).toEqual([
      'aaaaaaaaIt is as it was sealed.The wall around it is complete.',
      'bbbbbbbbDriftedWhether a wall stands around it is not known.numpy differs.',
      'ccccccccWhether it is as it was sealed is not known.The wall around it has gaps.No mount.'
    ]);
    expect(await stumbles(container)).toEqual([]);
    all.length = 0;
    act(() => signal.emit());
    expect(container.textContent).toContain('No kernel of yours runs it.');
    running = null;
  });

  it('offers what can be done, and nothing else', async () => {
    await model.refresh();
    const done: string[] = [];
    const actions: ISpecActions = {
      newNotebook: ({ kernelName }) => done.push(`new ${kernelName}`),
      compare: (name, release) => done.push(`compare ${name}@${release}`),
      offerExports: (name, release, at) => done.push(`export ${name}@${release} at ${at.textContent}`),
      linkTo: (name, release, { filter }) => `link to ${name}@${release} ${filter}`
    };
    const { rerender } = render(view('datasci', '2026.11', actions));
    await screen.findByRole('grid');
    for (const name of ['New notebook', 'Compare', 'Export']) {
      fireEvent.click(screen.getByRole('button', { name }));
    }
    expect(done).toEqual(['new datasci', 'compare datasci@2026.11', 'export datasci@2026.11 at Export']);
    expect(screen.getByRole('button', { name: 'Copy a link to what is shown here' })).toBeTruthy();
    rerender(view());
    expect(screen.queryByRole('button', { name: 'Export' })).toBeNull();
  });
});
