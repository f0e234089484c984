import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { whenQuiet } from '../idle';
import { RunningKernels } from '../running';
import { IRunning } from '../tokens';
import { Wire } from '../wire';

export const running: JupyterFrontEndPlugin<IRunning> = {
  id: 'jupyter-envguard:running',
  description: 'Asks the server what its kernels were started from and whether they have drifted.',
  autoStart: true,
  provides: IRunning,
  activate: (app: JupyterFrontEnd): IRunning =>
    new RunningKernels(new Wire(app.serviceManager.serverSettings), whenQuiet(app))
};
