/**
 * The fields of a form: labels above, what helps below, and below that what is wrong.
 */
import * as React from 'react';

import type { Words } from './words';

/** What is wrong with each field, by its name. */
export type Problems = Readonly<Record<string, string>>;

/** Return the id of the control of a field. */
export const idOf = (name: string) => `jp-EnvGuard-request-${name}`;

/** What a control needs to belong to its label, its hint and its problem. */
export interface IAttributes {
  readonly id: string;
  readonly required: boolean;
  readonly 'aria-invalid': boolean;
  readonly 'aria-describedby'?: string;
}

interface IFieldProps {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly required?: boolean;
  readonly problems: Problems;
  readonly words: Words;
}

/** A field with a control of any kind. */
export function Labelled({
  name,
  label,
  hint,
  required = false,
  problems,
  words,
  children
}: IFieldProps & { readonly children: (attributes: IAttributes) => JSX.Element }): JSX.Element {
  const id = idOf(name);
  const problem = problems[name];
  const described = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(' ');
  return (
    <div className="jp-EnvGuard-field">
      <label htmlFor={id}>{required ? label : words.trans.__('%1 (optional)', label)}</label>
      {children({
        id,
        required,
        'aria-invalid': problem !== undefined,
        ...(described && { 'aria-describedby': described })
      })}
      {hint && (
        <span id={`${id}-hint`} className="jp-EnvGuard-quiet">
          {hint}
        </span>
      )}
      {problem && (
        <span id={`${id}-problem`} className="jp-EnvGuard-problem" role="alert">
          {problem}
        </span>
      )}
    </div>
  );
}

interface ITextFieldProps extends IFieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Several lines instead of one. */
  readonly rows?: number;
  /** Whether it is written in sentences, whose spelling can be checked. */
  readonly prose?: boolean;
  readonly type?: string;
  readonly maxLength?: number;
}

/** A field to write into. */
export function TextField(props: ITextFieldProps): JSX.Element {
  const { value, onChange, rows, prose = false, type = 'text', maxLength, ...field } = props;
  return (
    <Labelled {...field}>
      {attributes => {
        const common = { ...attributes, value, maxLength, spellCheck: prose };
        return rows ? (
          <textarea
            {...common}
            className="jp-mod-styled jp-EnvGuard-textarea"
            rows={rows}
            onChange={event => onChange(event.target.value)}
          />
        ) : (
          <input
            {...common}
            className="jp-mod-styled"
            type={type}
            autoComplete="off"
            onChange={event => onChange(event.target.value)}
          />
        );
      }}
    </Labelled>
  );
}
