"""Errors carry a listed code, a sentence and a hint, and survive a process border."""

from __future__ import annotations

import pickle
import re

import pytest

from jupyter_envguard import errors


def test_every_code_is_kebab_case_and_explained_in_one_sentence() -> None:
    for code, meaning in errors.CODES.items():
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", code), code
        assert meaning.endswith("."), code
        assert "\n" not in meaning, code


def test_refuses_a_code_that_is_not_listed() -> None:
    with pytest.raises(LookupError, match="no-such-code"):
        errors.NotFound("no-such-code", "x")


def test_shows_code_message_and_hint_as_json() -> None:
    error = errors.Denied("invalid-name", "The name is wrong.", "Choose another.")
    assert error.as_json() == {
        "code": "invalid-name",
        "message": "The name is wrong.",
        "hint": "Choose another.",
    }
    assert str(error) == "The name is wrong."


def test_an_error_crosses_a_process_border_whole() -> None:
    error = errors.PackRefused("file-not-found", "It is gone.", "Look elsewhere.")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is errors.PackRefused
    assert copy.as_json() == error.as_json()


@pytest.mark.parametrize(
    "family",
    [
        errors.InvalidInput,
        errors.PackRefused,
        errors.Denied,
        errors.NotFound,
        errors.Conflict,
        errors.Untrusted,
        errors.Unavailable,
    ],
)
def test_every_family_is_an_envguard_error(family: type[errors.EnvGuardError]) -> None:
    assert issubclass(family, errors.EnvGuardError)
    assert family.__name__ in (errors.__doc__ or "")
