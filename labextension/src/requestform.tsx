import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IEnvironment } from './generated/wire';
import type { Draft } from './draft';
import { Labelled, TextField, idOf, type Problems } from './fields';
import { environmentProblem, packageProblem, type SubjectProblem } from './matchspec';
import { CARET } from './parts';
import type { IRequest } from './generated/wire';
import { SHORTEST_REASON, type IAsk } from './requests';
import type { IEnvironments, IRequests } from './tokens';
import { Refusal } from './wire';
import type { Words } from './words';

export interface IRequestFormProps {
  readonly environments: IEnvironments;
  readonly requests: Pick<IRequests, 'submit'>;
  readonly words: Words;
  /** What is filled in from the beginning. */
  readonly prefill: Partial<IAsk>;
  /** Show the requests of this user; `null` where there is no place for them. */
  readonly showRequests: (() => void) | null;
  /** Where the request is kept while it is written. */
  readonly draft: Draft;
  /** Leave the form without sending anything. */
  readonly leave: () => void;
}

/** In the order in which they stand, so that the first one at fault gets the focus. */
const FIELDS = ['subject', 'environment', 'reason', 'channel', 'needed_by', 'notebooks'];

/** Ask for a package or an environment. */
export function RequestForm(props: IRequestFormProps): JSX.Element {
  const [sent, setSent] = React.useState<IRequest | null>(null);
  return sent ? (
    <Sent {...props} request={sent} again={() => setSent(null)} />
  ) : (
    <Form {...props} onSent={setSent} />
  );
}

function Form(props: IRequestFormProps & IDraftProps): JSX.Element {
  const { environments, words, draft, leave } = props;
  const { trans } = words;
  const { form, ask, change, problems, refusal, isSending, send } = useDraft(props);
  const field = { words, problems };
  return (
    <form
      ref={form}
      className="jp-EnvGuard-form"
      noValidate
      onSubmit={event => {
        event.preventDefault();
        void send();
      }}
    >
      <h2 className="jp-EnvGuard-title">{trans.__('Ask for a package or an environment')}</h2>
      <p className="jp-EnvGuard-quiet">
        {trans.__('The administrators of this hub read it, and you are told what they decide.')}
      </p>
      <Kinds ask={ask} words={words} onChange={kind => change({ kind })} />
      <What {...field} ask={ask} onChange={change} offers={environments.catalog?.environments ?? []} />
      <TextField
        {...field}
        name="reason"
        label={trans.__('Why')}
        hint={trans.__('What you want to do with it, in %1 characters or more.', SHORTEST_REASON)}
        required
        rows={3}
        prose
        maxLength={1000}
        value={ask.reason}
        onChange={reason => change({ reason })}
      />
      <div className="jp-EnvGuard-pair">
        <TextField
          {...field}
          name="channel"
          label={trans.__('Channel or index')}
          hint={trans.__('Where it is to be found, if you know: conda-forge, an address, …')}
          maxLength={200}
          value={ask.channel}
          onChange={channel => change({ channel })}
        />
        <TextField
          {...field}
          name="needed_by"
          label={trans.__('Needed by')}
          type="date"
          value={ask.neededBy}
          onChange={neededBy => change({ neededBy })}
        />
      </div>
      <TextField
        {...field}
        name="notebooks"
        label={trans.__('Notebooks that wait for it')}
        hint={trans.__('One path a line.')}
        rows={2}
        value={ask.notebooks.join('\n')}
        onChange={lines => change({ notebooks: lines.split('\n') })}
      />
      {refusal && (
        <div className="jp-EnvGuard-failure" role="alert">
          <p className="jp-EnvGuard-failureText">{words.refusal(refusal)}</p>
          <p>{words.hint(refusal)}</p>
        </div>
      )}
      <p className="jp-EnvGuard-formFoot">
        <button type="submit" className="jp-mod-styled jp-mod-accept" disabled={isSending}>
          {isSending ? trans.__('Sending…') : trans.__('Send request')}
        </button>
        <button
          type="button"
          className="jp-mod-styled jp-EnvGuard-button"
          onClick={() => {
            draft.forget();
            leave();
          }}
        >
          {trans.__('Cancel')}
        </button>
      </p>
    </form>
  );
}

type IDraftProps = Pick<IRequestFormProps, 'prefill' | 'requests' | 'words' | 'draft'> & {
  readonly onSent: (request: IRequest) => void;
};

/** A request as it is being written, and what is wrong with it. */
function useDraft({ prefill, requests, words, draft, onSent }: IDraftProps) {
  const [ask, setAsk] = React.useState<IAsk>(() => begin(prefill, draft.read()));
  const [problems, setProblems] = React.useState<Problems>({});
  const [refusal, setRefusal] = React.useState<Refusal | null>(null);
  const [isSending, setSending] = React.useState(false);
  const form = React.useRef<HTMLFormElement>(null);
  /** Show what is wrong, and go to the first field at fault; tell whether there is one. */
  const tell = (found: Problems): boolean => {
    setProblems(found);
    const first = FIELDS.find(field => found[field]);
    if (first) {
      form.current?.querySelector<HTMLElement>(`#${idOf(first)}`)?.focus();
    }
    return first !== undefined;
  };
  const send = async (): Promise<void> => {
    setRefusal(null);
    if (tell(problemsOf(ask, words))) {
      return;
    }
    setSending(true);
    try {
      const request = await requests.submit(tidy(ask));
      draft.forget();
      onSent(request);
    } catch (reason) {
      const said = reason instanceof Refusal ? reason : new Refusal('unforeseen', String(reason), '');
      setSending(false);
      setRefusal(tell(said.fields) ? null : said);
    }
  };
  const change = (changes: Partial<IAsk>) => {
    const changed = { ...ask, ...changes };
    setAsk(changed);
    draft.keep(changed);
  };
  return { form, ask, change, problems, refusal, isSending, send };
}

interface IWhatProps {
  readonly ask: IAsk;
  readonly onChange: (changes: Partial<IAsk>) => void;
  readonly offers: readonly IEnvironment[];
  readonly problems: Problems;
  readonly words: Words;
}

/** What is asked for: a package for an environment, or an environment in words. */
function What({ ask, onChange, offers, ...field }: IWhatProps): JSX.Element {
  const { trans } = field.words;
  const isPackage = ask.kind === 'package';
  return (
    <>
      <TextField
        {...field}
        name="subject"
        label={isPackage ? trans.__('Package') : trans.__('What the environment is for')}
        hint={
          isPackage
            ? trans.__('A name, and versions if they matter, such as xgboost>=2.')
            : trans.__('A name and what should be in it.')
        }
        required
        maxLength={200}
        value={ask.subject}
        onChange={subject => onChange({ subject })}
      />
      {isPackage && (
        <Labelled {...field} name="environment" label={trans.__('Add it to')}>
          {attributes => (
            <HTMLSelect
              {...attributes}
              className="jp-EnvGuard-choose"
              iconProps={CARET}
              value={ask.environment}
              onChange={event => onChange({ environment: event.target.value })}
            >
              <option value="">{trans.__('No environment in particular')}</option>
              {basesOf(offers, ask.environment).map(([name, title]) => (
                <option key={name} value={name}>
                  {title}
                </option>
              ))}
            </HTMLSelect>
          )}
        </Labelled>
      )}
    </>
  );
}

const EMPTY: IAsk = {
  kind: 'package',
  subject: '',
  environment: '',
  channel: '',
  reason: '',
  neededBy: '',
  notebooks: []
};

/** Go on with what was written before, unless something else is asked for now. */
function begin(prefill: Partial<IAsk>, kept: IAsk | null): IAsk {
  const isOther = prefill.subject && prefill.subject !== kept?.subject;
  return kept && !isOther ? kept : { ...EMPTY, ...prefill };
}

/** Return what is sent: without the spaces and empty lines that people leave. */
function tidy(ask: IAsk): IAsk {
  return {
    kind: ask.kind,
    subject: ask.subject.trim(),
    environment: ask.kind === 'package' ? ask.environment : '',
    channel: ask.channel.trim(),
    reason: ask.reason.trim(),
    neededBy: ask.neededBy,
    notebooks: ask.notebooks.map(path => path.trim()).filter(Boolean)
  };
}

/** Say what is wrong with each field; empty if the request can be sent. */
export function problemsOf(ask: IAsk, words: Words): Problems {
  const { trans } = words;
  const subject = (ask.kind === 'package' ? packageProblem : environmentProblem)(ask.subject);
  const said: Record<SubjectProblem, string> = {
    missing:
      ask.kind === 'package' ? trans.__('Say which package.') : trans.__('Say what the environment is for.'),
    name: trans.__('A package’s name has letters, digits, dots, dashes and underscores only.'),
    version: trans.__('Versions are written like this: >=2,<3 or =2.1 or 2.*'),
    long: trans.__('This is too long; say the rest under Why.')
  };
  const missing = SHORTEST_REASON - ask.reason.trim().length;
  return {
    ...(subject && { subject: said[subject] }),
    ...(missing > 0 && {
      reason: trans._n('Write %1 more character.', 'Write %1 more characters.', missing)
    })
  };
}

/** Environments to add a package to, by name; `chosen` too, even if the user may not start it. */
function basesOf(offers: readonly IEnvironment[], chosen: string): [string, string][] {
  const bases = new Map(chosen ? [[chosen, chosen]] : []);
  offers.forEach(
    ({ name, displayName, current }) => (current || !bases.has(name)) && bases.set(name, displayName)
  );
  return [...bases].sort(([, a], [, b]) => a.localeCompare(b));
}

interface IKindsProps {
  readonly ask: IAsk;
  readonly words: Words;
  readonly onChange: (kind: IAsk['kind']) => void;
}

function Kinds({ ask, words, onChange }: IKindsProps): JSX.Element {
  const { trans } = words;
  const titles = { package: trans.__('A package'), environment: trans.__('A whole environment') };
  return (
    <fieldset className="jp-EnvGuard-kinds">
      <legend>{trans.__('What you need')}</legend>
      {(['package', 'environment'] as const).map(kind => (
        <label key={kind} className="jp-EnvGuard-check">
          <input
            type="radio"
            name="jp-EnvGuard-request-kind"
            checked={ask.kind === kind}
            onChange={() => onChange(kind)}
          />
          {titles[kind]}
        </label>
      ))}
    </fieldset>
  );
}

function Sent({
  request,
  words,
  showRequests,
  again
}: IRequestFormProps & { request: IRequest; again: () => void }): JSX.Element {
  const { trans } = words;
  const title = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => title.current?.focus(), []);
  return (
    <div className="jp-EnvGuard-form" role="status">
      <h2 ref={title} tabIndex={-1} className="jp-EnvGuard-title">
        {trans.__('Your request was sent')}
      </h2>
      <p>
        {trans.__('%1 is request', request.subject)} <code>{request.id}</code>.
      </p>
      <p className="jp-EnvGuard-quiet">
        {trans.__('It is open until somebody decides; you are told when that happens.')}
      </p>
      <p className="jp-EnvGuard-formFoot">
        {showRequests && (
          <button type="button" className="jp-mod-styled jp-mod-accept" onClick={showRequests}>
            {trans.__('Show my requests')}
          </button>
        )}
        <button type="button" className="jp-mod-styled jp-EnvGuard-button" onClick={again}>
          {trans.__('Ask for something else')}
        </button>
      </p>
    </div>
  );
}
