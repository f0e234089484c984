"""What a name, a person, a text and a time may look like in the catalog.

Names become kernel names, file names and parts of addresses, so they are narrow:

>>> check_name("datasci", "environment")
'datasci'
>>> kernel_name("datasci", "2026.05")
'datasci--2026.05'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

from jupyter_envguard.errors import InvalidInput

NAME = re.compile(r"[a-z0-9](?:[._-]?[a-z0-9])*\Z")
NAME_LENGTH = 64
"""Characters in the name of an environment or release."""
SUBJECT_LENGTH = 255
"""Characters in the name of a user or group."""
LANGUAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9+#._ -]{0,30}[A-Za-z0-9+#])?\Z")
EVERYONE = "*"
"""In a grant's groups: every user."""
SEPARATOR = "--"
"""Between environment and release in a kernel name; no name holds two separators in a row."""
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
"""As sentences name them, whatever the locale of the machine."""

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z", re.ASCII)
ALLOWED_CONTROL = "\n"
HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that a person cannot see, or that reorder what they see."""


def check_name(text: object, what: str) -> str:
    """Return `text` if it can name an environment or release, else raise `invalid-name`."""
    if isinstance(text, str) and len(text) <= NAME_LENGTH and NAME.match(text):
        return text
    raise InvalidInput(
        "invalid-name",
        f"{text!r} cannot be the name of {_article(what)}.",
        f"Use at most {NAME_LENGTH} lower-case letters and digits, with single '.', '_' or '-' between them.",
    )


def check_subject(text: object, what: str) -> str:
    """Return `text` if it can name a user or group, else raise `invalid-name`."""
    good = (
        isinstance(text, str)
        and 0 < len(text) <= SUBJECT_LENGTH
        and text.isprintable()
        and text == text.strip()
        and (text == EVERYONE or EVERYONE not in text)
        and unicodedata.is_normalized("NFC", text)
    )
    if good and not (what == "user" and text == EVERYONE):
        return str(text)
    raise InvalidInput(
        "invalid-name",
        f"{text!r} cannot be the name of {_article(what)}.",
        f"Use visible characters, at most {SUBJECT_LENGTH}; '*' stands alone, among groups, for every user.",
    )


def check_subjects(names: Iterable[object], what: str) -> tuple[str, ...]:
    """Return user or group names sorted and once each; raise `invalid-name` for a bad one."""
    if isinstance(names, str):
        raise InvalidInput("invalid-name", f"{names!r} is text, not a list of names.", "Give a list.")
    return tuple(sorted({check_subject(name, what) for name in names}))


def check_text(text: object, what: str, limit: int, *, lines: bool = False) -> str:
    """Return `text` if a person can read it safely, else raise `invalid-argument`.

    Characters that hide or reorder others are refused. `lines` allows line feeds.
    """
    if not isinstance(text, str) or len(text) > limit:
        raise InvalidInput(
            "invalid-argument", f"The {what} is not text of at most {limit} characters.", "Shorten it."
        )
    for character in "" if text.isprintable() else text:  # what is printable has none of them
        if unicodedata.category(character) in HIDDEN and not (lines and character in ALLOWED_CONTROL):
            raise InvalidInput(
                "invalid-argument",
                f"The {what} holds the invisible character U+{ord(character):04X}.",
                "Remove control and direction characters.",
            )
    return text


def check_language(text: object) -> str:
    """Return `text` if it can be the name of a programming language, else raise `invalid-argument`."""
    if isinstance(text, str) and LANGUAGE.match(text):
        return text
    raise InvalidInput(
        "invalid-argument", f"{text!r} is not the name of a language.", "Write it like python or R."
    )


def format_time(moment: datetime) -> str:
    """Return an aware `moment` as RFC 3339 in UTC, whole seconds: the catalog's only form."""
    return check_aware(moment).astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def parse_time(text: object, what: str = "time") -> datetime:
    """Return the moment that `format_time` wrote; raise `invalid-argument` for anything else."""
    if isinstance(text, str) and TIME.match(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass  # The digits make no date, such as the 30th of February.
    raise InvalidInput(
        "invalid-argument", f"{what} {text!r} is not a UTC time.", "Write it like 2026-11-27T09:30:00Z."
    )


def check_aware(moment: datetime) -> datetime:
    """Return `moment` if it knows its time zone, else raise `invalid-argument`."""
    if moment.utcoffset() is None:
        raise InvalidInput(
            "invalid-argument", f"The time {moment} has no time zone.", "Use an aware datetime."
        )
    return moment


def release_id(name: str, release: str) -> str:
    """Return how people write a release: `datasci@2026.05`."""
    return f"{name}@{release}"


def spoken_day(time: str) -> str:
    """Return the day of what `format_time` wrote, as people read it: `27 November 2026`."""
    year, month, day = map(int, time[:10].split("-"))
    return f"{day} {MONTHS[month - 1]} {year}"


def spoken_time(time: str) -> str:
    """Return the minute of it as well: `27 November 2026, 14:00 UTC`."""
    return f"{spoken_day(time)}, {time[11:16]} UTC"


def split_release_id(text: object) -> tuple[str, str]:
    """Return name and release of `text`, else raise `invalid-name`."""
    name, at, release = str(text).partition("@")
    check_name(name, "environment")
    if not at:
        raise InvalidInput(
            "invalid-name",
            f"{name!r} names an environment, not a release.",
            f"Write it like {name}@2026.11.",
        )
    return name, check_name(release, "release")


def kernel_name(name: str, release: str) -> str:
    """Return the kernel name of a release that is not the environment's current one."""
    return f"{name}{SEPARATOR}{release}"


def _article(what: str) -> str:
    return f"{'an' if what[:1] in 'aeio' else 'a'} {what}"
