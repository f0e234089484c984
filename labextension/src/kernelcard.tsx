import type { Kernel, KernelSpec } from '@jupyterlab/services';
import * as React from 'react';

import type { IEnvironment, IResolution } from './generated/wire';
import { originOf, startedFrom } from './kernel';
import { linkTo } from './links';
import { State } from './parts';
import { matchOf, stampOf, type IStamp } from './stamp';
import type { IEnvironments, IRunning } from './tokens';
import { markOf, shortDigest, type Mark, type Words } from './words';

export interface ICardProps {
  readonly id: string;
  /** What is selected: a kernel to start, one that runs, or none. */
  readonly choice: Partial<Kernel.IModel> | null;
  /** The kernel that the document names although there is none of that name; empty if there is. */
  readonly wanted: string;
  /** What the server says about `wanted`; `null` until it does. */
  readonly resolution: IResolution | null;
  readonly specs: KernelSpec.ISpecModels | null;
  /** Which environment made the outputs of the document. */
  readonly stamp: IStamp | null;
  readonly environments: IEnvironments;
  readonly running: IRunning | null;
  readonly words: Words;
  /** Where JupyterLab is, for links that open beside the dialog. */
  readonly labUrl: string;
  readonly countDifferences: (from: IStamp, to: IStamp) => Promise<number>;
  /** Choose the kernel of this name instead. */
  readonly onChoose: (kernelName: string) => void;
}

/** What is worth knowing about the kernel that is selected, before it starts. */
export function KernelCard(props: ICardProps): JSX.Element {
  const { id, choice, environments, words } = props;
  const { trans } = words;
  const origin = originOfChoice(props);
  const environment = origin && environments.find(origin.environment, origin.release);
  return (
    <div id={id} className="jp-EnvGuard jp-EnvGuard-kernelCard" aria-live="polite">
      <Gone {...props} />
      {environments.catalog?.environments.length === 0 && (
        <p className="jp-EnvGuard-note">
          {trans.__('No environment has been approved for you yet.')}{' '}
          {trans.__('The administrators of this hub decide which environments you may use.')}
        </p>
      )}
      {!choice && <p>{trans.__('Without a kernel the document can be read and edited, but not run.')}</p>}
      {choice && !origin && <p>{trans.__('Nothing is known about the environment of this kernel.')}</p>}
      {choice && origin && <Origin {...props} origin={origin} environment={environment ?? null} />}
    </div>
  );
}

interface IFound {
  readonly environment: string;
  readonly release: string;
  readonly state: string;
  readonly digest: string;
  readonly mark: Mark;
}

/** Say where the chosen kernel comes from, or would. */
function originOfChoice({ choice, running, specs, environments }: ICardProps): IFound | null {
  const known = choice?.id ? running?.find(choice.id) : undefined;
  const origin =
    (known && startedFrom(known)) ??
    (choice?.name ? originOf(specs?.kernelspecs[choice.name]?.metadata) : null);
  if (!origin) {
    return null;
  }
  const { environment, release, state, digest } = origin;
  const gone = environments.findUnavailable(environment, release)?.state;
  const mark = known?.drift.state === 'drifted' ? 'drifted' : markOf(gone === 'revoked' ? gone : state);
  return { environment, release, state, digest, mark };
}

/** The server knows no kernel of this name, which the title says already. */
const UNKNOWN = 'kernel-not-approved';

/** What became of the kernel that the document names. */
function Gone({ wanted, resolution, words }: ICardProps): JSX.Element | null {
  const { trans } = words;
  if (!wanted || resolution?.status === 'current' || resolution?.status === 'available') {
    return null;
  }
  const { reason, environment: replacement } = resolution ?? {};
  return (
    <div className="jp-EnvGuard-gone" role="note">
      <p className="jp-EnvGuard-goneTitle">
        {trans.__('This document asks for the kernel “%1”, which is not available.', wanted)}
      </p>
      {reason && reason.code !== UNKNOWN && <p>{reason.message}</p>}
      {replacement && (
        <p>
          {trans.__(
            '%1 takes its place and is selected above.',
            `${replacement.displayName} ${replacement.release}`
          )}
        </p>
      )}
      {resolution && !replacement && <p>{trans.__('Choose another one, or ask for it.')}</p>}
    </div>
  );
}

interface IOriginProps extends ICardProps {
  readonly origin: IFound;
  readonly environment: IEnvironment | null;
}

function Origin(props: IOriginProps): JSX.Element {
  const { origin, environment, words, labUrl } = props;
  const { trans } = words;
  const { environment: name, release, digest } = origin;
  return (
    <>
      <p className="jp-EnvGuard-cardName">{`${environment?.displayName ?? name} ${release}`}</p>
      <p className="jp-EnvGuard-facts">
        <State mark={origin.mark} words={words} />
        {environment && environment.packages > 0 && <span>{words.count(environment.packages)}</span>}
        {digest && <code title={digest}>{shortDigest(digest)}</code>}
        <a href={labUrl + linkTo({ name, release })} target="_blank" rel="noopener noreferrer">
          {trans.__('Show the packages')}
        </a>
      </p>
      {environment?.description && <p className="jp-EnvGuard-note">{environment.description}</p>}
      <Ending {...props} />
      <Difference {...props} />
    </>
  );
}

/** That a release is on its way out, or gone, and the way to the next one. */
function Ending({ origin, environment, environments, words, onChoose }: IOriginProps): JSX.Element | null {
  const { trans } = words;
  const gone = environments.findUnavailable(origin.environment, origin.release);
  const successor = environment?.successor ?? gone?.successor ?? null;
  const next = successor
    ? environments.catalog?.environments.find(e => namesRelease(e, successor))
    : undefined;
  if (origin.mark !== 'deprecated' && !gone && !environment?.revocation) {
    return null;
  }
  return (
    <p className="jp-EnvGuard-note">
      {gone?.reasons.map(({ message }) => message).join(' ') ||
        (environment?.revocation &&
          words.grace(`${environment.name}@${environment.release}`, environment.revocation)) ||
        (environment?.expires
          ? trans.__('It can be used until %1.', words.date(environment.expires))
          : trans.__('It will be withdrawn.'))}{' '}
      {next && (
        <button
          type="button"
          className="jp-mod-styled jp-EnvGuard-button"
          onClick={() => onChoose(next.kernelName)}
        >
          {trans.__('Use %1 instead', `${next.displayName} ${next.release}`)}
        </button>
      )}
    </p>
  );
}

/** A successor is named as a release, or as an environment whose current release is meant. */
function namesRelease({ name, release, current }: IEnvironment, successor: string): boolean {
  return successor === `${name}@${release}` || (successor === name && current);
}

/** How the chosen kernel relates to what made the outputs of the document. */
function Difference({ origin, stamp, words, countDifferences }: IOriginProps): JSX.Element | null {
  const { trans } = words;
  const now = stampOf(origin);
  const match = stamp && now && matchOf(stamp, now);
  const differs = match === 'other-release' || match === 'other-environment';
  const [count, setCount] = React.useState<number | null>(null);
  React.useEffect(() => {
    let current = true;
    setCount(null);
    if (differs && stamp && now) {
      countDifferences(stamp, now).then(
        found => current && setCount(found),
        () => undefined // A release that is gone cannot be compared; that it differs is said all the same.
      );
    }
    return () => {
      current = false;
    };
  }, [stamp?.digest, now?.digest, differs]);
  if (!match || !stamp) {
    return null;
  }
  if (match === 'same') {
    return (
      <p className="jp-EnvGuard-note">{trans.__('The saved outputs were made with this environment.')}</p>
    );
  }
  const made = `${stamp.name} ${stamp.release}`;
  const said =
    match === 'other-content'
      ? trans.__('The saved outputs were made with another build of this release.')
      : trans.__('The saved outputs were made with %1.', made);
  return (
    <p className="jp-EnvGuard-note">
      {said} {count !== null && trans._n('%1 package differs.', '%1 packages differ.', count)}
    </p>
  );
}
