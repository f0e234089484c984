from __future__ import annotations

import pytest

from jupyter_envguard import errors
from jupyter_envguard.cli.exits import MEANINGS, Exit, exit_for


@pytest.mark.parametrize(
    ("family", "code"),
    [
        (errors.EnvGuardError, 1),
        (errors.InvalidInput, 2),
        (errors.PackRefused, 3),
        (errors.Denied, 3),
        (errors.NotFound, 4),
        (errors.Conflict, 5),
        (errors.Untrusted, 6),
        (errors.Unavailable, 7),
    ],
)
def test_every_family_has_its_exit_code(family: type[errors.EnvGuardError], code: int) -> None:
    assert exit_for(family("internal-error", "x")) == code


def test_every_family_of_errors_is_known() -> None:
    families = {errors.EnvGuardError, *subclasses(errors.EnvGuardError)}
    assert {family.__name__ for family in families} == {
        "EnvGuardError",
        "InvalidInput",
        "PackRefused",
        "Denied",
        "NotFound",
        "Conflict",
        "Untrusted",
        "Unavailable",
    }


def test_every_exit_code_is_explained() -> None:
    assert set(MEANINGS) == set(Exit)


def subclasses(kind: type) -> set[type]:
    ours = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    return {*ours, *(deeper for child in ours for deeper in subclasses(child))}
