import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator } from '@jupyterlab/translation';

import { CommandIDs, wordsOf } from '../commands';
import { MismatchWatch } from '../mismatch';
import type { IStamp } from '../stamp';
import { IEnvironments, IKernels, IPreferences, IStamps } from '../tokens';

export const mismatch: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:mismatch',
  description: 'Tells when outputs were made with another environment than the kernel runs.',
  autoStart: true,
  requires: [INotebookTracker, IEnvironments, IKernels, IPreferences, IStamps],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    environments: IEnvironments,
    kernels: IKernels,
    preferences: IPreferences,
    stamps: IStamps,
    translator: ITranslator | null
  ): void => {
    const words = wordsOf(translator);
    const id = ({ name, release }: IStamp) => `${name}@${release}`;
    const compare = (from: IStamp, to: IStamp) =>
      void app.commands.execute(CommandIDs.compare, { from: id(from), to: id(to) });
    const follow = (notebook: NotebookPanel): void => {
      const watch = new MismatchWatch(notebook, kernels.of(notebook), {
        environments,
        preferences,
        words,
        made: () => stamps.of(notebook.sessionContext),
        // Looked up when it is needed, for plugins come in any order.
        get compare() {
          return app.commands.hasCommand(CommandIDs.compare) ? compare : null;
        }
      });
      notebook.disposed.connect(() => watch.dispose());
    };
    notebooks.forEach(follow);
    notebooks.widgetAdded.connect((_, notebook) => follow(notebook));
  }
};
