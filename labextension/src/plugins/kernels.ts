import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';

import { Hosts } from '../hosts';
import { Kernels } from '../kernels';
import { IEnvironments, IKernels, IRunning } from '../tokens';

export const kernels: JupyterFrontEndPlugin<IKernels> = {
  id: 'jupyter-envguard:kernels',
  description: 'Follows where the kernels of open notebooks and consoles come from.',
  autoStart: true,
  requires: [IEnvironments, INotebookTracker],
  optional: [IRunning, ILabShell],
  provides: IKernels,
  activate: (
    app: JupyterFrontEnd,
    model: IEnvironments,
    notebooks: INotebookTracker,
    running: IRunning | null,
    labShell: ILabShell | null
  ): IKernels => new Kernels(new Hosts(notebooks, labShell ?? app.shell), model, running)
};
