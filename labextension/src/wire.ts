/**
 * The way to the server: asks, and takes an answer apart by the types of its fields.
 *
 * What is refused, or has another shape than promised, becomes a `Refusal` here.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

/** Why something is refused, and what to do about it. */
export interface IReason {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** The server, or the way to it, said no. */
export class Refusal extends Error implements IReason {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string,
    /** What is wrong with which field of the body that was sent. */
    readonly fields: Readonly<Record<string, string>> = {}
  ) {
    super(message);
    this.name = 'Refusal';
  }
}

/** The REST interface below `envguard/api`, as JSON of any shape. */
export class Wire {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  /** Return what the server answers to GET `address`; rejects with a `Refusal`. */
  get(address: string): Promise<unknown> {
    return this._ask(address, {});
  }

  /** Return what the server answers to `body`, sent to `address`; rejects with a `Refusal`. */
  post(address: string, body: object): Promise<unknown> {
    return this._ask(address, { method: 'POST', body: JSON.stringify(body) });
  }

  /** Return the answer as it arrives, for events; rejects with a `Refusal` if there will be none. */
  async stream(address: string, signal: AbortSignal, last = ''): Promise<Response> {
    const headers = { Accept: 'text/event-stream', ...(last && { 'Last-Event-ID': last }) };
    const response = await this._fetch(address, { headers, signal, cache: 'no-store' });
    if (!response.ok) {
      throw asRefusal(await response.json().catch(() => null), response);
    }
    return response;
  }

  private async _ask(address: string, init: RequestInit): Promise<unknown> {
    const response = await this._fetch(address, init);
    const answer: unknown = await response.json().catch(() => null);
    if (!response.ok) {
      throw asRefusal(answer, response);
    }
    return answer;
  }

  private async _fetch(address: string, init: RequestInit): Promise<Response> {
    const url = URLExt.join(this._settings.baseUrl, 'envguard/api', address);
    try {
      return await ServerConnection.makeRequest(url, init, this._settings);
    } catch (reason) {
      throw new Refusal('server-unreachable', reason instanceof Error ? reason.message : '', '');
    }
  }
}

/** Take the server's own words where it has any; a proxy in between has none. */
function asRefusal(answer: unknown, response: Response): Refusal {
  const said: { code?: unknown; message?: unknown; hint?: unknown; fields?: unknown } =
    typeof answer === 'object' && answer !== null ? answer : {};
  return new Refusal(
    typeof said.code === 'string' ? said.code : `http-${response.status}`,
    typeof said.message === 'string' && said.message
      ? said.message
      : `${response.status} ${response.statusText}`.trim(),
    typeof said.hint === 'string' ? said.hint : '',
    asTexts(said.fields)
  );
}

function asTexts(said: unknown): Record<string, string> {
  const entries = typeof said === 'object' && said !== null ? Object.entries(said) : [];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  );
}

/** The fields of one JSON object, each taken by its type. */
export class Fields {
  private readonly _fields: Readonly<Record<string, unknown>>;

  constructor(
    value: unknown,
    private readonly _path: string
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw malformed(_path || '/');
    }
    this._fields = value as Record<string, unknown>;
  }

  text(key: string): string {
    return this._take(key, value => typeof value === 'string');
  }

  number(key: string): number {
    return this._take(key, value => typeof value === 'number');
  }

  flag(key: string): boolean {
    return this._take(key, value => typeof value === 'boolean');
  }

  fields(key: string): Fields {
    return new Fields(this._fields[key], this._at(key));
  }

  list<T>(key: string, each: (fields: Fields) => T): T[] {
    const items = this._take(key, (value): value is unknown[] => Array.isArray(value));
    return items.map((item, index) => each(new Fields(item, `${this._at(key)}/${index}`)));
  }

  /** Take a list of texts. */
  texts(key: string): string[] {
    return this._take(
      key,
      (value): value is string[] => Array.isArray(value) && value.every(item => typeof item === 'string')
    );
  }

  /** Take a field that may be missing or `null`, which are the same. */
  optional<T>(key: string, take: (key: string) => T): T | null {
    return this._fields[key] === undefined || this._fields[key] === null ? null : take(key);
  }

  private _take<T>(key: string, fits: (value: unknown) => value is T): T {
    const value = this._fields[key];
    if (!fits(value)) {
      throw malformed(this._at(key));
    }
    return value;
  }

  private _at(key: string): string {
    return `${this._path}/${key}`;
  }
}

function malformed(path: string): Refusal {
  return new Refusal('answer-malformed', path, '');
}
