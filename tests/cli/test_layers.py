"""How kernels are started here, and which tools answer kindly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard import doors
from jupyter_envguard.cli import layers
from jupyter_envguard.cli.hooks import FILES
from jupyter_envguard.errors import Denied
from tests.cli.conftest import Filled


def ended(site: Filled, name: str) -> list[tuple[str, str]]:
    return [(str(check.status), check.code) for check in layers.layers(site.site) if check.name == name]


def test_what_can_be_started_is_counted(filled: Filled) -> None:
    (launch, _) = layers.layers(filled.site)
    assert launch.message.startswith("2 releases can be started here")
    assert str(launch.status) == "INFO"  # nothing was tried


def test_an_image_without_a_kernel_is_a_fail(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise Denied("kernel-invalid", "It has no kernel.")

    monkeypatch.setattr(layers, "launch_for", refuse)
    assert ended(filled, "launch") == [("FAIL", "kernel-invalid")] * 2 + [("INFO", "")]


def test_files_of_hooks_that_are_missing_are_named(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(layers, "MACHINE", tmp_path)
    assert ended(filled, "hooks") == [("INFO", "")]
    install(tmp_path)
    assert ended(filled, "hooks") == [("PASS", "")]


def install(root: Path) -> None:
    for file in FILES:
        path = root / file.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content())
        path.chmod(file.mode)


def test_front_doors_are_tried(filled: Filled, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(layers, "MACHINE", tmp_path)
    assert ended(filled, "doors") == []
    install(tmp_path)
    assert ended(filled, "doors") == [("PASS", "")]
    for broken in ("exit 77", "exit 0"):
        door = tmp_path / str(doors.FOLDER).lstrip("/") / "pip"
        door.write_text(f"#!/bin/sh\n{broken}\n")
        assert ended(filled, "doors") == [("WARN", "")]
