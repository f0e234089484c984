/**
 * Tells when the outputs of a notebook were made with another environment than its
 * kernel runs: once per kernel, never in the way.
 */
import { Notification } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { KernelStanding } from './kernel';
import { KernelNotice } from './notice';
import { hasOutputs, matchOf, stampOf, type IStamp, type Match } from './stamp';
import type { IEnvironments, IPreferences } from './tokens';
import { shorten, type Words } from './words';

/** A notification shows 140 characters; the name of the notebook is not what matters most in them. */
const MAX_NAME = 32;

/** The parts of a notebook that are looked at. */
export type Watched = Pick<NotebookPanel, 'context' | 'sessionContext'>;

export interface IMismatchProps {
  readonly environments: IEnvironments;
  readonly preferences: Pick<IPreferences, 'isOn'>;
  readonly words: Words;
  /** Return what made the outputs of the notebook. */
  readonly made: () => IStamp | null;
  /** Show what differs; `null` where nothing can. */
  readonly compare: ((from: IStamp, to: IStamp) => void) | null;
}

/** Watches one notebook. */
export class MismatchWatch extends KernelNotice {
  constructor(
    private readonly _notebook: Watched,
    kernel: Pick<KernelStanding, 'standing' | 'changed'>,
    private readonly _props: IMismatchProps
  ) {
    super(kernel);
    void _notebook.context.ready.then(() => this.look());
  }

  protected override look(): void {
    const { context, sessionContext } = this._notebook;
    const standing = this.kernel.standing;
    const kernel = sessionContext.session?.kernel;
    const now = standing?.origin && stampOf(standing.origin);
    if (this.isDisposed || !context.isReady || !kernel || !now || standing.mark === 'checking') {
      return;
    }
    this.tellOnce(`${kernel.id} ${now.digest}`, () => {
      const made = this._props.made();
      if (!made || !this._props.preferences.isOn('mismatch') || !hasOutputs(context.model)) {
        return '';
      }
      const match = matchOf(made, now);
      return match === 'same' ? '' : this._tell(match, made, now);
    });
  }

  private _tell(match: Exclude<Match, 'same'>, made: IStamp, now: IStamp): string {
    const { environments, words, compare } = this._props;
    const { trans } = words;
    const name = shorten(this._notebook.sessionContext.name, MAX_NAME);
    const [before, after] = [made, now].map(stamp => `${stamp.name} ${stamp.release}`);
    const said =
      match === 'other-content'
        ? trans.__('The outputs of %1 were made with another build of %2 than its kernel runs.', name, before)
        : trans.__('The outputs of %1 were made with %2, its kernel now runs %3.', name, before, after);
    const offered = environments.find(made.name, made.release);
    const isSame = offered?.digests.manifest === made.digest;
    const actions: Notification.IAction[] = [];
    if (compare && offered && match !== 'other-content') {
      actions.push({ label: trans.__('Compare'), callback: () => compare(made, now) });
    }
    if (offered && isSame) {
      actions.push({
        label: trans.__('Reopen with %1', match === 'other-release' ? made.release : before),
        callback: () => void this._reopen(offered.kernelName)
      });
    }
    actions.push({
      label: trans.__('Keep'),
      caption: trans.__('Go on with %1', after),
      callback: () => undefined
    });
    return Notification.warning(said, { autoClose: false, actions });
  }

  private async _reopen(name: string): Promise<void> {
    // A failure is told by the session itself.
    await this._notebook.sessionContext.changeKernel({ name }).catch(() => undefined);
  }
}
