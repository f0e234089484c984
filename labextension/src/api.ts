/**
 * What the server says about environments, typed, and checked once.
 */
import { URLExt } from '@jupyterlab/coreutils';

import { addressOf } from './addresses';
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
  /** What to mind though it may be used. */
  readonly warnings: readonly IReason[];
}

/** One release that exists but not for this user, or not any more. */
export interface IUnavailable {
  readonly name: string;
  readonly release: string;
  readonly displayName: string;
  readonly state: string;
  /** What to use instead, as `name@release` or the name of an environment. */
  readonly successor: string | null;
  readonly reasons: readonly IReason[];
  /** Whom to ask, in the words of the site; may be empty. */
  readonly contact: string;
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
  readonly requested: boolean;
  /** Names of the packages of this release that it needs. */
  readonly depends: readonly string[];
  /** What it needs, as its record says it. */
  readonly requirements: readonly string[];
  /** Names of the packages of this release that need it. */
  readonly requiredBy: readonly string[];
  /** What is unusual about it. */
  readonly flags: readonly string[];
}

/** Everything that a release contains. */
export interface ISpec {
  readonly spec: string;
  readonly platform: string;
  readonly mixed: boolean;
  readonly packages: readonly IPackage[];
}

/** A format in which a release can be fetched. */
export interface IExport {
  readonly format: string;
  readonly title: string;
  readonly fileName: string;
  /** Whether another tool can rebuild exactly these packages from it. */
  readonly exact: boolean;
}

/** A release in which something was found, and what. */
export interface IMatch {
  readonly name: string;
  readonly release: string;
  /** Empty when only the name of the environment matches. */
  readonly packages: readonly Pick<IPackage, 'name' | 'version' | 'build' | 'manager'>[];
}

/** What a search came to. */
export interface ISearch {
  readonly matches: readonly IMatch[];
  /** Names that come close, when what was asked for is nowhere. */
  readonly suggestions: readonly string[];
}

/** Where environments come from: the server, or a test's own hands. */
export interface IApi {
  /** Fetch the catalog; rejects with a `Refusal`. */
  catalog(): Promise<ICatalog>;
  /** Fetch the packages of one release, provided its spec has this digest; rejects with a `Refusal`. */
  spec(name: string, release: string, digest: string): Promise<ISpec>;
  /** Find releases by name or by package, such as `torch>=2.4`; rejects with a `Refusal`. */
  search(query: string): Promise<ISearch>;
  /** Fetch the formats in which a release can be had; rejects with a `Refusal`. */
  exports(name: string, release: string): Promise<readonly IExport[]>;
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

  async search(query: string): Promise<ISearch> {
    return asSearch(await this._wire.get(`search${URLExt.objectToQueryString({ q: query })}`));
  }

  async exports(name: string, release: string): Promise<readonly IExport[]> {
    return asExports(await this._wire.get(`${addressOf(name, release)}/exports`));
  }
}

/** Return `answer` as what a search came to, or throw a `Refusal` that names the field at fault. */
export function asSearch(answer: unknown): ISearch {
  const top = new Fields(answer, '');
  return {
    matches: top.list('matches', match => ({
      name: match.text('name'),
      release: match.text('release'),
      packages: match.list('packages', hit => ({
        name: hit.text('name'),
        version: hit.text('version'),
        build: hit.text('build'),
        manager: hit.text('manager')
      }))
    })),
    suggestions: top.texts('suggestions')
  };
}

/** Return `answer` as a list of formats, or throw a `Refusal` that names the field at fault. */
export function asExports(answer: unknown): readonly IExport[] {
  return new Fields(answer, '').list('exports', format => ({
    format: format.text('format'),
    title: format.text('title'),
    fileName: format.text('file_name'),
    exact: format.flag('exact')
  }));
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
    current: fields.flag('current'),
    warnings: fields.list('warnings', asReason)
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
    reasons: fields.list('reasons', asReason),
    contact: fields.optional('contact', key => fields.text(key)) ?? ''
  };
}

function asReason(fields: Fields): IReason {
  return { code: fields.text('code'), message: fields.text('message'), hint: fields.text('hint') };
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
    requested: fields.flag('requested'),
    depends: fields.texts('depends'),
    requirements: fields.texts('requirements'),
    requiredBy: fields.texts('required_by'),
    flags: fields.texts('flags')
  };
}
