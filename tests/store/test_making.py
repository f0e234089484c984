"""Programs that make forms: what they are fed, and what is told of their failures."""

from __future__ import annotations

import pytest

from jupyter_envguard.errors import Unavailable
from jupyter_envguard.store.making import run


def test_a_program_that_fails_is_quoted_in_part() -> None:
    with pytest.raises(Unavailable, match="false failed: exit code 1") as caught:
        run("false")
    assert caught.value.code == "form-failed"
    with pytest.raises(Unavailable, match="failed: No such file"):
        run("no-such-program")


def test_a_program_is_fed_to_the_end() -> None:
    run("sh", "-c", "test $(wc -c) = 100000", feed=lambda pipe: pipe.write(b"x" * 100_000) and None)


def test_a_program_that_stops_eating_says_why() -> None:
    with pytest.raises(Unavailable, match="sh failed: enough"):
        run("sh", "-c", "echo enough >&2; exit 3", feed=lambda pipe: pipe.write(b"x" * 10_000_000) and None)


def test_a_feeder_that_fails_ends_the_program() -> None:
    def feed(pipe: object) -> None:
        raise OSError(5, "the disk does not answer")

    with pytest.raises(OSError, match="does not answer"):
        run("cat", feed=feed)
