/**
 * The way to the server, and the one place where its answers enter: each is checked
 * against its schema here, once, and is what its type says from then on.
 *
 * What is refused, or has another shape than promised, becomes a `Refusal`.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { Malformed, read, write } from './check';
import type { IServerEvent } from './eventstream';
import type { IEvents, IKernelSpec, IReason, ITitles } from './generated/wire';

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

/** The REST interface below `envguard/api`, whose documents are called by the titles of their schemas. */
export class Wire {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  /**
   * Return what the server answers to GET `address`; rejects with a `Refusal`, also if it is no `title`.
   *
   * The server sends again only what has changed. What is `pinned`, as its address names the digest of what
   * it leads to, the browser need not even ask for twice.
   */
  async get<T extends keyof ITitles>(address: string, title: T, pinned = false): Promise<ITitles[T]> {
    return accepted(title, await this._ask(address, { cache: pinned ? 'default' : 'no-cache' }));
  }

  /** Return what the server answers to `ask`, sent to `address`; rejects like `get`. */
  async post<A extends keyof ITitles, T extends keyof ITitles>(
    address: string,
    [sent, ask]: readonly [A, ITitles[A]],
    title: T
  ): Promise<ITitles[T]> {
    const body = JSON.stringify(write(sent, ask));
    return accepted(title, await this._ask(address, { method: 'POST', body }));
  }

  /** Return the answer as it arrives, for events; rejects with a `Refusal` if there will be none. */
  async stream(address: string, signal: AbortSignal, last = ''): Promise<Response> {
    const headers = { Accept: 'text/event-stream', ...(last && { 'Last-Event-ID': last }) };
    const response = await this._fetch(address, { headers, signal, cache: 'no-store' });
    if (!response.ok) {
      throw refused(await response.json().catch(() => null), response);
    }
    return response;
  }

  private async _ask(address: string, init: RequestInit): Promise<unknown> {
    const response = await this._fetch(address, init);
    const answer: unknown = await response.json().catch(() => null);
    if (!response.ok) {
      throw refused(answer, response);
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

/** Return what an event says, by its kind; throws a `Refusal` when that cannot be read. */
export function happeningOf({ type, data }: IServerEvent): IEvents {
  try {
    return read('Events', { [type]: JSON.parse(data) as unknown });
  } catch (reason) {
    throw reason instanceof SyntaxError ? malformed('/') : asRefusal(reason);
  }
}

/** Return what a kernel specification says of its release; `null` for one that is none of ours. */
export function releaseOf(metadata: unknown): IKernelSpec | null {
  const said = (metadata as { envguard?: unknown } | undefined)?.envguard;
  try {
    return said === undefined ? null : read('KernelSpec', said);
  } catch (reason) {
    if (reason instanceof Malformed) {
      return null;
    }
    throw reason;
  }
}

function accepted<T extends keyof ITitles>(title: T, answer: unknown): ITitles[T] {
  try {
    return read(title, answer);
  } catch (reason) {
    throw asRefusal(reason);
  }
}

function asRefusal(reason: unknown): unknown {
  return reason instanceof Malformed ? malformed(reason.message) : reason;
}

function malformed(path: string): Refusal {
  return new Refusal('answer-malformed', path, '');
}

/** Take the server's own words where it has any; a proxy in between has none. */
function refused(answer: unknown, response: Response): Refusal {
  try {
    const { code, message, hint, fields } = read('Refusal', answer);
    return new Refusal(code, message, hint, fields);
  } catch {
    return new Refusal(`http-${response.status}`, `${response.status} ${response.statusText}`.trim(), '');
  }
}
