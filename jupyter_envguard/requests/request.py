"""A user's ask for a package or an environment, and the decision about it, as values.

Everything in them was typed by somebody, and a file in the spool may be written by a
program: text is bounded and without characters that hide or reorder others.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args

from jupyter_envguard.catalog import names
from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.search import Query
from jupyter_envguard.spec import canonical_json, check_digest, sha256_digest

Kind = Literal["package", "environment"]
Decided = Literal["approved", "declined"]

FORMAT = 1
"""Version of the shape of both files; a reader refuses another one."""
FILE_BYTES = 16 * 1024
"""Size of a file."""
SUBJECT_LENGTH = 200
"""Characters of what is asked for."""
CHANNEL_LENGTH = 200
"""Characters of where it is to come from."""
NOTEBOOK_LENGTH = 300
"""Characters in the path of a notebook."""
NOTEBOOKS = 20
"""Notebooks that one request names."""
REASON_LEAST = 20
"""Characters that say why; fewer say nothing."""
REASON_LENGTH = 1000
"""Characters of a reason at most."""
ID_LENGTH = 13
"""Characters of an id: 65 bits."""
ID = re.compile(r"[a-z2-7]{13}\Z")
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
DAY = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)


class RequestInvalid(InvalidInput):
    """Fields of a request cannot be meant: `fields` says for each what is wrong."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        said = " ".join(f"{name}: {wrong}" if name else wrong for name, wrong in fields.items())
        super().__init__("request-invalid", f"The request cannot be made. {said}", "Correct the fields.")
        self.fields = MappingProxyType(dict(fields))

    def __reduce__(self) -> tuple[type[RequestInvalid], tuple[dict[str, str]]]:  # type: ignore[override]
        return type(self), (dict(self.fields),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks for."""

    kind: Kind
    """A package, or a whole environment."""
    subject: str
    """`name` or `name>=1.2` of a package, or an environment in words."""
    environment: str = ""
    """Environment that is to get it; empty for any."""
    channel: str = ""
    """Where it is to come from; empty for anywhere."""
    reason: str
    """Why it is needed."""
    needed_by: str = ""
    """Day as YYYY-MM-DD; empty when it does not matter."""
    notebooks: tuple[str, ...] = ()
    """Paths of notebooks that need it."""

    def __post_init__(self) -> None:
        wrong = dict(_mistakes(self))
        if wrong:
            raise RequestInvalid(wrong)

    @classmethod
    def from_json(cls, document: object) -> Asked:
        """Return what the JSON object `document` asks; raise `request-invalid` naming every wrong field."""
        if not isinstance(document, Mapping):
            raise RequestInvalid({"": "The request is not a JSON object."})
        known = {field.name for field in fields(cls)}
        wrong = {
            str(name)[:40]: "There is no such field." for name in sorted(document.keys() - known, key=str)
        }
        wrong |= {name: "This is needed." for name in ("kind", "subject", "reason") if name not in document}
        if wrong:
            raise RequestInvalid(wrong)
        notebooks = document.get("notebooks", [])
        plain = {"notebooks": tuple(notebooks) if isinstance(notebooks, list) else notebooks}
        return cls(**{**document, **plain})

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form; every field is present."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "notebooks": list(self.notebooks)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as its file says."""

    id: str
    """Names it, and cannot be guessed."""
    user: str
    """Who asks, by their own account; see `Received` for what that is worth."""
    created: str
    """When, RFC 3339 in UTC."""
    release: str = ""
    """The release that the environment's name meant then; empty without an environment."""
    asked: Asked
    """What is asked for."""

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not ID.match(self.id):
            raise _unreadable("its id is none")
        names.check_subject(self.user, "user")
        names.parse_time(self.created, "created")
        if self.release:
            names.check_name(self.release, "release")

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form of the file."""
        head = {"format": FORMAT, "id": self.id, "user": self.user, "created": self.created}
        return {**head, "release": self.release, **self.asked.as_json()}

    def canonical(self) -> bytes:
        """Return the bytes of the file."""
        return canonical_json(self.as_json())

    def digest(self) -> str:
        """Return the digest of `canonical`, by which a decision names the request."""
        return sha256_digest(self.canonical())

    @classmethod
    def from_bytes(cls, content: bytes) -> Request:
        """Return the request whose `canonical` is `content`; raise `request-unreadable` for anything else."""
        document = parsed(content)
        head = {name: document.pop(name, None) for name in ("id", "user", "created", "release")}
        return _made(lambda: cls(**head, asked=Asked.from_json(document)), content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided about one request."""

    request: str
    """Digest of the request."""
    state: Decided
    """Approved or declined."""
    who: str
    """Who decided."""
    when: str
    """When, RFC 3339 in UTC."""
    reason: str = ""
    """Their words; never empty when it was declined."""
    release: str = ""
    """The release that answers it, as `name@release`; empty when it was declined."""

    def __post_init__(self) -> None:
        check_digest(self.request, "request digest")
        names.check_subject(self.who, "user")
        names.parse_time(self.when, "when")
        names.check_text(self.reason, "reason", REASON_LENGTH, lines=True)
        if self.state not in get_args(Decided) or (self.state == "declined") == bool(self.release):
            raise _unreadable("its state and its release contradict each other")
        if self.release:
            names.split_release_id(self.release)
        if self.state == "declined" and not self.reason.strip():
            raise InvalidInput(
                "reason-missing", "A request is not declined without a reason.", "Say why; the user reads it."
            )

    def as_json(self) -> dict[str, str]:
        """Return the JSON form of what people are shown."""
        return {"who": self.who, "when": self.when, "reason": self.reason, "release": self.release}

    def canonical(self) -> bytes:
        """Return the bytes of the file."""
        head = {"format": FORMAT, "request": self.request, "state": self.state}
        return canonical_json(head | self.as_json())

    @classmethod
    def from_bytes(cls, content: bytes) -> Decision:
        """Return the decision whose `canonical` is `content`; else raise `request-unreadable`."""
        document = parsed(content)
        return _made(lambda: cls(**document), content)


def shown(request: Request, decision: Decision | None) -> dict[str, Any]:
    """Return `request` as everybody is shown it (`schemas/requests.json`)."""
    document = request.as_json() | {
        "state": decision.state if decision else "open",
        "decision": decision.as_json() if decision else None,
    }
    return {name: value for name, value in document.items() if name not in ("format", "user")}


def new_id() -> str:
    """Return an id that nobody can guess: whoever knows it may read what was decided."""
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))


def check_needed_by(asked: Asked, today: date) -> Asked:
    """Return `asked` unless it is needed by a day before `today`: `request-invalid`."""
    if asked.needed_by and date.fromisoformat(asked.needed_by) < today:
        raise RequestInvalid({"needed_by": "This day has passed."})
    return asked


def created(now: datetime) -> str:
    """Return the moment `now` as a request says it."""
    return names.format_time(now)


def parsed(content: bytes) -> dict[str, Any]:
    """Return the JSON object in the file `content` of our format; raise `request-unreadable` for others."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _unreadable("it is not JSON") from error
    if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
        raise _unreadable(f"it is not of the format {FORMAT}")
    return document


T = TypeVar("T", Request, Decision)


def _made(make: Callable[[], T], content: bytes) -> T:
    try:
        found = make()
    except (EnvGuardError, TypeError) as error:
        raise _unreadable(str(error).rstrip(".")) from error
    if found.canonical() != content:
        raise _unreadable("it is not in canonical form")
    return found


def _unreadable(why: str) -> InvalidInput:
    return InvalidInput(
        "request-unreadable", f"A request cannot be read: {why}.", "Ask for it again from the panel."
    )


def _mistakes(asked: Asked) -> list[tuple[str, str]]:
    """Return every wrong field of `asked` with what is wrong."""
    found = []
    for name, check in CHECKS.items():
        try:
            check(asked)
        except EnvGuardError as error:
            found.append((name, f"{error.message} {error.hint}".strip()))
    return found


def _check_kind(asked: Asked) -> None:
    if asked.kind not in get_args(Kind):
        raise _wrong("This is neither 'package' nor 'environment'.")


def _check_subject(asked: Asked) -> None:
    text = names.check_text(asked.subject, "subject", SUBJECT_LENGTH)
    if not text.strip():
        raise _wrong("Say what you need.")
    if asked.kind == "package":
        terms = Query.parse(text).terms
        if len(terms) != 1 or "*" in terms[0].name:
            raise _wrong("Name one package, such as xgboost or xgboost>=2.")


def _check_environment(asked: Asked) -> None:
    if asked.environment != "":
        names.check_name(asked.environment, "environment")


def _check_channel(asked: Asked) -> None:
    if " " in names.check_text(asked.channel, "channel", CHANNEL_LENGTH):
        raise _wrong("A channel has no spaces.")


def _check_reason(asked: Asked) -> None:
    text = names.check_text(asked.reason, "reason", REASON_LENGTH, lines=True)
    if len(text.strip()) < REASON_LEAST:
        raise _wrong(f"Use at least {REASON_LEAST} characters: people decide by it.")


def _check_needed_by(asked: Asked) -> None:
    try:
        good = asked.needed_by == "" or bool(
            DAY.match(asked.needed_by) and date.fromisoformat(asked.needed_by)
        )
    except (TypeError, ValueError):
        good = False
    if not good:
        raise _wrong("Write the day as YYYY-MM-DD.")


def _check_notebooks(asked: Asked) -> None:
    if not isinstance(asked.notebooks, tuple) or len(asked.notebooks) > NOTEBOOKS:
        raise _wrong(f"Name at most {NOTEBOOKS} notebooks.")
    for path in asked.notebooks:
        if not names.check_text(path, "path", NOTEBOOK_LENGTH):
            raise _wrong("A path is empty.")


CHECKS: Mapping[str, Callable[[Asked], None]] = MappingProxyType(
    {
        "kind": _check_kind,
        "subject": _check_subject,
        "environment": _check_environment,
        "channel": _check_channel,
        "reason": _check_reason,
        "needed_by": _check_needed_by,
        "notebooks": _check_notebooks,
    }
)
"""What has to hold for each field."""


def _wrong(what: str) -> InvalidInput:
    return InvalidInput("invalid-argument", what)
