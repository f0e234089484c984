/**
 * When there is time for what nobody waits for yet.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Poll } from '@lumino/polling';

/** The longest time that what can wait does wait. */
const LONGEST_MS = 2000;

/** Resolves once the application is there and the page has nothing better to do. */
export async function whenQuiet(app: Pick<JupyterFrontEnd, 'restored' | 'serviceManager'>): Promise<void> {
  await Promise.all([app.restored, app.serviceManager.ready]);
  await new Promise<void>(done => {
    // Not every browser tells when it is idle.
    if ('requestIdleCallback' in window) {
      requestIdleCallback(() => done(), { timeout: LONGEST_MS });
    } else {
      setTimeout(done);
    }
  });
}

/** Let `poll` tick for the first time after `begin`, unless somebody has refreshed it before. */
export async function beginAfter(begin: Promise<unknown>, poll: Poll): Promise<void> {
  await begin;
  if (!poll.isDisposed && poll.state.phase === 'constructed') {
    await poll.refresh();
  }
}
