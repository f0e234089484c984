import { Signal } from '@lumino/signaling';

import type { IStanding } from '../src/kernel';
import { Runs, noteCells } from '../src/runs';
import { digest } from './server';

const standing = (release: string): IStanding => ({
  mark: 'approved',
  origin: { environment: 'datasci', release, state: 'approved', digest: digest('c') },
  findings: []
});

function kernel() {
  const found = { standing: null as IStanding | null, changed: new Signal<object, void>({}) };
  const turn = (next: IStanding | null) => {
    found.standing = next;
    found.changed.emit();
  };
  return { found, turn };
}

describe('Runs', () => {
  it('remember what the latest cell ran in, also when that is told late', () => {
    const { found, turn } = kernel();
    const runs = new Runs(found as never);
    runs.note();
    expect([runs.made, runs.now]).toEqual([null, null]);
    turn(standing('2026.05'));
    expect(runs.made?.release).toBe('2026.05');
    turn(standing('2026.11'));
    expect([runs.made?.release, runs.now?.release]).toEqual(['2026.05', '2026.11']);
    runs.note();
    expect(runs.made?.release).toBe('2026.11');
    runs.dispose();
    expect(runs.isDisposed).toBe(true);
  });

  it('count the cells of their own console only', () => {
    const { found, turn } = kernel();
    const runs = new Runs(found as never);
    turn(standing('2026.11'));
    const iopubMessage = new Signal<object, object>({});
    noteCells(runs, { session: { kernel: { clientId: 'me' } }, iopubMessage } as never);
    const say = (msg_type: string, session?: string) =>
      iopubMessage.emit({ header: { msg_type }, parent_header: session ? { session } : {} });
    say('execute_input', 'somebody else');
    say('status', 'me');
    say('execute_input');
    expect(runs.made).toBeNull();
    say('execute_input', 'me');
    expect(runs.made?.release).toBe('2026.11');
  });
});
