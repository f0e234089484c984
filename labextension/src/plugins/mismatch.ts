import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';

import { CommandIDs, wordsOf } from '../commands';
import { isNotebook, type IHost } from '../hosts';
import { MismatchWatch, type IMismatchProps } from '../mismatch';
import { Runs, noteCells } from '../runs';
import { hasOutputs, type IStamp } from '../stamp';
import { IEnvironments, IKernels, IPreferences, IStamps } from '../tokens';

export const mismatch: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:mismatch',
  description: 'Tells when outputs were made with another environment than the kernel runs.',
  autoStart: true,
  requires: [IEnvironments, IKernels, IPreferences, IStamps],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
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
    /** What is on the screen of a notebook is stamped; what is on that of a console ran here. */
    const outputsOf = (host: IHost): Pick<IMismatchProps, 'ready' | 'made'> => {
      if (isNotebook(host)) {
        const { context, sessionContext } = host;
        const made = () => (hasOutputs(context.model) ? stamps.of(sessionContext) : null);
        return { ready: context.ready, made };
      }
      const runs = new Runs(kernels.of(host));
      noteCells(runs, host.sessionContext);
      host.disposed.connect(() => runs.dispose());
      return { ready: Promise.resolve(), made: () => runs.made };
    };
    kernels.forEach(host => {
      const watch = new MismatchWatch(host.sessionContext, kernels.of(host), {
        environments,
        preferences,
        words,
        ...outputsOf(host),
        // Looked up when it is needed, for plugins come in any order.
        get compare() {
          return app.commands.hasCommand(CommandIDs.compare) ? compare : null;
        }
      });
      host.disposed.connect(() => watch.dispose());
    });
  }
};
