import { Poll } from '@lumino/polling';

import { beginAfter, whenQuiet } from '../src/idle';

const poll = (factory: () => Promise<unknown>) =>
  new Poll({ auto: false, factory, frequency: { interval: Poll.NEVER } });

describe('beginAfter', () => {
  it('lets a poll wait', async () => {
    const asked = jest.fn(() => Promise.resolve());
    const waiting = poll(asked);
    let begin = (): void => undefined;
    const begun = beginAfter(new Promise<void>(done => (begin = done)), waiting);
    await new Promise(done => setTimeout(done));
    expect(asked).not.toHaveBeenCalled();
    begin();
    await begun;
    await waiting.tick;
    expect(asked).toHaveBeenCalledTimes(1);
    waiting.dispose();
  });

  it('asks nothing again that somebody could not wait for', async () => {
    const asked = jest.fn(() => Promise.resolve());
    const waiting = poll(asked);
    await waiting.refresh();
    await waiting.tick;
    await beginAfter(Promise.resolve(), waiting);
    await new Promise(done => setTimeout(done));
    expect(asked).toHaveBeenCalledTimes(1);
    waiting.dispose();
  });

  it('leaves alone what is gone', async () => {
    const asked = jest.fn(() => Promise.resolve());
    const gone = poll(asked);
    gone.dispose();
    await beginAfter(Promise.resolve(), gone);
    expect(asked).not.toHaveBeenCalled();
  });
});

describe('whenQuiet', () => {
  const app = (restored: Promise<void>) =>
    ({ restored, serviceManager: { ready: Promise.resolve() } }) as unknown as Parameters<
      typeof whenQuiet
    >[0];

  it('waits for the application, and then until the page is idle where a browser tells', async () => {
    const order: string[] = [];
    window.requestIdleCallback = callback => {
      order.push('idle');
      callback({ didTimeout: false, timeRemaining: () => 50 });
      return 1;
    };
    const restored = Promise.resolve().then(() => void order.push('restored'));
    await whenQuiet(app(restored));
    expect(order).toEqual(['restored', 'idle']);
    delete (window as { requestIdleCallback?: unknown }).requestIdleCallback;
    await whenQuiet(app(Promise.resolve()));
  });
});
