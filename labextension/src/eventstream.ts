/**
 * Server-sent events, read by hand: `EventSource` can send no header, and a server
 * that is asked with a token needs one.
 *
 * The format is that of the HTML standard, section 9.2.6.
 */

/** One event; `data` is what the server sent, its lines joined. */
export interface IServerEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
}

/** Turns text, in pieces as they arrive, into events. */
export class EventReader {
  /** `lastId` is the id that came last on the stream before this one. */
  constructor(lastId = '') {
    this._id = lastId;
  }

  /** The id that came last; what to tell the server when asking again. */
  get lastId(): string {
    return this._id;
  }

  /** Take the next piece and return the events that it completes. */
  push(piece: string): IServerEvent[] {
    const events: IServerEvent[] = [];
    // A CR at the end may be half of a line break: it waits for what follows.
    const [, whole = '', rest = ''] = /^([^]*(?:\r\n|\n|\r(?!$)))?([^]*)$/.exec(this._rest + piece) ?? [];
    this._rest = rest;
    const lines = whole.split(/\r\n|\n|\r/);
    lines.pop();
    for (const line of lines) {
      const event = this._take(line);
      if (event) {
        events.push(event);
      }
    }
    return events;
  }

  private _take(line: string): IServerEvent | null {
    if (line === '') {
      return this._dispatch();
    }
    const [, field = '', value = ''] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? [];
    if (field === 'data') {
      this._data.push(value);
    } else if (field === 'event') {
      this._type = value;
    } else if (field === 'id' && !value.includes('\0')) {
      this._id = value;
    }
    return null;
  }

  private _dispatch(): IServerEvent | null {
    const event = { id: this._id, type: this._type || 'message', data: this._data.join('\n') };
    const isEmpty = this._data.length === 0;
    this._data = [];
    this._type = '';
    return isEmpty ? null : event;
  }

  private _rest = '';
  private _id: string;
  private _type = '';
  private _data: string[] = [];
}
