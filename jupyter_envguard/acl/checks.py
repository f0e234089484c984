"""What a rule may say, word by word: the reader of the site file asks the same, with line and column."""

from __future__ import annotations

import re
from typing import Literal, get_args

from jupyter_envguard.errors import InvalidInput

Effect = Literal["allow", "record", "deny"]
EFFECTS: tuple[Effect, ...] = get_args(Effect)
PlaceKind = Literal["environment", "own", "anywhere"]
PLACES: tuple[PlaceKind, ...] = get_args(PlaceKind)

NAMED = "environment:"
"""Begins a place that is one approved environment: `environment:datasci`."""

ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
ID_LENGTH = 64
"""Characters in the id of a rule, and in the name of an environment."""
NAME = re.compile(r"[a-z0-9](?:[._-]?[a-z0-9])*\Z")
"""The name of an environment, as the catalog has it."""
MESSAGE_LENGTH = 300
"""Characters in the sentence of a rule: it is shown on one line."""
SUBJECT_LENGTH = 255
"""Characters in the name of a user, group or role."""


def check_id(text: str) -> str:
    """Return `text` if it can be the id of a rule, else raise `acl-invalid`."""
    if len(text) <= ID_LENGTH and ID.match(text):
        return text
    raise InvalidInput(
        "acl-invalid",
        f"{text!r} cannot be the id of a rule.",
        f"Use at most {ID_LENGTH} lower-case letters and digits, words joined by single hyphens.",
    )


def check_effect(text: str) -> Effect:
    """Return `text` if it is an effect, else raise `acl-invalid`."""
    for effect in EFFECTS:
        if text == effect:
            return effect
    raise InvalidInput("acl-invalid", f"{text!r} is no effect.", f"Write {', '.join(EFFECTS)}.")


def check_place(text: str) -> str:
    """Return `text` if it is a place, else raise `acl-invalid`."""
    name = text.removeprefix(NAMED)
    if text in PLACES or (name != text and len(name) <= ID_LENGTH and NAME.match(name)):
        return text
    raise InvalidInput(
        "acl-invalid",
        f"{text!r} is no place.",
        f"Write {', '.join(PLACES)} or {NAMED}NAME, without a release.",
    )


def check_message(text: str) -> str:
    """Return `text` if it fits on one line of a terminal and drives none, else raise `acl-invalid`."""
    return _visible(text, "sentence of a rule", MESSAGE_LENGTH)


def check_subject(text: str) -> str:
    """Return `text` if it can name a user, group or role, else raise `acl-invalid`."""
    if text and text == text.strip() and "*" not in text:
        return _visible(text, "name of a user, group or role", SUBJECT_LENGTH)
    raise InvalidInput(
        "acl-invalid",
        f"{text!r} cannot be the name of a user, group or role.",
        "Write one name without spaces around it; for every person write everybody.",
    )


def _visible(text: str, what: str, limit: int) -> str:
    if len(text) <= limit and text.isprintable():
        return text
    raise InvalidInput(
        "acl-invalid",
        f"{text!r} cannot be the {what}.",
        f"Use at most {limit} visible characters on one line.",
    )
