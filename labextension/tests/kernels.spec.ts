import type { NotebookPanel } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';

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
    const tracker = {
      currentWidget: null as ReturnType<typeof notebook> | null,
      currentChanged: new Signal<object, void>(subject)
    };
    const kernels = new Kernels(tracker as never, model);
    const changed = jest.fn();
    kernels.changed.connect(changed);
    return { model, tracker, kernels, changed };
  };

  it('follow the notebook in front', () => {
    const { model, tracker, kernels, changed } = setUp();
    expect(kernels.current).toBeNull();
    tracker.currentWidget = notebook();
    tracker.currentChanged.emit();
    expect(kernels.current).toBe(tracker.currentWidget);
    expect(changed).toHaveBeenCalledTimes(1);
    model.dispose();
  });

  it('have one standing per notebook until the notebook is closed', () => {
    const { model, kernels } = setUp();
    const open = notebook();
    const panel = open as unknown as NotebookPanel;
    const standing = kernels.of(panel);
    expect(kernels.of(panel)).toBe(standing);
    open.disposed.emit();
    expect(standing.isDisposed).toBe(true);
    model.dispose();
  });

  it('say when the standing of the notebook in front changes, and of no other', () => {
    const { model, tracker, kernels, changed } = setUp();
    const [front, behind] = [notebook(), notebook()];
    tracker.currentWidget = front;
    tracker.currentChanged.emit();
    kernels.of(behind as unknown as NotebookPanel);
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
