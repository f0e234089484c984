import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { Hosts, isHost, isNotebook, type IHost } from '../src/hosts';

function host(context?: object): IHost {
  const sessionContext = { kernelChanged: new Signal<object, void>({}) };
  return Object.assign(new Widget(), { sessionContext, ...(context && { context }) }) as unknown as IHost;
}

/** A shell in whose areas the test puts what it likes, and a tracker of notebooks. */
function lab() {
  const areas: Record<string, unknown[]> = { main: [], down: [], left: [], right: [] };
  const shell = {
    widgets: (area: string) => areas[area]!.values(),
    currentChanged: new Signal<object, { newValue: unknown }>({}),
    layoutModified: new Signal<object, void>({})
  };
  const open: IHost[] = [];
  const notebooks = {
    forEach: (call: (notebook: IHost) => void) => open.forEach(call),
    widgetAdded: new Signal<object, IHost>({}),
    currentChanged: new Signal<object, IHost | null>({})
  };
  return { areas, shell, open, notebooks };
}

describe('isHost', () => {
  it.each([null, undefined, {}, { sessionContext: null }, { sessionContext: {} }, new Widget()])(
    'is not fooled by %p',
    widget => {
      expect(isHost(widget)).toBe(false);
    }
  );

  it('tells notebooks from consoles', () => {
    expect([host({}), host()].map(found => [isHost(found), isNotebook(found)])).toEqual([
      [true, true],
      [true, false]
    ]);
  });
});

describe('Hosts', () => {
  it('meets each once, however it comes', () => {
    jest.useFakeTimers();
    const { areas, shell, open, notebooks } = lab();
    const [first, second, third, fourth] = [host({}), host(), host(), host({})];
    open.push(first);
    areas['main']!.push(first, second, new Widget());
    const hosts = new Hosts(notebooks as never, shell);
    const met: IHost[] = [];
    hosts.forEach(found => met.push(found));
    expect(new Set(met)).toEqual(new Set([first, second]));
    areas['down']!.push(third);
    shell.layoutModified.emit();
    shell.layoutModified.emit();
    jest.runAllTimers();
    jest.useRealTimers();
    shell.currentChanged.emit({ newValue: third });
    notebooks.widgetAdded.emit(fourth);
    notebooks.widgetAdded.emit(fourth);
    expect(met.slice(2)).toEqual([third, fourth]);
  });

  it('know which is in front, also while something else is, and after it was closed', () => {
    const { shell, notebooks } = lab();
    const hosts = new Hosts(notebooks as never, shell);
    const changed = jest.fn();
    hosts.currentChanged.connect(changed);
    expect(hosts.current).toBeNull();
    const [notebook, console] = [host({}), host()];
    notebooks.widgetAdded.emit(notebook);
    notebooks.currentChanged.emit(notebook);
    expect([hosts.current, changed.mock.calls.length]).toEqual([notebook, 1]);
    shell.currentChanged.emit({ newValue: console });
    shell.currentChanged.emit({ newValue: new Widget() });
    notebooks.currentChanged.emit(null);
    expect([hosts.current, changed.mock.calls.length]).toEqual([console, 2]);
    console.dispose();
    expect([hosts.current, changed.mock.calls.length]).toEqual([notebook, 3]);
    shell.currentChanged.emit({ newValue: console });
    notebook.dispose();
    expect([hosts.current, changed.mock.calls.length]).toEqual([null, 4]);
  });

  it('make do with a shell that tells nothing, as that of Notebook', () => {
    const { notebooks, shell } = lab();
    const hosts = new Hosts(notebooks as never, { widgets: area => shell.widgets(area) });
    const notebook = host({});
    notebooks.widgetAdded.emit(notebook);
    expect(hosts.current).toBe(notebook);
  });
});
