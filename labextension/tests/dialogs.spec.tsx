import { SessionContextDialogs, type ISessionContext } from '@jupyterlab/apputils';
import { Signal } from '@lumino/signaling';
import { act, fireEvent, screen } from '@testing-library/react';

import { read } from '../src/check';
import { KernelDialogs, type IDialogProps } from '../src/dialogs';
import { EnvironmentsModel } from '../src/model';
import { RunningKernels } from '../src/running';
import { stumbles } from './axe';
import {
  FakeApi,
  catalog,
  digest,
  environment,
  environmentJson,
  envguardJson,
  kernelJson,
  unavailable,
  words,
  wired
} from './server';

const older = environment({
  release: '2026.05',
  kernelName: 'datasci--2026.05',
  displayName: 'Data Science (2026.05)',
  state: 'deprecated',
  successor: 'datasci@2026.11',
  expires: '2027-01-31T00:00:00Z',
  current: false,
  digests: { pack: digest('1'), spec: digest('2'), manifest: digest('3') }
});

const specOf = (release: string, state: string, manifest: string, name: string, display_name: string) => ({
  name,
  display_name,
  language: 'python',
  metadata: { envguard: { ...envguardJson, release, state, digests: { ...envguardJson.digests, manifest } } }
});

const kernelspecs = {
  datasci: specOf('2026.11', 'approved', digest('c'), 'datasci', 'Data Science'),
  'datasci--2026.05': specOf(
    '2026.05',
    'deprecated',
    digest('3'),
    'datasci--2026.05',
    'Data Science (2026.05)'
  )
};

/** jsdom does not open a `dialog`, so that nothing in it counts as shown. */
const HIDDEN = { hidden: true };

/** A document that asks for a kernel. */
function session(wanted: string, changes: object = {}) {
  const found = {
    name: 'analysis.ipynb',
    isDisposed: false,
    hasNoKernel: true,
    kernelDisplayName: 'No Kernel',
    kernelPreference: { name: wanted, language: 'python', autoStartDefault: false },
    session: null,
    specsManager: {
      specs: { default: 'datasci', kernelspecs },
      specsChanged: new Signal<object, void>({}),
      refreshSpecs: () => Promise.resolve()
    },
    sessionManager: { running: () => [] },
    kernelManager: { running: () => [{ id: 'k1-2', name: 'datasci--2026.05' }] },
    changeKernel: jest.fn(() => Promise.resolve()),
    shutdown: jest.fn(() => Promise.resolve()),
    ...changes
  };
  return found as typeof found & ISessionContext;
}

describe('KernelDialogs', () => {
  let model: EnvironmentsModel;
  let api: FakeApi;

  beforeEach(async () => {
    api = new FakeApi();
    api.answers.catalog = catalog({ environments: [environment(), older] });
    model = new EnvironmentsModel(api);
    await model.refresh();
  });

  afterEach(() => model.dispose());

  const resolution = (changes: object = {}) =>
    read('Resolution', {
      kernel: 'python3',
      status: 'successor',
      environment: environmentJson(),
      stamped: null,
      reason: { code: 'kernel-not-approved', message: 'There is no kernel python3.', hint: '' },
      ...changes
    });

  const dialogs = (changes: Partial<IDialogProps> = {}) =>
    new KernelDialogs({
      environments: model,
      running: null,
      preferences: { isOn: () => true, changed: new Signal({}) } as unknown as IDialogProps['preferences'],
      words,
      labUrl: '/user/analyst/lab',
      stampOf: () => null,
      resolve: () => Promise.resolve(resolution()),
      countDifferences: () => Promise.resolve(12),
      ...changes
    });

  const card = () => document.querySelector('.jp-EnvGuard-kernelCard');
  const select = () => screen.getByRole<HTMLSelectElement>('combobox', HIDDEN);
  const choose = (label: string) =>
    act(async () => {
      const option = [...select().options].find(({ text }) => text === label);
      fireEvent.change(select(), { target: { value: option?.value } });
    });
  const press = (label: string) =>
    act(async () => void fireEvent.click(screen.getByText(label, { selector: 'button, button *' })));
  /** Open without waiting for the answer. */
  const ask = async (asking: KernelDialogs, document: ISessionContext) => {
    const opened = { done: asking.selectKernel(document) };
    await act(async () => void (await new Promise(resolve => setTimeout(resolve))));
    await screen.findByRole('combobox', HIDDEN);
    return opened;
  };

  it('proposes what takes the place of a kernel that is gone', async () => {
    const document = session('python3');
    const { done } = await ask(dialogs(), document);
    expect(card()?.textContent).toContain('asks for the kernel “python3”, which is not available');
    expect(card()?.textContent).toContain('Data Science 2026.11 takes its place and is selected above.');
    expect(JSON.parse(select().value)).toEqual({ name: 'datasci' });
    expect(select().getAttribute('aria-describedby')).toBe(card()?.id);
    expect(await stumbles(screen.getByRole('dialog', HIDDEN))).toEqual([]);
    await press('Select');
    await done;
    expect(document.changeKernel).toHaveBeenCalledWith({ name: 'datasci' });
  });

  it('follows the choice, and leads from an ending release to the next', async () => {
    const { done } = await ask(dialogs(), session('datasci'));
    expect(card()?.textContent).toContain('Data Science 2026.11');
    await choose('Data Science (2026.05) — Deprecated');
    expect(card()?.textContent).toContain('It can be used until Jan 31, 2027.');
    await press('Use Data Science 2026.11 instead');
    expect(JSON.parse(select().value)).toEqual({ name: 'datasci' });
    await choose('No Kernel');
    expect(card()?.textContent).toContain('can be read and edited, but not run');
    await press('Select');
    await done;
  });

  it('says how the choice relates to what made the outputs', async () => {
    const stamp = { name: 'datasci', release: '2026.05', digest: digest('3') };
    const { done } = await ask(dialogs({ stampOf: () => stamp }), session('datasci'));
    await screen.findByText(/12 packages differ/);
    expect(card()?.textContent).toContain(
      'The saved outputs were made with datasci 2026.05. 12 packages differ.'
    );
    await choose('Data Science (2026.05) — Deprecated');
    expect(card()?.textContent).toContain('The saved outputs were made with this environment.');
    await press('Select');
    await done;
  });

  it('says no more than it knows where releases cannot be compared', async () => {
    const other = { name: 'datasci', release: '2026.11', digest: digest('0') };
    const { done } = await ask(dialogs({ stampOf: () => other }), session('datasci'));
    expect(card()?.textContent).toContain('another build of this release');
    await press('Select');
    await done;
    const gone = { ...other, release: '2025.01' };
    const countDifferences = () => Promise.reject(new Error('gone'));
    const second = await ask(dialogs({ stampOf: () => gone, countDifferences }), session('datasci'));
    expect(card()?.textContent).toContain('The saved outputs were made with datasci 2025.01.');
    await press('Select');
    await second.done;
  });

  it('knows a kernel that runs, by the server or by its name', async () => {
    const running = new RunningKernels(wired(() => ({ kernels: [] })));
    const { done } = await ask(dialogs({ running }), session('datasci'));
    await choose('datasci--2026.05 (k1)');
    expect(card()?.textContent).toContain('Data Science (2026.05) 2026.05');
    const finding = { kind: 'changed', name: 'numpy', where: 'x', message: 'numpy has changed.' };
    const drifted = kernelJson({ id: 'k1-2', drift: { state: 'drifted', findings: [finding] } });
    act(() => running.put(read('Kernel', drifted)));
    expect(card()?.textContent).toContain('Drifted');
    await press('Select');
    await done;
    running.dispose();
  });

  it('explains a revoked kernel in the words of the server', async () => {
    api.answers.catalog = catalog({
      environments: [environment()],
      unavailable: [unavailable({ name: 'datasci', release: '2026.05', successor: 'datasci@2026.11' })]
    });
    const reason = { code: 'revoked', message: 'datasci@2026.05 was revoked by ada.', hint: 'Use 2026.11.' };
    const document = session('datasci--2026.03');
    const { done } = await ask(
      dialogs({ resolve: () => Promise.resolve(resolution({ kernel: 'datasci--2026.03', reason })) }),
      document
    );
    expect(card()?.textContent).toContain('datasci@2026.05 was revoked by ada.');
    await choose('Data Science (2026.05) — Deprecated');
    expect(card()?.textContent).toContain('legacy@2024.01 was revoked.');
    await press('No Kernel');
    await done;
    expect(document.changeKernel).not.toHaveBeenCalled();
  });

  it('is no dead end when there is nothing to offer, or no answer', async () => {
    const nothing = resolution({ status: 'gone', environment: null });
    const first = await ask(dialogs({ resolve: () => Promise.resolve(nothing) }), session('python3'));
    expect(card()?.textContent).toContain('Choose another one, or ask for it.');
    await press('Select');
    await first.done;
    const second = await ask(dialogs({ resolve: () => Promise.reject(new Error()) }), session('python3'));
    expect(card()?.textContent).toContain('which is not available');
    await press('Select');
    await second.done;
  });

  it('explains an empty list', async () => {
    api.answers.catalog = catalog({ environments: [] });
    await model.refresh();
    const document = session('', {
      specsManager: { ...session('').specsManager, specs: { default: '', kernelspecs: {} } }
    });
    const { done } = await ask(dialogs(), document);
    expect(card()?.textContent).toContain('No environment has been approved for you yet.');
    await press('Select');
    await done;
    expect(document.changeKernel).not.toHaveBeenCalled();
  });

  it("keeps JupyterLab's checkbox and its answer, and stops a kernel that is not wanted", async () => {
    const document = session('datasci', {
      hasNoKernel: false,
      kernelDisplayName: 'Data Science',
      session: { kernel: { id: 'k1-2', name: 'datasci--2026.05' } }
    });
    const { done } = await ask(dialogs(), document);
    fireEvent.click(screen.getByLabelText('Always start the preferred kernel'));
    await choose('No Kernel');
    expect(screen.getByText('Cancel')).toBeDefined();
    await press('Select');
    await done;
    expect(document.kernelPreference.autoStartDefault).toBe(true);
    expect(document.shutdown).toHaveBeenCalled();
  });

  it("leaves the asking to JupyterLab where a person prefers that, and asks nobody's ghost", async () => {
    const theirs = jest.spyOn(SessionContextDialogs.prototype, 'selectKernel').mockResolvedValue();
    const preferences = { isOn: () => false } as unknown as IDialogProps['preferences'];
    await dialogs({ preferences }).selectKernel(session('datasci'));
    expect(theirs).toHaveBeenCalledTimes(1);
    await dialogs().selectKernel(session('datasci', { isDisposed: true }));
    expect(document.querySelector('.jp-Dialog')).toBeNull();
  });
});
