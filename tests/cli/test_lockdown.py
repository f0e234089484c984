from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard import programs, wall
from jupyter_envguard.cli import lockdown
from jupyter_envguard.cli.checks import Check
from jupyter_envguard.cli.lockdown import ALONE, LAYERS, STRICT, layers
from jupyter_envguard.site import parse
from tests.site.test_file import MINIMAL
from tests.walls import needs_mounts

Layers = Callable[[str], list[Check]]
EVERY = (*LAYERS, ALONE)
"""What is checked where the site says nothing of options."""


@pytest.fixture
def looked(tmp_path: Path) -> Layers:
    """Check the layers at a site with a `guard` section."""

    def looked(guard: str) -> list[Check]:
        return list(layers(parse(f"{MINIMAL}guard: {{{guard}}}\n", tmp_path / "site.yaml")))

    return looked


def statuses(checks: list[Check]) -> list[tuple[str, str]]:
    return [(check.name, str(check.status)) for check in checks]


@pytest.mark.parametrize("guard", ["level: enforce", "level: advise", "groups: {a: {level: advise}}"])
def test_nothing_is_tried_where_nobody_is_in_lockdown(looked: Layers, guard: str) -> None:
    assert looked(guard) == []


@needs_mounts
@pytest.mark.parametrize(
    "guard", ["level: lockdown, mode: required", "groups: {students: {level: lockdown}}"]
)
def test_each_layer_is_tried_and_holds(looked: Layers, guard: str) -> None:
    assert statuses(looked(guard)) == [(layer.name, "PASS") for layer in EVERY]


def test_strict_memory_is_tried_where_it_is_asked_for(looked: Layers) -> None:
    found = statuses(looked("level: lockdown, strict_memory: true"))
    assert found[-2:] == [(STRICT.name, "PASS"), (ALONE.name, "PASS")]


def test_whether_a_second_python_starts_is_not_where_the_site_allows_one(looked: Layers) -> None:
    found = statuses(looked("level: lockdown, strict_python: false"))
    assert found == [(layer.name, "PASS") for layer in LAYERS]


@pytest.mark.parametrize(("mode", "status"), [("best-effort", "WARN"), ("required", "FAIL")])
class TestALayerThatDoesNotHold:
    def test_is_found_out_by_trying(
        self, looked: Layers, monkeypatch: pytest.MonkeyPatch, mode: str, status: str
    ) -> None:
        real = wall.command

        def without(python: str) -> list[str]:
            return ["/bin/sh", "-c", 'shift; shift; exec "$@"', *real(python)[:1]]

        monkeypatch.setattr(wall, "command", without)
        found = looked(f"level: lockdown, mode: {mode}")
        assert statuses(found) == [
            ("programs", status),
            ("mounts", status),
            ("elsewhere", "WARN"),
            ("memory", status),
            ("imports", "PASS"),
            ("strict-python", "PASS"),
        ]
        assert {check.code for check in found[:4]} == {"confine-unavailable"}

    def test_says_what_the_wall_said(
        self, looked: Layers, monkeypatch: pytest.MonkeyPatch, mode: str, status: str
    ) -> None:
        monkeypatch.setattr(wall, "command", lambda _: ["/bin/sh", "-c", "echo envguard: broken. >&2"])
        monkeypatch.setattr(programs, "LOADERS", ())
        found = looked(f"level: lockdown, mode: {mode}")
        assert statuses(found) == [(layer.name, "WARN" if layer.optional else status) for layer in EVERY]
        assert all(check.message.endswith(": broken.") for check in found)

    def test_is_found_out_when_it_hangs(
        self, looked: Layers, monkeypatch: pytest.MonkeyPatch, mode: str, status: str
    ) -> None:
        def hang(*arguments: Any, **options: Any) -> None:
            raise subprocess.TimeoutExpired("wall", lockdown.TRIAL_SECONDS)

        monkeypatch.setattr(subprocess, "run", hang)
        found = looked(f"level: lockdown, mode: {mode}")
        assert statuses(found) == [(layer.name, "WARN" if layer.optional else status) for layer in EVERY]

    def test_is_named_when_a_link_leads_to_a_folder(
        self, looked: Layers, tmp_path: Path, mode: str, status: str
    ) -> None:
        (tmp_path / "X11").symlink_to("/usr/bin")
        first = looked(f"level: lockdown, mode: {mode}, execute: [X11]")[0]
        assert (first.name, str(first.status), first.code) == ("programs", status, "wall-open")
