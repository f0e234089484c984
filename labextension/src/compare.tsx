import * as React from 'react';

import type { IEnvironment, IPackages } from './generated/wire';
import { Changes, type ICompareState } from './changes';
import { diff } from './diff';
import { boxIcon } from './icons';
import { Failure, Skeleton, State } from './parts';
import type { IEnvironments } from './tokens';
import { Refusal } from './wire';
import { markOf, type Words } from './words';

/** What can be done with a comparison; what is not there is not offered. */
export interface ICompareActions {
  readonly open?: (name: string, release: string) => void;
  /** The address of the comparison as a file. */
  readonly difference?: (from: IEnvironment, to: IEnvironment, format: 'markdown' | 'csv' | 'json') => string;
  readonly linkTo?: (from: string, to: string) => string;
}

export interface ICompareProps {
  readonly state: ICompareState;
  readonly onState: (change: Partial<ICompareState>) => void;
  readonly environments: IEnvironments;
  readonly actions: ICompareActions;
  readonly words: Words;
}

/** What differs between two releases, chosen above and listed below. */
export function CompareView(props: ICompareProps): JSX.Element {
  const { state, onState, environments, words } = props;
  const { trans } = words;
  const { catalog, refusal } = environments;
  if (!catalog) {
    return refusal ? (
      <Failure refusal={refusal} words={words} retry={() => void environments.refresh()} />
    ) : (
      <Skeleton label={trans.__('Reading the catalog…')} rows={8} />
    );
  }
  return (
    <>
      <h2 className="jp-EnvGuard-title">{trans.__('Compare environments')}</h2>
      <div className="jp-EnvGuard-sides">
        <Side {...props} label={trans.__('From')} chosen={state.from} onChoose={from => onState({ from })} />
        <button
          type="button"
          className="jp-mod-styled jp-EnvGuard-button jp-EnvGuard-swap"
          title={trans.__('The other way round')}
          aria-label={trans.__('The other way round')}
          onClick={() => onState({ from: state.to, to: state.from })}
        >
          ⇄
        </button>
        <Side {...props} label={trans.__('To')} chosen={state.to} onChoose={to => onState({ to })} />
      </div>
      <Outcome {...props} />
    </>
  );
}

interface ISideProps extends ICompareProps {
  readonly label: string;
  readonly chosen: string;
  readonly onChoose: (id: string) => void;
}

function Side({ label, chosen, onChoose, environments, words }: ISideProps): JSX.Element {
  const { trans } = words;
  const id = React.useId();
  const offers = environments.catalog?.environments ?? [];
  const found = findById(environments, chosen);
  return (
    <div className="jp-EnvGuard-side">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        className="jp-mod-styled jp-EnvGuard-select"
        value={chosen}
        onChange={event => onChoose(event.target.value)}
      >
        {!found && (
          <option value={chosen}>
            {chosen ? trans.__('%1 (not available)', chosen) : trans.__('Choose an environment')}
          </option>
        )}
        {offers.map(offer => (
          <option key={idOf(offer)} value={idOf(offer)}>
            {`${offer.displayName} ${offer.release}`}
          </option>
        ))}
      </select>
      {found && <State mark={markOf(found.state)} words={words} />}
    </div>
  );
}

/** What is shown below: what is missing, why it cannot be had, or what differs. */
function Outcome(props: ICompareProps): JSX.Element {
  const { state, environments, words } = props;
  const { trans } = words;
  const from = findById(environments, state.from);
  const to = findById(environments, state.to);
  const gone = [state.from, state.to].filter(id => id && !findById(environments, id));
  if (gone.length > 0) {
    return <NotThere ids={gone} environments={environments} words={words} />;
  }
  if (!from || !to) {
    return (
      <p className="jp-EnvGuard-empty" role="status">
        {trans.__('Choose two environments to see what differs.')}
      </p>
    );
  }
  return <Comparison {...props} from={from} to={to} />;
}

interface INotThereProps {
  readonly ids: readonly string[];
  readonly environments: IEnvironments;
  readonly words: Words;
}

/** Nobody may look into what was withdrawn; this says why. */
function NotThere({ ids, environments, words }: INotThereProps): JSX.Element {
  return (
    <div className="jp-EnvGuard-empty" role="status">
      <boxIcon.react tag="span" className="jp-EnvGuard-emptyIcon" />
      {ids.map(id => {
        const [name = '', release = ''] = id.split('@');
        return (
          <React.Fragment key={id}>
            <strong>{words.trans.__('%1 is not available to you, so it cannot be compared.', id)}</strong>
            {environments.findUnavailable(name, release)?.reasons.map(({ code, message, hint }) => (
              <span key={code}>
                {message} {hint}
              </span>
            ))}
          </React.Fragment>
        );
      })}
    </div>
  );
}

type IComparisonProps = ICompareProps & { readonly from: IEnvironment; readonly to: IEnvironment };

function Comparison(props: IComparisonProps): JSX.Element {
  const { from, to, environments, words } = props;
  const { trans } = words;
  const [attempt, setAttempt] = React.useState(0);
  const outcome = useSpecs(from, to, environments, attempt);
  const changes = React.useMemo(
    () => (Array.isArray(outcome) ? diff(outcome[0].packages, outcome[1].packages) : []),
    [outcome]
  );
  if (outcome instanceof Refusal) {
    return <Failure refusal={outcome} words={words} retry={() => setAttempt(attempt + 1)} />;
  }
  if (!outcome) {
    return <Skeleton label={trans.__('Reading the packages…')} rows={8} />;
  }
  if (changes.length === 0) {
    return (
      <p className="jp-EnvGuard-empty" role="status">
        <strong>{trans.__('Both hold the same packages.')}</strong>
        {from.digests.manifest === to.digests.manifest
          ? trans.__('They are the same environment, byte for byte.')
          : trans.__('Other files in them differ: their manifests are not the same.')}
      </p>
    );
  }
  return <Changes {...props} changes={changes} />;
}

/** Fetch both specs; an answer to an older question is dropped. */
function useSpecs(
  from: IEnvironment,
  to: IEnvironment,
  environments: IEnvironments,
  attempt: number
): readonly [IPackages, IPackages] | Refusal | null {
  const [outcome, setOutcome] = React.useState<readonly [IPackages, IPackages] | Refusal | null>(null);
  React.useEffect(() => {
    let current = true;
    setOutcome(null);
    Promise.all([environments.spec(from), environments.spec(to)]).then(
      specs => current && setOutcome(specs),
      (reason: unknown) =>
        current &&
        setOutcome(reason instanceof Refusal ? reason : new Refusal('unforeseen', String(reason), ''))
    );
    return () => {
      current = false;
    };
  }, [from.digests.spec, to.digests.spec, attempt]);
  return outcome;
}

/** How a release is written in commands and addresses. */
export function idOf({ name, release }: Pick<IEnvironment, 'name' | 'release'>): string {
  return `${name}@${release}`;
}

function findById(environments: IEnvironments, id: string): IEnvironment | undefined {
  const [name = '', release = ''] = id.split('@');
  return environments.find(name, release);
}
