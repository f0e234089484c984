/**
 * Where the server keeps things, as whole addresses that curl understands as well.
 */
import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';

/** Makes whole addresses. */
export class Addresses {
  constructor(private readonly _settings: Pick<ServerConnection.ISettings, 'baseUrl' | 'appUrl'>) {}

  /** The spec of a release in its canonical bytes. */
  spec(name: string, release: string): string {
    return this._api(`${addressOf(name, release)}/spec`);
  }

  /** A release in some format. */
  exported(name: string, release: string, format: string): string {
    return this._api(`${addressOf(name, release)}/exports/${encodeURIComponent(format)}`);
  }

  /** What changes from one release to another, `name@release`, as a file. */
  difference(name: string, release: string, to: string, format: 'markdown' | 'csv' | 'json'): string {
    const query = URLExt.objectToQueryString({ to, format });
    return this._api(`${addressOf(name, release)}/diff${query}`);
  }

  /** The page of JupyterLab with these parameters. */
  page(parameters: Readonly<Record<string, string>>): string {
    const { baseUrl, appUrl } = this._settings;
    return `${URLExt.join(baseUrl, appUrl || 'lab')}?${new URLSearchParams(parameters).toString()}`;
  }

  private _api(path: string): string {
    return URLExt.join(this._settings.baseUrl, 'envguard/api', path);
  }
}

/** Where the server keeps what it knows about a release, below its REST interface. */
export function addressOf(name: string, release: string): string {
  return `environments/${encodeURIComponent(name)}/releases/${encodeURIComponent(release)}`;
}
