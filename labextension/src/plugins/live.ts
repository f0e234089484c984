import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { Follower } from '../follower';
import { whenQuiet } from '../idle';
import { LiveEvents } from '../live';
import { IEnvironments, ILive, IRequests, IRunning } from '../tokens';
import { Wire } from '../wire';

export const live: JupyterFrontEndPlugin<ILive> = {
  id: 'jupyter-envguard:live',
  description: 'Listens to the server, so that changes are seen as they happen.',
  autoStart: true,
  requires: [IEnvironments],
  optional: [IRunning, IRequests],
  provides: ILive,
  activate: (
    app: JupyterFrontEnd,
    environments: IEnvironments,
    running: IRunning | null,
    requests: IRequests | null
  ): ILive => {
    const { serverSettings, kernelspecs } = app.serviceManager;
    // The stream begins with the version of the catalog; who has that already need not ask for it again.
    const begin = whenQuiet(app).then(() => (environments.catalog ? undefined : environments.refresh()));
    const events = new LiveEvents(new Wire(serverSettings), document, begin);
    new Follower(events, { environments, running, requests, kernelspecs });
    return events;
  }
};
