import { UseSignal, addIcon, caretRightIcon, refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { ICatalog, ISearch } from './generated/wire';
import { Card, Gone } from './cards';
import { isNotebook, type IHost } from './hosts';
import { boxIcon, compareIcon } from './icons';
import { Failure, Filter, IconButton, Skeleton } from './parts';
import { findIn, useSearch, type IFound, type ISearching } from './search';
import type { Sections } from './sections';
import type { IStamp } from './stamp';
import { ThisNotebook } from './thisnotebook';
import type { IEnvironments, IKernels, IPanelSection } from './tokens';
import type { Words } from './words';

/** What can be done from the panel; what is not there is not offered. */
export interface IPanelActions {
  readonly open: (name: string, release: string) => void;
  readonly compare?: (from?: string, to?: string) => void;
  readonly request?: (subject?: string) => void;
}

export interface IPanelProps {
  readonly environments: IEnvironments;
  readonly sections: Sections;
  readonly actions: () => IPanelActions;
  /** Must be the same function at each rendering. */
  readonly search: (query: string) => Promise<ISearch>;
  readonly kernels: IKernels | null;
  readonly madeOf: (host: IHost) => IStamp | null;
  readonly words: Words;
}

/** Everything in the side panel: what this user may start, what not and why, and what the notebook in front runs. */
export function PanelView(props: IPanelProps): JSX.Element {
  const { environments, words } = props;
  const { trans } = words;
  const { catalog, refusal, asOf } = environments;
  const refresh = () => void environments.refresh();
  const isOver = useEnd(catalog);
  return (
    <>
      <Head {...props} actions={props.actions()} />
      {refusal && (
        <Failure
          refusal={refusal}
          words={words}
          retry={refresh}
          {...(asOf && { note: trans.__('The list below is as of %1.', words.time(asOf)) })}
        />
      )}
      {catalog && !refusal && isOver && <Stale catalog={catalog} words={words} />}
      {catalog ? (
        <Lists {...props} catalog={catalog} />
      ) : (
        !refusal && <Skeleton label={trans.__('Reading the catalog…')} rows={4} />
      )}
    </>
  );
}

function Head({
  environments,
  actions,
  words
}: Omit<IPanelProps, 'actions'> & { actions: IPanelActions }): JSX.Element {
  const { trans } = words;
  const { compare, request } = actions;
  return (
    <div className="jp-EnvGuard-head">
      <h2 className="jp-EnvGuard-heading">{trans.__('Approved environments')}</h2>
      <div className="jp-EnvGuard-toolbar" role="group" aria-label={trans.__('Actions')}>
        {request && (
          <IconButton
            label={trans.__('Ask for a package or an environment')}
            icon={addIcon}
            onClick={() => request()}
          />
        )}
        {compare && (
          <IconButton label={trans.__('Compare environments')} icon={compareIcon} onClick={() => compare()} />
        )}
        <IconButton
          label={trans.__('Refresh')}
          icon={refreshIcon}
          onClick={() => void environments.refresh()}
        />
      </div>
    </div>
  );
}

/** The longest time that a timer can wait. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** Tell whether a catalog has run out, and draw again in the moment when it does: nobody else tells. */
function useEnd(catalog: ICatalog | null): boolean {
  const [, setEnded] = React.useState('');
  const end = catalog ? Date.parse(catalog.catalog.expires) : Infinity;
  React.useEffect(() => {
    const left = end - Date.now();
    if (left < 0 || left > LONGEST_WAIT_MS) {
      return;
    }
    const waiting = setTimeout(() => setEnded(String(end)), left + 1);
    return () => clearTimeout(waiting);
  }, [end]);
  return end < Date.now();
}

/** A catalog that has run out says nothing about today. */
function Stale({ catalog, words }: { catalog: ICatalog; words: Words }): JSX.Element {
  const { trans } = words;
  return (
    <div className="jp-EnvGuard-failure jp-mod-mind" role="alert">
      <p className="jp-EnvGuard-failureText">
        {trans.__('The catalog was valid until %1.', words.dateTime(catalog.catalog.expires))}
      </p>
      <p>
        {trans.__('Kernels that run keep running. New ones start once the catalog has been signed again.')}
      </p>
    </div>
  );
}

type IListsProps = IPanelProps & { readonly catalog: ICatalog };

/** A section and what stands in it. */
type IEntry = Pick<IPanelSection, 'id' | 'rank' | 'folded' | 'count' | 'changed' | 'unfold'> & {
  readonly title: () => string;
  readonly body: () => React.ReactNode;
};

function Lists(props: IListsProps): JSX.Element {
  const { catalog, environments, sections, kernels, madeOf, words, search } = props;
  const { trans } = words;
  const actions = props.actions();
  const [query, setQuery] = React.useState('');
  const box = React.useRef<HTMLDivElement>(null);
  const searching = useSearch(query, search);
  const found = findIn(catalog.environments, query, searching.found);
  const entries: IEntry[] = [
    {
      id: 'available',
      rank: 20,
      title: () => trans.__('Available'),
      count: () => found.length,
      body: () => <Available {...{ catalog, query, setQuery, found, searching, actions, words }} />
    },
    ...sections.all.map(({ Content, title, ...section }) => ({
      ...section,
      title: () => title,
      body: () => <Content />
    }))
  ];
  if (kernels) {
    const { open: onOpen, compare } = actions;
    entries.push({
      id: 'notebook',
      rank: 10,
      title: () =>
        kernels.current && !isNotebook(kernels.current)
          ? trans.__('This console')
          : trans.__('This notebook'),
      changed: kernels.changed,
      body: () => (
        <ThisNotebook
          {...{ kernels, environments, words, madeOf, onOpen }}
          {...(compare && { onCompare: compare })}
        />
      )
    });
  }
  if (catalog.unavailable.length > 0) {
    entries.push({
      id: 'unavailable',
      rank: 30,
      title: () => trans.__('Not available to you'),
      folded: true,
      count: () => catalog.unavailable.length,
      body: () => <Unavailable {...{ catalog, environments, actions, words }} />
    });
  }
  return (
    <>
      <Filter
        label={trans.__('Search environments and packages')}
        placeholder={trans.__('Search: name or torch>=2.4')}
        value={query}
        onChange={setQuery}
        onDown={() => box.current?.querySelector<HTMLElement>('.jp-EnvGuard-card')?.focus()}
      />
      <div ref={box} className="jp-EnvGuard-sections">
        {entries
          .sort((a, b) => a.rank - b.rank)
          .map(entry => (
            <Section key={entry.id} {...entry} words={words} />
          ))}
      </div>
    </>
  );
}

/** One section: a heading that folds it, with the number of things below. */
function Section(props: IEntry & { readonly words: Words }): JSX.Element {
  const { title, folded = false, body, count, changed, unfold, words } = props;
  const id = React.useId();
  const [open, setOpen] = React.useState(!folded);
  React.useEffect(() => {
    const show = () => setOpen(true);
    unfold?.connect(show);
    return () => void unfold?.disconnect(show);
  }, [unfold]);
  const draw = () => (
    <section className="jp-EnvGuard-section" aria-labelledby={id}>
      <h3 className="jp-EnvGuard-sectionHead">
        <button
          id={id}
          type="button"
          className="jp-EnvGuard-fold"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          <caretRightIcon.react tag="span" className="jp-EnvGuard-foldSign" aria-hidden />
          {count ? `${title()} (${words.number(count())})` : title()}
        </button>
      </h3>
      {open && body()}
    </section>
  );
  return changed ? <UseSignal signal={changed}>{draw}</UseSignal> : draw();
}

interface IAvailableProps {
  readonly catalog: ICatalog;
  readonly query: string;
  readonly setQuery: (query: string) => void;
  readonly found: readonly IFound[];
  readonly searching: ISearching;
  readonly actions: IPanelActions;
  readonly words: Words;
}

function Available(props: IAvailableProps): JSX.Element {
  const { catalog, query, found, searching, actions, words } = props;
  const { trans } = words;
  if (catalog.environments.length === 0) {
    return (
      <div className="jp-EnvGuard-empty">
        <boxIcon.react tag="span" className="jp-EnvGuard-emptyIcon" />
        <strong>{trans.__('No environment has been approved for you yet.')}</strong>
        <span>{trans.__('The administrators of this hub decide which environments you may use.')}</span>
        <Ask subject="" actions={actions} words={words} />
      </div>
    );
  }
  return (
    <>
      <p className="jp-EnvGuard-quiet jp-EnvGuard-found" role="status">
        {query.trim() && say(props)}
      </p>
      <ul className="jp-EnvGuard-list">
        {found.map(({ environment, packages }) => (
          <li key={`${environment.name}@${environment.release}`}>
            <Card environment={environment} packages={packages} onOpen={actions.open} words={words} />
          </li>
        ))}
      </ul>
      {found.length === 0 && !searching.isPending && <NotFound {...props} />}
    </>
  );
}

/** Say where a search stands. */
function say({ catalog, found, searching, words }: IAvailableProps): string {
  const { trans } = words;
  if (searching.isPending) {
    return trans.__('Looking into the packages…');
  }
  const outcome = words.part(found.length, catalog.environments.length);
  const { refusal } = searching;
  return refusal
    ? `${outcome}. ${trans.__('Only names were searched:')} ${words.refusal(refusal)} ${words.hint(refusal)}`.trim()
    : outcome;
}

function NotFound({ query, setQuery, searching, actions, words }: IAvailableProps): JSX.Element {
  const { trans } = words;
  const suggestions = searching.found?.suggestions ?? [];
  return (
    <div className="jp-EnvGuard-empty">
      <strong>{trans.__('No environment that you may use has “%1”.', query.trim())}</strong>
      {suggestions.length > 0 && (
        <span>
          {trans.__('Did you mean:')}{' '}
          {suggestions.map(suggestion => (
            <button
              key={suggestion}
              type="button"
              className="jp-EnvGuard-link jp-EnvGuard-suggestion"
              onClick={() => setQuery(suggestion)}
            >
              {suggestion}
            </button>
          ))}
        </span>
      )}
      <Ask subject={query.trim()} actions={actions} words={words} />
    </div>
  );
}

/** The way to ask for what is not there, where there is one. */
function Ask({
  subject,
  actions,
  words
}: Pick<IAvailableProps, 'actions' | 'words'> & { subject: string }): JSX.Element | null {
  const { request } = actions;
  return request ? (
    <button type="button" className="jp-mod-styled jp-EnvGuard-button" onClick={() => request(subject)}>
      {words.trans.__('Ask for it')}
    </button>
  ) : null;
}

interface IUnavailableProps {
  readonly catalog: ICatalog;
  readonly environments: IEnvironments;
  readonly actions: IPanelActions;
  readonly words: Words;
}

function Unavailable({ catalog, environments, actions, words }: IUnavailableProps): JSX.Element {
  const offered = (id: string) => {
    const [name = '', release = ''] = id.split('@');
    return environments.find(name, release);
  };
  return (
    <ul className="jp-EnvGuard-list">
      {catalog.unavailable.map(gone => (
        <li key={`${gone.name}@${gone.release}`}>
          <Gone
            gone={gone}
            words={words}
            onSuccessor={
              gone.successor && offered(gone.successor)
                ? id => {
                    const next = offered(id);
                    if (next) {
                      actions.open(next.name, next.release);
                    }
                  }
                : null
            }
          />
        </li>
      ))}
    </ul>
  );
}
