/**
 * Why a package is there: who asked for it, directly or through others.
 */
import type { IPackage } from './api';

/** The packages of one spec and the requirements between them, by lower-case name. */
export class Relations {
  constructor(readonly packages: readonly IPackage[]) {
    for (const item of packages) {
      const name = canonical(item.name);
      this._byName.set(name, item);
      const needed = item.depends.map(nameOf);
      for (const other of needed) {
        this._labels.set(canonical(other), other);
      }
      this._depends.set(name, unique([...(this._depends.get(name) ?? []), ...needed.map(canonical)]));
    }
    for (const [name, needed] of this._depends) {
      for (const other of needed) {
        this._requiredBy.set(other, [...(this._requiredBy.get(other) ?? []), name]);
      }
    }
  }

  /** Find a package by its name, however that is written. */
  find(name: string): IPackage | undefined {
    return this._byName.get(canonical(name));
  }

  /** How the name is written where the package is there, else in the requirement. */
  label(name: string): string {
    return this.find(name)?.name ?? this._labels.get(canonical(name)) ?? name;
  }

  /** What `name` requires; names of packages that are not there are among them. */
  depends(name: string): readonly string[] {
    return this._depends.get(canonical(name)) ?? [];
  }

  /** Which packages require `name`. */
  requiredBy(name: string): readonly string[] {
    return this._requiredBy.get(canonical(name)) ?? [];
  }

  /**
   * The shortest way from a package that somebody asked for to `name`, both included.
   *
   * Empty if there is none: nobody's request explains such a package.
   */
  why(name: string): readonly string[] {
    const start = canonical(name);
    const towards = new Map<string, string>();
    const queue = [start];
    const seen = new Set(queue);
    for (const current of queue) {
      if (this._byName.get(current)?.requested) {
        return wayFrom(current, towards);
      }
      for (const next of this.requiredBy(current)) {
        if (!seen.has(next)) {
          seen.add(next);
          towards.set(next, current);
          queue.push(next);
        }
      }
    }
    return [];
  }

  private readonly _labels = new Map<string, string>();
  private readonly _byName = new Map<string, IPackage>();
  private readonly _depends = new Map<string, readonly string[]>();
  private readonly _requiredBy = new Map<string, readonly string[]>();
}

/** Names are compared as PEP 503 wants it, which does no harm to those of conda. */
export function canonical(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** The name in a requirement: `numpy >=1.2` of conda, `requests[socks]>=2; python_version>"3"` of pip. */
export function nameOf(requirement: string): string {
  const bare = requirement.replace(/^.*::/, '').trim();
  return /^[\w.-]+/.exec(bare)?.[0] ?? bare;
}

function wayFrom(start: string, towards: ReadonlyMap<string, string>): string[] {
  const way = [start];
  for (let next = towards.get(start); next !== undefined; next = towards.get(next)) {
    way.push(next);
  }
  return way;
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
