"""What each tier needs; what it does is in `test_presence`, for all of them alike."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from jupyter_envguard.store import mounts, tiers
from jupyter_envguard.store.making import Place
from jupyter_envguard.store.tiers import TIERS, best, linux_version
from tests.stores import root_only


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine that can do everything; the file is its list of file systems."""
    known = tmp_path / "filesystems"
    known.write_text("nodev\toverlay\n\tsquashfs\n\terofs\n")
    monkeypatch.setattr(tiers, "FILE_SYSTEMS", known)
    monkeypatch.setattr(mounts, "may_mount", lambda: True)
    monkeypatch.setattr(mounts, "LOOP_CONTROL", known)
    monkeypatch.setattr(shutil, "which", lambda program, path: f"/usr/bin/{program}")
    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setattr(tiers, "linux_version", lambda _: (6, 18))
    return known


def test_the_best_comes_first(able: Path) -> None:
    assert [tier.obstacle() for tier in TIERS.values()] == [""] * 4
    assert best() is TIERS["overlay"]


def test_without_the_right_to_mount_a_process_reads(able: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "may_mount", lambda: False)
    assert best() is TIERS["squashfuse"]
    assert "CAP_SYS_ADMIN" in TIERS["erofs"].obstacle()


def test_without_anything_trees_are_left(able: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "may_mount", lambda: False)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert best() is None
    assert "/dev/fuse" in TIERS["squashfuse"].obstacle()


def test_an_old_kernel_mounts_what_it_can(able: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "linux_version", lambda _: (6, 1))
    assert best() is TIERS["squashfs"]
    assert "6.12" in TIERS["erofs"].obstacle()
    assert "6.5" in TIERS["overlay"].obstacle()


def test_a_file_system_that_is_not_loaded_is_named(able: Path) -> None:
    able.write_text("nodev\toverlay\n")
    assert "modprobe erofs" in TIERS["erofs"].obstacle()
    assert "modprobe erofs" in TIERS["overlay"].obstacle()
    assert "modprobe squashfs" in TIERS["squashfs"].obstacle()


def test_what_is_not_installed_is_named(able: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program, path: None)
    monkeypatch.setattr(mounts, "LOOP_CONTROL", able.parent / "none")
    assert "package erofs-utils" in TIERS["erofs"].obstacle()
    assert "package squashfuse" in TIERS["squashfuse"].obstacle()
    assert "loop" not in TIERS["erofs"].obstacle()
    assert TIERS["overlay"].obstacle() == ""
    assert str(able.parent / "none") in TIERS["squashfs"].obstacle()
    monkeypatch.setattr(tiers, "linux_version", lambda _: (6, 8))
    assert str(able.parent / "none") in TIERS["overlay"].obstacle()


@pytest.mark.parametrize("uid", [0, 1000])
def test_a_user_may_write_where_they_mount_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int
) -> None:
    at, seen = tmp_path / "at", []
    at.mkdir(0o555)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(tiers, "run", lambda *_: seen.append(at.stat().st_mode & 0o777))
    TIERS["squashfuse"].mount(tmp_path / "form", Place(at, tmp_path, tmp_path))
    assert seen == [0o755 if uid else 0o555]
    assert at.stat().st_mode & 0o777 == 0o555


@root_only
@pytest.mark.skipif(bool(TIERS["erofs"].obstacle()), reason="no EROFS can be made or mounted here")
def test_a_file_that_is_no_file_system_is_not_mounted(tmp_path: Path) -> None:
    form, at = tmp_path / "form", tmp_path / "at"
    form.write_bytes(bytes(1 << 20))
    at.mkdir()
    with pytest.raises(OSError, match="Invalid argument"):
        TIERS["erofs"].mount(form, Place(at, tmp_path, tmp_path))
    assert not os.path.ismount(at)


def test_versions_of_kernels() -> None:
    assert linux_version("6.18.44-fc-v657") == (6, 18)
    assert linux_version("6.1-custom") == (6, 1)
    assert linux_version("strange") == (0, 0)


@pytest.mark.skipif(bool(TIERS["erofs"].obstacle()), reason="no erofs here")
def test_the_kernels_word_for_a_mounted_form_is_ours() -> None:
    found = subprocess.run(["grep", "-c", "erofs", "/proc/filesystems"], capture_output=True, text=True)
    assert found.stdout.strip() != "0"
