/**
 * Tells when the outputs of a notebook or a console were made with another environment
 * than its kernel runs: once per kernel, never in the way.
 */
import { Notification, type ISessionContext } from '@jupyterlab/apputils';

import type { KernelStanding } from './kernel';
import { KernelNotice } from './notice';
import { matchOf, stampOf, type IStamp, type Match } from './stamp';
import type { IEnvironments, IPreferences } from './tokens';
import { shorten, type Words } from './words';

/** A notification shows 140 characters; the name of the document is not what matters most in them. */
const MAX_NAME = 32;

export interface IMismatchProps {
  readonly environments: IEnvironments;
  readonly preferences: Pick<IPreferences, 'isOn'>;
  readonly words: Words;
  /** Settled when the outputs are there to be looked at. */
  readonly ready: Promise<void>;
  /** Return what made the outputs; `null` if there are none, or it is not known. */
  readonly made: () => IStamp | null;
  /** Show what differs; `null` where nothing can. */
  readonly compare: ((from: IStamp, to: IStamp) => void) | null;
}

/** Watches one notebook or console. */
export class MismatchWatch extends KernelNotice {
  constructor(
    private readonly _session: Pick<ISessionContext, 'name' | 'session' | 'changeKernel'>,
    kernel: Pick<KernelStanding, 'standing' | 'changed'>,
    private readonly _props: IMismatchProps
  ) {
    super(kernel);
    void _props.ready.then(() => {
      this._isReady = true;
      this.look();
    });
  }

  protected override look(): void {
    const standing = this.kernel.standing;
    const kernel = this._session.session?.kernel;
    const now = standing?.origin && stampOf(standing.origin);
    if (this.isDisposed || !this._isReady || !kernel || !now || standing.mark === 'checking') {
      return;
    }
    this.tellOnce(`${kernel.id} ${now.digest}`, () => {
      const made = this._props.made();
      if (!made || !this._props.preferences.isOn('mismatch')) {
        return '';
      }
      const match = matchOf(made, now);
      return match === 'same' ? '' : this._tell(match, made, now);
    });
  }

  private _tell(match: Exclude<Match, 'same'>, made: IStamp, now: IStamp): string {
    const { environments, words, compare } = this._props;
    const { trans } = words;
    const name = shorten(this._session.name, MAX_NAME);
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
    await this._session.changeKernel({ name }).catch(() => undefined);
  }

  private _isReady = false;
}
