// Made by scripts/types.mjs from schemas c16fb5f613331f4b75e6bbba7fcd0ce049dd89629e43a07d214fbb9bcdf95874;
// the rest is a610d8640cb4956a24a5397295b10bc4cd713d31036128222b8dfed25f911717.
/**
 * `sha256:` and 64 lower-case hexadecimal digits.
 */
export type Digest = string;
/**
 * `rebuilt` is the same version with another build, hash or address; `changed` differs in other fields only.
 */
export type ChangeKind = 'rebuilt' | 'upgraded' | 'downgraded' | 'added' | 'removed' | 'changed';
export type State = 'draft' | 'in_review' | 'approved' | 'deprecated' | 'revoked' | 'archived' | 'rejected';
/**
 * How the catalog stands to the release now; `unmanaged` when the guard did not start it.
 */
export type KernelState = 'approved' | 'deprecated' | 'revoked' | 'archived' | 'unmanaged';
export type DriftState = 'clean' | 'drifted' | 'unknown';
/**
 * Where a request stands.
 */
export type RequestState = 'open' | 'approved' | 'declined';
/**
 * What is asked for.
 */
export type RequestKind = 'package' | 'environment';
/**
 * `pip`: pip installed it on top of conda; `no-hash`: no SHA-256 is recorded; `licence-unknown`: no licence is recorded; `other-channel`: it comes from another channel than most conda packages here.
 */
export type Flag = 'pip' | 'no-hash' | 'licence-unknown' | 'other-channel';
/**
 * `current`: the kernel may start and means the current release; `available`: it may start and is an older release; `successor`: it may not, `environment` is what to offer; `gone`: there is nothing to offer.
 */
export type ResolutionStatus = 'current' | 'available' | 'successor' | 'gone';

/**
 * Every document that goes over the wire, by its title.
 */
export interface Wire {
  Comparison: Comparison;
  Environments: Environments;
  Events: Events;
  Exports: Exports;
  Kernels: Kernels;
  Me: Me;
  NewRequest: NewRequest;
  Packages: Packages;
  Refusal: Refusal;
  Releases: Releases;
  Requests: Requests;
  Resolution: Resolution;
  Search: Search;
  Spec: Spec;
}
/**
 * What changes from one release to another.
 */
export interface Comparison {
  from: ReleaseIdentity;
  to: ReleaseIdentity;
  /**
   * Rebuilt packages first, then by name.
   */
  changes: Change[];
}
/**
 * Which release, and the digest of its spec.
 */
export interface ReleaseIdentity {
  /**
   * Name of the environment.
   */
  environment: string;
  /**
   * Name of the release.
   */
  release: string;
  spec: Digest;
}
/**
 * One package that two releases do not agree on.
 */
export interface Change {
  /**
   * Name of the package.
   */
  name: string;
  kind: ChangeKind;
  /**
   * Null when it was added.
   */
  from: Side | null;
  /**
   * Null when it was removed.
   */
  to: Side | null;
  /**
   * Whether it is on both sides, under different licences.
   */
  license_changed: boolean;
}
/**
 * A package on one side of a comparison.
 */
export interface Side {
  /**
   * Version as recorded.
   */
  version: string;
  /**
   * Conda build string; empty for pypi.
   */
  build: string;
  /**
   * Channel without the subdir; empty when unknown.
   */
  channel: string;
  /**
   * Conda subdir; empty for pypi.
   */
  subdir: string;
  /**
   * Who installed it.
   */
  manager: 'conda' | 'pypi';
  /**
   * SHA-256 of the package file; empty when unknown.
   */
  sha256: string;
  /**
   * Licence as recorded.
   */
  license: string;
}
/**
 * Every release as one user sees it.
 */
export interface Environments {
  catalog: CatalogVersion;
  user: string;
  environments: Environment[];
  unavailable: Unavailable[];
}
export interface CatalogVersion {
  version: number;
  expires: string;
}
/**
 * A release that this user may start.
 */
export interface Environment {
  /**
   * Name of the environment.
   */
  name: string;
  /**
   * Name of the release.
   */
  release: string;
  /**
   * What to start: the environment's name for its current release, else `name--release`.
   */
  kernel_name: string;
  /**
   * Whether the environment's name means this release.
   */
  current: boolean;
  state: State;
  display_name: string;
  description: string;
  language: string;
  /**
   * When it stops being usable; null is never.
   */
  expires: string | null;
  /**
   * The release to use instead, as `name@release`.
   */
  successor: string | null;
  approval: Approval | null;
  digests: Digests;
  /**
   * How many packages it holds; 0 when this machine cannot tell.
   */
  packages: number;
  /**
   * What to mind though it may be used.
   */
  warnings: Reason[];
}
/**
 * Who approved a release.
 */
export interface Approval {
  who: string;
  when: string;
  reason: string;
}
/**
 * What a release is bound to.
 */
export interface Digests {
  pack: Digest;
  spec: Digest;
  manifest: Digest;
}
/**
 * Why something is refused, or what to mind.
 */
export interface Reason {
  /**
   * Stable, kebab-case.
   */
  code: string;
  /**
   * One sentence that names what it is about.
   */
  message: string;
  /**
   * What to do next; may be empty.
   */
  hint: string;
}
/**
 * A release that was meant for this user and may not be started.
 */
export interface Unavailable {
  name: string;
  release: string;
  display_name: string;
  state: State;
  /**
   * The release to use instead, as `name@release`.
   */
  successor: string | null;
  /**
   * @minItems 1
   */
  reasons: Reason[];
  /**
   * Whom to ask, in the words of the site; may be empty.
   */
  contact: string;
}
/**
 * The data of each kind of event that `GET events` sends.
 */
export interface Events {
  catalog?: CatalogEvent;
  kernel?: Kernel;
  request?: RequestEvent;
}
/**
 * The catalog changed, or the stream was opened.
 */
export interface CatalogEvent {
  /**
   * 0 when it cannot be read.
   */
  version: number;
}
/**
 * A running kernel of this server.
 */
export interface Kernel {
  /**
   * Jupyter's id.
   */
  id: string;
  kernel_name: string;
  /**
   * Name of the environment; empty for an unmanaged kernel.
   */
  environment: string;
  /**
   * Name of the release; empty for an unmanaged kernel.
   */
  release: string;
  /**
   * Of the release that was started; null for an unmanaged kernel.
   */
  digests: Digests | null;
  state: KernelState;
  wall: Wall;
  drift: Drift;
}
/**
 * What keeps the kernel from changing its environment.
 */
export interface Wall {
  /**
   * As the site says; empty when nobody can tell.
   */
  level: 'lockdown' | 'enforce' | 'advise' | '';
  /**
   * Whether it stands without a gap.
   */
  complete: boolean;
  /**
   * What is open, a sentence each.
   */
  gaps: string[];
}
/**
 * Whether the kernel still is what was approved.
 */
export interface Drift {
  state: DriftState;
  findings: DriftFinding[];
}
/**
 * One thing that differs.
 */
export interface DriftFinding {
  /**
   * Stable, kebab-case.
   */
  kind: string;
  /**
   * Of the package or module.
   */
  name: string;
  /**
   * Path; may be empty.
   */
  where: string;
  /**
   * One sentence.
   */
  message: string;
}
/**
 * A request of this user was decided.
 */
export interface RequestEvent {
  id: string;
  state: RequestState;
}
/**
 * The formats that a release can be exported in.
 */
export interface Exports {
  exports: Export[];
}
/**
 * One format; the file is at `exports/{format}` beside this list.
 */
export interface Export {
  /**
   * Name of the format, part of the address.
   */
  format: string;
  /**
   * What people call it.
   */
  title: string;
  /**
   * Media type of the file.
   */
  media_type: string;
  /**
   * Name to save it under; it carries the digest of the spec.
   */
  file_name: string;
  /**
   * Whether another tool can rebuild exactly these packages from it.
   */
  exact: boolean;
}
/**
 * The running kernels of this server.
 */
export interface Kernels {
  kernels: Kernel[];
}
/**
 * Whose server this is, as the guard knows it.
 */
export interface Me {
  user: string;
  groups: string[];
  /**
   * Who says so.
   */
  source: 'hub' | 'system';
}
/**
 * The body that makes a request.
 */
export interface NewRequest {
  kind: RequestKind;
  /**
   * A package as `name` or `name>=1.2`, or an environment in words.
   */
  subject: string;
  /**
   * Environment that is to get it; may be empty.
   */
  environment?: string;
  /**
   * Where it is to come from; may be empty.
   */
  channel?: string;
  /**
   * Why it is needed.
   */
  reason: string;
  /**
   * Day as YYYY-MM-DD; may be empty.
   */
  needed_by?: string;
  /**
   * Paths of notebooks that need it.
   *
   * @maxItems 20
   */
  notebooks?: string[];
}
/**
 * The packages of a release, with the digest of its spec.
 */
export interface Packages {
  /**
   * Name of the environment.
   */
  environment: string;
  /**
   * Name of the release.
   */
  release: string;
  spec: Digest;
  /**
   * Conda subdir the environment runs on.
   */
  platform: string;
  /**
   * Whether pip put something on top of conda.
   */
  mixed: boolean;
  /**
   * Sorted by name, manager, version and build.
   */
  packages: ListedPackage[];
}
/**
 * One package and its neighbours.
 */
export interface ListedPackage {
  /**
   * Canonical name: conda's for conda, PEP 503's for pypi.
   */
  name: string;
  /**
   * Version as recorded.
   */
  version: string;
  /**
   * Conda build string; empty for pypi.
   */
  build: string;
  /**
   * Channel without the subdir; empty when unknown.
   */
  channel: string;
  /**
   * Conda subdir; empty for pypi.
   */
  subdir: string;
  /**
   * Who installed it.
   */
  manager: 'conda' | 'pypi';
  /**
   * Where the package file came from; empty when unknown.
   */
  url: string;
  /**
   * SHA-256 of the package file; empty when unknown.
   */
  sha256: string;
  /**
   * MD5 of the package file; empty when unknown.
   */
  md5: string;
  /**
   * Licence as recorded.
   */
  license: string;
  /**
   * Bytes of the package file; 0 when unknown.
   */
  size: number;
  /**
   * Names of the packages of this release that it needs.
   */
  depends: string[];
  /**
   * Whether a person asked for it.
   */
  requested: boolean;
  /**
   * Run requirements as recorded: MatchSpec for conda, PEP 508 for pypi.
   */
  requirements: string[];
  /**
   * Names of the packages of this release that need it.
   */
  required_by: string[];
  /**
   * What is unusual about it.
   */
  flags: Flag[];
}
/**
 * Why something is refused, and what to do next.
 */
export interface Refusal {
  /**
   * Stable, kebab-case.
   */
  code: string;
  /**
   * One sentence that names what it is about.
   */
  message: string;
  /**
   * What to do next; may be empty.
   */
  hint: string;
  /**
   * What is wrong with which field of the body.
   */
  fields?: {
    [k: string]: string;
  };
}
/**
 * All releases of one environment.
 */
export interface Releases {
  /**
   * Name of the environment.
   */
  name: string;
  environments: Environment[];
  unavailable: Unavailable[];
}
/**
 * What this user has asked for, the newest first.
 */
export interface Requests {
  requests: Request[];
}
/**
 * One request.
 */
export interface Request {
  /**
   * Names the request.
   */
  id: string;
  kind: RequestKind;
  /**
   * A package as `name` or `name>=1.2`, or an environment in words.
   */
  subject: string;
  /**
   * Environment that is to get it; may be empty.
   */
  environment: string;
  /**
   * Why it is needed.
   */
  reason: string;
  /**
   * Day as YYYY-MM-DD; may be empty.
   */
  needed_by: string;
  /**
   * Paths of notebooks that need it.
   */
  notebooks: string[];
  /**
   * Where it is to come from; may be empty.
   */
  channel: string;
  /**
   * Release that the environment's name meant when it was asked; may be empty.
   */
  release: string;
  state: RequestState;
  created: string;
  decision: RequestDecision | null;
}
/**
 * What was decided about a request.
 */
export interface RequestDecision {
  /**
   * Who decided.
   */
  who: string;
  when: string;
  /**
   * Their words; may be empty for an approval.
   */
  reason: string;
  /**
   * The release that answers it, as `name@release`; empty when there is none.
   */
  release: string;
}
/**
 * What a notebook that names a kernel should get.
 */
export interface Resolution {
  /**
   * The kernel that was named.
   */
  kernel: string;
  status: ResolutionStatus;
  /**
   * What to start.
   */
  environment: Environment | null;
  /**
   * The release that has the digest which was named, if this user may start it.
   */
  stamped: Environment | null;
  /**
   * Why the kernel may not start; null when it may.
   */
  reason: Reason | null;
}
/**
 * Which environments have what was looked for.
 */
export interface Search {
  /**
   * What was looked for.
   */
  query: string;
  /**
   * By environment, the current release first.
   */
  matches: Match[];
  /**
   * Names of packages that come close, when a name that was asked for is nowhere.
   */
  suggestions: string[];
}
/**
 * A release that this user may start and that has it.
 */
export interface Match {
  /**
   * Name of the environment.
   */
  name: string;
  /**
   * Name of the release.
   */
  release: string;
  /**
   * What to start.
   */
  kernel_name: string;
  display_name: string;
  state: State;
  /**
   * Whether the environment's name means this release.
   */
  current: boolean;
  /**
   * The packages that match; empty when only the environment's name does.
   */
  packages: Hit[];
}
/**
 * A package that matches.
 */
export interface Hit {
  name: string;
  version: string;
  build: string;
  /**
   * Who installed it.
   */
  manager: 'conda' | 'pypi';
}
/**
 * What an environment contains, pinned. The digest of its canonical form is the digest of the spec.
 */
export interface Spec {
  /**
   * Conda subdir the environment runs on.
   */
  platform: string;
  /**
   * Whether pip put something on top of conda.
   */
  mixed: boolean;
  /**
   * Sorted by name, manager, version and build.
   */
  packages: Package[];
}
/**
 * One installed package, as its own record describes it.
 */
export interface Package {
  /**
   * Canonical name: conda's for conda, PEP 503's for pypi.
   */
  name: string;
  /**
   * Version as recorded.
   */
  version: string;
  /**
   * Conda build string; empty for pypi.
   */
  build: string;
  /**
   * Channel without the subdir; empty when unknown.
   */
  channel: string;
  /**
   * Conda subdir; empty for pypi.
   */
  subdir: string;
  /**
   * Who installed it.
   */
  manager: 'conda' | 'pypi';
  /**
   * Where the package file came from; empty when unknown.
   */
  url: string;
  /**
   * SHA-256 of the package file; empty when unknown.
   */
  sha256: string;
  /**
   * MD5 of the package file; empty when unknown.
   */
  md5: string;
  /**
   * Licence as recorded.
   */
  license: string;
  /**
   * Bytes of the package file; 0 when unknown.
   */
  size: number;
  /**
   * Run requirements as recorded.
   */
  depends: string[];
  /**
   * Whether a person asked for it.
   */
  requested: boolean;
}
