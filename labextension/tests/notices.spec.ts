import { Notification } from '@jupyterlab/apputils';
import { Signal } from '@lumino/signaling';

import { EmptyWatch } from '../src/empty';
import type { IStanding } from '../src/kernel';
import { MismatchWatch } from '../src/mismatch';
import { EnvironmentsModel } from '../src/model';
import { RevocationWatch } from '../src/revocation';
import type { IStamp } from '../src/stamp';
import { Refusal } from '../src/wire';
import { FakeApi, catalog, digest, environment, unavailable, words } from './server';

const older = environment({
  release: '2026.05',
  kernelName: 'datasci--2026.05',
  current: false,
  digests: { pack: digest('1'), spec: digest('2'), manifest: digest('3') }
});
const made: IStamp = { name: 'datasci', release: '2026.05', digest: digest('3') };
const standing = (changes: Partial<IStanding> = {}): IStanding => ({
  mark: 'approved',
  origin: { environment: 'datasci', release: '2026.11', state: 'approved', digest: digest('c') },
  findings: [],
  ...changes
});

/** What is shown now: its text, and its actions by their labels. */
const shown = () =>
  Notification.manager.notifications.map(({ message, options }) => ({
    message,
    actions: (options.actions ?? []).map(({ label }) => label)
  }));

const press = (label: string) =>
  Notification.manager.notifications[0]?.options.actions
    ?.find(action => action.label === label)
    ?.callback(new MouseEvent('click'));

const settle = () => new Promise(resolve => setTimeout(resolve));

/** A kernel whose standing the test decides on. */
function kernel(first: IStanding | null) {
  const changed = new Signal<object, void>({});
  const found = {
    standing: first,
    changed,
    turn: (next: IStanding | null) => {
      found.standing = next;
      changed.emit();
    }
  };
  return found;
}

let model: EnvironmentsModel;

async function listed(changes: Parameters<typeof catalog>[0]): Promise<void> {
  const api = new FakeApi();
  api.answers.catalog = catalog(changes);
  model = new EnvironmentsModel(api);
  await model.refresh();
}

afterEach(() => {
  model.dispose();
  Notification.dismiss();
});

describe('MismatchWatch', () => {
  async function watch({ stamp = made as IStamp | null, isOn = true } = {}) {
    const session = { kernel: { id: 'k1' } };
    const changed = jest.fn(() => Promise.reject(new Error('no')));
    const notebook = { name: 'analysis.ipynb', session, changeKernel: changed };
    const follows = kernel(standing());
    const compare = jest.fn();
    const watching = new MismatchWatch(notebook as never, follows as never, {
      environments: model,
      preferences: { isOn: () => isOn },
      words,
      ready: Promise.resolve(),
      made: () => stamp,
      compare
    });
    await settle();
    return { watching, kernel: follows, session, compare, changed };
  }

  it('offers to compare, to reopen and to keep', async () => {
    await listed({ environments: [environment(), older] });
    const { compare, changed } = await watch();
    expect(shown()).toEqual([
      {
        message:
          'The outputs of analysis.ipynb were made with datasci 2026.05, its kernel now runs datasci 2026.11.',
        actions: ['Compare', 'Reopen with 2026.05', 'Keep']
      }
    ]);
    press('Compare');
    expect(compare).toHaveBeenCalledWith(made, expect.objectContaining({ release: '2026.11' }));
    press('Reopen with 2026.05');
    expect(changed).toHaveBeenCalledWith({ name: 'datasci--2026.05' });
    press('Keep');
  });

  it('tells once per kernel, and takes back what is no longer so', async () => {
    await listed({ environments: [environment(), older] });
    const { kernel: follows, session, watching } = await watch();
    Notification.dismiss();
    follows.turn(standing({ mark: 'deprecated' }));
    expect(shown()).toEqual([]);
    session.kernel = { id: 'k2' };
    follows.turn(standing());
    expect(shown()).toHaveLength(1);
    const origin = { environment: 'datasci', release: '2026.05', state: 'approved', digest: made.digest };
    follows.turn(standing({ origin }));
    expect(shown()).toEqual([]);
    follows.turn(standing());
    expect(shown()).toHaveLength(1);
    watching.dispose();
    watching.dispose();
    expect(watching.isDisposed).toBe(true);
    expect(shown()).toEqual([]);
  });

  it('offers no way back to what is not to be had', async () => {
    await listed({});
    await watch();
    expect(shown()[0]?.actions).toEqual(['Keep']);
  });

  it('tells of another build and of another environment in other words', async () => {
    await listed({});
    const first = await watch({ stamp: { ...made, release: '2026.11' } });
    expect(shown()[0]?.message).toContain('another build of datasci 2026.11');
    first.watching.dispose();
    await watch({ stamp: { ...made, name: 'geo' } });
    expect(shown()[0]?.message).toContain('geo 2026.05');
  });

  it.each([
    ['without a stamp', { stamp: null }],
    ['when it is switched off', { isOn: false }],
    ['when nothing differs', { stamp: { name: 'datasci', release: '2026.11', digest: digest('c') } }]
  ])('is silent %s', async (_, given) => {
    await listed({});
    await watch(given);
    expect(shown()).toEqual([]);
  });
});

describe('RevocationWatch', () => {
  function watch(first: IStanding | null, isOn = true, isSaved = true) {
    const follows = kernel(first);
    const switchTo = jest.fn();
    const show = jest.fn();
    const watching = new RevocationWatch(follows as never, {
      environments: model,
      preferences: { isOn: () => isOn },
      words,
      name: () => 'analysis.ipynb',
      isSaved,
      kernel: () => 'k1',
      switchTo,
      show
    });
    return { watching, kernel: follows, switchTo, show };
  }

  const revoked = standing({
    mark: 'revoked',
    origin: { environment: 'legacy', release: '2024.01', state: 'revoked', digest: digest('7') }
  });

  it('tells why, and leads to the successor', async () => {
    await listed({ unavailable: [unavailable({ successor: 'datasci@2026.11' })] });
    const { kernel: follows, switchTo, show } = watch(standing({ mark: 'checking', origin: null }));
    expect(shown()).toEqual([]);
    follows.turn(revoked);
    follows.turn({ ...revoked });
    expect(shown()).toEqual([
      {
        message: 'legacy@2024.01 was revoked. Save analysis.ipynb and change its kernel.',
        actions: ['Switch to datasci 2026.11', 'Details']
      }
    ]);
    press('Switch to datasci 2026.11');
    expect(switchTo).toHaveBeenCalledWith('datasci');
    press('Details');
    expect(show).toHaveBeenCalledWith('legacy', '2024.01');
  });

  it('leads to the current release where none is named, and to nothing where there is none', async () => {
    await listed({ unavailable: [unavailable({ name: 'datasci', release: '2025.01' })] });
    const origin = { environment: 'datasci', release: '2025.01', state: 'revoked', digest: digest('7') };
    const first = watch(standing({ mark: 'revoked', origin }));
    expect(shown()[0]?.actions).toEqual(['Switch to datasci 2026.11', 'Details']);
    first.watching.dispose();
    first.watching.dispose();
    expect([first.watching.isDisposed, shown()]).toEqual([true, []]);
    watch(standing({ mark: 'revoked', origin: { ...origin, environment: 'other' } }));
    expect(shown()[0]).toEqual({
      message: 'other@2025.01 was revoked. Save analysis.ipynb and change its kernel.',
      actions: ['Details']
    });
  });

  it('tells what has changed in the files of a kernel', async () => {
    await listed({});
    const finding = { kind: 'changed', name: 'numpy', where: 'x', message: 'numpy has changed.' };
    const { show } = watch(standing({ mark: 'drifted', findings: [finding] }));
    expect(shown()[0]?.message).toBe(
      'The kernel of analysis.ipynb has drifted from datasci 2026.11: numpy has changed.'
    );
    press('Details');
    expect(show).toHaveBeenCalledWith('datasci', '2026.11');
  });

  it('says until when it may start, on which day, and why', async () => {
    const grace = new Date(Date.now() + 3 * 24 * 60 * 60 * 1000).toISOString();
    const revocation = { who: 'ada', when: '2026-11-27T08:00:00Z', reason: 'CVE-2026-1.', grace };
    const offered = environment({ ...older, state: 'revoked', revocation, successor: 'datasci@2026.11' });
    await listed({ environments: [environment(), offered] });
    const origin = { environment: 'datasci', release: '2026.05', state: 'revoked', digest: digest('3') };
    const { kernel: follows } = watch(standing({ mark: 'revoked', origin }));
    const day = new Intl.DateTimeFormat('en', { weekday: 'long' }).format(new Date(grace));
    expect(shown()[0]?.message).toMatch(
      new RegExp(
        `^datasci@2026.05 was revoked and starts until ${day} .*[AP]M only: CVE-2026-1. Save analysis.ipynb`
      )
    );
    expect(shown()[0]?.actions).toEqual(['Switch to datasci 2026.11', 'Details']);
    const first = shown();
    follows.turn(standing({ mark: 'revoked', origin: { ...origin } }));
    expect(shown()).toEqual(first);
  });

  it('asks nobody to save a console', async () => {
    await listed({});
    watch(revoked, true, false);
    expect(shown()[0]?.message).toBe('legacy@2024.01 was revoked. Change the kernel of analysis.ipynb.');
  });

  it('is silent when it is switched off', async () => {
    await listed({});
    watch(revoked, false);
    expect(shown()).toEqual([]);
  });
});

describe('EmptyWatch', () => {
  async function watch({ ask = jest.fn() as (() => void) | null, isOn = true } = {}) {
    const api = new FakeApi();
    model = new EnvironmentsModel(api, new Promise(() => undefined));
    const watching = new EmptyWatch({ environments: model, preferences: { isOn: () => isOn }, words, ask });
    const list = async (answer: FakeApi['answers']['catalog']) => {
      api.answers.catalog = answer;
      await model.refresh();
    };
    return { watching, list, ask };
  }

  const none = catalog({ environments: [] });
  const text = 'No environment has been approved for you yet, so there is no kernel to start.';

  it('tells once that there is none, and how to get one', async () => {
    const { list, ask } = await watch();
    expect(shown()).toEqual([]);
    await list(none);
    await list(none);
    expect(shown()).toEqual([{ message: text, actions: ['Ask for it'] }]);
    press('Ask for it');
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it('takes it back when one comes, and tells again when it has gone', async () => {
    const { list, watching } = await watch({ ask: null });
    await list(none);
    await list(catalog());
    expect(shown()).toEqual([]);
    await list(none);
    expect(shown()).toEqual([{ message: text, actions: [] }]);
    watching.dispose();
    watching.dispose();
    expect([shown(), watching.isDisposed]).toEqual([[], true]);
  });

  it('says nothing where nobody knows, where there is one, or where it is not wanted', async () => {
    const { list } = await watch();
    await list(new Refusal('locked', 'Locked.', 'Wait.'));
    await list(catalog());
    await list(new Refusal('locked', 'Locked.', 'Wait.'));
    expect(shown()).toEqual([]);
    model.dispose();
    const { list: again } = await watch({ isOn: false });
    await again(none);
    expect(shown()).toEqual([]);
  });
});
