/**
 * Why a package is there: who asked for it, directly or through others.
 */
import type { IListedPackage } from './generated/wire';

/** The packages of one spec, to be found by name and followed from one to the next. */
export class Relations {
  constructor(readonly packages: readonly IListedPackage[]) {
    for (const item of packages) {
      this._byName.set(canonical(item.name), item);
    }
  }

  /** Find a package by its name, however that is written. */
  find(name: string): IListedPackage | undefined {
    return this._byName.get(canonical(name));
  }

  /**
   * The shortest way from a package that somebody asked for to `name`, both included.
   *
   * Empty if there is none: nobody's request explains such a package.
   */
  why(name: string): readonly string[] {
    const queue = [canonical(name)];
    const towards = new Map<string, string>();
    const seen = new Set(queue);
    for (const current of queue) {
      const item = this._byName.get(current);
      if (item?.requested) {
        return this._wayFrom(current, towards);
      }
      for (const next of (item?.requiredBy ?? []).map(canonical)) {
        if (!seen.has(next)) {
          seen.add(next);
          towards.set(next, current);
          queue.push(next);
        }
      }
    }
    return [];
  }

  private _wayFrom(start: string, towards: ReadonlyMap<string, string>): string[] {
    const way: string[] = [];
    for (let next: string | undefined = start; next !== undefined; next = towards.get(next)) {
      way.push(this.find(next)?.name ?? next);
    }
    return way;
  }

  private readonly _byName = new Map<string, IListedPackage>();
}

/** Names are compared as PEP 503 wants it, which does no harm to those of conda. */
export function canonical(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}
