/**
 * What the server says about environments, typed, and checked once.
 */
import { URLExt } from '@jupyterlab/coreutils';

import { Fields, type Wire, type IReason } from './wire';

/** Who approved a release, when and why. */
export interface IApproval {
  readonly who: string;
  readonly when: string;
  readonly reason: string;
}

/** What a release is bound to; each is `sha256:` and 64 hexadecimal digits. */
export interface IDigests {
  readonly pack: string;
  readonly spec: string;
  readonly manifest: string;
}

/** One release that this user may start. */
export interface IEnvironment {
  readonly name: string;
  readonly release: string;
  readonly kernelName: string;
  readonly state: string;
  readonly displayName: string;
  readonly description: string;
  readonly language: string;
  readonly expires: string | null;
  readonly successor: string | null;
  readonly approval: IApproval | null;
  readonly digests: IDigests;
  readonly packages: number;
  readonly current: boolean;
}

/** One release that exists but not for this user, or not any more. */
export interface IUnavailable {
  readonly name: string;
  readonly release: string;
  readonly displayName: string;
  readonly state: string;
  /** What to use instead, as `name@release` or the name of an environment. */
  readonly successor: string | null;
  /** Whom to ask; empty if the site names nobody. */
  readonly contact: string;
  readonly reasons: readonly IReason[];
}

/** The catalog as this user sees it. */
export interface ICatalog {
  readonly version: number;
  readonly expires: string;
  readonly user: string;
  readonly environments: readonly IEnvironment[];
  readonly unavailable: readonly IUnavailable[];
}

/** One package, pinned. */
export interface IPackage {
  readonly name: string;
  readonly version: string;
  readonly build: string;
  readonly channel: string;
  readonly subdir: string;
  readonly manager: string;
  readonly url: string;
  readonly sha256: string;
  readonly license: string;
  readonly size: number;
  /** What it needs, as its record says. */
  readonly depends: readonly string[];
  readonly requested: boolean;
}

/** Everything that a release contains. */
export interface ISpec {
  readonly spec: string;
  readonly platform: string;
  readonly mixed: boolean;
  readonly packages: readonly IPackage[];
}

/** Where environments come from: the server, or a test's own hands. */
export interface IApi {
  /** Fetch the catalog; rejects with a `Refusal`. */
  catalog(): Promise<ICatalog>;
  /** Fetch the packages of one release, provided its spec has this digest; rejects with a `Refusal`. */
  spec(name: string, release: string, digest: string): Promise<ISpec>;
}

/** The REST interface of the server extension. */
export class Api implements IApi {
  constructor(private readonly _wire: Wire) {}

  async catalog(): Promise<ICatalog> {
    return asCatalog(await this._wire.get('environments'));
  }

  async spec(name: string, release: string, digest: string): Promise<ISpec> {
    const query = URLExt.objectToQueryString({ digest });
    return asSpec(await this._wire.get(`${addressOf(name, release)}/packages${query}`));
  }
}

/** Where the server keeps what it knows about a release. */
export function addressOf(name: string, release: string): string {
  return `environments/${encodeURIComponent(name)}/releases/${encodeURIComponent(release)}`;
}

/** Return `answer` as a catalog, or throw a `Refusal` that names the field at fault. */
export function asCatalog(answer: unknown): ICatalog {
  const top = new Fields(answer, '');
  const catalog = top.fields('catalog');
  return {
    version: catalog.number('version'),
    expires: catalog.text('expires'),
    user: top.text('user'),
    environments: top.list('environments', asEnvironment),
    unavailable: top.list('unavailable', asUnavailable)
  };
}

/** Return `answer` as a spec, or throw a `Refusal` that names the field at fault. */
export function asSpec(answer: unknown): ISpec {
  const top = new Fields(answer, '');
  return {
    spec: top.text('spec'),
    platform: top.text('platform'),
    mixed: top.flag('mixed'),
    packages: top.list('packages', asPackage)
  };
}

function asEnvironment(fields: Fields): IEnvironment {
  return {
    name: fields.text('name'),
    release: fields.text('release'),
    kernelName: fields.text('kernel_name'),
    state: fields.text('state'),
    displayName: fields.text('display_name'),
    description: fields.text('description'),
    language: fields.text('language'),
    expires: fields.optional('expires', key => fields.text(key)),
    successor: fields.optional('successor', key => fields.text(key)),
    approval: fields.optional('approval', key => asApproval(fields.fields(key))),
    digests: asDigests(fields.fields('digests')),
    packages: fields.number('packages'),
    current: fields.flag('current')
  };
}

function asApproval(fields: Fields): IApproval {
  return { who: fields.text('who'), when: fields.text('when'), reason: fields.text('reason') };
}

function asDigests(fields: Fields): IDigests {
  return {
    pack: fields.text('pack'),
    spec: fields.text('spec'),
    manifest: fields.text('manifest')
  };
}

function asUnavailable(fields: Fields): IUnavailable {
  return {
    name: fields.text('name'),
    release: fields.text('release'),
    displayName: fields.text('display_name'),
    state: fields.text('state'),
    successor: fields.optional('successor', key => fields.text(key)),
    contact: fields.optional('contact', key => fields.text(key)) ?? '',
    reasons: fields.list('reasons', reason => ({
      code: reason.text('code'),
      message: reason.text('message'),
      hint: reason.text('hint')
    }))
  };
}

function asPackage(fields: Fields): IPackage {
  return {
    name: fields.text('name'),
    version: fields.text('version'),
    build: fields.text('build'),
    channel: fields.text('channel'),
    subdir: fields.text('subdir'),
    manager: fields.text('manager'),
    url: fields.text('url'),
    sha256: fields.text('sha256'),
    license: fields.text('license'),
    size: fields.number('size'),
    depends: fields.texts('depends'),
    requested: fields.flag('requested')
  };
}
