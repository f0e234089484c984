import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator } from '@jupyterlab/translation';

import { wordsOf } from '../commands';
import { RevocationWatch } from '../revocation';
import { IEnvironments, IKernels, IPreferences, ISpecOpener } from '../tokens';

export const revocation: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:revocation',
  description: 'Tells when the environment of a running kernel was revoked or has changed.',
  autoStart: true,
  requires: [INotebookTracker, IEnvironments, IKernels, IPreferences, ISpecOpener],
  optional: [ITranslator],
  activate: (
    _: JupyterFrontEnd,
    notebooks: INotebookTracker,
    environments: IEnvironments,
    kernels: IKernels,
    preferences: IPreferences,
    opener: ISpecOpener,
    translator: ITranslator | null
  ): void => {
    const words = wordsOf(translator);
    const follow = (notebook: NotebookPanel): void => {
      const { sessionContext } = notebook;
      const watch = new RevocationWatch(kernels.of(notebook), {
        environments,
        preferences,
        words,
        name: () => sessionContext.name,
        kernel: () => sessionContext.session?.kernel?.id ?? '',
        // A failure is told by the session itself.
        switchTo: name => void sessionContext.changeKernel({ name }).catch(() => undefined),
        show: (name, release) => opener.open(name, release)
      });
      notebook.disposed.connect(() => watch.dispose());
    };
    notebooks.forEach(follow);
    notebooks.widgetAdded.connect((_, notebook) => follow(notebook));
  }
};
