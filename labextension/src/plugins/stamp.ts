import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';

import { Stamper, Stamps } from '../stamp';
import { IKernels, IPreferences, IStamps } from '../tokens';

export const stamps: JupyterFrontEndPlugin<IStamps> = {
  id: 'jupyter-envguard:stamps',
  description: 'Remembers which environment made the outputs of each open document.',
  autoStart: true,
  provides: IStamps,
  activate: (): IStamps => new Stamps()
};

export const stamp: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:stamp',
  description: 'Writes into a notebook, when it is saved, which environment made its outputs.',
  autoStart: true,
  requires: [INotebookTracker, IKernels, IPreferences, IStamps],
  activate: (
    _: JupyterFrontEnd,
    notebooks: INotebookTracker,
    kernels: IKernels,
    preferences: IPreferences,
    found: IStamps
  ): void => {
    const stampers = new WeakMap<object, Stamper>();
    const follow = (notebook: NotebookPanel): void => {
      const stamper = new Stamper(notebook.context, kernels.of(notebook), preferences);
      stampers.set(notebook.content, stamper);
      found.register(notebook.sessionContext, () => stamper.stamp);
      notebook.disposed.connect(() => stamper.dispose());
    };
    notebooks.forEach(follow);
    notebooks.widgetAdded.connect((_, notebook) => follow(notebook));
    NotebookActions.executed.connect((_, { notebook }) => stampers.get(notebook)?.noteRun());
  }
};
