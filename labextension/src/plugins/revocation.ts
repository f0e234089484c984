import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';

import { wordsOf } from '../commands';
import { isNotebook } from '../hosts';
import { RevocationWatch } from '../revocation';
import { IEnvironments, IKernels, IPreferences, ISpecOpener } from '../tokens';

export const revocation: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:revocation',
  description: 'Tells when the environment of a running kernel was revoked or has changed.',
  autoStart: true,
  requires: [IEnvironments, IKernels, IPreferences, ISpecOpener],
  optional: [ITranslator],
  activate: (
    _: JupyterFrontEnd,
    environments: IEnvironments,
    kernels: IKernels,
    preferences: IPreferences,
    opener: ISpecOpener,
    translator: ITranslator | null
  ): void => {
    const words = wordsOf(translator);
    kernels.forEach(host => {
      const { sessionContext } = host;
      const watch = new RevocationWatch(kernels.of(host), {
        environments,
        preferences,
        words,
        name: () => sessionContext.name,
        isSaved: isNotebook(host),
        kernel: () => sessionContext.session?.kernel?.id ?? '',
        // A failure is told by the session itself.
        switchTo: name => void sessionContext.changeKernel({ name }).catch(() => undefined),
        show: (name, release) => opener.open(name, release)
      });
      host.disposed.connect(() => watch.dispose());
    });
  }
};
