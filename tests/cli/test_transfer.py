from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard.catalog import Catalog, Client
from jupyter_envguard.catalog.entry import Entry
from jupyter_envguard.store import Presence, Store, mounts
from jupyter_envguard.store.bare import is_bare
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.solid import is_solid
from jupyter_envguard.store.tiers import TIERS, best
from tests.cli.conftest import Filled, Run, remove
from tests.cli.test_movements import events
from tests.forms import unmount_all
from tests.stores import names, root_only


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


@pytest.fixture
def node(own: Filled, share: Path, run: Run) -> Filled:
    """A machine with the catalog and nothing in its store; both releases are on the share."""
    for entry in (own.old, own.new):
        assert run("publish", entry.id, share, "--site", own.path).code == 0
    remove(own.site.store_root)
    return own


class TestPublish:
    def test_writes_what_is_new(self, own: Filled, share: Path, run: Run):
        first = run("publish", own.old.id, share, "--site", own.path, "--json").json
        second = run("publish", own.new.id, share, "--site", own.path, "--json").json
        assert first["new"]
        assert first["contents"] > second["contents"] > 0

    def test_says_what_it_did(self, own: Filled, share: Path, run: Run):
        assert "new contents" in run("publish", own.new.id, share, "--site", own.path).out
        assert "already" in run("publish", own.new.id, share, "--site", own.path).out

    def test_needs_the_image(self, own: Filled, share: Path, run: Run):
        Store(own.site.store_root).remove(own.new.pack)
        assert run("publish", own.new.id, share, "--site", own.path, "--json").refusal == (4, "image-missing")

    def test_publishes_no_other_image(self, own: Filled, share: Path, run: Run):
        record = (
            Store(own.site.store_root).layout.meta / Store(own.site.store_root).path_of(own.new.pack).name
        )
        text = (record / "pack.json").read_text()
        record.chmod(0o755)
        (record / "pack.json").unlink()
        (record / "pack.json").write_text(text.replace(own.new.manifest, "sha256:" + "0" * 64))
        refusal = run("publish", own.new.id, share, "--site", own.path, "--json").refusal
        assert refusal[1] == "digest-mismatch"
        assert list(share.iterdir()) == []

    def test_leaves_an_event_of_what_was_new(self, own: Filled, share: Path, run: Run):
        for _ in range(2):
            run("publish", own.new.id, share, "--site", own.path)
        (event,) = events(own, "share.publish")
        assert (event.outcome, event.release) == ("allowed", own.new.id)
        assert event.detail["share"] == str(share)
        assert event.detail["bytes"] > 0


class TestPrune:
    def test_takes_what_nobody_may_start(self, own: Filled, share: Path, run: Run):
        for entry in (own.old, own.new):
            run("publish", entry.id, share, "--site", own.path)
        assert run("archive", own.old.id, "--reason", "old", "--site", own.path).code == 0
        done = run("publish", own.new.id, share, "--prune", "--site", own.path, "--json")
        assert done.json["pruned"] == {"releases": [own.old.pack], "files": 0, "size": 0}
        (event,) = events(own, "share.prune")
        assert (event.outcome, event.detail["releases"], event.detail["files"]) == ("allowed", 1, 0)
        again = run("publish", own.new.id, share, "--prune", "--site", own.path)
        assert "Taken from it: 0 releases" in again.out
        assert len(events(own, "share.prune")) == 1

    def test_leaves_what_may_start_for_some_days_yet(self, own: Filled, share: Path, run: Run):
        run("publish", own.new.id, share, "--site", own.path)
        words = ("--reason", "CVE", "--grace", "7d", "--site", own.path)
        assert run("revoke", own.new.id, *words).code == 0
        done = run("publish", own.old.id, share, "--prune", "--site", own.path, "--json")
        assert done.json["pruned"]["releases"] == []

    def test_leaves_what_somebody_may_start(self, own: Filled, share: Path, run: Run):
        for entry in (own.old, own.new):
            run("publish", entry.id, share, "--prune", "--site", own.path)
        assert len(list((share / "releases").iterdir())) == 2


class TestFetch:
    def test_leaves_an_event_of_what_came_and_what_did_not(self, node: Filled, share: Path, run: Run):
        run("fetch", node.new.id, "--from", share, "--site", node.path)
        run("fetch", node.new.id, "--from", share, "--site", node.path)
        run("fetch", node.old.id, "--from", share / "none", "--site", node.path)
        came, missed = events(node, "share.fetch")
        assert (came.outcome, came.release, came.detail["share"]) == ("allowed", node.new.id, str(share))
        assert came.detail["bytes"] > 0
        assert (missed.outcome, missed.reason, missed.release) == ("error", "not-shared", node.old.id)

    def test_brings_every_release_that_may_start(self, node: Filled, share: Path, run: Run):
        done = run("fetch", "--from", share, "--site", node.path, "--json")
        assert done.code == 0, done.err
        assert [one["release"] for one in done.json["releases"]] == [node.old.id, node.new.id]
        assert run("verify", node.new.id, "--site", node.path).code == 0

    def test_brings_what_may_start_for_some_days_yet(self, node: Filled, share: Path, run: Run):
        words = ("--reason", "CVE", "--site", node.path)
        assert run("revoke", node.old.id, *words, "--grace", "7d").code == 0
        assert run("revoke", node.new.id, *words).code == 0
        done = run("fetch", "--from", share, "--site", node.path, "--json")
        assert [one["release"] for one in done.json["releases"]] == [node.old.id]

    def test_brings_one(self, node: Filled, share: Path, run: Run):
        done = run("fetch", node.new.id, "--from", f"file://{share}", "--site", node.path)
        assert f"{node.new.id} is on this machine now" in done.out
        assert not Store(node.site.store_root).path_of(node.old.pack).exists()

    def test_does_it_once(self, node: Filled, share: Path, run: Run):
        run("fetch", "--from", share, "--site", node.path)
        done = run("fetch", "--from", share, "--site", node.path, "--json")
        assert [one["bytes_read"] for one in done.json["releases"]] == [0, 0]
        assert "now" not in run("fetch", "--from", share, "--site", node.path).out

    def test_mounts_without_a_tree_where_it_can(self, node: Filled, share: Path, run: Run):
        store = Store(node.site.store_root)
        try:
            done = run("fetch", "--mount", "--from", share, "--site", node.path, "--json")
            assert done.code == 0, done.err
            chosen = best()
            tiers = {one["tier"] for one in done.json["releases"]}
            assert tiers == {chosen.name if chosen else "tree"}
            assert run("verify", node.new.id, "--site", node.path).code == 0
            assert is_bare(store.get(node.new.pack).meta) is (chosen is not None)
            again = run("fetch", "--mount", "--from", share, "--site", node.path, "--json").json
            assert [one["bytes_read"] for one in again["releases"]] == [0, 0]
        finally:
            for name in store.shelf.names():
                while mount_at(store.root / name):
                    mounts.unmount(store.root / name)

    def test_asks_the_shares_of_the_site(self, node: Filled, share: Path, run: Run):
        node.path.write_text(f"{node.path.read_text()}\nshares: [{share}/none, {share}]\n")
        assert run("fetch", node.new.id, "--site", node.path).code == 0

    def test_goes_on_after_a_failure(self, node: Filled, share: Path, run: Run):
        gone = share / "releases" / f"{node.old.pack.removeprefix('sha256:')}.zst"
        gone.unlink()
        done = run("fetch", "--from", share, "--site", node.path)
        assert done.code != 0
        assert f"{node.new.id} is on this machine now" in done.out
        assert Store(node.site.store_root).get(node.new.pack)

    def test_takes_nothing_else_than_the_approved_release(self, node: Filled, share: Path, run: Run):
        places = [
            share / "releases" / f"{one.pack.removeprefix('sha256:')}.zst" for one in (node.old, node.new)
        ]
        places[0].replace(places[1])
        done = run("fetch", node.new.id, "--from", share, "--site", node.path, "--json")
        assert done.json["releases"][0]["error"]["code"] == "digest-mismatch"

    def test_wants_to_know_from_where(self, node: Filled, run: Run):
        assert run("fetch", "--site", node.path, "--json").refusal[1] == "invalid-argument"

    def test_says_what_there_is_no_release_of(self, node: Filled, share: Path, run: Run):
        done = run("fetch", "nope@1", "--from", share, "--site", node.path, "--json")
        assert done.refusal[1] == "release-unknown"


def catalog(own: Filled) -> Catalog:
    return Client(own.site.catalog, own.site.trust).load()


def entry_of(own: Filled, entry: Entry) -> Entry:
    """Return what the catalog says of it now."""
    return catalog(own).require(entry.name, entry.release)


@root_only
@pytest.mark.skipif(bool(TIERS["erofs"].obstacle()), reason="no EROFS can be made or mounted here")
class TestForms:
    @pytest.fixture
    def formed(self, own: Filled, share: Path, run: Run) -> Iterator[Filled]:
        """A machine with nothing in its store; both releases are on the share, and the new one as a file."""
        assert run("publish", own.old.id, share, "--site", own.path).code == 0
        done = run("publish", own.new.id, share, "--form", "--site", own.path, "--json")
        assert done.code == 0, done.err
        remove(own.site.store_root)
        yield own
        unmount_all(own.site.store_root)

    def fetched(self, run: Run, own: Filled, share: Path, *more: str) -> dict[str, str]:
        """Fetch, and return the tiers of what was."""
        done = run("fetch", *more, "--from", share, "--site", own.path, "--json")
        assert done.code == 0, done.err
        return {one["release"]: one["tier"] for one in done.json["releases"]}

    def is_solid(self, own: Filled, entry: Entry) -> bool:
        return is_solid(Store(own.site.store_root).get(entry.pack).meta)

    def test_is_published_and_attested(self, own: Filled, share: Path, run: Run):
        done = run("publish", own.new.id, share, "--form", "--site", own.path, "--json")
        assert done.code == 0, done.err
        form = entry_of(own, own.new).form
        assert form
        assert done.json["form"] == form.as_json()
        assert names(share / "forms") == [f"{own.new.pack.removeprefix('sha256:')}.{form.sha256}"]
        assert names(Store(own.site.store_root).layout.forms) == []
        (event,) = events(own, "release.attest")
        assert (event.outcome, event.detail["form"]) == ("allowed", form.digest)
        assert [event.detail.get("form", "") for event in events(own, "share.publish")] == ["", form.digest]

    def test_is_made_once(self, own: Filled, share: Path, run: Run):
        assert "attested" in run("publish", own.new.id, share, "--form", "--site", own.path).out
        version = catalog(own).version
        assert "already" in run("publish", own.new.id, share, "--form", "--site", own.path).out
        assert catalog(own).version == version

    def test_one_that_was_attested_before_leaves_the_share(self, own: Filled, share: Path, run: Run):
        words = ("publish", own.new.id, share, "--form", "--prune", "--site", own.path)
        assert run(*words).code == 0
        (attested,) = (share / "forms").iterdir()
        before = attested.with_name(f"{attested.name[:64]}.{64 * '0'}")
        before.touch()
        assert run(*words).code == 0
        assert len(names(share / "forms")) == 3
        mark = next((share / "forms").glob("*.superseded"))
        os.utime(mark, (0, 0))
        assert "1 file," in run(*words).out
        assert list((share / "forms").iterdir()) == [attested]

    def test_is_put_on_another_share_without_another_signature(
        self, own: Filled, share: Path, run: Run, tmp_path: Path
    ):
        run("publish", own.new.id, share, "--form", "--site", own.path)
        version, other = catalog(own).version, tmp_path / "other"
        other.mkdir()
        assert run("publish", own.new.id, other, "--form", "--site", own.path).code == 0
        assert names(other / "forms") == names(share / "forms")
        assert catalog(own).version == version

    def test_is_made_by_those_who_have_keys(self, own: Filled, share: Path, run: Run):
        text = own.path.read_text()
        own.path.write_text("".join(f"{row}\n" for row in text.splitlines() if not row.startswith("keys:")))
        done = run("publish", own.new.id, share, "--form", "--site", own.path, "--json")
        assert done.code != 0
        assert not (share / "forms").exists()

    def test_is_fetched_and_mounted(self, formed: Filled, share: Path, run: Run):
        assert self.fetched(run, formed, share, formed.new.id, "--mount") == {formed.new.id: "erofs"}
        assert self.is_solid(formed, formed.new)
        store = Store(formed.site.store_root)
        image = store.get(formed.new.pack)
        assert Presence(store).forms.of(image, TIERS["erofs"]).is_on_the_disk
        assert run("verify", formed.new.id, "--site", formed.path).code == 0
        assert run("store", "scrub", "--site", formed.path).code == 0
        (event,) = events(formed, "share.fetch")
        form = entry_of(formed, formed.new).form
        assert form
        assert event.detail["form"] == form.digest
        again = run("fetch", formed.new.id, "--mount", "--from", share, "--site", formed.path, "--json").json
        assert again["releases"][0]["bytes_read"] == 0

    def test_lives_through_the_day_of_an_admin(self, formed: Filled, share: Path, run: Run):
        self.fetched(run, formed, share, formed.new.id, "--mount")
        assert "1 image without a tree" in run("store", "umount", "--site", formed.path).out
        assert run("store", "list", "--site", formed.path, "--json").json["images"][0]["tier"] == "form"
        assert run("store", "umount", "--forget", "--site", formed.path).code == 0
        assert "erofs" in run("store", "mount", "--site", formed.path).out
        assert run("store", "mount", formed.new.id, "--site", formed.path).code == 0
        assert run("store", "gc", "--grace", "0", "--site", formed.path, "--json").json["removed"] == []

    @pytest.mark.parametrize("more", [[], ["--mount", "--objects"]])
    def test_is_left_alone_where_nobody_wants_it(
        self, formed: Filled, share: Path, run: Run, more: list[str]
    ):
        self.fetched(run, formed, share, formed.new.id, *more)
        assert not self.is_solid(formed, formed.new)

    def test_is_left_alone_where_it_cannot_be_mounted(
        self, formed: Filled, share: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(Presence, "takes_forms", lambda _: False)
        self.fetched(run, formed, share, formed.new.id, "--mount")
        assert not self.is_solid(formed, formed.new)

    def test_is_left_alone_where_the_share_has_none(self, formed: Filled, share: Path, run: Run):
        for form in (share / "forms").iterdir():
            form.unlink()
        self.fetched(run, formed, share, formed.new.id, "--mount")
        assert not self.is_solid(formed, formed.new)

    def test_is_left_alone_where_an_earlier_release_has_most_of_it(
        self, formed: Filled, share: Path, run: Run
    ):
        self.fetched(run, formed, share, formed.old.id)
        self.fetched(run, formed, share, formed.new.id, "--mount")
        assert not self.is_solid(formed, formed.new)

    def test_gives_way_to_contents_when_it_is_not_mounted(self, formed: Filled, share: Path, run: Run):
        self.fetched(run, formed, share, formed.new.id, "--mount")
        self.fetched(run, formed, share, formed.new.id, "--objects")
        assert self.is_solid(formed, formed.new)
        run("store", "umount", "--site", formed.path)
        assert self.fetched(run, formed, share, formed.new.id, "--objects") == {formed.new.id: "tree"}
        assert not self.is_solid(formed, formed.new)

    def test_gives_way_where_nothing_can_be_mounted_any_more(
        self, formed: Filled, share: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ):
        self.fetched(run, formed, share, formed.new.id, "--mount")
        run("store", "umount", "--site", formed.path)
        monkeypatch.setattr(Presence, "takes_forms", lambda _: False)
        assert self.fetched(run, formed, share, formed.new.id) == {formed.new.id: "tree"}

    def test_that_is_something_else_is_refused(self, formed: Filled, share: Path, run: Run):
        (form,) = (share / "forms").iterdir()
        form.chmod(0o644)
        with form.open("r+b") as file:
            file.write(b"evil")
        done = run("fetch", formed.new.id, "--mount", "--from", share, "--site", formed.path, "--json")
        assert done.json["releases"][0]["error"]["code"] == "form-mismatch"
        (event,) = events(formed, "share.fetch")
        assert (event.outcome, event.reason) == ("denied", "form-mismatch")
        assert Store(formed.site.store_root).shelf.names() == ()
