from __future__ import annotations

import subprocess

import pytest

from jupyter_envguard.cli import tiers as module
from jupyter_envguard.cli.checks import Check, Status
from jupyter_envguard.cli.tiers import tiers
from jupyter_envguard.store import Store, mounts, verity
from jupyter_envguard.store.tiers import TIERS, obstacle_to_fetched
from tests.cli.conftest import Filled
from tests.forms import as_solid
from tests.stores import as_bare, root_only


def test_tells_what_can_be_mounted(filled: Filled) -> None:
    found = list(tiers(filled.site))
    assert [check.name for check in found] == ["tiers", "verity", "forms", "mounts"]
    assert "2 images, of which 0 mounted" in found[3].message


def test_a_machine_that_mounts_nothing_is_no_failure(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    for tier in TIERS.values():
        monkeypatch.setattr(type(tier), "obstacle", lambda _: "it is not the day")
    first, *_ = tiers(filled.site)
    assert (first.status, "erofs: it is not the day" in first.message) == (Status.INFO, True)


@pytest.mark.skipif(any(tier.obstacle() for tier in TIERS.values()), reason="not all can be mounted here")
def test_a_machine_that_can_do_everything_has_no_but(filled: Filled) -> None:
    first, *_ = tiers(filled.site)
    assert (first.status, first.message) == (Status.PASS, "Images can be mounted as overlay.")


def test_what_is_in_the_way_of_the_best_is_told(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, why in (("overlay", "too old"), ("erofs", ""), ("squashfs", ""), ("squashfuse", "")):
        monkeypatch.setattr(type(TIERS[name]), "obstacle", lambda _, why=why: why)
    first, *_ = tiers(filled.site)
    assert first.message == "Images can be mounted as erofs. Not possible here: overlay: too old."


@pytest.mark.parametrize(("why", "status"), [("", Status.PASS), ("it is not built in", Status.INFO)])
def test_says_whether_linux_guards_files(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, why: str, status: Status
) -> None:
    monkeypatch.setattr(verity, "obstacle", lambda _: why)
    _, found, *_ = tiers(filled.site)
    assert (found.name, found.status, why in found.message) == ("verity", status, True)


def test_an_image_that_is_nowhere_to_be_seen_is_a_failure(own: Filled) -> None:
    store = Store(own.site.store_root)
    as_bare(store, store.get(own.new.pack))
    *_, last = tiers(own.site)
    assert (last.status, last.code) == (Status.FAIL, "image-not-mounted")
    assert "1 image without a tree" in last.message


@pytest.mark.skipif(not mounts.may_mount(), reason="mounting needs root")
def test_something_else_at_the_path_of_an_image_is_a_failure(own: Filled) -> None:
    path = Store(own.site.store_root).path_of(own.new.pack)
    subprocess.run(["mount", "-t", "tmpfs", "envguard-test", path], check=True)
    try:
        *_, last = tiers(own.site)
    finally:
        mounts.unmount(path)
    assert (last.status, str(path) in last.message) == (Status.FAIL, True)


@root_only
@pytest.mark.skipif(bool(obstacle_to_fetched()), reason="no EROFS can be mounted here")
def test_says_whether_releases_come_as_one_file(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> Check:
        return next(check for check in tiers(filled.site) if check.name == "forms")

    assert found().status is Status.PASS
    monkeypatch.setattr(module.Presence, "takes_forms", lambda _: False)
    assert (found().status, "only root" in found().message) == (Status.INFO, True)
    monkeypatch.setattr(module, "obstacle_to_fetched", lambda: "too old")
    assert "(too old)" in found().message


@root_only
@pytest.mark.skipif(bool(TIERS["erofs"].obstacle()), reason="no EROFS can be made here")
def test_one_file_that_is_not_mounted_is_a_failure(own: Filled) -> None:
    store = Store(own.site.store_root)
    as_solid(store, store.get(own.new.pack))
    last = list(tiers(own.site))[-1]
    assert (last.status, last.code) == (Status.FAIL, "image-not-mounted")
