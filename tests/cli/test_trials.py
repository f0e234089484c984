"""What `doctor` tries, and what it says when an attempt succeeds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from jupyter_envguard import confine, wall
from jupyter_envguard.cli import trials
from jupyter_envguard.cli.checks import Check
from jupyter_envguard.site import Site, load
from tests.cli.conftest import Filled

confining = pytest.mark.skipif(not confine.available().scope, reason="Landlock here keeps no signals in")
Guarded = Callable[[str], Site]


@pytest.fixture
def guarded(own: Filled) -> Guarded:
    def guarded(text: str) -> Site:
        before = own.path.read_text().split("guard:")[0]
        own.path.write_text(f"{before}guard: {{{text}}}\n")
        return load(own.path)

    return guarded


@pytest.fixture
def no_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a program that confines nothing stand where the wall is started."""
    nothing = "import os, sys; words = sys.argv[sys.argv.index('--') + 1:]; os.execv(words[0], words)"
    monkeypatch.setattr(wall, "command", lambda python: [python, "-I", "-S", "-c", nothing])


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing start behind the wall."""
    refuse = "import sys; sys.exit('envguard: no')"
    monkeypatch.setattr(wall, "command", lambda python: [sys.executable, "-I", "-S", "-c", refuse])


def ended(check: Check) -> tuple[str, str, str]:
    return check.name, str(check.status), check.code


class TestKernelWall:
    @confining
    def test_a_real_one_holds(self, guarded: Guarded) -> None:
        assert ended(trials._kernel_wall(guarded("level: enforce"))) == ("kernel-wall", "PASS", "")

    @confining
    def test_a_level_of_one_group_is_tried(self, guarded: Guarded) -> None:
        guard = "level: advise, groups: {students: {level: enforce}}"
        assert ended(trials._kernel_wall(guarded(guard))) == ("kernel-wall", "PASS", "")

    @pytest.mark.usefixtures("broken")
    def test_what_one_group_requires_is_grave(self, guarded: Guarded) -> None:
        guard = "level: advise, groups: {students: {level: enforce, mode: required}}"
        found = trials._kernel_wall(guarded(guard))
        assert ended(found) == ("kernel-wall", "FAIL", "confine-unavailable")

    @pytest.mark.usefixtures("no_wall")
    @pytest.mark.parametrize(("mode", "status"), [("required", "FAIL"), ("best-effort", "WARN")])
    def test_a_process_that_reaches_us_is_seen(self, guarded: Guarded, mode: str, status: str) -> None:
        found = trials._kernel_wall(guarded(f"mode: {mode}"))
        assert ended(found) == ("kernel-wall", status, "confine-unavailable")
        assert "signalled and read" in found.message

    @pytest.mark.usefixtures("broken")
    def test_a_machine_that_has_none_is_seen(self, guarded: Guarded) -> None:
        assert "cannot be had" in trials._kernel_wall(guarded("level: enforce")).message

    def test_signals_alone_are_known_of_older_kernels(
        self, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(confine, "available", lambda: confine.Support(5))
        monkeypatch.setattr(trials, "_run", lambda *_: "signalled\ntried")
        assert ended(trials._kernel_wall(guarded("level: enforce"))) == ("kernel-wall", "INFO", "")

    def test_a_site_that_only_advises_has_none(self, guarded: Guarded) -> None:
        assert ended(trials._kernel_wall(guarded("level: advise"))) == ("kernel-wall", "WARN", "")


class TestStart:
    def test_a_planted_kernel_is_refused_twice(self, filled: Filled) -> None:
        found = trials._start(filled.site)
        assert ended(found) == ("start", "PASS", "")
        assert "(no-kernel-approved)" in found.message or "(kernel-not-approved)" in found.message
        assert "(guard-not-in-place)" in found.message

    def test_one_that_starts_is_seen(self, filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
        unguarded = trials._plant

        def plant(folder: object, proof: object) -> None:
            unguarded(folder, proof)  # type: ignore[arg-type]
            for path in folder.rglob("kernel.json"):  # type: ignore[attr-defined]
                path.write_text(path.read_text().replace("envguard-provisioner", "local-provisioner"))

        monkeypatch.setattr(trials, "_plant", plant)
        assert ended(trials._start(filled.site)) == ("start", "FAIL", "guard-not-in-place")


class TestProvenance:
    def test_a_program_from_outside_is_noticed(self, filled: Filled) -> None:
        assert ended(trials._provenance(filled.site)) == ("provenance", "PASS", "")

    def test_that_it_was_not_is_a_fail(self, filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trials, "attest", lambda *_: ())
        assert ended(trials._provenance(filled.site)) == ("provenance", "FAIL", "")

    def test_processes_that_cannot_be_seen(self, filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
        def hidden(*_: object) -> None:
            raise OSError(2, "No such file or directory")

        monkeypatch.setattr(trials, "attest", hidden)
        assert ended(trials._provenance(filled.site)) == ("provenance", "WARN", "")


def test_an_attempt_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "SECONDS", 0.1)
    assert trials._run(["/bin/sleep", "60"], dict(os.environ)) == "it took more than 0.1 seconds"


@confining
def test_all_are_made(filled: Filled, guarded: Guarded) -> None:
    assert [check.name for check in trials.trials(filled.site)] == [
        *("lockdown", "kernel-wall", "start", "provenance")
    ]
    locked = guarded("groups: {students: {level: lockdown}}")
    assert "lockdown" not in [check.name for check in trials.trials(locked)]
