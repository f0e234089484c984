import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';

import { Api } from '../api';
import { CommandIDs, wordsOf } from '../commands';
import type { IPanelActions } from '../panel';
import { Sections } from '../sections';
import { EnvironmentsPanel } from '../sidepanel';
import { IEnvironments, IKernels, IPanelSections, ISpecOpener, IStamps } from '../tokens';
import { Wire } from '../wire';

export const panel: JupyterFrontEndPlugin<IPanelSections> = {
  id: 'jupyter-envguard:panel',
  description: 'Lists the approved environments of this user in the side bar.',
  autoStart: true,
  requires: [IEnvironments, ISpecOpener],
  optional: [IKernels, IStamps, ITranslator, ILayoutRestorer],
  provides: IPanelSections,
  activate: (
    app: JupyterFrontEnd,
    environments: IEnvironments,
    opener: ISpecOpener,
    kernels: IKernels | null,
    stamps: IStamps | null,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ): IPanelSections => {
    const { commands, serviceManager } = app;
    const sections = new Sections();
    const api = new Api(new Wire(serviceManager.serverSettings));
    // Asked for at each rendering: features may be switched off, or come later.
    const actions = (): IPanelActions => ({
      open: (name, release) => opener.open(name, release),
      ...(commands.hasCommand(CommandIDs.compare) && {
        compare: (from = '', to = '') => void commands.execute(CommandIDs.compare, { from, to })
      }),
      ...(commands.hasCommand(CommandIDs.request) && {
        request: (subject = '') => void commands.execute(CommandIDs.request, { subject })
      })
    });
    const widget = new EnvironmentsPanel({
      environments,
      sections,
      actions,
      search: query => api.search(query),
      kernels,
      madeOf: host => stamps?.of(host.sessionContext) ?? null,
      words: wordsOf(translator)
    });
    app.shell.add(widget, 'left', { rank: 300 });
    restorer?.add(widget, widget.id);
    return sections;
  }
};
