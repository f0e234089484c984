"""Who is told to be at work, and when."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.kernels.subject import Subject


class Told:
    """Plays the Hub."""

    def __init__(self) -> None:
        self.answer: Subject | EnvGuardError = Subject("ada", frozenset({"data-science"}), "hub")

    def __call__(self) -> Subject:
        if isinstance(self.answer, EnvGuardError):
            raise self.answer
        return self.answer


class Clock:
    """Says what a test wants it to say."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


def code(call: object, *args: object) -> str:
    """Return the code with which `call` refuses."""
    with pytest.raises(EnvGuardError) as caught:
        call(*args)
    assert caught.value.message
    return caught.value.code
