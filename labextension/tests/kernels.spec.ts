import { Signal } from '@lumino/signaling';

import type { IHost } from '../src/hosts';
import { Kernels } from '../src/kernels';
import { EnvironmentsModel } from '../src/model';
import { FakeApi } from './server';

/** A notebook whose kernel has just died, so that its standing is known at once: none. */
function notebook() {
  const subject = {};
  return {
    disposed: new Signal<object, void>(subject),
    sessionContext: {
      isReady: true,
      session: null,
      kernelChanged: new Signal<object, void>(subject),
      statusChanged: new Signal<object, void>(subject),
      specsManager: { specs: { kernelspecs: {} }, specsChanged: new Signal<object, void>(subject) }
    }
  };
}

describe('Kernels', () => {
  const subject = {};
  const setUp = () => {
    const model = new EnvironmentsModel(new FakeApi());
    const hosts = {
      current: null as ReturnType<typeof notebook> | null,
      currentChanged: new Signal<object, void>(subject),
      forEach: jest.fn()
    };
    const kernels = new Kernels(hosts as never, model);
    const changed = jest.fn();
    kernels.changed.connect(changed);
    return { model, hosts, kernels, changed };
  };

  it('follow the notebook in front', () => {
    const { model, hosts, kernels, changed } = setUp();
    expect(kernels.current).toBeNull();
    hosts.current = notebook();
    hosts.currentChanged.emit();
    expect(kernels.current).toBe(hosts.current);
    expect(changed).toHaveBeenCalledTimes(1);
    model.dispose();
  });

  it('have one standing per notebook until the notebook is closed', () => {
    const { model, kernels } = setUp();
    const open = notebook();
    const host = open as unknown as IHost;
    const standing = kernels.of(host);
    expect(kernels.of(host)).toBe(standing);
    open.disposed.emit();
    expect(standing.isDisposed).toBe(true);
    model.dispose();
  });

  it('say when the standing of the notebook in front changes, and of no other', () => {
    const { model, hosts, kernels, changed } = setUp();
    const [front, behind] = [notebook(), notebook()];
    hosts.current = front;
    hosts.currentChanged.emit();
    kernels.of(front as unknown as IHost);
    kernels.of(behind as unknown as IHost);
    changed.mockClear();
    behind.sessionContext.isReady = false;
    behind.sessionContext.statusChanged.emit();
    expect(changed).not.toHaveBeenCalled();
    front.sessionContext.isReady = false;
    front.sessionContext.statusChanged.emit();
    expect(changed).toHaveBeenCalledTimes(1);
    model.dispose();
  });
});
