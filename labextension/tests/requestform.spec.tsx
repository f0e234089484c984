import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import { read } from '../src/check';
import { Draft } from '../src/draft';
import { MyRequests, outcomeOf } from '../src/myrequests';
import { EnvironmentsModel } from '../src/model';
import { RequestForm, type IRequestFormProps } from '../src/requestform';
import { Requests, type IAsk } from '../src/requests';
import { Refusal } from '../src/wire';
import { stumbles } from './axe';
import { FakeApi, catalog, environment, requestJson, words, requestId, wired } from './server';

const request = (changes: object = {}) => read('Request', requestJson(changes));
const REASON = 'Gradient boosting for the churn study.';

describe('RequestForm', () => {
  let model: EnvironmentsModel;
  let sent: IAsk[];
  let answer: () => Promise<ReturnType<typeof request>>;
  let showRequests: jest.Mock;
  let leave: jest.Mock;

  beforeEach(async () => {
    const api = new FakeApi();
    const older = environment({ release: '2026.05', displayName: 'Data Science (2026.05)', current: false });
    const mini = environment({ name: 'minimal', displayName: 'Minimal', kernelName: 'minimal' });
    api.answers.catalog = catalog({ environments: [older, environment(), mini] });
    model = new EnvironmentsModel(api);
    await model.refresh();
    sent = [];
    answer = () => Promise.resolve(request({ subject: sent[0]?.subject }));
    showRequests = jest.fn();
    leave = jest.fn();
  });

  afterEach(() => {
    model.dispose();
    sessionStorage.clear();
  });

  const show = (prefill: Partial<IAsk> = {}, changes: Partial<IRequestFormProps> = {}) =>
    render(
      <RequestForm
        environments={model}
        requests={{
          submit: ask => {
            sent.push(ask);
            return answer();
          }
        }}
        words={words}
        prefill={prefill}
        showRequests={showRequests}
        draft={new Draft('/user/ada/')}
        leave={leave}
        {...changes}
      />
    );

  const type = (label: string | RegExp, value: string) =>
    fireEvent.change(screen.getByLabelText(label), { target: { value } });
  const send = () => act(async () => void fireEvent.click(screen.getByText('Send request')));

  it('is filled in by what is known', async () => {
    const { container } = show({ subject: 'xgboost', environment: 'datasci', notebooks: ['a.ipynb'] });
    expect(screen.getByLabelText<HTMLInputElement>('Package').value).toBe('xgboost');
    const base = screen.getByLabelText<HTMLSelectElement>(/Add it to/);
    expect(base.value).toBe('datasci');
    expect([...base.options].map(({ text }) => text)).toEqual([
      'No environment in particular',
      'Data Science',
      'Minimal'
    ]);
    expect(await stumbles(container)).toEqual([]);
  });

  it('keeps an environment that the user may not start', () => {
    show({ environment: 'geo' });
    expect(screen.getByLabelText<HTMLSelectElement>(/Add it to/).value).toBe('geo');
  });

  it('goes on after a reload where it was, until the request is sent', async () => {
    const { unmount } = show({ environment: 'datasci' });
    type('Package', 'xgboost');
    type('Why', REASON);
    unmount();
    const again = show();
    expect(screen.getByLabelText<HTMLInputElement>('Package').value).toBe('xgboost');
    expect(screen.getByLabelText<HTMLTextAreaElement>('Why').value).toBe(REASON);
    await send();
    expect(sent).toHaveLength(1);
    again.unmount();
    show();
    expect(screen.getByLabelText<HTMLInputElement>('Package').value).toBe('');
  });

  it('begins anew where something else is asked for', () => {
    const { unmount } = show({ subject: 'xgboost' });
    type('Why', REASON);
    unmount();
    const other = show({ subject: 'polars' });
    expect(screen.getByLabelText<HTMLTextAreaElement>('Why').value).toBe('');
    other.unmount();
    show({ subject: 'xgboost' });
    expect(screen.getByLabelText<HTMLTextAreaElement>('Why').value).toBe(REASON);
  });

  it('forgets what was written when it is left', () => {
    const { unmount } = show();
    type('Package', 'xgboost');
    fireEvent.click(screen.getByText('Cancel'));
    expect(leave).toHaveBeenCalledTimes(1);
    unmount();
    show();
    expect(screen.getByLabelText<HTMLInputElement>('Package').value).toBe('');
  });

  it('says below each field what is wrong, and goes to the first', async () => {
    const { container } = show({ subject: 'xgboost >=' });
    type('Why', 'For my work');
    await send();
    expect(sent).toEqual([]);
    const subject = screen.getByLabelText('Package');
    expect(document.activeElement).toBe(subject);
    expect(subject.getAttribute('aria-invalid')).toBe('true');
    expect(subject.getAttribute('aria-describedby')?.split(' ')).toEqual([
      'jp-EnvGuard-request-subject-hint',
      'jp-EnvGuard-request-subject-problem'
    ]);
    expect(screen.getAllByRole('alert').map(node => node.textContent)).toEqual([
      'Versions are written like this: >=2,<3 or =2.1 or 2.*',
      'Write 9 more characters.'
    ]);
    expect(await stumbles(container)).toEqual([]);
  });

  it('sends what was typed, without what people leave by accident, and confirms it', async () => {
    const { container } = show({ subject: ' xgboost>=2 ', environment: 'datasci' });
    type('Why', ` ${REASON} `);
    type(/Channel/, ' conda-forge');
    type(/Needed by/, '2026-12-24');
    type(/Notebooks/, 'a.ipynb\n\n b.ipynb ');
    await send();
    expect(sent).toEqual([
      {
        kind: 'package',
        subject: 'xgboost>=2',
        environment: 'datasci',
        channel: 'conda-forge',
        reason: REASON,
        neededBy: '2026-12-24',
        notebooks: ['a.ipynb', 'b.ipynb']
      }
    ]);
    expect(document.activeElement?.textContent).toBe('Your request was sent');
    expect(screen.getByRole('status').textContent).toContain(requestId('a'));
    expect(await stumbles(container)).toEqual([]);
    fireEvent.click(screen.getByText('Show my requests'));
    expect(showRequests).toHaveBeenCalled();
    fireEvent.click(screen.getByText('Ask for something else'));
    expect(screen.getByLabelText('Package')).toBeDefined();
  });

  it('asks for a whole environment in other words', async () => {
    show({ environment: 'datasci' }, { showRequests: null });
    fireEvent.click(screen.getByLabelText('A whole environment'));
    expect(screen.queryByLabelText(/Add it to/)).toBeNull();
    type('What the environment is for', 'Maps with GDAL');
    type('Why', REASON);
    await send();
    expect(sent[0]).toMatchObject({ kind: 'environment', subject: 'Maps with GDAL', environment: '' });
    expect(screen.queryByText('Show my requests')).toBeNull();
  });

  it('shows what the server finds wrong with a field', async () => {
    answer = () =>
      Promise.reject(new Refusal('invalid-argument', 'No.', '', { needed_by: 'This day is over.' }));
    show({ subject: 'xgboost' });
    type('Why', REASON);
    await send();
    expect(document.activeElement).toBe(screen.getByLabelText(/Needed by/));
    expect(screen.getByRole('alert').textContent).toBe('This day is over.');
  });

  it('says what it has no field for', async () => {
    answer = () => Promise.reject(new Refusal('request-invalid', 'The kind is odd.', '', { kind: 'Odd.' }));
    show({ subject: 'xgboost' });
    await send();
    expect(screen.getByRole('alert').textContent).toContain('more characters');
    type('Why', REASON);
    await send();
    expect(screen.getByRole('alert').textContent).toBe('The kind is odd.');
  });

  it('keeps what was typed when the server refuses, and says why', async () => {
    answer = () => Promise.reject(new Refusal('too-many-requests', 'Twenty are open.', 'Wait for one.'));
    show({ subject: 'xgboost' });
    type('Why', REASON);
    await send();
    expect(screen.getByRole('alert').textContent).toBe('Twenty are open.Wait for one.');
    expect(screen.getByLabelText<HTMLInputElement>('Package').value).toBe('xgboost');
    answer = () => Promise.reject(new Error('odd'));
    await send();
    expect(screen.getByRole('alert').textContent).toContain('odd');
  });
});

describe('MyRequests', () => {
  it('shows what became of each', async () => {
    const decision = {
      who: 'ada',
      when: '2026-11-21T10:00:00Z',
      reason: 'Here it is.',
      release: 'datasci@2026.12'
    };
    const answers = [
      requestJson({ id: requestId('a'), subject: 'one' }),
      requestJson({ id: requestId('b'), subject: 'two', state: 'approved', decision }),
      requestJson({
        id: requestId('c'),
        subject: 'three',
        state: 'declined',
        decision: { ...decision, reason: 'No licence.' }
      })
    ];
    const requests = new Requests(wired(() => ({ requests: answers })));
    const ask = jest.fn();
    const { container } = render(<MyRequests requests={requests} words={words} ask={ask} />);
    expect(screen.getByRole('status').getAttribute('aria-label')).toBe('Reading your requests…');
    await act(() => requests.refresh());
    expect([...container.querySelectorAll('.jp-EnvGuard-state')].map(node => node.textContent)).toEqual([
      'Open',
      'Approved in datasci@2026.12',
      'Declined'
    ]);
    expect(container.textContent).toContain('No licence.');
    expect(await stumbles(container)).toEqual([]);
    fireEvent.click(screen.getByText('Ask for a package…'));
    expect(ask).toHaveBeenCalled();
  });

  it('says when there are none, and when they cannot be had', async () => {
    let answer: () => Promise<unknown> = () => Promise.resolve({ requests: [] });
    const requests = new Requests(wired(() => answer()));
    render(<MyRequests requests={requests} words={words} ask={jest.fn()} />);
    await act(() => requests.refresh());
    expect(screen.getByText('You have not asked for anything.')).toBeDefined();
    answer = () => Promise.reject(new Refusal('spool-unreadable', 'Not now.', ''));
    await act(() => requests.refresh());
    expect(screen.getByRole('alert').textContent).toContain('Not now.');
    answer = () => Promise.resolve({ requests: [] });
    await act(async () => void fireEvent.click(screen.getByText('Try again')));
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('has a word for an approval without a release', () => {
    expect(outcomeOf(request({ state: 'approved' }), words).text).toBe('Approved');
  });
});
