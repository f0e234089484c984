/**
 * The small parts that every view is made of.
 */
import * as React from 'react';

import type { Refusal } from './wire';
import { signs } from './icons';
import type { Mark, Words } from './words';

/** A state: always a sign and a word, never a colour alone. */
export function State({ mark, words }: { mark: Mark; words: Words }): JSX.Element {
  const Sign = signs[mark].react;
  return (
    <span className="jp-EnvGuard-state" data-mark={mark}>
      <Sign tag="span" className="jp-EnvGuard-sign" aria-hidden />
      {words.mark(mark)}
    </span>
  );
}

/** What stands where something will be; shown only if it takes long enough to notice. */
export function Skeleton({ label, rows }: { label: string; rows: number }): JSX.Element {
  return (
    <div className="jp-EnvGuard-skeleton" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} className="jp-EnvGuard-bone" />
      ))}
    </div>
  );
}

interface IFailureProps {
  readonly refusal: Refusal;
  readonly words: Words;
  readonly retry: () => void;
  /** What is still on the screen, if anything is. */
  readonly note?: string;
}

/** What went wrong, in the server's own words, and the way out. */
export function Failure({ refusal, words, retry, note }: IFailureProps): JSX.Element {
  const hint = words.hint(refusal);
  return (
    <div className="jp-EnvGuard-failure" role="alert">
      <p className="jp-EnvGuard-failureText">{words.refusal(refusal)}</p>
      {hint && <p>{hint}</p>}
      {note && <p className="jp-EnvGuard-quiet">{note}</p>}
      <p className="jp-EnvGuard-failureFoot">
        <button type="button" className="jp-mod-styled jp-EnvGuard-button" onClick={retry}>
          {words.trans.__('Try again')}
        </button>
        <code className="jp-EnvGuard-quiet">{refusal.code}</code>
      </p>
    </div>
  );
}

interface IFilterProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** The browser's own search field: it has a name, a clear button and Escape. */
export function Filter({ label, value, onChange }: IFilterProps): JSX.Element {
  return (
    <input
      type="search"
      className="jp-mod-styled jp-EnvGuard-filter"
      aria-label={label}
      placeholder={label}
      spellCheck={false}
      value={value}
      onChange={event => onChange(event.target.value)}
    />
  );
}
