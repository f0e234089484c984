import { IRouter, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import { CommandIDs, wordsOf } from '../commands';
import { PATTERN, destinationOf, withoutOurs, type IReleaseName } from '../links';
import { IEnvironments, ISpecOpener } from '../tokens';

/** How long a sentence stays. */
const READING_MS = 10_000;

const FOLLOW = 'envguard:follow-link';

export const links: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-envguard:links',
  description: 'Follows addresses that lead to an environment, a comparison or a request.',
  autoStart: true,
  requires: [IRouter, IEnvironments, ISpecOpener],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    router: IRouter,
    environments: IEnvironments,
    opener: ISpecOpener,
    translator: ITranslator | null
  ): void => {
    const { trans } = wordsOf(translator);
    /** Find the release that is meant where the address names none. */
    const released = async ({ name, release }: IReleaseName): Promise<IReleaseName | null> => {
      if (release) {
        return { name, release };
      }
      if (!environments.catalog) {
        await environments.refresh();
      }
      const { environments: offers = [], unavailable = [] } = environments.catalog ?? {};
      const ours = offers.filter(offer => offer.name === name);
      return (
        ours.find(({ current }) => current) ?? ours[0] ?? unavailable.find(gone => gone.name === name) ?? null
      );
    };
    const follow = async (search: string): Promise<void> => {
      const leads = destinationOf(search);
      if (!leads) {
        return;
      }
      if (leads.kind === 'request') {
        const { subject, environment } = leads;
        await app.commands.execute(CommandIDs.request, { subject, environment });
        return;
      }
      const asked = leads.kind === 'release' ? [leads.shown] : [leads.from, leads.to];
      const [first, second] = await Promise.all(asked.map(released));
      if (!first || (leads.kind === 'compare' && !second)) {
        const missing = first ? asked[1] : asked[0];
        Notification.warning(trans.__('There is no environment “%1” for you.', missing?.name ?? ''), {
          autoClose: READING_MS
        });
      } else if (second) {
        const [from, to] = [first, second].map(({ name, release }) => `${name}@${release}`);
        await app.commands.execute(CommandIDs.compare, { from, to });
      } else {
        opener.open(first.name, first.release, leads.kind === 'release' ? leads.chosen : {});
      }
    };
    app.commands.addCommand(FOLLOW, {
      label: trans.__('Follow a Link to an Environment'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            path: { type: 'string', description: trans.__('Path of the address') },
            search: { type: 'string', description: trans.__('Query of the address') }
          }
        }
      },
      execute: async args => {
        const search = String(args['search'] ?? '');
        // The layout is restored first, or it would cover what is opened here.
        await app.restored;
        await follow(search);
        const { path } = router.current;
        router.navigate(path + withoutOurs(router.current.search ?? ''), { skipRouting: true });
      }
    });
    router.register({ command: FOLLOW, pattern: PATTERN });
  }
};
