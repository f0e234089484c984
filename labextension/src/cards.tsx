import * as React from 'react';

import type { IMatch, IUnavailable } from './generated/wire';
import { State } from './parts';
import type { IFound } from './search';
import { besideSuccessor, markOf, shortDigest, type Words } from './words';

interface ICardProps extends IFound {
  readonly onOpen: (name: string, release: string) => void;
  readonly words: Words;
}

/** One release that may be started; the context menu reads from it which one it is. */
export function Card({ environment, packages, onOpen, words }: ICardProps): JSX.Element {
  const { trans } = words;
  const { name, release, displayName, description, expires, successor, digests } = environment;
  return (
    <button
      type="button"
      className="jp-EnvGuard-card"
      title={description || displayName}
      data-name={name}
      data-release={release}
      onClick={() => onOpen(name, release)}
    >
      <span className="jp-EnvGuard-cardName">{displayName}</span>
      <span className="jp-EnvGuard-facts">
        <State mark={markOf(environment.state)} words={words} />
        <span>{release}</span>
        {environment.packages > 0 && <span>{words.count(environment.packages)}</span>}
        <code title={digests.spec}>{shortDigest(digests.spec)}</code>
      </span>
      {expires && <span className="jp-EnvGuard-note">{trans.__('Until %1', words.date(expires))}</span>}
      {successor && <span className="jp-EnvGuard-note">{trans.__('Use %1 instead', successor)}</span>}
      {packages.length > 0 && <Hits packages={packages} words={words} />}
    </button>
  );
}

/** More packages than these are only counted. */
const SHOWN_HITS = 3;

function Hits({ packages, words }: { packages: IMatch['packages']; words: Words }): JSX.Element {
  const rest = packages.length - SHOWN_HITS;
  return (
    <span className="jp-EnvGuard-hits">
      {packages.slice(0, SHOWN_HITS).map(({ name, version, manager }) => (
        <span key={`${manager} ${name}`} className="jp-EnvGuard-hit">
          {name} {version}
        </span>
      ))}
      {rest > 0 && <span>{words.trans._n('and %1 more', 'and %1 more', rest)}</span>}
    </span>
  );
}

interface IGoneProps {
  readonly gone: IUnavailable;
  readonly words: Words;
  /** Show the release that replaces it, if that may be started. */
  readonly onSuccessor: ((release: string) => void) | null;
}

/** One release that may not be started: why, and what to do. */
export function Gone({ gone, words, onSuccessor }: IGoneProps): JSX.Element {
  const { trans } = words;
  const { displayName, release, state, reasons, successor, contact } = gone;
  return (
    <div className="jp-EnvGuard-card jp-mod-still">
      <span className="jp-EnvGuard-cardName">{displayName}</span>
      <span className="jp-EnvGuard-facts">
        <State mark={state === 'revoked' ? 'revoked' : 'unavailable'} words={words} />
        <span>{release}</span>
      </span>
      {reasons.map(reason => (
        <span key={reason.code} className="jp-EnvGuard-note">
          {besideSuccessor(reason, successor)}
        </span>
      ))}
      {successor && (
        <span className="jp-EnvGuard-note">
          {onSuccessor ? (
            <button type="button" className="jp-EnvGuard-link" onClick={() => onSuccessor(successor)}>
              {trans.__('Use %1 instead', successor)}
            </button>
          ) : (
            trans.__('Use %1 instead', successor)
          )}
        </span>
      )}
      {contact && <span className="jp-EnvGuard-note">{trans.__('Whom to ask: %1', contact)}</span>}
    </div>
  );
}
