import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { CommandIDs, wordsOf } from '../commands';
import { Draft } from '../draft';
import { isNotebook } from '../hosts';
import { whenQuiet } from '../idle';
import { MyRequests, outcomeOf } from '../myrequests';
import type { RequestPage } from '../requestpage';
import { Requests } from '../requests';
import { IEnvironments, IKernels, IPanelSections, IPreferences, IRequests } from '../tokens';
import { Wire } from '../wire';

/** Where the side panel has the requests: below everything that is to be had. */
const RANK = 40;

/** The side panel, which has the list of requests. */
const PANEL = 'jp-envguard-environments';

export const requests: JupyterFrontEndPlugin<IRequests> = {
  id: 'jupyter-envguard:requests',
  description: 'Asks for packages and environments, and shows what became of it.',
  autoStart: true,
  requires: [IEnvironments, IPreferences],
  optional: [IKernels, IPanelSections, ITranslator, ICommandPalette, ILabShell, ILayoutRestorer],
  provides: IRequests,
  activate: (
    app: JupyterFrontEnd,
    environments: IEnvironments,
    preferences: IPreferences,
    kernels: IKernels | null,
    sections: IPanelSections | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null
  ): IRequests => {
    const words = wordsOf(translator);
    const { trans } = words;
    const model = new Requests(new Wire(app.serviceManager.serverSettings));
    const draft = new Draft(app.serviceManager.serverSettings.baseUrl);
    const tracker = new WidgetTracker<RequestPage>({ namespace: 'jupyter-envguard-request' });
    const unfold = new Signal<object, void>(model);
    let isFolded = true;
    const showRequests = sections
      ? () => {
          // Whoever has not looked at the panel before finds the section open when it is drawn.
          isFolded = false;
          app.shell.activateById(PANEL);
          unfold.emit();
        }
      : null;
    const open = async (subject: string, environment: string): Promise<void> => {
      // Nobody who asks for nothing waits for the form.
      const { RequestPage } = await import('../requestpage');
      const shown = tracker.find(() => true);
      const page = shown ?? new RequestPage({ environments, requests: model, words, showRequests, draft });
      const hasNone = environments.catalog?.environments.length === 0;
      page.prefill({
        subject,
        // A package has to go into something.
        ...(hasNone && !subject && { kind: 'environment' }),
        ...guess(kernels),
        ...(environment && { environment })
      });
      if (!shown) {
        // Notebook has room for one document in its main area, and that is the notebook's.
        app.shell.add(page, labShell ? 'main' : 'right');
        void tracker.add(page);
      }
      app.shell.activateById(page.id);
    };
    const text = { type: 'string' };
    app.commands.addCommand(CommandIDs.request, {
      label: trans.__('Ask for a Package or an Environment…'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            subject: { ...text, description: trans.__('What to ask for') },
            environment: { ...text, description: trans.__('The environment that it is to be added to') }
          }
        }
      },
      execute: args => open(String(args['subject'] ?? ''), String(args['environment'] ?? ''))
    });
    palette?.addItem({ command: CommandIDs.request, category: trans.__('Kernel Operations') });
    void restorer?.restore(tracker, { command: CommandIDs.request, name: page => page.id });
    sections?.add({
      id: 'requests',
      rank: RANK,
      title: trans.__('My requests'),
      get folded() {
        return isFolded;
      },
      changed: model.changed,
      unfold,
      count: () => model.all?.length ?? 0,
      Content: () =>
        React.createElement(MyRequests, {
          requests: model,
          words,
          ask: () => void app.commands.execute(CommandIDs.request)
        })
    });
    model.decided.connect((_, request) => {
      if (preferences.isOn('requestDecided')) {
        const said = trans.__('Your request for %1: %2.', request.subject, outcomeOf(request, words).text);
        Notification.emit(said, request.state === 'approved' ? 'success' : 'info', {
          autoClose: false,
          ...(showRequests && {
            actions: [{ label: trans.__('Show my requests'), callback: showRequests }]
          })
        });
      }
    });
    void whenQuiet(app).then(() => model.refresh());
    return model;
  }
};

/** Fill in what the notebook or console in front suggests. */
function guess(kernels: IKernels | null): { environment?: string; notebooks?: string[] } {
  const host = kernels?.current;
  const origin = host && kernels.of(host).standing?.origin;
  return {
    ...(origin && { environment: origin.environment }),
    ...(host && isNotebook(host) && { notebooks: [host.context.localPath] })
  };
}
