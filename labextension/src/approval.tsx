import * as React from 'react';

import type { IEnvironment } from './generated/wire';
import { State } from './parts';
import type { IEnvironments } from './tokens';
import { markOf, type Words } from './words';

interface IApprovalProps {
  readonly environment: IEnvironment;
  readonly environments: Pick<IEnvironments, 'catalog'>;
  readonly words: Words;
}

/** Who decided about a release, when, why, and how long that holds. */
export function Approval({ environment, environments, words }: IApprovalProps): JSX.Element {
  const { trans } = words;
  const { approval, expires, successor, state, kernelName, current, warnings } = environment;
  return (
    <div className="jp-EnvGuard-prose">
      <dl className="jp-EnvGuard-pin">
        <dt>{trans.__('State')}</dt>
        <dd>
          <State mark={markOf(state)} words={words} />
        </dd>
        <dt>{trans.__('Approved by')}</dt>
        <dd>{approval?.who ?? trans.__('nobody whose name is known here')}</dd>
        {approval && (
          <>
            <dt>{trans.__('On')}</dt>
            <dd>{words.dateTime(approval.when)}</dd>
            <dt>{trans.__('Because')}</dt>
            <dd>{approval.reason || '—'}</dd>
          </>
        )}
        <dt>{trans.__('Holds until')}</dt>
        <dd>{expires ? words.dateTime(expires) : trans.__('it is revoked or replaced')}</dd>
        {successor && (
          <>
            <dt>{trans.__('Replaced by')}</dt>
            <dd>{successor}</dd>
          </>
        )}
        <dt>{trans.__('Kernel')}</dt>
        <dd>
          <code>{kernelName}</code> {current && `(${trans.__('the current release')})`}
        </dd>
        {environments.catalog && (
          <>
            <dt>{trans.__('Catalog')}</dt>
            <dd>
              {trans.__(
                'version %1, signed, valid until %2',
                words.number(environments.catalog.catalog.version),
                words.dateTime(environments.catalog.catalog.expires)
              )}
            </dd>
          </>
        )}
      </dl>
      {warnings.length > 0 && (
        <ul className="jp-EnvGuard-flags">
          {warnings.map(({ code, message, hint }) => (
            <li key={code}>
              {message} {hint}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
