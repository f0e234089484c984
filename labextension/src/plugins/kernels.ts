import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';

import { Kernels } from '../kernels';
import { IEnvironments, IKernels, IRunning } from '../tokens';

export const kernels: JupyterFrontEndPlugin<IKernels> = {
  id: 'jupyter-envguard:kernels',
  description: 'Follows where the kernels of open notebooks come from.',
  autoStart: true,
  requires: [IEnvironments, INotebookTracker],
  optional: [IRunning],
  provides: IKernels,
  activate: (
    _: JupyterFrontEnd,
    model: IEnvironments,
    notebooks: INotebookTracker,
    running: IRunning | null
  ): IKernels => new Kernels(notebooks, model, running)
};
