from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard.audit import Log
from jupyter_envguard.store import Presence, Store, leased, mounts
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.tiers import TIERS, best
from tests.cli.conftest import Filled, Run
from tests.stores import as_bare, names

needs_mounts = pytest.mark.skipif(best() is None, reason="nothing can be mounted here")


def store_of(site: Filled) -> Store:
    return Store(site.site.store_root)


@pytest.fixture
def clean(own: Filled) -> Iterator[Filled]:
    """A site whose mounts go at the end."""
    yield own
    for path in own.site.store_root.glob("[0-9a-f]*"):
        while mount_at(path):
            mounts.unmount(path, detach=True)


class TestList:
    def test_tells_images_with_their_releases(self, run: Run, filled: Filled) -> None:
        done = run("store", "list", "--site", filled.path, "--json")
        images = {image["pack"]: image for image in json.loads(done.out)["images"]}
        assert images[filled.new.pack]["releases"] == [filled.new.id]
        assert images[filled.new.pack]["tier"] == "tree"
        assert images[filled.new.pack]["leased"] is False
        assert images[filled.new.pack]["files"] > 3

    def test_is_a_table_for_people(self, run: Run, filled: Filled) -> None:
        with leased(store_of(filled).get(filled.new.pack)):
            done = run("store", "list", "--site", filled.path)
        assert done.out.startswith("IMAGE ")
        assert [filled.new.id in line and "in use" in line for line in done.out.splitlines()].count(True) == 1


class TestStatus:
    def test_tells_numbers_and_tiers(self, run: Run, filled: Filled) -> None:
        found = json.loads(run("store", "status", "--site", filled.path, "--json").out)
        assert found["images"] == 2
        assert set(found["tiers"]) == set(TIERS)
        assert found["quarantine"] == []

    def test_says_it_to_people(self, run: Run, filled: Filled) -> None:
        out = run("store", "status", "--site", filled.path).out
        assert "2 images" in out
        assert "in quarantine" in out
        assert "What is mounted next" in out

    def test_who_may_not_look_is_told_the_rest(
        self, run: Run, filled: Filled, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jupyter_envguard.cli.store._names_in", lambda _: None)
        assert "quarantine" not in run("store", "status", "--site", filled.path).out

    def test_a_store_that_is_not_there_is_empty(self, run: Run, site: Path) -> None:
        done = run("store", "status", "--site", site)
        assert (done.code, "0 images" in done.out) == (0, True)


class TestCollect:
    def test_leaves_what_releases_name(self, run: Run, own: Filled) -> None:
        image = store_of(own).get(own.new.pack)
        done = run("store", "gc", "--site", own.path, "--grace", "0")
        assert (done.code, "0 images" in done.out) == (0, True)
        assert store_of(own).verify(image) == ()

    def test_says_what_stays_and_why(self, run: Run, own: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jupyter_envguard.cli.store.GONE", frozenset(type(own.new.state)))
        with leased(store_of(own).get(own.new.pack)):
            done = run("store", "gc", "--site", own.path, "--grace", "0", "--dry-run")
            assert "a kernel runs from it" in done.out
            assert "1 image, " in done.out
            assert "would go" in done.out
            found = json.loads(run("store", "gc", "--site", own.path, "--grace", "0", "--json").out)
        assert found["removed"] == [store_of(own).path_of(own.old.pack).name]
        assert found["kept"] == {store_of(own).path_of(own.new.pack).name: "leased"}

    def test_says_when_objects_were_left_alone(
        self, run: Run, own: Filled, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from jupyter_envguard.store.objects import Objects

        with Objects(store_of(own).layout).adding(0):
            assert "run it again later" in run("store", "gc", "--site", own.path).out

    def test_refuses_an_age_that_is_none(self, run: Run, filled: Filled) -> None:
        for age in ("-1", "nan"):
            done = run("store", "gc", "--site", filled.path, f"--grace={age}")
            assert (done.code, "--grace" in done.err) == (2, True)


class TestScrub:
    def test_says_that_all_is_well(self, run: Run, filled: Filled) -> None:
        done = run("store", "scrub", "--site", filled.path)
        assert (done.code, done.out) == (0, "Every byte is what it was.\n")

    def test_names_sets_aside_and_records_what_is_not(self, run: Run, own: Filled) -> None:
        image = store_of(own).get(own.new.pack)
        folder = image.path / "conda-meta"
        folder.chmod(0o755)
        for number in range(7):
            (folder / f"extra{number}").touch()
        done = run("store", "scrub", "--site", own.path)
        assert done.code == 6
        assert f"({own.new.id})" in done.out
        assert "and 3 more paths" in done.out
        assert "set aside in" in done.out
        with Log(own.site.log, create=False) as log:
            (event,) = [record.event for record in log.read() if record.event.type == "env.drifted"]
        assert (event.release, event.reason) == (own.new.id, "image-drifted")
        assert event.digests == {"pack": own.new.pack}
        assert event.detail["quarantine"] is True

    def test_leaves_what_is_to_be_left(self, run: Run, own: Filled) -> None:
        image = store_of(own).get(own.new.pack)
        path = next(path for path in sorted(image.path.rglob("*")) if path.is_file())
        path.chmod(0o644)
        done = run("store", "scrub", "--leave", "--site", own.path, "--json")
        damage = json.loads(done.out)["damages"][-1]
        assert (damage["aside"], damage["releases"]) == ("", [own.new.id])
        assert store_of(own).get(own.new.pack) == image

    def test_a_damaged_object_is_recorded_without_a_release(self, run: Run, own: Filled) -> None:
        here = store_of(own)
        stray = here.layout.objects / "00" / ("0" * 64)
        stray.parent.mkdir(exist_ok=True)
        stray.write_text("evil")
        done = run("store", "scrub", "--site", own.path)
        assert (done.code, "1 object" in done.err) == (6, True)
        assert names(here.layout.quarantine)


@needs_mounts
class TestMount:
    def test_mounts_and_unmounts_what_is_named(self, run: Run, clean: Filled) -> None:
        chosen = best()
        assert chosen is not None
        done = run("store", "mount", clean.new.id, "--site", clean.path)
        assert (done.code, done.out) == (0, f"{clean.new.id}: {chosen.name}\n")
        assert Presence(store_of(clean)).tier_of(store_of(clean).path_of(clean.new.pack).name) == chosen.name
        assert run("verify", clean.new.id, "--site", clean.path, "--no-log").code == 0
        done = run("store", "umount", clean.new.id, "--site", clean.path)
        assert done.out == f"{clean.new.id}: unmounted\n"

    def test_brings_back_what_was_mounted(self, run: Run, clean: Filled) -> None:
        assert run("store", "mount", "--site", clean.path).out == "There is nothing to mount.\n"
        run("store", "mount", clean.new.id, "--site", clean.path)
        run("store", "umount", "--site", clean.path)
        name = store_of(clean).path_of(clean.new.pack).name
        found = json.loads(run("store", "mount", "--site", clean.path, "--json").out)
        assert list(found["mounted"]) == [name]

    def test_what_has_no_tree_is_nowhere_without_its_mount(self, run: Run, clean: Filled) -> None:
        store = store_of(clean)
        as_bare(store, store.get(clean.new.pack))
        assert " objects " in run("store", "list", "--site", clean.path).out
        assert run("store", "mount", clean.new.id, "--site", clean.path).code == 0
        assert "without a tree" not in run("store", "umount", clean.old.id, "--site", clean.path).out
        done = run("store", "umount", clean.new.id, "--site", clean.path)
        assert "1 image without a tree: nothing starts" in done.out
        assert run("store", "mount", "--site", clean.path).code == 0
        assert Presence(store).tier_of(store.path_of(clean.new.pack).name) in TIERS

    def test_what_a_kernel_uses_stays_mounted(self, run: Run, clean: Filled) -> None:
        run("store", "mount", clean.new.id, "--site", clean.path)
        with leased(store_of(clean).get(clean.new.pack)):
            found = json.loads(run("store", "umount", "--site", clean.path, "--json").out)
            assert list(found["unmounted"].values()) == [False]
            done = run("store", "umount", clean.new.id, "--site", clean.path)
        assert (done.code, "in use" in done.err) == (5, True)
        done = run("store", "umount", clean.new.id, "--forget", "--site", clean.path)
        assert names(store_of(clean).layout.forms) == []

    def test_says_what_could_not_be_mounted(
        self, run: Run, clean: Filled, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run("store", "mount", clean.new.id, "--site", clean.path)
        run("store", "umount", "--site", clean.path)
        for tier in TIERS.values():
            monkeypatch.setattr(type(tier), "obstacle", lambda _: "it is not the day")
        done = run("store", "mount", "--site", clean.path)
        assert (done.code, "tier-unavailable" in done.out) == (7, True)


def test_nothing_is_there_to_unmount_in_an_empty_store(run: Run, site: Path) -> None:
    assert run("store", "umount", "--site", site).out == "There is nothing to unmount.\n"


def test_a_step_is_needed(run: Run) -> None:
    assert run("store").code == 2


def test_root_is_not_needed_to_look(run: Run, filled: Filled) -> None:
    assert os.geteuid() == 0 or run("store", "list", "--site", filled.path).code == 0
