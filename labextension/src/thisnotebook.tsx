import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { isNotebook, type IHost } from './hosts';
import type { IOrigin } from './kernel';
import { State } from './parts';
import type { IDriftFinding } from './generated/wire';
import type { IStamp } from './stamp';
import type { IEnvironments, IKernels } from './tokens';
import { shortDigest, type Words } from './words';

interface IThisNotebookProps {
  readonly kernels: IKernels;
  readonly environments: IEnvironments;
  readonly words: Words;
  readonly madeOf: (host: IHost) => IStamp | null;
  readonly onOpen: (name: string, release: string) => void;
  readonly onCompare?: (from: string, to: string) => void;
}

/** Where the kernel of the notebook or console in front comes from, and where its outputs do. */
export function ThisNotebook(props: IThisNotebookProps): JSX.Element {
  return (
    <UseSignal signal={props.kernels.changed}>
      {() => (
        <div className="jp-EnvGuard-notebook">
          <Standing {...props} />
        </div>
      )}
    </UseSignal>
  );
}

function Standing(props: IThisNotebookProps): JSX.Element {
  const { kernels, words } = props;
  const { trans } = words;
  const host = kernels.current;
  if (!host) {
    return <p className="jp-EnvGuard-quiet">{trans.__('Open a notebook to see its environment here.')}</p>;
  }
  const standing = kernels.of(host).standing;
  if (!standing) {
    return (
      <p className="jp-EnvGuard-quiet">
        {isNotebook(host)
          ? trans.__('This notebook has no kernel.')
          : trans.__('This console has no kernel.')}
      </p>
    );
  }
  const { mark, origin, findings } = standing;
  if (!origin) {
    return (
      <>
        <p>
          <State mark={mark} words={words} />
        </p>
        {mark === 'unmanaged' && (
          <p className="jp-EnvGuard-quiet">
            {trans.__('Its kernel does not come from an approved environment.')}
          </p>
        )}
      </>
    );
  }
  return <Origin {...props} {...{ origin, mark, findings }} made={props.madeOf(host)} />;
}

type IOriginProps = IThisNotebookProps & {
  readonly origin: IOrigin;
  readonly mark: Parameters<typeof State>[0]['mark'];
  readonly findings: readonly IDriftFinding[];
  readonly made: IStamp | null;
};

function Origin(props: IOriginProps): JSX.Element {
  const { origin, mark, findings, made, environments, words, onOpen, onCompare } = props;
  const { environment: name, release } = origin;
  const known = environments.find(name, release);
  return (
    <>
      <button type="button" className="jp-EnvGuard-card" onClick={() => onOpen(name, release)}>
        <span className="jp-EnvGuard-cardName">{known?.displayName ?? name}</span>
        <span className="jp-EnvGuard-facts">
          <State mark={mark} words={words} />
          <span>{release}</span>
          {known && known.packages > 0 && <span>{words.count(known.packages)}</span>}
          {known && <code title={known.digests.spec}>{shortDigest(known.digests.spec)}</code>}
        </span>
      </button>
      {findings.length > 0 && <Findings findings={findings} words={words} />}
      {made && (
        <p className="jp-EnvGuard-made">
          {describeMade(made, origin, words)}{' '}
          {onCompare && made.digest !== origin.digest && !isSame(made, origin) && (
            <button
              type="button"
              className="jp-EnvGuard-link"
              onClick={() => onCompare(`${made.name}@${made.release}`, `${name}@${release}`)}
            >
              {words.trans.__('Compare')}
            </button>
          )}
        </p>
      )}
    </>
  );
}

/** More findings than these are only counted. */
const SHOWN_FINDINGS = 3;

function Findings({ findings, words }: { findings: readonly IDriftFinding[]; words: Words }): JSX.Element {
  const rest = findings.length - SHOWN_FINDINGS;
  return (
    <ul className="jp-EnvGuard-flags">
      {findings.slice(0, SHOWN_FINDINGS).map(({ kind, name, where, message }) => (
        <li key={`${kind} ${name} ${where}`}>{message}</li>
      ))}
      {rest > 0 && <li>{words.trans._n('and %1 more', 'and %1 more', rest)}</li>}
    </ul>
  );
}

/** Say how what made the outputs relates to what would make them now; the digest decides. */
export function describeMade(made: IStamp, now: IOrigin, { trans }: Words): string {
  if (made.digest === now.digest) {
    return trans.__('Its outputs were made with this very environment.');
  }
  if (isSame(made, now)) {
    return trans.__('Its outputs were made with other content under the same name.');
  }
  return trans.__('Its outputs were made with %1.', `${made.name}@${made.release}`);
}

function isSame(made: IStamp, now: IOrigin): boolean {
  return made.name === now.environment && made.release === now.release;
}
