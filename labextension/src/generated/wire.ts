// Made by scripts/types.mjs from jupyter_envguard/schemas: npm run types

import type { Shape } from '../check';

/** Who approved a release. */
export interface IApproval {
  readonly who: string;
  readonly when: string;
  readonly reason: string;
}

/** Every release as one user sees it. */
export interface ICatalog {
  readonly catalog: ICatalogVersion;
  readonly user: string;
  readonly environments: readonly IEnvironment[];
  readonly unavailable: readonly IUnavailable[];
}

/** The catalog changed, or the stream was opened. */
export interface ICatalogEvent {
  /** 0 when it cannot be read. */
  readonly version: number;
}

export interface ICatalogVersion {
  readonly version: number;
  readonly expires: string;
}

/** One package that two releases do not agree on. */
export interface IChange {
  /** Name of the package. */
  readonly name: string;
  readonly kind: ChangeKind;
  /** Null when it was added. */
  readonly from: ISide | null;
  /** Null when it was removed. */
  readonly to: ISide | null;
  /** Whether it is on both sides, under different licences. */
  readonly licenseChanged: boolean;
}

/** `rebuilt` is the same version with another build, hash or address; `changed` differs in other fields only. */
export type ChangeKind = 'rebuilt' | 'upgraded' | 'downgraded' | 'added' | 'removed' | 'changed';

/** What changes from one release to another. */
export interface IComparison {
  readonly from: IReleaseIdentity;
  readonly to: IReleaseIdentity;
  /** Rebuilt packages first, then by name. */
  readonly changes: readonly IChange[];
}

/** `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = string;

/** What a release is bound to. */
export interface IDigests {
  readonly pack: Digest;
  readonly spec: Digest;
  readonly manifest: Digest;
}

/** Whether the kernel still is what was approved. */
export interface IDrift {
  readonly state: DriftState;
  readonly findings: readonly IDriftFinding[];
}

/** One thing that differs. */
export interface IDriftFinding {
  /** Stable, kebab-case. */
  readonly kind: string;
  /** Of the package or module. */
  readonly name: string;
  /** Path; may be empty. */
  readonly where: string;
  /** One sentence. */
  readonly message: string;
}

export type DriftState = 'clean' | 'drifted' | 'unknown';

/** A release that this user may start. */
export interface IEnvironment {
  /** Name of the environment. */
  readonly name: string;
  /** Name of the release. */
  readonly release: string;
  /** What to start: the environment's name for its current release, else `name--release`. */
  readonly kernelName: string;
  /** Whether the environment's name means this release. */
  readonly current: boolean;
  readonly state: State;
  readonly displayName: string;
  readonly description: string;
  readonly language: string;
  /** When it stops being usable; null is never. */
  readonly expires: string | null;
  /** The release to use instead, as `name@release`. */
  readonly successor: string | null;
  /** That it was revoked and may still start; null unless it was. */
  readonly revocation: IRevocation | null;
  readonly approval: IApproval | null;
  readonly digests: IDigests;
  /** How many packages it holds; 0 when this machine cannot tell. */
  readonly packages: number;
  /** What to mind though it may be used. */
  readonly warnings: readonly IReason[];
}

/** The data of each kind of event that `GET events` sends. */
export interface IEvents {
  readonly catalog?: ICatalogEvent;
  readonly kernel?: IKernel;
  readonly request?: IRequestEvent;
}

/** One format; the file is at `exports/{format}` beside this list. */
export interface IExport {
  /** Name of the format, part of the address. */
  readonly format: string;
  /** What people call it. */
  readonly title: string;
  /** Media type of the file. */
  readonly mediaType: string;
  /** Name to save it under; it carries the digest of the spec. */
  readonly fileName: string;
  /** Whether another tool can rebuild exactly these packages from it. */
  readonly exact: boolean;
}

/** The formats that a release can be exported in. */
export interface IExports {
  readonly exports: readonly IExport[];
}

/** `pip`: pip installed it on top of conda; `no-hash`: no SHA-256 is recorded; `licence-unknown`: no licence is recorded; `other-channel`: it comes from another channel than most conda packages here. */
export type Flag = 'pip' | 'no-hash' | 'licence-unknown' | 'other-channel';

/** A package that matches. */
export interface IHit {
  readonly name: string;
  readonly version: string;
  readonly build: string;
  /** Who installed it. */
  readonly manager: 'conda' | 'pypi';
}

/** A running kernel of this server. */
export interface IKernel {
  /** Jupyter's id. */
  readonly id: string;
  readonly kernelName: string;
  /** Name of the environment; empty for an unmanaged kernel. */
  readonly environment: string;
  /** Name of the release; empty for an unmanaged kernel. */
  readonly release: string;
  /** Of the release that was started; null for an unmanaged kernel. */
  readonly digests: IDigests | null;
  /** How the catalog stands to the release now; `unmanaged` when the guard did not start it. */
  readonly state: KernelState;
  readonly wall: IWall;
  readonly drift: IDrift;
}

/** What a kernel specification of ours says of its release, as `metadata.envguard`. */
export interface IKernelSpec {
  /** Name of the environment. */
  readonly environment: string;
  /** Name of the release. */
  readonly release: string;
  readonly state: State;
  /** When it stops being usable; null is never. */
  readonly expires: string | null;
  /** The release to use instead, as `name@release`. */
  readonly successor: string | null;
  readonly digests: IDigests;
}

/** How the catalog stands to the release now; `unmanaged` when the guard did not start it. */
export type KernelState = 'approved' | 'deprecated' | 'revoked' | 'archived' | 'unmanaged';

/** The running kernels of this server. */
export interface IKernels {
  readonly kernels: readonly IKernel[];
}

/** One package and its neighbours. */
export interface IListedPackage {
  /** Canonical name: conda's for conda, PEP 503's for pypi. */
  readonly name: string;
  /** Version as recorded. */
  readonly version: string;
  /** Conda build string; empty for pypi. */
  readonly build: string;
  /** Channel without the subdir; empty when unknown. */
  readonly channel: string;
  /** Conda subdir; empty for pypi. */
  readonly subdir: string;
  /** Who installed it. */
  readonly manager: 'conda' | 'pypi';
  /** Where the package file came from; empty when unknown. */
  readonly url: string;
  /** SHA-256 of the package file; empty when unknown. */
  readonly sha256: string;
  /** MD5 of the package file; empty when unknown. */
  readonly md5: string;
  /** Licence as recorded. */
  readonly license: string;
  /** Bytes of the package file; 0 when unknown. */
  readonly size: number;
  /** Names of the packages of this release that it needs. */
  readonly depends: readonly string[];
  /** Whether a person asked for it. */
  readonly requested: boolean;
  /** Run requirements as recorded: MatchSpec for conda, PEP 508 for pypi. */
  readonly requirements: readonly string[];
  /** Names of the packages of this release that need it. */
  readonly requiredBy: readonly string[];
  /** What is unusual about it. */
  readonly flags: readonly Flag[];
}

/** A release that this user may start and that has it. */
export interface IMatch {
  /** Name of the environment. */
  readonly name: string;
  /** Name of the release. */
  readonly release: string;
  /** What to start. */
  readonly kernelName: string;
  readonly displayName: string;
  readonly state: State;
  /** Whether the environment's name means this release. */
  readonly current: boolean;
  /** The packages that match; empty when only the environment's name does. */
  readonly packages: readonly IHit[];
}

/** Whose server this is, as the guard knows it. */
export interface IMe {
  readonly user: string;
  readonly groups: readonly string[];
  /** Who says so. */
  readonly source: 'hub' | 'system';
}

/** The body that makes a request. */
export interface INewRequest {
  readonly kind: RequestKind;
  /** A package as `name` or `name>=1.2`, or an environment in words. */
  readonly subject: string;
  /** Environment that is to get it; may be empty. */
  readonly environment?: string;
  /** Where it is to come from; may be empty. */
  readonly channel?: string;
  /** Why it is needed. */
  readonly reason: string;
  /** Day as YYYY-MM-DD; may be empty. */
  readonly neededBy?: string;
  /** Paths of notebooks that need it. */
  readonly notebooks?: readonly string[];
}

/** One installed package, as its own record describes it. */
export interface IPackage {
  /** Canonical name: conda's for conda, PEP 503's for pypi. */
  readonly name: string;
  /** Version as recorded. */
  readonly version: string;
  /** Conda build string; empty for pypi. */
  readonly build: string;
  /** Channel without the subdir; empty when unknown. */
  readonly channel: string;
  /** Conda subdir; empty for pypi. */
  readonly subdir: string;
  /** Who installed it. */
  readonly manager: 'conda' | 'pypi';
  /** Where the package file came from; empty when unknown. */
  readonly url: string;
  /** SHA-256 of the package file; empty when unknown. */
  readonly sha256: string;
  /** MD5 of the package file; empty when unknown. */
  readonly md5: string;
  /** Licence as recorded. */
  readonly license: string;
  /** Bytes of the package file; 0 when unknown. */
  readonly size: number;
  /** Run requirements as recorded. */
  readonly depends: readonly string[];
  /** Whether a person asked for it. */
  readonly requested: boolean;
}

/** The packages of a release, with the digest of its spec. */
export interface IPackages {
  /** Name of the environment. */
  readonly environment: string;
  /** Name of the release. */
  readonly release: string;
  readonly spec: Digest;
  /** Conda subdir the environment runs on. */
  readonly platform: string;
  /** Whether pip put something on top of conda. */
  readonly mixed: boolean;
  /** Sorted by name, manager, version and build. */
  readonly packages: readonly IListedPackage[];
}

/** Why something is refused, or what to mind. */
export interface IReason {
  /** Stable, kebab-case. */
  readonly code: string;
  /** One sentence that names what it is about. */
  readonly message: string;
  /** What to do next; may be empty. */
  readonly hint: string;
}

/** Why something is refused, and what to do next. */
export interface IRefusal {
  /** Stable, kebab-case. */
  readonly code: string;
  /** One sentence that names what it is about. */
  readonly message: string;
  /** What to do next; may be empty. */
  readonly hint: string;
  /** What is wrong with which field of the body. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** Which release, and the digest of its spec. */
export interface IReleaseIdentity {
  /** Name of the environment. */
  readonly environment: string;
  /** Name of the release. */
  readonly release: string;
  readonly spec: Digest;
}

/** All releases of one environment. */
export interface IReleases {
  /** Name of the environment. */
  readonly name: string;
  readonly environments: readonly IEnvironment[];
  readonly unavailable: readonly IUnavailable[];
}

/** One request. */
export interface IRequest {
  /** Names the request. */
  readonly id: string;
  readonly kind: RequestKind;
  /** A package as `name` or `name>=1.2`, or an environment in words. */
  readonly subject: string;
  /** Environment that is to get it; may be empty. */
  readonly environment: string;
  /** Why it is needed. */
  readonly reason: string;
  /** Day as YYYY-MM-DD; may be empty. */
  readonly neededBy: string;
  /** Paths of notebooks that need it. */
  readonly notebooks: readonly string[];
  /** Where it is to come from; may be empty. */
  readonly channel: string;
  /** Release that the environment's name meant when it was asked; may be empty. */
  readonly release: string;
  readonly state: RequestState;
  readonly created: string;
  readonly decision: IRequestDecision | null;
}

/** What was decided about a request. */
export interface IRequestDecision {
  /** Who decided. */
  readonly who: string;
  readonly when: string;
  /** Their words; may be empty for an approval. */
  readonly reason: string;
  /** The release that answers it, as `name@release`; empty when there is none. */
  readonly release: string;
}

/** A request of this user was decided. */
export interface IRequestEvent {
  readonly id: string;
  readonly state: RequestState;
}

/** What is asked for. */
export type RequestKind = 'package' | 'environment';

/** Where a request stands. */
export type RequestState = 'open' | 'approved' | 'declined';

/** What this user has asked for, the newest first. */
export interface IRequests {
  readonly requests: readonly IRequest[];
}

/** What a notebook that names a kernel should get. */
export interface IResolution {
  /** The kernel that was named. */
  readonly kernel: string;
  /** `current`: the kernel may start and means the current release; `available`: it may start and is an older release; `successor`: it may not, `environment` is what to offer; `gone`: there is nothing to offer. */
  readonly status: ResolutionStatus;
  /** What to start. */
  readonly environment: IEnvironment | null;
  /** The release that has the digest which was named, if this user may start it. */
  readonly stamped: IEnvironment | null;
  /** Why the kernel may not start; null when it may. */
  readonly reason: IReason | null;
}

/** `current`: the kernel may start and means the current release; `available`: it may start and is an older release; `successor`: it may not, `environment` is what to offer; `gone`: there is nothing to offer. */
export type ResolutionStatus = 'current' | 'available' | 'successor' | 'gone';

/** Who revoked a release, and until when it may start all the same. */
export interface IRevocation {
  readonly who: string;
  readonly when: string;
  readonly reason: string;
  /** When it stops being usable. */
  readonly grace: string;
}

/** Which environments have what was looked for. */
export interface ISearch {
  /** What was looked for. */
  readonly query: string;
  /** By environment, the current release first. */
  readonly matches: readonly IMatch[];
  /** Names of packages that come close, when a name that was asked for is nowhere. */
  readonly suggestions: readonly string[];
}

/** A package on one side of a comparison. */
export interface ISide {
  /** Version as recorded. */
  readonly version: string;
  /** Conda build string; empty for pypi. */
  readonly build: string;
  /** Channel without the subdir; empty when unknown. */
  readonly channel: string;
  /** Conda subdir; empty for pypi. */
  readonly subdir: string;
  /** Who installed it. */
  readonly manager: 'conda' | 'pypi';
  /** SHA-256 of the package file; empty when unknown. */
  readonly sha256: string;
  /** Licence as recorded. */
  readonly license: string;
}

/** What an environment contains, pinned. The digest of its canonical form is the digest of the spec. */
export interface ISpec {
  /** Conda subdir the environment runs on. */
  readonly platform: string;
  /** Whether pip put something on top of conda. */
  readonly mixed: boolean;
  /** Sorted by name, manager, version and build. */
  readonly packages: readonly IPackage[];
}

export type State = 'draft' | 'in_review' | 'approved' | 'deprecated' | 'revoked' | 'archived' | 'rejected';

/** A release that was meant for this user and may not be started. */
export interface IUnavailable {
  readonly name: string;
  readonly release: string;
  readonly displayName: string;
  readonly state: State;
  /** The release to use instead, as `name@release`. */
  readonly successor: string | null;
  readonly reasons: readonly IReason[];
  /** Whom to ask, in the words of the site; may be empty. */
  readonly contact: string;
}

/** What keeps the kernel from changing its environment. */
export interface IWall {
  /** As the site says; empty when nobody can tell. */
  readonly level: 'lockdown' | 'enforce' | 'advise' | '';
  /** Whether it stands without a gap. */
  readonly complete: boolean;
  /** What is open, a sentence each. */
  readonly gaps: readonly string[];
}

/** What each title stands for. */

export interface ITitles {
  readonly Approval: IApproval;
  readonly Catalog: ICatalog;
  readonly CatalogEvent: ICatalogEvent;
  readonly CatalogVersion: ICatalogVersion;
  readonly Change: IChange;
  readonly ChangeKind: ChangeKind;
  readonly Comparison: IComparison;
  readonly Digest: Digest;
  readonly Digests: IDigests;
  readonly Drift: IDrift;
  readonly DriftFinding: IDriftFinding;
  readonly DriftState: DriftState;
  readonly Environment: IEnvironment;
  readonly Events: IEvents;
  readonly Export: IExport;
  readonly Exports: IExports;
  readonly Flag: Flag;
  readonly Hit: IHit;
  readonly Kernel: IKernel;
  readonly KernelSpec: IKernelSpec;
  readonly KernelState: KernelState;
  readonly Kernels: IKernels;
  readonly ListedPackage: IListedPackage;
  readonly Match: IMatch;
  readonly Me: IMe;
  readonly NewRequest: INewRequest;
  readonly Package: IPackage;
  readonly Packages: IPackages;
  readonly Reason: IReason;
  readonly Refusal: IRefusal;
  readonly ReleaseIdentity: IReleaseIdentity;
  readonly Releases: IReleases;
  readonly Request: IRequest;
  readonly RequestDecision: IRequestDecision;
  readonly RequestEvent: IRequestEvent;
  readonly RequestKind: RequestKind;
  readonly RequestState: RequestState;
  readonly Requests: IRequests;
  readonly Resolution: IResolution;
  readonly ResolutionStatus: ResolutionStatus;
  readonly Revocation: IRevocation;
  readonly Search: ISearch;
  readonly Side: ISide;
  readonly Spec: ISpec;
  readonly State: State;
  readonly Unavailable: IUnavailable;
  readonly Wall: IWall;
}

/** How each is told from anything else. */

export const SHAPES: Readonly<Record<keyof ITitles, Shape>> = {
  Approval: {
    fields: [
      ['who', 'who', 'text'],
      ['when', 'when', 'time'],
      ['reason', 'reason', 'text']
    ]
  },
  Catalog: {
    fields: [
      ['catalog', 'catalog', { is: 'CatalogVersion' }],
      ['user', 'user', 'text'],
      ['environments', 'environments', { list: { is: 'Environment' } }],
      ['unavailable', 'unavailable', { list: { is: 'Unavailable' } }]
    ]
  },
  CatalogEvent: { fields: [['version', 'version', { atLeast: 0 }]] },
  CatalogVersion: {
    fields: [
      ['version', 'version', { atLeast: 1 }],
      ['expires', 'expires', 'time']
    ]
  },
  Change: {
    fields: [
      ['name', 'name', 'text'],
      ['kind', 'kind', { is: 'ChangeKind' }],
      ['from', 'from', { orNull: { is: 'Side' } }],
      ['to', 'to', { orNull: { is: 'Side' } }],
      ['license_changed', 'licenseChanged', 'flag']
    ]
  },
  ChangeKind: { words: ['rebuilt', 'upgraded', 'downgraded', 'added', 'removed', 'changed'] },
  Comparison: {
    fields: [
      ['from', 'from', { is: 'ReleaseIdentity' }],
      ['to', 'to', { is: 'ReleaseIdentity' }],
      ['changes', 'changes', { list: { is: 'Change' } }]
    ]
  },
  Digest: { pattern: '^sha256:[0-9a-f]{64}$' },
  Digests: {
    fields: [
      ['pack', 'pack', { is: 'Digest' }],
      ['spec', 'spec', { is: 'Digest' }],
      ['manifest', 'manifest', { is: 'Digest' }]
    ]
  },
  Drift: {
    fields: [
      ['state', 'state', { is: 'DriftState' }],
      ['findings', 'findings', { list: { is: 'DriftFinding' } }]
    ]
  },
  DriftFinding: {
    fields: [
      ['kind', 'kind', 'text'],
      ['name', 'name', 'text'],
      ['where', 'where', 'text'],
      ['message', 'message', 'text']
    ]
  },
  DriftState: { words: ['clean', 'drifted', 'unknown'] },
  Environment: {
    fields: [
      ['name', 'name', 'text'],
      ['release', 'release', 'text'],
      ['kernel_name', 'kernelName', 'text'],
      ['current', 'current', 'flag'],
      ['state', 'state', { is: 'State' }],
      ['display_name', 'displayName', 'text'],
      ['description', 'description', 'text'],
      ['language', 'language', 'text'],
      ['expires', 'expires', { orNull: 'time' }],
      ['successor', 'successor', { orNull: 'text' }],
      ['revocation', 'revocation', { orNull: { is: 'Revocation' } }],
      ['approval', 'approval', { orNull: { is: 'Approval' } }],
      ['digests', 'digests', { is: 'Digests' }],
      ['packages', 'packages', { atLeast: 0 }],
      ['warnings', 'warnings', { list: { is: 'Reason' } }]
    ]
  },
  Events: {
    fields: [
      ['catalog', 'catalog', { is: 'CatalogEvent' }, true],
      ['kernel', 'kernel', { is: 'Kernel' }, true],
      ['request', 'request', { is: 'RequestEvent' }, true]
    ]
  },
  Export: {
    fields: [
      ['format', 'format', 'text'],
      ['title', 'title', 'text'],
      ['media_type', 'mediaType', 'text'],
      ['file_name', 'fileName', 'text'],
      ['exact', 'exact', 'flag']
    ]
  },
  Exports: { fields: [['exports', 'exports', { list: { is: 'Export' } }]] },
  Flag: { words: ['pip', 'no-hash', 'licence-unknown', 'other-channel'] },
  Hit: {
    fields: [
      ['name', 'name', 'text'],
      ['version', 'version', 'text'],
      ['build', 'build', 'text'],
      ['manager', 'manager', { words: ['conda', 'pypi'] }]
    ]
  },
  Kernel: {
    fields: [
      ['id', 'id', 'text'],
      ['kernel_name', 'kernelName', 'text'],
      ['environment', 'environment', 'text'],
      ['release', 'release', 'text'],
      ['digests', 'digests', { orNull: { is: 'Digests' } }],
      ['state', 'state', { is: 'KernelState' }],
      ['wall', 'wall', { is: 'Wall' }],
      ['drift', 'drift', { is: 'Drift' }]
    ]
  },
  KernelSpec: {
    fields: [
      ['environment', 'environment', 'text'],
      ['release', 'release', 'text'],
      ['state', 'state', { is: 'State' }],
      ['expires', 'expires', { orNull: 'time' }],
      ['successor', 'successor', { orNull: 'text' }],
      ['digests', 'digests', { is: 'Digests' }]
    ]
  },
  KernelState: { words: ['approved', 'deprecated', 'revoked', 'archived', 'unmanaged'] },
  Kernels: { fields: [['kernels', 'kernels', { list: { is: 'Kernel' } }]] },
  ListedPackage: {
    fields: [
      ['name', 'name', 'text'],
      ['version', 'version', 'text'],
      ['build', 'build', 'text'],
      ['channel', 'channel', 'text'],
      ['subdir', 'subdir', 'text'],
      ['manager', 'manager', { words: ['conda', 'pypi'] }],
      ['url', 'url', 'text'],
      ['sha256', 'sha256', { pattern: '^([0-9a-f]{64})?$' }],
      ['md5', 'md5', { pattern: '^([0-9a-f]{32})?$' }],
      ['license', 'license', 'text'],
      ['size', 'size', { atLeast: 0 }],
      ['depends', 'depends', { list: 'text' }],
      ['requested', 'requested', 'flag'],
      ['requirements', 'requirements', { list: 'text' }],
      ['required_by', 'requiredBy', { list: 'text' }],
      ['flags', 'flags', { list: { is: 'Flag' } }]
    ]
  },
  Match: {
    fields: [
      ['name', 'name', 'text'],
      ['release', 'release', 'text'],
      ['kernel_name', 'kernelName', 'text'],
      ['display_name', 'displayName', 'text'],
      ['state', 'state', { is: 'State' }],
      ['current', 'current', 'flag'],
      ['packages', 'packages', { list: { is: 'Hit' } }]
    ]
  },
  Me: {
    fields: [
      ['user', 'user', 'text'],
      ['groups', 'groups', { list: 'text' }],
      ['source', 'source', { words: ['hub', 'system'] }]
    ]
  },
  NewRequest: {
    fields: [
      ['kind', 'kind', { is: 'RequestKind' }],
      ['subject', 'subject', 'text'],
      ['environment', 'environment', 'text', true],
      ['channel', 'channel', 'text', true],
      ['reason', 'reason', 'text'],
      ['needed_by', 'neededBy', { pattern: '^([0-9]{4}-[0-9]{2}-[0-9]{2})?$' }, true],
      ['notebooks', 'notebooks', { list: 'text' }, true]
    ]
  },
  Package: {
    fields: [
      ['name', 'name', 'text'],
      ['version', 'version', 'text'],
      ['build', 'build', 'text'],
      ['channel', 'channel', 'text'],
      ['subdir', 'subdir', 'text'],
      ['manager', 'manager', { words: ['conda', 'pypi'] }],
      ['url', 'url', 'text'],
      ['sha256', 'sha256', { pattern: '^([0-9a-f]{64})?$' }],
      ['md5', 'md5', { pattern: '^([0-9a-f]{32})?$' }],
      ['license', 'license', 'text'],
      ['size', 'size', { atLeast: 0 }],
      ['depends', 'depends', { list: 'text' }],
      ['requested', 'requested', 'flag']
    ]
  },
  Packages: {
    fields: [
      ['environment', 'environment', 'text'],
      ['release', 'release', 'text'],
      ['spec', 'spec', { is: 'Digest' }],
      ['platform', 'platform', 'text'],
      ['mixed', 'mixed', 'flag'],
      ['packages', 'packages', { list: { is: 'ListedPackage' } }]
    ]
  },
  Reason: {
    fields: [
      ['code', 'code', 'text'],
      ['message', 'message', 'text'],
      ['hint', 'hint', 'text']
    ]
  },
  Refusal: {
    fields: [
      ['code', 'code', 'text'],
      ['message', 'message', 'text'],
      ['hint', 'hint', 'text'],
      ['fields', 'fields', { each: 'text' }, true]
    ]
  },
  ReleaseIdentity: {
    fields: [
      ['environment', 'environment', 'text'],
      ['release', 'release', 'text'],
      ['spec', 'spec', { is: 'Digest' }]
    ]
  },
  Releases: {
    fields: [
      ['name', 'name', 'text'],
      ['environments', 'environments', { list: { is: 'Environment' } }],
      ['unavailable', 'unavailable', { list: { is: 'Unavailable' } }]
    ]
  },
  Request: {
    fields: [
      ['id', 'id', { pattern: '^[a-z2-7]{13}$' }],
      ['kind', 'kind', { is: 'RequestKind' }],
      ['subject', 'subject', 'text'],
      ['environment', 'environment', 'text'],
      ['reason', 'reason', 'text'],
      ['needed_by', 'neededBy', { pattern: '^([0-9]{4}-[0-9]{2}-[0-9]{2})?$' }],
      ['notebooks', 'notebooks', { list: 'text' }],
      ['channel', 'channel', 'text'],
      ['release', 'release', 'text'],
      ['state', 'state', { is: 'RequestState' }],
      ['created', 'created', 'time'],
      ['decision', 'decision', { orNull: { is: 'RequestDecision' } }]
    ]
  },
  RequestDecision: {
    fields: [
      ['who', 'who', 'text'],
      ['when', 'when', 'time'],
      ['reason', 'reason', 'text'],
      ['release', 'release', 'text']
    ]
  },
  RequestEvent: {
    fields: [
      ['id', 'id', 'text'],
      ['state', 'state', { is: 'RequestState' }]
    ]
  },
  RequestKind: { words: ['package', 'environment'] },
  RequestState: { words: ['open', 'approved', 'declined'] },
  Requests: { fields: [['requests', 'requests', { list: { is: 'Request' } }]] },
  Resolution: {
    fields: [
      ['kernel', 'kernel', 'text'],
      ['status', 'status', { is: 'ResolutionStatus' }],
      ['environment', 'environment', { orNull: { is: 'Environment' } }],
      ['stamped', 'stamped', { orNull: { is: 'Environment' } }],
      ['reason', 'reason', { orNull: { is: 'Reason' } }]
    ]
  },
  ResolutionStatus: { words: ['current', 'available', 'successor', 'gone'] },
  Revocation: {
    fields: [
      ['who', 'who', 'text'],
      ['when', 'when', 'time'],
      ['reason', 'reason', 'text'],
      ['grace', 'grace', 'time']
    ]
  },
  Search: {
    fields: [
      ['query', 'query', 'text'],
      ['matches', 'matches', { list: { is: 'Match' } }],
      ['suggestions', 'suggestions', { list: 'text' }]
    ]
  },
  Side: {
    fields: [
      ['version', 'version', 'text'],
      ['build', 'build', 'text'],
      ['channel', 'channel', 'text'],
      ['subdir', 'subdir', 'text'],
      ['manager', 'manager', { words: ['conda', 'pypi'] }],
      ['sha256', 'sha256', { pattern: '^([0-9a-f]{64})?$' }],
      ['license', 'license', 'text']
    ]
  },
  Spec: {
    fields: [
      ['platform', 'platform', 'text'],
      ['mixed', 'mixed', 'flag'],
      ['packages', 'packages', { list: { is: 'Package' } }]
    ]
  },
  State: { words: ['draft', 'in_review', 'approved', 'deprecated', 'revoked', 'archived', 'rejected'] },
  Unavailable: {
    fields: [
      ['name', 'name', 'text'],
      ['release', 'release', 'text'],
      ['display_name', 'displayName', 'text'],
      ['state', 'state', { is: 'State' }],
      ['successor', 'successor', { orNull: 'text' }],
      ['reasons', 'reasons', { list: { is: 'Reason' } }],
      ['contact', 'contact', 'text']
    ]
  },
  Wall: {
    fields: [
      ['level', 'level', { words: ['lockdown', 'enforce', 'advise', ''] }],
      ['complete', 'complete', 'flag'],
      ['gaps', 'gaps', { list: 'text' }]
    ]
  }
};
