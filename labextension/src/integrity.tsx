import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IEnvironment } from './generated/wire';
import { Copy, State } from './parts';
import type { IKernel } from './generated/wire';
import type { ISpecActions } from './spec';
import type { IRunning } from './tokens';
import type { Words } from './words';

interface IIntegrityProps {
  readonly environment: IEnvironment;
  readonly running: IRunning | null;
  readonly actions: ISpecActions;
  readonly words: Words;
}

/** By what a release can be told from any other. */
export function Integrity({ environment, running, actions, words }: IIntegrityProps): JSX.Element {
  const { trans } = words;
  const { name, release, digests } = environment;
  const address = actions.specAddress?.(name, release);
  const command = address && `curl -sH "Authorization: token $JUPYTER_TOKEN" '${address}' | sha256sum`;
  return (
    <div className="jp-EnvGuard-prose">
      <dl className="jp-EnvGuard-pin">
        <Digest
          term={trans.__('Manifest')}
          digest={digests.manifest}
          meaning={trans.__(
            'Every file of the sealed environment; this is what was signed, and what a notebook is stamped with.'
          )}
          copy={trans.__('Copy the digest of the manifest')}
          words={words}
        />
        <Digest
          term={trans.__('Spec')}
          digest={digests.spec}
          meaning={trans.__('The list of packages, as it is shown here.')}
          copy={trans.__('Copy the digest of the spec')}
          words={words}
        />
        <Digest
          term={trans.__('Pack')}
          digest={digests.pack}
          meaning={trans.__('The archive that was brought in.')}
          copy={trans.__('Copy the digest of the pack')}
          words={words}
        />
      </dl>
      {running && (
        <UseSignal signal={running.changed}>
          {() => <Kernels kernels={running.all.filter(runs(environment))} words={words} />}
        </UseSignal>
      )}
      {command && (
        <>
          <p>
            {trans.__('To check the list of packages yourself, compare its digest with what this prints:')}
          </p>
          <p className="jp-EnvGuard-command">
            <code>{command}</code>
            <Copy text={command} label={trans.__('Copy the command')} words={words} />
          </p>
        </>
      )}
    </div>
  );
}

const runs = (environment: IEnvironment) => (kernel: IKernel) =>
  kernel.environment === environment.name && kernel.release === environment.release;

/** What is known of each kernel that runs the release: whether it is what was sealed, and what guards it. */
function Kernels({ kernels, words }: { kernels: readonly IKernel[]; words: Words }): JSX.Element {
  const { trans } = words;
  return (
    <div>
      <h3>{trans.__('Kernels that run it')}</h3>
      {kernels.length === 0 && <p className="jp-EnvGuard-quiet">{trans.__('No kernel of yours runs it.')}</p>}
      <ul className="jp-EnvGuard-running">
        {kernels.map(kernel => (
          <li key={kernel.id}>
            <p className="jp-EnvGuard-facts">
              <code title={kernel.id}>{kernel.id.slice(0, 8)}</code>
              {kernel.drift.state === 'drifted' && <State mark="drifted" words={words} />}
              {kernel.drift.state === 'clean' && <span>{trans.__('It is as it was sealed.')}</span>}
              {kernel.drift.state === 'unknown' && (
                <span>{trans.__('Whether it is as it was sealed is not known.')}</span>
              )}
              <span>{describeWall(kernel, words)}</span>
            </p>
            {kernel.drift.findings.length + kernel.wall.gaps.length > 0 && (
              <ul className="jp-EnvGuard-flags">
                {kernel.drift.findings.map(({ kind, name, where, message }) => (
                  <li key={`${kind} ${name} ${where}`}>{message}</li>
                ))}
                {kernel.wall.gaps.map(gap => (
                  <li key={gap}>{gap}</li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function describeWall({ wall }: IKernel, { trans }: Words): string {
  if (!wall.level) {
    return trans.__('Whether a wall stands around it is not known.');
  }
  return wall.complete
    ? trans.__('The wall around it is complete.')
    : trans.__('The wall around it has gaps.');
}

interface IDigestProps {
  readonly term: string;
  readonly digest: string;
  readonly meaning: string;
  readonly copy: string;
  readonly words: Words;
}

function Digest({ term, digest, meaning, copy, words }: IDigestProps): JSX.Element {
  return (
    <>
      <dt>{term}</dt>
      <dd>
        <code>{digest}</code>
        <Copy text={digest} label={copy} words={words} />
        <p className="jp-EnvGuard-quiet">{meaning}</p>
      </dd>
    </>
  );
}
