import { linkIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IEnvironment, IPackages } from './generated/wire';
import { Approval } from './approval';
import { boxIcon } from './icons';
import { Integrity } from './integrity';
import { Packages } from './packages';
import { Copy, Failure, Skeleton, State, Tabs } from './parts';
import type { ISpecState } from './specpage';
import type { IEnvironments, IRunning } from './tokens';
import { Refusal } from './wire';
import { besideSuccessor, markOf, shortDigest, type Words } from './words';

/** What can be done with a release from here; what is not there is not offered. */
export interface ISpecActions {
  readonly newNotebook?: (environment: IEnvironment) => void;
  readonly compare?: (name: string, release: string) => void;
  /** Offer the exports, at the button that was pressed. */
  readonly offerExports?: (name: string, release: string, at: Element) => void;
  /** The address that leads to this page as it is now. */
  readonly linkTo?: (name: string, release: string, state: ISpecState) => string;
  /** The address of the spec in its canonical bytes. */
  readonly specAddress?: (name: string, release: string) => string;
}

interface ISpecProps {
  readonly name: string;
  readonly release: string;
  readonly environments: IEnvironments;
  readonly running: IRunning | null;
  readonly actions: ISpecActions;
  readonly words: Words;
  readonly state: ISpecState;
  readonly onState: (change: Partial<ISpecState>) => void;
}

/** The page for the catalog as it is now; a release may leave the catalog while it is open. */
export function SpecView(props: ISpecProps): JSX.Element {
  const { name, release, environments, words } = props;
  const { trans } = words;
  const environment = environments.find(name, release);
  if (environment) {
    return <Release {...props} environment={environment} />;
  }
  if (environments.refusal) {
    return <Failure refusal={environments.refusal} words={words} retry={() => void environments.refresh()} />;
  }
  if (!environments.catalog) {
    return <Skeleton label={trans.__('Reading the catalog…')} rows={8} />;
  }
  const gone = environments.findUnavailable(name, release);
  return (
    <div className="jp-EnvGuard-empty" role="status">
      <boxIcon.react tag="span" className="jp-EnvGuard-emptyIcon" />
      <strong>{trans.__('%1 is not available to you.', `${name}@${release}`)}</strong>
      {gone?.reasons.map(reason => (
        <span key={reason.code}>{besideSuccessor(reason, gone.successor)}</span>
      ))}
      {gone?.successor && <span>{trans.__('Use %1 instead', gone.successor)}</span>}
      {gone?.contact && <span>{trans.__('Whom to ask: %1', gone.contact)}</span>}
    </div>
  );
}

type IReleaseProps = ISpecProps & { readonly environment: IEnvironment };

function Release(props: IReleaseProps): JSX.Element {
  const { environment, words, state, onState } = props;
  const { trans } = words;
  const { spec, refusal, retry } = useSpec(props);
  const count = spec?.packages.length ?? environment.packages;
  return (
    <>
      <Head {...props} spec={spec} />
      <Tabs
        label={trans.__('About %1', `${environment.name}@${environment.release}`)}
        shown={state.tab}
        onShow={tab => onState({ tab })}
        tabs={[
          {
            id: 'packages',
            title: count > 0 ? trans.__('Packages (%1)', words.number(count)) : trans.__('Packages'),
            content: () => (
              <>
                {refusal && <Failure refusal={refusal} words={words} retry={retry} />}
                {spec && <Packages spec={spec} words={words} state={state} onState={onState} />}
                {!spec && !refusal && <Skeleton label={trans.__('Reading the packages…')} rows={8} />}
              </>
            )
          },
          {
            id: 'approval',
            title: trans.__('Approval'),
            content: () => <Approval {...props} />
          },
          {
            id: 'integrity',
            title: trans.__('Integrity'),
            content: () => <Integrity {...props} />
          }
        ]}
      />
    </>
  );
}

/** Fetch the packages, again whenever the release's spec or the person asks for it. */
function useSpec({ environment, environments }: IReleaseProps): {
  spec: IPackages | null;
  refusal: Refusal | null;
  retry: () => void;
} {
  const [attempt, setAttempt] = React.useState(0);
  const [outcome, setOutcome] = React.useState<IPackages | Refusal | null>(null);
  React.useEffect(() => {
    let current = true;
    setOutcome(null);
    const settle = (result: IPackages | Refusal) => current && setOutcome(result);
    environments.spec(environment).then(settle, settle);
    return () => {
      current = false;
    };
  }, [attempt, environment.digests.spec]);
  return {
    spec: outcome instanceof Refusal ? null : outcome,
    refusal: outcome instanceof Refusal ? outcome : null,
    retry: () => setAttempt(attempt + 1)
  };
}

/** What a release is, in three lines, and what can be done with it. */
function Head(props: IReleaseProps & { readonly spec: IPackages | null }): JSX.Element {
  const { environment, spec, words } = props;
  const { trans } = words;
  const { name, release, displayName, description, approval, expires, successor, digests } = environment;
  return (
    <div className="jp-EnvGuard-about">
      <div className="jp-EnvGuard-titleLine">
        <h2 className="jp-EnvGuard-title">
          {displayName} <span className="jp-EnvGuard-release">{release}</span>
        </h2>
        <Actions {...props} />
      </div>
      {description && <p>{description}</p>}
      <p className="jp-EnvGuard-facts">
        <State mark={markOf(environment.state)} words={words} />
        {approval && <span>{trans.__('by %1 on %2', approval.who, words.date(approval.when))}</span>}
        {expires && <span>{trans.__('Until %1', words.date(expires))}</span>}
        {successor && <span>{trans.__('Use %1 instead', successor)}</span>}
        <span>{`${name}@${release}`}</span>
        {spec && <span>{spec.platform}</span>}
        {spec?.mixed && <span>{trans.__('conda and pip packages')}</span>}
        <span className="jp-EnvGuard-digest" title={digests.spec}>
          {trans.__('Spec')} <code>{shortDigest(digests.spec)}</code>
          <Copy text={digests.spec} label={trans.__('Copy the digest of the spec')} words={words} />
        </span>
      </p>
    </div>
  );
}

function Actions({ environment, actions, words, state }: IReleaseProps): JSX.Element {
  const { trans } = words;
  const { name, release } = environment;
  const { newNotebook, compare, offerExports, linkTo } = actions;
  const buttons: [string, (at: Element) => void, boolean][] = [];
  if (newNotebook) {
    buttons.push([trans.__('New notebook'), () => newNotebook(environment), false]);
  }
  if (compare) {
    buttons.push([trans.__('Compare'), () => compare(name, release), false]);
  }
  if (offerExports) {
    buttons.push([trans.__('Export'), at => offerExports(name, release, at), true]);
  }
  return (
    <div className="jp-EnvGuard-actions">
      {buttons.map(([label, act, menu]) => (
        <button
          key={label}
          type="button"
          className="jp-mod-styled jp-EnvGuard-button"
          onClick={event => act(event.currentTarget)}
          {...(menu && { 'aria-haspopup': 'menu' })}
        >
          {label}
        </button>
      ))}
      {linkTo && (
        <Copy
          text={linkTo(name, release, state)}
          label={trans.__('Copy a link to what is shown here')}
          icon={linkIcon}
          words={words}
        />
      )}
    </div>
  );
}
