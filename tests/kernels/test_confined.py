from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard import confine
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.image import Image
from jupyter_envguard.kernels import confined as module
from jupyter_envguard.kernels.confined import Start, confined
from jupyter_envguard.paths import is_within
from jupyter_envguard.site import Enforcement, Site, load
from tests.sites import SiteBuilder


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a temporary folder that hold nothing of the site."""
    for name in ("home", "tmp", "run"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return tmp_path


Starting = Callable[..., Start]


@pytest.fixture
def start(site: SiteBuilder, images: tuple[Image, Image], at_home: Path) -> Starting:
    def start(guarded: bool = False, **guard: object) -> Start:
        found: Site = replace(load(site.path), guard=Enforcement(**guard))  # type: ignore[arg-type]
        command = [str(images[0].python), "-c", "pass"]
        runtime = str(at_home / "run")
        with confined(found, found.guard, images[0], command, runtime, guarded=guarded) as start:
            return start

    return start


@pytest.fixture
def no_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.confine, "available", lambda: confine.Support(0, "it is switched off"))


def code(start: Starting, **guard: object) -> str:
    with pytest.raises(EnvGuardError) as caught:
        start(**guard)
    return caught.value.code


def test_a_site_that_only_advises_starts_the_command_itself(
    start: Starting, images: tuple[Image, Image]
) -> None:
    found = start(level="advise")
    assert (found.command, dict(found.environment)) == ((str(images[0].python), "-c", "pass"), {})
    assert found.gaps == ("Test Hub confines no kernels.",)


def test_the_process_is_given_a_lease_whatever_the_wall(start: Starting) -> None:
    for level in ("advise", "enforce"):
        assert start(level=level).descriptors


def test_a_wall_is_put_before_the_command(
    start: Starting, at_home: Path, images: tuple[Image, Image]
) -> None:
    found = start(mode="required")
    assert found.command[-3:] == (str(images[0].python), "-c", "pass")
    assert "landlock" in found.command[4]
    assert found.environment == {"TMPDIR": f"{at_home}/tmp/envguard-{os.geteuid()}"}


def test_without_landlock_a_kernel_starts_only_where_the_wall_is_not_required(
    start: Starting, no_landlock: None
) -> None:
    assert start().environment == {}
    assert start().gaps == ("Nothing can be confined: it is switched off.",)
    assert code(start, mode="required") == "confine-unavailable"


def test_a_folder_that_holds_the_site_is_refused_where_the_wall_is_required(
    start: Starting, site: SiteBuilder
) -> None:
    assert code(start, mode="required", write=(site.folder,)) == "wall-open"
    found = start(write=(site.folder,))
    assert found.environment
    assert any("can change what they must not" in gap for gap in found.gaps)


def settings(start: Start) -> dict[str, Any]:
    found: dict[str, Any] = marshal.loads(bytes.fromhex(start.command[5]))
    return found


def test_in_lockdown_a_kernel_runs_its_own_environment_and_programs_of_the_system(
    start: Starting, images: tuple[Image, Image], at_home: Path
) -> None:
    found = settings(start(level="lockdown", execute=(Path("/usr/bin/env"),)))
    assert str(images[0].path.resolve()) in found["execute"]
    assert "/usr/bin/env" in found["execute"]
    assert not [
        path for path in found["execute"] if path.startswith((str(images[1].path), "/usr/bin/python"))
    ]
    assert {str(at_home / "home"), "/tmp", "/dev/shm"} <= set(found["sealed"])
    assert "memfd_create" in found["refused"]
    assert not found["must_seal"]


def test_behind_a_wall_that_could_mount_nothing_it_is_said_what_is_open(
    start: Starting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.wall, "stands", lambda _: True)
    said = "Machine code loads from /tmp, which is not mounted noexec."
    for sealed in (False, True):
        monkeypatch.setattr(module.mounts, "is_sealed", lambda *_, sealed=sealed: sealed)
        assert (said in start(level="lockdown").gaps) is not sealed
    assert start().gaps == ()


def test_strict_memory_and_a_required_wall_reach_the_kernel(start: Starting) -> None:
    found = settings(start(level="lockdown", mode="required", strict_memory=True))
    assert found["must_seal"]
    assert "mprotect" in found["refused"]


def test_where_a_second_python_is_allowed_a_kernel_reads_none_but_its_own(
    start: Starting, site: SiteBuilder, images: tuple[Image, Image]
) -> None:
    own, found = (
        str(images[0].path.resolve()),
        settings(start(level="lockdown", guarded=True, strict_python=False)),
    )
    assert {str(load(site.path).store_root), os.path.realpath("/usr/bin")} <= set(found["hidden"])
    assert is_within(os.path.realpath(sys.executable), found["hidden"])
    assert not [path for path in found["hidden"] if path.startswith(own)]
    assert (own in found["shown"], found["later"]) == (True, ())


def test_it_hides_its_own_too_if_it_guards_itself(start: Starting, images: tuple[Image, Image]) -> None:
    own = str(images[0].python.resolve())
    for guarded in (True, False):
        found = settings(start(level="lockdown", guarded=guarded))
        assert (own in found["hidden"], own in found["later"]) == (False, guarded)


def test_pythons_that_the_site_names_are_not_hidden(start: Starting) -> None:
    named = Path(os.path.realpath(sys.executable))
    assert str(named) not in settings(start(level="lockdown", execute=(named,)))["hidden"]


def test_below_lockdown_a_kernel_runs_what_its_user_may(start: Starting) -> None:
    found = settings(start())
    assert found["hidden"] == ()
    assert (found["execute"], found["sealed"], found["refused"]) == (("/",), (), ())


def test_a_link_to_a_folder_of_programs_is_refused_where_the_wall_is_required(
    start: Starting, at_home: Path
) -> None:
    (at_home / "X11").symlink_to("/usr/bin")
    named = (at_home / "X11",)
    assert code(start, level="lockdown", mode="required", execute=named) == "wall-open"
    found = start(level="lockdown", execute=named)
    assert "/usr/bin" not in settings(found)["execute"]
    assert any("can run what they must not" in gap for gap in found.gaps)


def test_the_descriptor_of_the_program_is_closed_afterwards(start: Starting) -> None:
    before = len(os.listdir("/proc/self/fd"))
    start()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_kernel_is_told_what_its_session_does_not_keep_from_it(
    start: Starting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.wall, "stands", lambda _: True)
    assert start().gaps == ()
    monkeypatch.setattr(module.wall, "stands", lambda _: False)
    assert start().gaps == ("No wall stands around the session, so terminals are not confined.",)


def test_what_is_passed_to_the_kernel_is_kept_open(
    site: SiteBuilder, images: tuple[Image, Image], at_home: Path
) -> None:
    found = load(site.path)
    command = [str(images[0].python), "-c", "pass"]
    for guard in (found.guard, Enforcement(level="advise")):
        with confined(found, guard, images[0], command, str(at_home / "run"), (7,)) as start:
            assert 7 in start.descriptors
