/**
 * Tells when the release that a kernel runs has been revoked, or its files have changed.
 */
import { Notification } from '@jupyterlab/apputils';

import type { IEnvironment } from './generated/wire';
import type { IStanding, KernelStanding } from './kernel';
import { KernelNotice } from './notice';
import type { IEnvironments, IPreferences } from './tokens';
import { shorten, type Words } from './words';

/** A notification shows 140 characters, and the hint belongs to them. */
const MAX_REASON = 100;
/** Beside it stands when the grace ends. */
const MAX_GRACED_REASON = 28;
const MAX_FINDING = 72;

/** How long a sentence stays that nobody has to act upon at once; the badge goes on saying it. */
const READING_MS = 15_000;

export interface IRevocationProps {
  readonly environments: IEnvironments;
  readonly preferences: Pick<IPreferences, 'isOn'>;
  readonly words: Words;
  /** Name of the notebook or console, for people. */
  readonly name: () => string;
  /** Whether there is something to save before its kernel is changed. */
  readonly isSaved: boolean;
  /** Identity of the kernel that runs; empty if none does. */
  readonly kernel: () => string;
  /** Start this kernel instead of the one that runs. */
  readonly switchTo: (kernelName: string) => void;
  /** Show a release. */
  readonly show: (name: string, release: string) => void;
}

/** Watches the kernel of one document. */
export class RevocationWatch extends KernelNotice {
  constructor(
    kernel: Pick<KernelStanding, 'standing' | 'changed'>,
    private readonly _props: IRevocationProps
  ) {
    super(kernel);
    this.look();
  }

  protected override look(): void {
    const standing = this.kernel.standing;
    const { mark, origin } = standing ?? {};
    if (!standing || !origin || mark === 'checking') {
      return;
    }
    const grace = this._graceOf(standing);
    this.tellOnce(`${this._props.kernel()} ${origin.environment}@${origin.release} ${mark} ${grace}`, () => {
      if ((mark !== 'revoked' && mark !== 'drifted') || !this._props.preferences.isOn('revocation')) {
        return '';
      }
      return mark === 'revoked' ? this._tellRevoked(standing) : this._tellDrifted(standing);
    });
  }

  /** When starts of the release end that has been revoked; empty for any other. */
  private _graceOf({ origin }: IStanding): string {
    const offered = origin && this._props.environments.find(origin.environment, origin.release);
    return offered?.revocation?.grace ?? '';
  }

  private _tellRevoked({ origin }: IStanding): string {
    const { environments, words, switchTo, show, name, isSaved } = this._props;
    const { trans } = words;
    const { environment, release } = origin ?? { environment: '', release: '' };
    const gone = environments.findUnavailable(environment, release);
    const offered = environments.find(environment, release);
    const next = successorOf(environments, environment, (gone ?? offered)?.successor ?? null);
    const id = `${environment}@${release}`;
    const why = offered?.revocation
      ? words.grace(id, offered.revocation, MAX_GRACED_REASON)
      : shorten(gone?.reasons[0]?.message ?? trans.__('%1 was revoked.', id), MAX_REASON);
    const where = shorten(name(), 24);
    const said = isSaved
      ? trans.__('%1 Save %2 and change its kernel.', why, where)
      : trans.__('%1 Change the kernel of %2.', why, where);
    const actions: Notification.IAction[] = [
      { label: trans.__('Details'), callback: () => show(environment, release) }
    ];
    if (next) {
      actions.unshift({
        label: trans.__('Switch to %1', `${next.name} ${next.release}`),
        caption: trans.__('Variables in memory are lost'),
        callback: () => switchTo(next.kernelName)
      });
    }
    return Notification.error(said, { autoClose: false, actions });
  }

  private _tellDrifted({ origin, findings }: IStanding): string {
    const { words, show, name } = this._props;
    const { trans } = words;
    const { environment, release } = origin ?? { environment: '', release: '' };
    const said = trans.__(
      'The kernel of %1 has drifted from %2: %3',
      shorten(name(), 24),
      `${environment} ${release}`,
      shorten(findings[0]?.message ?? '', MAX_FINDING)
    );
    return Notification.warning(said, {
      autoClose: READING_MS,
      actions: [{ label: trans.__('Details'), callback: () => show(environment, release) }]
    });
  }
}

/** Find what to use instead of a release that is gone: what it names, else the environment's current release. */
function successorOf(
  environments: IEnvironments,
  environment: string,
  successor: string | null
): IEnvironment | undefined {
  const offers = environments.catalog?.environments ?? [];
  return (
    offers.find(({ name, release }) => successor === `${name}@${release}`) ??
    offers.find(
      ({ name, current, state }) => current && state !== 'revoked' && name === (successor ?? environment)
    )
  );
}
