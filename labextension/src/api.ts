/**
 * What the server says about environments.
 */
import { URLExt } from '@jupyterlab/coreutils';

import { addressOf } from './addresses';
import type { ICatalog, IExport, IPackages, ISearch } from './generated/wire';
import type { Wire } from './wire';

/** Where environments come from: the server, or a test's own hands. */
export interface IApi {
  /** Fetch the catalog; rejects with a `Refusal`. */
  catalog(): Promise<ICatalog>;
  /** Fetch the packages of one release, provided its spec has this digest; rejects with a `Refusal`. */
  spec(name: string, release: string, digest: string): Promise<IPackages>;
  /** Find releases by name or by package, such as `torch>=2.4`; rejects with a `Refusal`. */
  search(query: string): Promise<ISearch>;
  /** Fetch the formats in which a release can be had; rejects with a `Refusal`. */
  exports(name: string, release: string): Promise<readonly IExport[]>;
}

/** The REST interface of the server extension. */
export class Api implements IApi {
  constructor(private readonly _wire: Pick<Wire, 'get'>) {}

  catalog(): Promise<ICatalog> {
    return this._wire.get('environments', 'Catalog');
  }

  spec(name: string, release: string, digest: string): Promise<IPackages> {
    const query = URLExt.objectToQueryString({ digest });
    return this._wire.get(`${addressOf(name, release)}/packages${query}`, 'Packages', true);
  }

  search(query: string): Promise<ISearch> {
    return this._wire.get(`search${URLExt.objectToQueryString({ q: query })}`, 'Search');
  }

  async exports(name: string, release: string): Promise<readonly IExport[]> {
    return (await this._wire.get(`${addressOf(name, release)}/exports`, 'Exports')).exports;
  }
}
