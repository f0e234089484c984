import * as React from 'react';

import type { IEnvironment } from './api';
import { Copy } from './parts';
import type { ISpecActions } from './spec';
import type { Words } from './words';

interface IIntegrityProps {
  readonly environment: IEnvironment;
  readonly actions: ISpecActions;
  readonly words: Words;
}

/** By what a release can be told from any other. */
export function Integrity({ environment, actions, words }: IIntegrityProps): JSX.Element {
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
