import type { INotebookModel } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';

import type { IStanding } from '../src/kernel';
import { Stamper, Stamps, asStamp, hasOutputs, matchOf, stampOf, type Saved } from '../src/stamp';
import { digest } from './server';

const now = { name: 'datasci', release: '2026.11', digest: digest('c') };
const before = { name: 'datasci', release: '2026.05', digest: digest('e') };

const standing = (changes: object = {}): IStanding => ({
  mark: 'approved',
  origin: { environment: 'datasci', release: '2026.11', state: 'approved', digest: digest('c'), ...changes },
  findings: []
});

/** A notebook in memory: its metadata, its cells, its saves. */
function notebook(stamp: object | null, outputs: readonly object[]) {
  const metadata = new Map<string, unknown>(stamp ? [['envguard', stamp]] : []);
  const model = {
    getMetadata: (key: string) => metadata.get(key),
    setMetadata: (key: string, value: unknown) => void metadata.set(key, value),
    cells: [{ toJSON: () => ({ cell_type: 'code', outputs }) }, { toJSON: () => ({ cell_type: 'raw' }) }]
  };
  const context = { model, saveState: new Signal<object, string>({}) };
  const kernel = { standing: standing() as IStanding | null, changed: new Signal<object, void>({}) };
  let isOn = true;
  const stamper = new Stamper(context as unknown as Saved, kernel as never, { isOn: () => isOn });
  return {
    model: model as unknown as INotebookModel,
    stamper,
    kernel,
    switchOff: () => (isOn = false),
    turn: (found: IStanding | null) => {
      kernel.standing = found;
      kernel.changed.emit();
    },
    save: () => {
      context.saveState.emit('started');
      const saved = metadata.get('envguard') ?? null;
      context.saveState.emit('completed');
      return saved;
    }
  };
}

const OUTPUT = [{ output_type: 'stream', name: 'stdout', text: '42' }];

describe('asStamp', () => {
  it.each([
    undefined,
    null,
    'datasci',
    {},
    { name: 'a', release: '1' },
    { ...now, name: '' },
    { ...now, digest: 1 }
  ])('finds none in %j', found => {
    expect(asStamp(found)).toBeNull();
  });

  it('takes what belongs to it and nothing else', () => {
    expect(asStamp({ ...now, path: '/home/ada' })).toEqual(now);
  });
});

describe('stampOf', () => {
  it('needs the digest', () => {
    expect(stampOf({ environment: 'a', release: '1', state: 'approved', digest: '' })).toBeNull();
  });
});

describe('matchOf', () => {
  it.each([
    [now, now, 'same'],
    [{ ...before, digest: now.digest }, now, 'same'],
    [before, now, 'other-release'],
    [{ ...now, digest: digest('0') }, now, 'other-content'],
    [{ ...before, name: 'geo' }, now, 'other-environment']
  ] as const)('compares %j with %j: %s', (made, current, match) => {
    expect(matchOf(made, current)).toBe(match);
  });
});

describe('Stamper', () => {
  it('stamps a notebook without outputs by what would make them', () => {
    expect(notebook(null, []).save()).toEqual(now);
  });

  it('leaves outputs of unknown making without a stamp', () => {
    expect(notebook(null, OUTPUT).save()).toBeNull();
  });

  it('keeps the stamp of a notebook in which nothing was run', () => {
    const { save, stamper } = notebook(before, OUTPUT);
    expect(save()).toEqual(before);
    expect(stamper.stamp).toEqual(before);
  });

  it('takes the environment of the kernel that ran a cell, whatever kernel comes after', () => {
    const { save, stamper, turn } = notebook(before, OUTPUT);
    stamper.noteRun();
    turn(standing({ environment: 'minimal', digest: digest('9') }));
    expect(stamper.stamp).toEqual(now);
    expect(save()).toEqual(now);
  });

  it('waits for the origin of a kernel that ran a cell before it was known', () => {
    const { save, stamper, turn } = notebook(before, OUTPUT);
    turn(null);
    stamper.noteRun();
    expect(save()).toEqual(before);
    turn(standing());
    expect(save()).toEqual(now);
  });

  it('writes nothing while it is switched off, nor after it is gone', () => {
    const { save, switchOff } = notebook(null, []);
    switchOff();
    expect(save()).toBeNull();
    const other = notebook(null, []);
    other.stamper.dispose();
    other.stamper.dispose();
    expect(other.stamper.isDisposed).toBe(true);
    expect(other.save()).toBeNull();
  });

  it('does not touch a stamp that is right already', () => {
    const { save, model } = notebook(now, []);
    const set = jest.spyOn(model, 'setMetadata');
    expect(save()).toEqual(now);
    expect(set).not.toHaveBeenCalled();
  });
});

describe('Stamps', () => {
  it('answers for the documents that have registered', () => {
    const stamps = new Stamps();
    const session = {};
    expect(stamps.of(session)).toBeNull();
    stamps.register(session, () => now);
    expect(stamps.of(session)).toBe(now);
  });
});

describe('hasOutputs', () => {
  it('looks into every cell', () => {
    expect(hasOutputs(notebook(null, OUTPUT).model)).toBe(true);
    expect(hasOutputs(notebook(null, []).model)).toBe(false);
  });
});
