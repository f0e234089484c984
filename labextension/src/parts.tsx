/**
 * The small parts that every view is made of.
 */
import { caretDownEmptyIcon, checkIcon, copyIcon, type LabIcon } from '@jupyterlab/ui-components';
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
  /** Shorter than the label where there is little room. */
  readonly placeholder?: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Id of what explains the field. */
  readonly describedBy?: string;
  readonly field?: React.RefObject<HTMLInputElement>;
  /** Down leads from the field to what it filters. */
  readonly onDown?: () => void;
}

/** The browser's own search field: it has a name, a clear button and Escape. */
export function Filter(props: IFilterProps): JSX.Element {
  const { label, placeholder = label, value, onChange, describedBy, field, onDown } = props;
  return (
    <input
      ref={field}
      type="search"
      className="jp-mod-styled jp-EnvGuard-filter"
      aria-label={label}
      placeholder={placeholder}
      spellCheck={false}
      value={value}
      {...(describedBy && { 'aria-describedby': describedBy })}
      onChange={event => onChange(event.target.value)}
      onKeyDown={event => {
        if (onDown && event.key === 'ArrowDown') {
          event.preventDefault();
          onDown();
        }
      }}
    />
  );
}

interface IIconButtonProps {
  readonly label: string;
  readonly icon: LabIcon;
  readonly onClick: (event: React.MouseEvent<HTMLButtonElement>) => void;
}

/** A button that shows only a picture, and says what it does. */
export function IconButton({ label, icon: Icon, onClick }: IIconButtonProps): JSX.Element {
  return (
    <button
      type="button"
      className="jp-EnvGuard-iconButton"
      title={label}
      aria-label={label}
      onClick={onClick}
    >
      <Icon.react tag="span" aria-hidden />
    </button>
  );
}

interface ICopyProps {
  readonly text: string;
  readonly label: string;
  readonly icon?: LabIcon;
  readonly words: Words;
}

/** Copies a text, and says so until the person moves on. */
export function Copy({ text, label, icon = copyIcon, words }: ICopyProps): JSX.Element {
  const [copied, setCopied] = React.useState(false);
  const Icon = copied ? checkIcon : icon;
  return (
    <>
      <button
        type="button"
        className="jp-EnvGuard-iconButton"
        title={label}
        aria-label={label}
        onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
        onBlur={() => setCopied(false)}
      >
        <Icon.react tag="span" aria-hidden />
      </button>
      <span role="status" className="jp-EnvGuard-said">
        {copied && words.trans.__('Copied')}
      </span>
    </>
  );
}

interface IPopupProps {
  readonly label: string;
  readonly children: React.ReactNode;
}

/** A button that unfolds something small; Escape, or a click elsewhere, folds it again. */
export function Popup({ label, children }: IPopupProps): JSX.Element {
  const [open, setOpen] = React.useState(false);
  const box = React.useRef<HTMLDivElement>(null);
  const button = React.useRef<HTMLButtonElement>(null);
  React.useEffect(() => {
    const onPointer = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };
    document.addEventListener('pointerdown', onPointer);
    return () => document.removeEventListener('pointerdown', onPointer);
  }, []);
  return (
    <div
      ref={box}
      className="jp-EnvGuard-popup"
      onKeyDown={event => {
        if (open && event.key === 'Escape') {
          event.stopPropagation();
          setOpen(false);
          button.current?.focus();
        }
      }}
    >
      <button
        ref={button}
        type="button"
        className="jp-mod-styled jp-EnvGuard-button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {label}
        <caretDownEmptyIcon.react tag="span" aria-hidden />
      </button>
      {open && (
        <div className="jp-EnvGuard-popupBox" role="group" aria-label={label}>
          {children}
        </div>
      )}
    </div>
  );
}

interface ITab {
  readonly id: string;
  /** Translated. */
  readonly title: string;
  readonly content: () => JSX.Element;
}

interface ITabsProps {
  readonly label: string;
  readonly tabs: readonly ITab[];
  readonly shown: string;
  readonly onShow: (id: string) => void;
}

/** Tabs as the ARIA practices want them: arrows move and show at once. */
export function Tabs({ label, tabs, shown, onShow }: ITabsProps): JSX.Element {
  const id = React.useId();
  const list = React.useRef<HTMLDivElement>(null);
  const at = Math.max(
    0,
    tabs.findIndex(tab => tab.id === shown)
  );
  const current = tabs[at];
  const show = (index: number) => {
    const next = tabs[(index + tabs.length) % tabs.length];
    if (next) {
      onShow(next.id);
      list.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
    }
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const mirrored = getComputedStyle(event.currentTarget).direction === 'rtl' ? -1 : 1;
    const goals: Record<string, number> = {
      ArrowRight: at + mirrored,
      ArrowLeft: at - mirrored,
      Home: 0,
      End: tabs.length - 1
    };
    const goal = goals[event.key];
    if (goal !== undefined) {
      event.preventDefault();
      show(goal);
    }
  };
  return (
    <>
      <div ref={list} className="jp-EnvGuard-tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {tabs.map((tab, index) => (
          <button
            key={tab.id}
            id={`${id}-${tab.id}`}
            type="button"
            role="tab"
            className="jp-EnvGuard-tab"
            data-tab={tab.id}
            aria-selected={index === at}
            aria-controls={`${id}-panel`}
            tabIndex={index === at ? 0 : -1}
            onClick={() => onShow(tab.id)}
          >
            {tab.title}
          </button>
        ))}
      </div>
      {current && (
        <div
          key={current.id}
          id={`${id}-panel`}
          className="jp-EnvGuard-tabPanel"
          role="tabpanel"
          aria-labelledby={`${id}-${current.id}`}
        >
          {current.content()}
        </div>
      )}
    </>
  );
}

/** Where the caret of a `select` stands that is as high as a text field. */
export const CARET = { tag: 'span', stylesheet: 'select', right: '8px', top: '8px' } as const;
