"""How kernels are started here, and which tools answer kindly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard import doors
from jupyter_envguard.cli import layers
from jupyter_envguard.cli.hooks import FILES
from jupyter_envguard.errors import Denied
from jupyter_envguard.kernels.launch import Launch
from tests.cli.conftest import Filled


def ended(site: Filled, name: str) -> list[tuple[str, str]]:
    return [(str(check.status), check.code) for check in layers.layers(site.site) if check.name == name]


def test_what_can_be_started_is_counted(filled: Filled) -> None:
    (launch, *_) = layers.layers(filled.site)
    assert launch.message.startswith("2 releases can be started here")
    assert str(launch.status) == "INFO"  # nothing was tried


class TestChannels:
    def test_a_kernel_that_cannot_is_counted(self, filled: Filled) -> None:
        (found,) = [check for check in layers.layers(filled.site) if check.name == "channels"]
        assert found.message.startswith("0 releases of 2 can be talked to in secret")
        assert "2 cannot" in found.message

    def test_one_that_can_is_a_pass(self, filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
        real = layers.launch_for

        def modern(*arguments: Any) -> Launch:
            return replace(real(*arguments), metadata={"supported_encryption": "curve"})

        monkeypatch.setattr(layers, "launch_for", modern)
        assert ended(filled, "channels") == [("PASS", "")]

    def test_what_is_too_old_is_named(self, filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(layers.zmq, "has", lambda _: False)
        (found,) = [check for check in layers.layers(filled.site) if check.name == "channels"]
        assert "pyzmq has no CurveZMQ" in found.message
        monkeypatch.setattr(layers, "KernelManager", object)
        (found,) = [check for check in layers.layers(filled.site) if check.name == "channels"]
        assert "8.10 does" in found.message


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
