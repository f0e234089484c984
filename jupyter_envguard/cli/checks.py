"""The checks of `doctor`, one function each; a check that cannot be made is a FAIL that says why."""

from __future__ import annotations

import contextlib
import json
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from jupyter_envguard import confine, courtesy
from jupyter_envguard.audit import Log
from jupyter_envguard.catalog import Catalog, Entry
from jupyter_envguard.catalog.decision import may_start
from jupyter_envguard.catalog.keys import Keys
from jupyter_envguard.cli.context import Context
from jupyter_envguard.cli.paths import user_name, weaknesses
from jupyter_envguard.cli.terminal import count, file_size
from jupyter_envguard.errors import EnvGuardError, NotFound
from jupyter_envguard.files import explain, read_bounded
from jupyter_envguard.policy import DEFAULT
from jupyter_envguard.site import Site
from jupyter_envguard.store import Store

DAYS_LEFT = 7
"""Days before the catalog's signatures end from which on they are worth a warning."""
FREE_BYTES = 5 * 10**9
"""Room in the store below which the next import may not fit."""
RULES_BYTES = 2**20
"""Size of compiled rules, beyond which hooks do not read."""
DISTRIBUTIONS = ("jupyter_client", "jupyter_server", "jupyterlab", "jupyterhub")
PROVISIONER = "envguard-provisioner"
EXTENSION = "jupyter_envguard"


class Status(StrEnum):
    """How a check ended; only FAIL is a reason to stop."""

    PASS = "PASS"  # noqa: S105 - not a password
    INFO = "INFO"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found."""

    name: str
    """What was checked; the same word in every version."""
    status: Status
    """How it ended."""
    message: str
    """One sentence."""
    fix: str = ""
    """What to do; empty when there is nothing to do."""
    code: str = ""
    """Code of the error that the check met, if it met one."""

    def as_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {
            "check": self.name,
            "status": self.status.value,
            "message": self.message,
            "fix": self.fix,
            "code": self.code,
        }


SiteCheck = Callable[[Site], Iterator[Check]]


def all_checks(context: Context, more: Iterable[tuple[str, SiteCheck]] = ()) -> Iterator[Check]:
    """Yield what every check and `more` of them found; without a site only the machine is checked."""
    for machine in (_landlock, _python, _jupyter, _extension):
        yield from machine()
    try:
        site = context.site()
    except EnvGuardError as error:
        yield _failed("site", error)
        return
    yield Check("site", Status.PASS, f"{site.path} describes the site {site.name}.")
    for name, check in (*SITE_CHECKS, *more):
        try:
            yield from check(site)
        except EnvGuardError as error:
            yield _failed(name, error)
        except OSError as error:
            yield _failed(name, explain(error, f"look at {error.filename or site.path}"))


def _failed(name: str, error: EnvGuardError) -> Check:
    return Check(name, Status.FAIL, error.message, error.hint, error.code)


def _landlock() -> Iterator[Check]:
    support = confine.available()
    if not support.files:
        yield Check(
            "landlock",
            Status.WARN,
            f"Landlock is not available: {support.reason or f'ABI {support.abi} is too old'}.",
            "Use Linux 5.19 or newer with landlock in its list of security modules.",
        )
        return
    missing = [
        what for what, there in (("network", support.network), ("signals", support.scope)) if not there
    ]
    without = f", which cannot confine {' and '.join(missing)}" if missing else ""
    yield Check(
        "landlock", Status.INFO if missing else Status.PASS, f"Landlock has ABI {support.abi}{without}."
    )


def _python() -> Iterator[Check]:
    weak = [found for found in weaknesses(Path(sys.prefix), {0}) if found.grave]
    version = ".".join(map(str, sys.version_info[:3]))
    if weak:
        yield Check(
            "python",
            Status.WARN,
            f"Python {version} in {sys.prefix} can be changed: {weak[0].path} {weak[0].message}.",
            "Run servers from a Python that belongs to root.",
        )
    else:
        yield Check("python", Status.PASS, f"Python {version} in {sys.prefix} belongs to root.")


def _jupyter() -> Iterator[Check]:
    versions = {name: _version(name) for name in DISTRIBUTIONS}
    there = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    yield Check("jupyter", Status.INFO, f"Installed: {there}.")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _extension() -> Iterator[Check]:
    group = "jupyter_client.kernel_provisioners"
    if PROVISIONER not in {point.name for point in metadata.entry_points(group=group)}:
        yield Check(
            "provisioner",
            Status.FAIL,
            f"The provisioner {PROVISIONER} is not registered.",
            "Install the package again.",
        )
    else:
        yield Check("provisioner", Status.PASS, f"The provisioner {PROVISIONER} is registered.")
    where = _enabled_in()
    if where is None:
        yield Check(
            "extension",
            Status.WARN,
            "The server extension is not switched on in this Python.",
            "Run: jupyter server extension enable jupyter_envguard --sys-prefix",
        )
    else:
        yield Check(
            "extension",
            Status.PASS,
            f"The server extension is switched on in {where}; it guards servers that have a site.",
        )


def _enabled_in() -> Path | None:
    from jupyter_core.paths import jupyter_config_path

    for folder in jupyter_config_path():
        with contextlib.suppress(OSError):  # what we may not list cannot switch anything on for us
            for path in sorted(Path(folder, "jupyter_server_config.d").glob("*.json")):
                if _switches_on(path):
                    return path
    return None


def _switches_on(path: Path) -> bool:
    try:
        switched = json.loads(path.read_bytes())["ServerApp"]["jpserver_extensions"][EXTENSION]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return switched is True


def _paths(site: Site) -> Iterator[Check]:
    owners = {0, site.path.stat().st_uid}
    places = [
        site.path,
        site.trust,
        site.store_root,
        *([] if "://" in site.catalog else [Path(site.catalog)]),
    ]
    weak = list(dict.fromkeys(found for place in places for found in weaknesses(place, owners)))
    for found in weak:
        status = Status.FAIL if found.grave else Status.INFO
        yield Check("paths", status, f"{found.path} {found.message}.", found.fix)
    if not any(found.grave for found in weak):
        yield Check(
            "paths", Status.PASS, f"Only {_people(owners)} can change site file, trust, store and catalog."
        )


def _people(owners: set[int]) -> str:
    return " and ".join(sorted(map(user_name, owners)))


def _policy(site: Site) -> Iterator[Check]:
    left_out = sorted(set(DEFAULT.rules) - set(site.policy.rules))
    if left_out:
        yield Check("policy", Status.INFO, f"Default rules that the site leaves out: {', '.join(left_out)}.")
    else:
        yield Check("policy", Status.PASS, f"{count(len(site.policy.rules), 'rule')} judge a pack.")


def _keys(site: Site) -> Iterator[Check]:
    if site.keys is None:
        yield Check("keys", Status.INFO, "The site names no keys here, so nothing can be approved here.")
        return
    found = site.keys.stat()
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Check("keys", Status.FAIL, f"Others can look into {site.keys}.", f"chmod 700 {site.keys}")
        return
    number = count(len(Keys(site.keys).signers()), "key")
    owner = user_name(found.st_uid)
    if found.st_uid:  # a wall leaves open what its user may read
        message = (
            f"{number} in {site.keys}: a session of {owner} can read them, and so approve what it likes."
        )
        yield Check("keys", Status.WARN, message, "Give them to an account that runs no sessions.")
    else:
        yield Check("keys", Status.PASS, f"{number} in {site.keys}, for {owner} only.")


def _store(site: Site) -> Iterator[Check]:
    root = site.store_root
    known = {str(found.path) for found in weaknesses(root, {0, root.stat().st_uid})}
    for weak in Store(root).weaknesses():
        if weak.path not in known:
            yield Check("store", Status.WARN, f"{weak.path}: {weak.message}", weak.fix)
    free = shutil.disk_usage(root).free
    if free < FREE_BYTES:
        yield Check(
            "store",
            Status.WARN,
            f"{root} has room for {file_size(free)}.",
            "Make room before the next import.",
        )
    owner = root.stat().st_uid
    if owner:
        yield Check(
            "store",
            Status.WARN,
            f"{root} belongs to {user_name(owner)}: sessions of that user can change approved environments.",
            "Give the store to an account that runs no sessions, such as root.",
        )
    else:
        yield Check("store", Status.PASS, f"{root} belongs to root and has room for {file_size(free)}.")


def _catalog(site: Site) -> Iterator[Check]:
    catalog = _read(site)
    days = (catalog.expires - datetime.now(UTC)).days
    status, fix = Status.PASS, ""
    if days <= DAYS_LEFT:
        status, fix = Status.WARN, "Sign it again where the keys are: jupyter envguard renew"
    size = count(len(catalog.entries), "release")
    left = f"its signatures hold {count(days, 'day')} more"
    yield Check("catalog", status, f"Version {catalog.version} with {size} verifies; {left}.", fix)


def _read(site: Site) -> Catalog:
    from jupyter_envguard.catalog import Client

    return Client(site.catalog, site.trust).load()


def _images(site: Site) -> Iterator[Check]:
    store = Store(site.store_root)
    now = datetime.now(UTC)
    entries = [entry for entry in _read(site).entries if may_start(entry, now)]
    found = [check for check in (image_problem(store, entry) for entry in entries) if check is not None]
    yield from found
    if not found:
        yield Check(
            "images", Status.PASS, f"{count(len(entries), 'usable release')} on this machine, all unchanged."
        )


def image_problem(store: Store, entry: Entry) -> Check | None:
    """Return what is wrong with the image of `entry`, or None."""
    again = "Import the pack again on this machine."
    try:
        image = store.get(entry.pack)
        if image.manifest_digest != entry.manifest:
            message = f"The image of {entry.id} in {image.path} is not the approved one."
            return Check("images", Status.FAIL, message, again, "image-drifted")
        changed = store.verify(image, mode="stat")
    except NotFound as error:
        message = f"{entry.id} is not on this machine, so it cannot start here."
        return Check("images", Status.WARN, message, again, error.code)
    except EnvGuardError as error:
        return Check("images", Status.FAIL, f"{entry.id}: {error.message}", error.hint, error.code)
    if changed:
        message = f"{entry.id} has {count(len(changed), 'changed path')}, the first is {changed[0].path}."
        return Check(
            "images", Status.FAIL, message, f"See jupyter envguard verify {entry.id}.", "image-drifted"
        )
    return None


def _log(site: Site) -> Iterator[Check]:
    with Log(site.log) as log:
        found = log.verify()
    if found.ok:
        yield Check("log", Status.PASS, f"{count(found.head.seq, 'event')}, the chain holds.")
    else:
        yield Check(
            "log",
            Status.FAIL,
            f"The log does not hold from event {found.broken} on: {found.problem}.",
            "Keep the file as it is and find out who could write to it.",
            "log-invalid",
        )


def _spool(site: Site) -> Iterator[Check]:
    mode = site.spool.stat().st_mode
    if not mode & stat.S_IWOTH:
        owner = user_name(site.spool.stat().st_uid)
        yield Check("spool", Status.INFO, f"Only sessions that run as {owner} can record in {site.spool}.")
    elif not mode & stat.S_ISVTX:
        yield Check(
            "spool",
            Status.FAIL,
            f"Users can remove each other's logs in {site.spool}.",
            f"chmod 1733 {site.spool}",
        )
    else:
        yield Check(
            "spool", Status.PASS, f"Every user can record in {site.spool}, and remove nobody else's log."
        )


def _acl(site: Site) -> Iterator[Check]:
    path = courtesy.RULES_PLACE
    again = "Run jupyter envguard hooks install as root."
    if not path.exists():
        yield Check("acl", Status.INFO, f"There are no rules for hooks in {path}.", again)
        return
    weak = [found for found in weaknesses(path, {0}) if found.grave]
    for found in weak:
        message = f"The rules for hooks can be changed: {found.path} {found.message}."
        yield Check("acl", Status.FAIL, message, found.fix)
    if read_bounded(path, RULES_BYTES) != courtesy.rules_file(site):
        yield Check("acl", Status.WARN, f"{path} was made from other rules than those of {site.path}.", again)
    elif not weak:
        yield Check("acl", Status.PASS, f"Hooks read the rules of the site in {path}.")


SITE_CHECKS: tuple[tuple[str, SiteCheck], ...] = (
    ("paths", _paths),
    ("policy", _policy),
    ("acl", _acl),
    ("keys", _keys),
    ("store", _store),
    ("catalog", _catalog),
    ("images", _images),
    ("log", _log),
    ("spool", _spool),
)
