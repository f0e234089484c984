/**
 * What somebody has begun to write, kept for as long as their browser's tab: a reload loses nothing.
 */
import type { IAsk } from './requests';

const TEXTS = ['subject', 'environment', 'channel', 'reason', 'neededBy'] as const;

/** A request that was not sent yet. */
export class Draft {
  /** `owner` tells the drafts of several people at one address apart. */
  constructor(
    owner: string,
    private readonly _storage: () => Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> = () =>
      window.sessionStorage
  ) {
    this._key = `jupyter-envguard:request:${owner}`;
  }

  /** Return what was kept; `null` if there is nothing, or something else. */
  read(): IAsk | null {
    try {
      const found: unknown = JSON.parse(this._storage().getItem(this._key) ?? 'null');
      return isAsk(found) ? found : null;
    } catch {
      return null;
    }
  }

  keep(ask: IAsk): void {
    this._try(storage => storage.setItem(this._key, JSON.stringify(ask)));
  }

  forget(): void {
    this._try(storage => storage.removeItem(this._key));
  }

  /** A browser may have no storage for us, or no room: then nothing is kept. */
  private _try(act: (storage: Pick<Storage, 'setItem' | 'removeItem'>) => void): void {
    try {
      act(this._storage());
    } catch (reason) {
      if (!(reason instanceof DOMException)) {
        throw reason;
      }
    }
  }

  private readonly _key: string;
}

function isAsk(found: unknown): found is IAsk {
  if (typeof found !== 'object' || found === null) {
    return false;
  }
  const { kind, notebooks, ...rest } = found as Record<string, unknown>;
  return (
    (kind === 'package' || kind === 'environment') &&
    TEXTS.every(name => typeof rest[name] === 'string') &&
    Array.isArray(notebooks) &&
    notebooks.every(path => typeof path === 'string')
  );
}
