"""What the log holds: `Event`, what somebody reports, and `Record`, an event in its place in the chain.

Everything an auditor may ask about is one of `TYPES`; the answer to "why not" is
a code from `errors.CODES`. Words that people chose go into `detail`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, get_args

from jupyter_envguard.errors import CODES, EnvGuardError, InvalidInput, Untrusted, did_you_mean
from jupyter_envguard.spec import canonical_json, check_digest, sha256_digest

FORMAT = 1
"""Version of a record's shape."""
RECORD_BYTES = 8 * 1024
"""Size of one record."""
TEXT_LENGTH = 1024
"""Characters in any one text of an event."""
DEPTH = 4
"""Lists and mappings inside each other in `detail`."""
TYPES: Mapping[str, str] = MappingProxyType(
    {
        "auth.denied": "Somebody could not show who they are.",
        "catalog.refused": "A catalog was not believed.",
        "catalog.renew": "The catalog was signed again before it expired.",
        "config.change": "The site file was changed.",
        "env.drifted": "An image is not what was approved.",
        "env.verify": "Images were compared with their manifests.",
        "export": "A release was exported.",
        "import.denied": "Something from outside of its environment was kept from loading in a kernel.",
        "kernel.crash": "A kernel ended though nobody asked it to.",
        "kernel.denied": "A kernel was not started.",
        "kernel.drifted": "Something in a running kernel is not of its environment.",
        "kernel.start": "A kernel was started, or could not be though it was allowed.",
        "kernel.stop": "A kernel ended because somebody asked it to.",
        "log.verify": "The log was checked.",
        "package.denied": "A rule denied a change of packages.",
        "package.recorded": "A rule allowed a change of packages and wants it recorded.",
        "release.approve": "A release was approved.",
        "release.archive": "A release was put away.",
        "release.attest": "The one file as which a release may be mounted was attested.",
        "release.check": "A pack was judged without being imported.",
        "release.deprecate": "Users of a release were told to move on.",
        "release.import": "A pack was imported and put up for review.",
        "release.reject": "A release was turned down.",
        "release.revoke": "A release was withdrawn.",
        "request.approved": "A request of a user was granted.",
        "request.declined": "A request of a user was turned down.",
        "request.made": "A user asked for a package or an environment.",
        "share.fetch": "A release was brought from a share to a machine, or could not be.",
        "share.prune": "What nobody needs any more was taken from a share.",
        "share.publish": "A release was put on a share, or could not be.",
        "site.init": "The site was made.",
        "wall.denied": "A wall refused what a program behind it wanted.",
    }
)
"""Every type of event, and what happened then."""
Outcome = Literal["allowed", "denied", "error"]
"""`denied` is a decision, `error` a failure: nobody decided."""
Auth = Literal["os-user", "hub-token", "peercred", "catalog"]
"""How we know who acts: the process's own user, the Hub, the machine's kernel, the signed catalog."""
Trust = Literal["site", "self-reported", "kernel-attested", "disputed"]
"""Who vouches: a process of the site, the user's own session, or the machine's kernel; nobody does when a
session's log belongs to somebody else than the person whom it names."""
DIGESTS = frozenset({"config", "manifest", "pack", "policy", "spec"})
"""What an event may name by digest."""
RELEASE = re.compile(r"[a-z0-9._-]{1,64}@[a-z0-9._-]{1,64}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts."""

    name: str
    """Name of the user, empty when nobody is known."""
    uid: int | None = None
    """Number of the user on this machine; None when they have none here."""
    auth: Auth = "os-user"
    """How we know."""

    def __post_init__(self) -> None:
        _check_text(self.name, "actor.name")
        if self.uid is not None and type(self.uid) is not int:
            raise _invalid("actor.uid is not a number")
        if self.auth not in get_args(Auth):
            raise _invalid(f"actor.auth {self.auth!r} is unknown")


@dataclass(frozen=True, slots=True)
class Source:
    """Which program wrote the record, where, and how far to believe it."""

    component: str
    """Part of the program, such as `cli` or `session`."""
    version: str
    """Version of the program."""
    node: str
    """Name of the machine."""
    trust: Trust
    """Who vouches for it."""

    def __post_init__(self) -> None:
        for name in ("component", "version", "node"):
            _check_text(getattr(self, name), f"source.{name}")
        if self.trust not in get_args(Trust):
            raise _invalid(f"source.trust {self.trust!r} is unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened, as whoever was there reports it."""

    type: str
    """One of `TYPES`."""
    outcome: Outcome
    """How it ended."""
    actor: Actor
    """Who did it."""
    reason: str = ""
    """The code from `errors.CODES` when it was denied or failed."""
    release: str = ""
    """The release it is about, as `name@release`."""
    digests: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Digests of pack, spec, manifest, policy and config, as far as they are known."""
    catalog: int = 0
    """Version of the catalog that was in force; 0 when none was."""
    kernel_id: str = ""
    """Jupyter's id of the kernel."""
    detail: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """The rest, as JSON without fractions."""

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise _invalid(f"type {self.type!r} is unknown. {did_you_mean(str(self.type), TYPES)}".strip())
        if self.outcome not in get_args(Outcome):
            raise _invalid(f"outcome {self.outcome!r} is unknown")
        if (self.outcome != "allowed" or self.reason) and self.reason not in CODES:
            raise _invalid(f"reason {self.reason!r} is not a code")
        if self.release and not RELEASE.match(self.release):
            raise _invalid(f"release {self.release!r} is not name@release")
        if not isinstance(self.digests, Mapping) or not self.digests.keys() <= DIGESTS:
            raise _invalid(f"digests are other than {', '.join(sorted(DIGESTS))}")
        for name, digest in self.digests.items():
            check_digest(digest, f"{name} digest")
        if type(self.catalog) is not int or self.catalog < 0:
            raise _invalid("catalog is not a version")
        _check_text(self.kernel_id, "kernel_id")
        if not isinstance(self.detail, Mapping):
            raise _invalid("detail is not a mapping")
        object.__setattr__(self, "digests", MappingProxyType(dict(self.digests)))
        object.__setattr__(self, "detail", MappingProxyType(_plain(self.detail, DEPTH)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of the log."""

    seq: int
    """Its place, from 1, without gaps."""
    id: str
    """A ULID: unique everywhere, sorted by time."""
    time: str
    """When it was written, RFC 3339 in UTC with milliseconds."""
    boot: str
    """Which run of the machine wrote it; clocks compare within one."""
    monotonic: int
    """Milliseconds on the clock of that run, which nobody can set."""
    previous: str
    """Digest of the record before, empty for the first."""
    source: Source
    """Who wrote it."""
    event: Event
    """What happened."""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form: the event's fields beside the record's."""
        mine = {name: getattr(self, name) for name in ("seq", "id", "time", "boot", "monotonic", "previous")}
        event = _fields(self.event)
        plain = {"digests": dict(self.event.digests), "detail": dict(self.event.detail)}
        parts = {"actor": _fields(self.event.actor), "source": _fields(self.source)}
        return {"format": FORMAT} | mine | event | plain | parts

    def canonical(self) -> bytes:
        """Return the only bytes that are hashed for this record; raise `event-too-large` beyond the limit."""
        content = canonical_json(self.as_json())
        if len(content) > RECORD_BYTES:
            raise InvalidInput(
                "event-too-large",
                f"The event {self.event.type} has {len(content)} bytes, more than {RECORD_BYTES}.",
                "Put less into its detail.",
            )
        return content

    def digest(self) -> str:
        """Return the digest of `canonical`, which the next record carries."""
        return sha256_digest(self.canonical())

    @classmethod
    def from_bytes(cls, content: bytes) -> Record:
        """Return the record whose `canonical` is `content`; raise `log-invalid` for anything else."""
        try:
            record = cls._from_json(json.loads(content))
        except (ValueError, RecursionError, KeyError, TypeError, EnvGuardError) as error:
            raise _unreadable(str(error)) from error
        if record.canonical() != content:
            raise _unreadable("it is not in canonical form")
        return record

    @classmethod
    def _from_json(cls, document: object) -> Record:
        if not isinstance(document, dict) or document.pop("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        event = {name: document.pop(name) for name in _NAMES[Event]}
        event["actor"] = Actor(**event["actor"])
        source = Source(**document.pop("source"))
        record = cls(event=Event(**event), source=source, **document)
        if type(record.seq) is not int or type(record.monotonic) is not int or not TIME.match(record.time):
            raise ValueError("its place or time is malformed")
        for name in ("id", "boot", "previous"):
            _check_text(getattr(record, name), name)
        return record


def format_time(moment: datetime) -> str:
    """Return an aware `moment` as RFC 3339 in UTC with milliseconds; raise `event-invalid` without a zone."""
    if moment.utcoffset() is None:
        raise _invalid(f"the time {moment} has no time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _fields(part: Actor | Source | Event) -> dict[str, Any]:
    return {name: getattr(part, name) for name in _NAMES[type(part)]}


_NAMES: Mapping[type, tuple[str, ...]] = MappingProxyType(
    {kind: tuple(item.name for item in fields(kind)) for kind in (Actor, Source, Event)}
)


def _plain(value: Any, depth: int) -> Any:
    """Return `value` as JSON that has one canonical form, or raise `event-invalid`."""
    if depth < 0:
        raise _invalid(f"detail is nested more than {DEPTH} deep")
    if isinstance(value, Mapping):
        for key in value:
            _check_text(key, "a key of detail")
        return {key: _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, str):
        _check_text(value, "a text of detail")
        return str(value)
    if value is None or type(value) in (bool, int):
        return value
    raise _invalid(f"detail holds {type(value).__name__}, which is not JSON without fractions")


def _check_text(value: object, what: str) -> None:
    if not isinstance(value, str) or len(value) > TEXT_LENGTH:
        raise _invalid(f"{what} is not text of at most {TEXT_LENGTH} characters")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _invalid(f"{what} holds half a character") from error


def _invalid(why: str) -> InvalidInput:
    return InvalidInput("event-invalid", f"An event cannot be recorded: {why}.", "Correct the caller.")


def _unreadable(why: str) -> Untrusted:
    return Untrusted("log-invalid", f"A record of the log cannot be read: {why}.", "Verify the log.")
