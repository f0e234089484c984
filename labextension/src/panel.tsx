import { ReactWidget, SidePanel, UseSignal, refreshIcon } from '@jupyterlab/ui-components';
import { Panel } from '@lumino/widgets';
import * as React from 'react';

import type { IEnvironment, IUnavailable } from './api';
import { boxIcon } from './icons';
import { Failure, Filter, Skeleton, State } from './parts';
import type { Sections } from './sections';
import type { IEnvironments, IPanelSection, ISpecOpener } from './tokens';
import { markOf, shortDigest, type Words } from './words';

interface IEnvironmentListProps {
  readonly environments: IEnvironments;
  readonly opener: ISpecOpener;
  readonly sections: Sections;
  readonly words: Words;
}

/** The side panel: what this user may start, and what not and why. */
export class EnvironmentsPanel extends SidePanel {
  constructor(props: IEnvironmentListProps) {
    super({ content: new Panel() });
    this.id = 'jp-envguard-environments';
    this.addClass('jp-EnvGuard');
    this.title.icon = boxIcon;
    this.title.caption = props.words.trans.__('Approved environments');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', this.title.caption);
    const list = ReactWidget.create(
      <UseSignal signal={props.environments.changed}>{() => <EnvironmentList {...props} />}</UseSignal>
    );
    list.addClass('jp-EnvGuard-panel');
    this.content.addWidget(list);
  }
}

/** Everything in the panel, for the catalog as it is now. */
export function EnvironmentList(props: IEnvironmentListProps): JSX.Element {
  const { environments, words } = props;
  const { trans } = words;
  const { catalog, refusal } = environments;
  const refresh = () => void environments.refresh();
  return (
    <>
      <div className="jp-EnvGuard-head">
        <h2 className="jp-EnvGuard-heading">{trans.__('Approved environments')}</h2>
        <button
          type="button"
          className="jp-EnvGuard-iconButton"
          title={trans.__('Refresh')}
          aria-label={trans.__('Refresh')}
          onClick={refresh}
        >
          <refreshIcon.react tag="span" />
        </button>
      </div>
      {refusal && (
        <Failure
          refusal={refusal}
          words={words}
          retry={refresh}
          {...(environments.asOf && {
            note: trans.__('The list below is as of %1.', words.time(environments.asOf))
          })}
        />
      )}
      {catalog ? (
        <Lists {...props} offers={catalog.environments} unavailable={catalog.unavailable} />
      ) : (
        !refusal && <Skeleton label={trans.__('Reading the catalog…')} rows={4} />
      )}
      <UseSignal signal={props.sections.changed}>
        {() => props.sections.all.map(section => <Section key={section.id} {...section} />)}
      </UseSignal>
    </>
  );
}

/** One section: a heading that folds it, with the number of things below. */
function Section({ title, folded = false, Content, count, changed }: IPanelSection): JSX.Element {
  const body = () => (
    <details className="jp-EnvGuard-more" open={!folded}>
      <summary>{count ? `${title} (${count()})` : title}</summary>
      <Content />
    </details>
  );
  return changed ? <UseSignal signal={changed}>{body}</UseSignal> : body();
}

interface IListsProps extends IEnvironmentListProps {
  readonly offers: readonly IEnvironment[];
  readonly unavailable: readonly IUnavailable[];
}

function Lists({ offers, unavailable, opener, words }: IListsProps): JSX.Element {
  const { trans } = words;
  const [filter, setFilter] = React.useState('');
  const shown = offers.filter(environment => matches(environment, filter));
  return (
    <>
      {offers.length === 0 ? (
        <p className="jp-EnvGuard-empty">
          <boxIcon.react tag="span" className="jp-EnvGuard-emptyIcon" />
          <strong>{trans.__('No environment has been approved for you yet.')}</strong>
          {trans.__('The administrators of this hub decide which environments you may use.')}
        </p>
      ) : (
        <Filter label={trans.__('Filter environments')} value={filter} onChange={setFilter} />
      )}
      <p className="jp-EnvGuard-quiet jp-EnvGuard-found" role="status">
        {filter && trans.__('%1 of %2', shown.length, offers.length)}
      </p>
      <ul className="jp-EnvGuard-list">
        {shown.map(environment => (
          <li key={`${environment.name}@${environment.release}`}>
            <Card environment={environment} opener={opener} words={words} />
          </li>
        ))}
      </ul>
      {unavailable.length > 0 && <NotAvailable unavailable={unavailable} words={words} />}
    </>
  );
}

interface ICardProps {
  readonly environment: IEnvironment;
  readonly opener: ISpecOpener;
  readonly words: Words;
}

function Card({ environment, opener, words }: ICardProps): JSX.Element {
  const { trans } = words;
  const { name, release, displayName, description, expires, successor, digests } = environment;
  return (
    <button
      type="button"
      className="jp-EnvGuard-card"
      title={description || displayName}
      onClick={() => opener.open(name, release)}
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
    </button>
  );
}

interface INotAvailableProps {
  readonly unavailable: readonly IUnavailable[];
  readonly words: Words;
}

function NotAvailable({ unavailable, words }: INotAvailableProps): JSX.Element {
  return (
    <details className="jp-EnvGuard-more">
      <summary>{words.trans.__('Not available to you (%1)', unavailable.length)}</summary>
      <ul className="jp-EnvGuard-list">
        {unavailable.map(({ name, release, displayName, state, reasons }) => (
          <li key={`${name}@${release}`} className="jp-EnvGuard-card jp-mod-still">
            <span className="jp-EnvGuard-cardName">{displayName}</span>
            <span className="jp-EnvGuard-facts">
              <State mark={state === 'revoked' ? 'revoked' : 'unavailable'} words={words} />
              <span>{release}</span>
            </span>
            {reasons.map(({ code, message, hint }) => (
              <span key={code} className="jp-EnvGuard-note">
                {message} {hint}
              </span>
            ))}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Whether every word that was typed occurs somewhere in what the card says. */
export function matches(environment: IEnvironment, filter: string): boolean {
  const { name, release, displayName, description, language, state } = environment;
  const text = [name, release, displayName, description, language, state].join('\n').toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word));
}
