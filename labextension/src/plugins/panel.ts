import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';

import { wordsOf } from '../commands';
import { EnvironmentsPanel } from '../panel';
import { Sections } from '../sections';
import { IEnvironments, IPanelSections, ISpecOpener } from '../tokens';

export const panel: JupyterFrontEndPlugin<IPanelSections> = {
  id: 'jupyter-envguard:panel',
  description: 'Lists the approved environments of this user in the side bar.',
  autoStart: true,
  requires: [IEnvironments, ISpecOpener],
  optional: [ITranslator, ILayoutRestorer],
  provides: IPanelSections,
  activate: (
    app: JupyterFrontEnd,
    model: IEnvironments,
    opener: ISpecOpener,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ): IPanelSections => {
    const sections = new Sections();
    const widget = new EnvironmentsPanel({
      environments: model,
      opener,
      sections,
      words: wordsOf(translator)
    });
    app.shell.add(widget, 'left', { rank: 300 });
    restorer?.add(widget, widget.id);
    return sections;
  }
};
