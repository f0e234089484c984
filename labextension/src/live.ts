/**
 * What changes on the server, as it changes.
 *
 * One answer that never ends carries the events. While it cannot be had, it is asked
 * for again, ever more slowly, and those who would be told ask for themselves. A page
 * that nobody looks at listens to nothing: browsers keep few connections per server.
 */
import { Poll } from '@lumino/polling';
import { Signal, type ISignal } from '@lumino/signaling';

import { EventReader, type IServerEvent } from './eventstream';
import { beginAfter } from './idle';
import type { ILive } from './tokens';
import type { Wire } from './wire';

/** After the server has closed the stream; it is asked again more slowly while it fails. */
const INTERVAL_MS = 1000;
const LONGEST_INTERVAL_MS = 60 * 1000;

/** Silence after which the stream counts as dead: the server says something every 20 seconds. */
const SILENCE_MS = 60 * 1000;

/** Listens to the server as long as somebody looks. */
export class LiveEvents implements ILive {
  /** It listens from `begin` on. */
  constructor(
    private readonly _wire: Pick<Wire, 'stream'>,
    private readonly _page: Pick<Document, 'hidden' | 'addEventListener' | 'removeEventListener'> = document,
    begin: Promise<unknown> = Promise.resolve()
  ) {
    _page.addEventListener('visibilitychange', this._look);
    this._poll = new Poll({
      auto: false,
      name: 'jupyter-envguard:events',
      factory: () => this._listen(),
      frequency: { interval: INTERVAL_MS, backoff: true, max: LONGEST_INTERVAL_MS },
      standby: () => this._page.hidden
    });
    void beginAfter(begin, this._poll);
  }

  get happened(): ISignal<this, IServerEvent> {
    return this._happened;
  }

  get opened(): ISignal<this, boolean> {
    return this._opened;
  }

  get isOpen(): boolean {
    return this._isOpen;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._page.removeEventListener('visibilitychange', this._look);
    this._poll.dispose();
    this._stop?.abort();
    Signal.clearData(this);
  }

  private readonly _look = (): void => {
    if (this._page.hidden) {
      this._stop?.abort();
    } else if (!this._isOpen || this._stop?.signal.aborted) {
      void this._poll.refresh();
    }
  };

  private async _listen(): Promise<void> {
    const stop = new AbortController();
    this._stop = stop;
    try {
      const response = await this._wire.stream('events', stop.signal, this._reader.lastId);
      const body = response.body;
      if (body) {
        this._open(true);
        await this._read(body, stop);
      }
    } catch (reason) {
      if (!stop.signal.aborted) {
        throw reason;
      }
    } finally {
      this._open(false);
    }
  }

  private async _read(body: ReadableStream<Uint8Array>, stop: AbortController): Promise<void> {
    this._reader = new EventReader(this._reader.lastId);
    const decoder = new TextDecoder();
    const pieces = body.getReader();
    stop.signal.addEventListener('abort', () => void pieces.cancel().catch(() => undefined));
    for (;;) {
      const silence = setTimeout(() => stop.abort(), SILENCE_MS);
      const { done, value } = await pieces.read().finally(() => clearTimeout(silence));
      if (done) {
        return;
      }
      this._reader.push(decoder.decode(value, { stream: true })).forEach(event => this._happened.emit(event));
    }
  }

  private _open(isOpen: boolean): void {
    if (isOpen !== this._isOpen && !this.isDisposed) {
      this._isOpen = isOpen;
      this._opened.emit(isOpen);
    }
  }

  private _isOpen = false;
  private _reader = new EventReader();
  private _stop: AbortController | null = null;
  private readonly _happened = new Signal<this, IServerEvent>(this);
  private readonly _opened = new Signal<this, boolean>(this);
  private readonly _poll: Poll;
}
