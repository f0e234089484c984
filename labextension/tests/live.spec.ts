import { ReadableStream } from 'node:stream/web';
import { TextDecoder, TextEncoder } from 'node:util';

import { Signal } from '@lumino/signaling';

import type { IServerEvent } from '../src/eventstream';
import type { ICatalog } from '../src/generated/wire';
import { Follower } from '../src/follower';
import { LiveEvents } from '../src/live';
import { Refusal } from '../src/wire';
import { catalog, kernelJson } from './server';

/** jsdom has none; every browser does. */
Object.assign(globalThis, { TextDecoder });

/** A server whose streams the test holds in its hands. */
function events() {
  const opened: { last: string; signal: AbortSignal; send: (text: string) => void; close: () => void }[] = [];
  let refuse: Error | null = null;
  let onOpen: () => void = () => undefined;
  const stream = (_: string, signal: AbortSignal, last = ''): Promise<Response> => {
    if (refuse) {
      return Promise.reject(refuse);
    }
    const body = new ReadableStream<Uint8Array>({
      start: controller => {
        opened.push({
          last,
          signal,
          send: text => controller.enqueue(new TextEncoder().encode(text)),
          close: () => controller.close()
        });
      }
    });
    onOpen();
    return Promise.resolve({ body } as unknown as Response);
  };
  return {
    stream,
    opened,
    refuse: (error: Error | null) => (refuse = error),
    next: () => new Promise<void>(resolve => (onOpen = resolve))
  };
}

/** A page that can be hidden. */
function page() {
  const target = new EventTarget();
  return Object.assign(target, {
    hidden: false,
    show(isShown: boolean) {
      this.hidden = !isShown;
      target.dispatchEvent(new Event('visibilitychange'));
    }
  });
}

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) {
    await new Promise(resolve => setTimeout(resolve, 1));
  }
};

describe('LiveEvents', () => {
  it('tells of what arrives, and goes on where it was when the stream ends', async () => {
    const server = events();
    const live = new LiveEvents(server, page() as unknown as Document);
    const happened: IServerEvent[] = [];
    const states: boolean[] = [];
    live.happened.connect((_, event) => void happened.push(event));
    live.opened.connect((_, isOpen) => void states.push(isOpen));
    await until(() => live.isOpen);
    server.opened[0]?.send('id: 7\nevent: catalog\ndata: {"version": ');
    server.opened[0]?.send('8}\n\n');
    await until(() => happened.length === 1);
    expect(happened).toEqual([{ id: '7', type: 'catalog', data: '{"version": 8}' }]);
    server.opened[0]?.close();
    await until(() => server.opened.length === 2);
    expect(server.opened[1]?.last).toBe('7');
    await until(() => live.isOpen);
    expect(states).toEqual([true, false, true]);
    live.dispose();
    live.dispose();
    expect(server.opened[1]?.signal.aborted).toBe(true);
  });

  it('listens to nothing while nobody looks', async () => {
    const server = events();
    const shown = page();
    const live = new LiveEvents(server, shown as unknown as Document);
    await until(() => live.isOpen);
    shown.show(false);
    await until(() => !live.isOpen);
    expect(server.opened[0]?.signal.aborted).toBe(true);
    shown.show(true);
    await until(() => live.isOpen);
    expect(server.opened).toHaveLength(2);
    live.dispose();
  });

  it('asks again after a refusal', async () => {
    const server = events();
    server.refuse(new Refusal('http-503', '', ''));
    const shown = page();
    const live = new LiveEvents(server, shown as unknown as Document);
    await new Promise(resolve => setTimeout(resolve, 5));
    expect(live.isOpen).toBe(false);
    server.refuse(null);
    shown.show(true);
    await until(() => live.isOpen);
    live.dispose();
  });
});

describe('Follower', () => {
  function follower() {
    const subject = {};
    const live = {
      happened: new Signal<object, IServerEvent>(subject),
      opened: new Signal<object, boolean>(subject)
    };
    const following = {
      environments: {
        refresh: jest.fn(() => Promise.resolve()),
        isTold: false,
        catalog: null as ICatalog | null
      },
      running: { refresh: jest.fn(() => Promise.resolve()), put: jest.fn(), isTold: false },
      requests: { refresh: jest.fn(() => Promise.resolve()) },
      kernelspecs: { refreshSpecs: jest.fn(() => Promise.reject(new Error('offline'))) }
    };
    new Follower(live as never, following);
    const tell = (type: string, data: unknown) =>
      live.happened.emit({
        id: '',
        type,
        data: typeof data === 'string' ? data : JSON.stringify(data)
      });
    return { ...following, live, tell };
  }

  it('asks nothing when a stream begins with the catalog that is known', () => {
    const { environments, live, tell } = follower();
    environments.catalog = catalog();
    const { version } = environments.catalog.catalog;
    live.opened.emit(true);
    tell('catalog', { version });
    expect(environments.refresh).not.toHaveBeenCalled();
    // A release that ends changes what may start, and no version.
    tell('catalog', { version });
    expect(environments.refresh).toHaveBeenCalledTimes(1);
  });

  it.each([{ version: 8 }, 'no json', { version: 'x' }])('asks when a stream begins with %p', data => {
    const { environments, live, tell } = follower();
    environments.catalog = catalog();
    live.opened.emit(true);
    tell('catalog', data);
    expect(environments.refresh).toHaveBeenCalledTimes(1);
  });

  it('hands each event to those whom it concerns', () => {
    const { environments, running, requests, kernelspecs, tell } = follower();
    tell('catalog', { version: 2 });
    expect(environments.refresh).toHaveBeenCalledTimes(1);
    expect(kernelspecs.refreshSpecs).toHaveBeenCalledTimes(1);
    tell('kernel', kernelJson());
    expect(running.put).toHaveBeenCalledWith(expect.objectContaining({ id: 'k1' }));
    tell('request', { id: 'a', state: 'approved' });
    expect(requests.refresh).toHaveBeenCalledTimes(1);
    tell('weather', {});
    expect(environments.refresh).toHaveBeenCalledTimes(1);
  });

  it('asks for a kernel that it cannot read', () => {
    const { running, tell } = follower();
    tell('kernel', 'no JSON');
    tell('kernel', { id: 7 });
    expect(running.put).not.toHaveBeenCalled();
    expect(running.refresh).toHaveBeenCalledTimes(2);
  });

  it('lets the others ask more often while nothing is told, and asks for what was missed', () => {
    const { environments, running, requests, live } = follower();
    live.opened.emit(true);
    expect([environments.isTold, running.isTold]).toEqual([true, true]);
    expect(environments.refresh).not.toHaveBeenCalled();
    live.opened.emit(false);
    expect([environments.isTold, running.isTold]).toEqual([false, false]);
    live.opened.emit(true);
    expect(environments.refresh).toHaveBeenCalledTimes(1);
    expect(requests.refresh).toHaveBeenCalledTimes(1);
  });
});
