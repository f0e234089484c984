import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { signs } from './icons';
import { Failure, Skeleton } from './parts';
import type { IRequest } from './generated/wire';
import type { IRequests } from './tokens';
import type { Mark, Words } from './words';

interface IMyRequestsProps {
  readonly requests: IRequests;
  readonly words: Words;
  /** Open the form. */
  readonly ask: () => void;
}

/** What this user has asked for, and what became of it. */
export function MyRequests(props: IMyRequestsProps): JSX.Element {
  return <UseSignal signal={props.requests.changed}>{() => <List {...props} />}</UseSignal>;
}

function List({ requests, words, ask }: IMyRequestsProps): JSX.Element {
  const { trans } = words;
  const { all, refusal } = requests;
  return (
    <div className="jp-EnvGuard-requests">
      {refusal && <Failure refusal={refusal} words={words} retry={() => void requests.refresh()} />}
      {!all && !refusal && <Skeleton label={trans.__('Reading your requests…')} rows={2} />}
      {all?.length === 0 && (
        <p className="jp-EnvGuard-note">{trans.__('You have not asked for anything.')}</p>
      )}
      {all && all.length > 0 && (
        <ul className="jp-EnvGuard-list">
          {all.map(request => (
            <li key={request.id} className="jp-EnvGuard-card jp-mod-still">
              <Request request={request} words={words} />
            </li>
          ))}
        </ul>
      )}
      <p className="jp-EnvGuard-formFoot">
        <button type="button" className="jp-mod-styled jp-EnvGuard-button" onClick={ask}>
          {trans.__('Ask for a package…')}
        </button>
      </p>
    </div>
  );
}

function Request({ request, words }: { request: IRequest; words: Words }): JSX.Element {
  const { trans } = words;
  const { id, subject, environment, created, decision } = request;
  const { mark, text } = outcomeOf(request, words);
  const Sign = signs[mark].react;
  return (
    <>
      <span className="jp-EnvGuard-cardName">{subject}</span>
      <span className="jp-EnvGuard-facts">
        <span className="jp-EnvGuard-state" data-mark={mark}>
          <Sign tag="span" className="jp-EnvGuard-sign" aria-hidden />
          {text}
        </span>
        {environment && <span>{trans.__('for %1', environment)}</span>}
        <span>{words.date(created)}</span>
        <code>{id}</code>
      </span>
      {decision?.reason && <span className="jp-EnvGuard-note">{decision.reason}</span>}
    </>
  );
}

/** Say in a few words what became of a request. */
export function outcomeOf({ state, decision }: IRequest, words: Words): { mark: Mark; text: string } {
  const { trans } = words;
  switch (state) {
    case 'approved':
      return {
        mark: 'approved',
        text: decision?.release ? trans.__('Approved in %1', decision.release) : trans.__('Approved')
      };
    case 'declined':
      return { mark: 'unavailable', text: trans.__('Declined') };
    default:
      return { mark: 'checking', text: trans.__('Open') };
  }
}
