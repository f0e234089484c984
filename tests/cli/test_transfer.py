from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_envguard.store import Store, mounts
from jupyter_envguard.store.bare import is_bare
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.tiers import best
from tests.cli.conftest import Filled, Run, remove
from tests.cli.test_movements import events


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
