import { ReactWidget, UseSignal, copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IEnvironment, ISpec } from './api';
import { Refusal } from './wire';
import { boxIcon } from './icons';
import { Packages } from './packages';
import { Failure, Skeleton, State } from './parts';
import type { IEnvironments } from './tokens';
import { markOf, shortDigest, type Words } from './words';

interface ISpecProps {
  readonly name: string;
  readonly release: string;
  readonly environments: IEnvironments;
  readonly words: Words;
}

/** A page about one release: what it is, who approved it, and every package in it. */
export class SpecPage extends ReactWidget {
  constructor(readonly props: ISpecProps) {
    super();
    const { name, release, environments, words } = props;
    this.id = `jp-envguard-spec-${name}--${release}`;
    this.addClass('jp-EnvGuard');
    this.addClass('jp-EnvGuard-page');
    this.title.icon = boxIcon;
    this.title.caption = words.trans.__('Packages of %1', `${name}@${release}`);
    this.title.closable = true;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', this.title.caption);
    environments.changed.connect(this._retitle, this);
    this._retitle();
  }

  protected override render(): JSX.Element {
    return (
      <UseSignal signal={this.props.environments.changed}>{() => <SpecView {...this.props} />}</UseSignal>
    );
  }

  private _retitle(): void {
    const { name, release, environments } = this.props;
    this.title.label = `${environments.find(name, release)?.displayName ?? name} ${release}`;
  }
}

/** The page for the catalog as it is now; a release may leave the catalog while it is open. */
export function SpecView({ name, release, environments, words }: ISpecProps): JSX.Element {
  const { trans } = words;
  const environment = environments.find(name, release);
  if (environment) {
    return <Release environment={environment} environments={environments} words={words} />;
  }
  if (environments.refusal) {
    return <Failure refusal={environments.refusal} words={words} retry={() => void environments.refresh()} />;
  }
  if (!environments.catalog) {
    return <Skeleton label={trans.__('Reading the catalog…')} rows={8} />;
  }
  const reasons = environments.findUnavailable(name, release)?.reasons ?? [];
  return (
    <div className="jp-EnvGuard-empty" role="status">
      <boxIcon.react tag="span" className="jp-EnvGuard-emptyIcon" />
      <strong>{trans.__('%1 is not available to you.', `${name}@${release}`)}</strong>
      {reasons.map(({ code, message, hint }) => (
        <span key={code}>
          {message} {hint}
        </span>
      ))}
    </div>
  );
}

interface IReleaseProps {
  readonly environment: IEnvironment;
  readonly environments: IEnvironments;
  readonly words: Words;
}

function Release(props: IReleaseProps): JSX.Element {
  const { environment, words } = props;
  const { trans } = words;
  const { spec, refusal, retry } = useSpec(props);
  return (
    <>
      <Facts environment={environment} spec={spec} words={words} />
      {refusal && <Failure refusal={refusal} words={words} retry={retry} />}
      {spec && <Packages spec={spec} words={words} />}
      {!spec && !refusal && <Skeleton label={trans.__('Reading the packages…')} rows={8} />}
    </>
  );
}

/** Fetch the packages, again whenever the release's spec or the person asks for it. */
function useSpec({ environment, environments }: IReleaseProps): {
  spec: ISpec | null;
  refusal: Refusal | null;
  retry: () => void;
} {
  const [attempt, setAttempt] = React.useState(0);
  const [outcome, setOutcome] = React.useState<ISpec | Refusal | null>(null);
  React.useEffect(() => {
    let current = true;
    setOutcome(null);
    const settle = (result: ISpec | Refusal) => current && setOutcome(result);
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

interface IFactsProps {
  readonly environment: IEnvironment;
  readonly spec: ISpec | null;
  readonly words: Words;
}

function Facts({ environment, spec, words }: IFactsProps): JSX.Element {
  const { trans } = words;
  const { name, release, displayName, description, approval, expires, successor, digests } = environment;
  return (
    <div className="jp-EnvGuard-about">
      <h2 className="jp-EnvGuard-title">
        {displayName} <span className="jp-EnvGuard-release">{release}</span>
      </h2>
      {description && <p>{description}</p>}
      <p className="jp-EnvGuard-facts">
        <State mark={markOf(environment.state)} words={words} />
        <span>{`${name}@${release}`}</span>
        {spec && <span>{spec.platform}</span>}
        {spec?.mixed && <span>{trans.__('conda and pip packages')}</span>}
        {expires && <span>{trans.__('Until %1', words.date(expires))}</span>}
        {successor && <span>{trans.__('Use %1 instead', successor)}</span>}
      </p>
      {approval && (
        <p className="jp-EnvGuard-quiet">
          {trans.__('Approved by %1 on %2.', approval.who, words.date(approval.when))} {approval.reason}
        </p>
      )}
      <p className="jp-EnvGuard-facts">
        <Digest label={trans.__('Spec')} digest={digests.spec} words={words} />
        <Digest label={trans.__('Pack')} digest={digests.pack} words={words} />
        <Digest label={trans.__('Manifest')} digest={digests.manifest} words={words} />
      </p>
    </div>
  );
}

interface IDigestProps {
  readonly label: string;
  readonly digest: string;
  readonly words: Words;
}

function Digest({ label, digest, words }: IDigestProps): JSX.Element {
  const [copied, setCopied] = React.useState(false);
  const copy = words.trans.__('Copy the digest of the %1', label.toLowerCase());
  return (
    <span className="jp-EnvGuard-digest" title={digest}>
      {label} <code>{shortDigest(digest)}</code>
      <button
        type="button"
        className="jp-EnvGuard-iconButton"
        title={copy}
        aria-label={copy}
        onClick={() => void navigator.clipboard.writeText(digest).then(() => setCopied(true))}
        onBlur={() => setCopied(false)}
      >
        <copyIcon.react tag="span" />
      </button>
      <span role="status">{copied && words.trans.__('Copied')}</span>
    </span>
  );
}
