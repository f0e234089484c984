from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Root

from jupyter_envguard.catalog import State, repository
from jupyter_envguard.catalog.chain import Chain, read_chain
from jupyter_envguard.catalog.document import CATALOG_BYTES
from jupyter_envguard.catalog.repository import Lifetimes, Repository
from jupyter_envguard.errors import Conflict, EnvGuardError, NotFound, Unavailable, Untrusted
from jupyter_envguard.files import locked
from tests.catalogs import Clock, Place, entry, place
from tests.disks import FailingSync, tiny_disk

PUBLISHER = """
import sys
from pathlib import Path
from jupyter_envguard.catalog.repository import Repository
folder = Path(sys.argv[1])
repository = Repository(folder / "catalog", folder / "keys")
while True:
    version = repository.publish((), repository.load().version).version
    print(version, flush=True)
"""


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return place(tmp_path)


def files_of(here: Place) -> set[str]:
    return {str(path.relative_to(here.catalog)) for path in here.catalog.rglob("*") if path.is_file()}


class TestInit:
    def test_makes_an_empty_catalog_that_its_root_vouches_for(self, here: Place) -> None:
        catalog = here.client().load()
        assert (catalog.version, catalog.entries) == (1, ())

    def test_pins_the_root_that_it_returns(self, here: Place) -> None:
        assert here.metadata("1.root.json").read_bytes() == here.root

    def test_signs_for_the_lab_profile(self, here: Place) -> None:
        root = Metadata[Root].from_bytes(here.root).signed
        assert {role.threshold for role in root.roles.values()} == {1}
        assert len(root.keys) == 4
        assert root.consistent_snapshot

    def test_does_not_overwrite_a_catalog(self, here: Place) -> None:
        with pytest.raises(Conflict, match="already") as caught:
            here.repository.init()
        assert caught.value.code == "catalog-exists"

    def test_does_not_start_over_with_keys_that_have_published(self, here: Place, tmp_path: Path) -> None:
        with pytest.raises(Conflict, match="already"):
            Repository(tmp_path / "other", tmp_path / "keys").init()

    def test_can_be_read_by_everybody_and_written_by_the_owner(self, here: Place) -> None:
        modes = {path.stat().st_mode & 0o777 for path in here.catalog.rglob("*") if path.name != ".lock"}
        assert modes == {0o755, 0o644}

    @pytest.mark.parametrize("first", range(1, 20))
    def test_can_be_repeated_after_a_failure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
    ) -> None:
        repository = Repository(tmp_path / "catalog", tmp_path / "keys")
        with monkeypatch.context() as patch:
            FailingSync(patch, first)
            with pytest.raises(Unavailable) as caught:
                repository.init()
        assert caught.value.code == "disk-full"
        assert repository.init()
        assert repository.load().version == 1

    def test_is_done_once_readers_can_see_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        repository = Repository(tmp_path / "catalog", tmp_path / "keys")
        FailingSync(monkeypatch, 20)
        assert repository.init()
        assert repository.load().version == 1

    def test_says_which_folder_it_cannot_make(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(EnvGuardError, match="file/catalog"):
            Repository(tmp_path / "file" / "catalog", tmp_path / "keys").init()


class TestPublish:
    def test_makes_the_next_version(self, here: Place) -> None:
        published = here.repository.publish([entry()], 1)
        assert (published.version, published.entries) == (2, (entry(),))
        assert here.repository.load() == published == here.client().load()

    def test_lets_the_first_of_two_win(self, here: Place) -> None:
        here.repository.publish([entry()], 1)
        with pytest.raises(Conflict, match="at version 2, not 1") as caught:
            here.repository.publish([], 1)
        assert caught.value.code == "catalog-changed"
        assert here.repository.load().entries == (entry(),)

    def test_waits_for_another_writer_and_gives_up(
        self, here: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jupyter_envguard.catalog.repository.LOCK_SECONDS", 0)
        with locked(here.catalog / ".lock", 1), pytest.raises(Unavailable) as caught:
            here.repository.publish([], 1)
        assert caught.value.code == "locked"

    @pytest.mark.parametrize("first", range(1, 8))
    def test_a_full_disk_leaves_the_old_catalog(
        self, here: Place, monkeypatch: pytest.MonkeyPatch, first: int
    ) -> None:
        here.repository.publish([entry()], 1)
        with monkeypatch.context() as patch:
            FailingSync(patch, first)
            with pytest.raises(Unavailable) as caught:
                here.repository.publish([], 2)
        assert caught.value.code == "disk-full"
        assert not [name for name in files_of(here) if name.endswith(".tmp")]
        assert here.repository.load() == here.client().load()
        assert here.repository.load().entries == (entry(),)
        assert here.repository.publish([], 2).version == 3

    def test_a_really_full_disk_leaves_the_old_catalog(self, tmp_path: Path) -> None:
        with tiny_disk(tmp_path / "disk", 200) as disk:
            repository = Repository(disk / "catalog", tmp_path / "keys")
            repository.init()
            version, entries = 1, tuple(entry(release=str(number)) for number in range(40))
            with pytest.raises(Unavailable) as caught:
                while True:
                    version = repository.publish(entries, version).version
            assert caught.value.code == "disk-full"
            assert repository.load().version == version

    def test_what_could_not_be_remembered_is_published_all_the_same(
        self, here: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        FailingSync(monkeypatch, 8)
        assert here.repository.publish([], 1).version == 2
        assert "may not survive a power cut" in caplog.text
        assert "published, but not remembered" in caplog.text

    def test_needs_its_keys(self, here: Place, tmp_path: Path) -> None:
        before = files_of(here)
        (tmp_path / "keys" / "targets.pem").unlink()
        with pytest.raises(Unavailable, match="targets needs 1 signatures") as caught:
            here.repository.publish([], 1)
        assert caught.value.code == "keys-insufficient"
        assert files_of(here) == before

    def test_does_not_need_the_root_key(self, here: Place, tmp_path: Path) -> None:
        (tmp_path / "keys" / "root.pem").unlink()
        assert here.repository.publish([], 1).version == 2

    def test_refuses_what_readers_would_not_read(self, here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jupyter_envguard.catalog.repository.CATALOG_BYTES", 1000)
        assert CATALOG_BYTES > 1000
        with pytest.raises(Unavailable) as caught:
            here.repository.publish([entry(), entry(release="2026.11")], 1)
        assert caught.value.code == "catalog-full"

    def test_survives_being_killed(self, here: Place, tmp_path: Path) -> None:
        client, seen = here.client(), 1
        for round_ in range(8):
            with subprocess.Popen(
                [sys.executable, "-c", PUBLISHER, str(tmp_path)], stdout=subprocess.PIPE, text=True
            ) as child:
                assert child.stdout
                lines = [child.stdout.readline() for _ in range(round_ % 3 + 1)]
                child.send_signal(signal.SIGKILL)
            newest = here.repository.load().version
            assert newest >= int(lines[-1]) >= seen
            assert client.load().version == newest
            seen = newest


class TestLoad:
    def test_finds_no_catalog(self, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match="root of trust"):
            Repository(tmp_path / "catalog", tmp_path / "keys").load()

    def test_finds_a_catalog_gone(self, here: Place) -> None:
        here.metadata("timestamp.json").unlink()
        with pytest.raises(Unavailable, match=r"timestamp\.json") as caught:
            here.repository.load()
        assert caught.value.code == "catalog-unreachable"

    def test_is_not_rolled_back_by_whoever_writes_the_catalog(self, here: Place) -> None:
        old = here.metadata("timestamp.json").read_bytes()
        here.repository.publish([entry(state=State.REVOKED)], 1)
        here.metadata("timestamp.json").write_bytes(old)
        with pytest.raises(Untrusted, match="version 1 after 2") as caught:
            here.repository.load()
        assert caught.value.code == "catalog-rollback"

    def test_takes_nobody_who_publishes_meanwhile_for_an_attack(
        self, here: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = Repository(here.catalog, here.folder / "keys")

        def read_slowly(path: Path, anchor: bytes) -> Chain:
            with monkeypatch.context() as undone:
                undone.setattr(repository, "read_chain", read_chain)
                chain = read_chain(path, anchor)
                other.publish((entry("datasci", "1"),), 1)
                return chain

        monkeypatch.setattr(repository, "read_chain", read_slowly)
        assert here.repository.load().version == 1

    def test_reads_an_expired_catalog_so_that_it_can_be_renewed(self, tmp_path: Path) -> None:
        past = Lifetimes(timestamp=timedelta(seconds=-1), snapshot=timedelta(seconds=-1))
        here = place(tmp_path, lifetimes=past)
        assert here.repository.load().version == 1
        fresh = Repository(here.catalog, tmp_path / "keys")
        fresh.renew()
        assert here.client().load().version == 1


class TestHistory:
    def test_keeps_every_version(self, here: Place) -> None:
        here.repository.publish([entry()], 1)
        here.repository.publish([entry(state=State.REVOKED)], 2)
        states = [[item.state for item in here.repository.history(version).entries] for version in (1, 2, 3)]
        assert states == [[], [State.APPROVED], [State.REVOKED]]

    @pytest.mark.parametrize("version", [0, -1, 2])
    def test_does_not_invent_versions(self, here: Place, version: int) -> None:
        with pytest.raises(NotFound, match="has no version") as caught:
            here.repository.history(version)
        assert caught.value.code == "version-unknown"

    def test_is_verified(self, here: Place) -> None:
        here.repository.publish([entry()], 1)
        path = here.metadata("1.targets.json")
        path.write_bytes(path.read_bytes().replace(b'"length":', b'"length":1'))
        with pytest.raises(Untrusted) as caught:
            here.repository.history(1)
        assert caught.value.code == "catalog-unsigned"

    def test_an_old_version_cannot_stand_in_for_another(self, here: Place) -> None:
        here.repository.publish([entry()], 1)
        here.metadata("1.targets.json").write_bytes(here.metadata("2.targets.json").read_bytes())
        with pytest.raises(Untrusted, match="holds version 2"):
            here.repository.history(1)


class TestRenew:
    def test_signs_the_same_entries_for_longer(self, tmp_path: Path) -> None:
        clock = Clock()
        here = place(tmp_path, clock=clock)
        before = here.repository.publish([entry()], 1)
        clock.move(days=20)
        after = here.repository.renew()
        assert (after.version, after.entries) == (before.version, before.entries)
        assert after.expires - before.expires == timedelta(days=20)

    def test_renews_targets_and_root_past_half_of_their_life(self, tmp_path: Path) -> None:
        clock = Clock()
        here = place(tmp_path, clock=clock)
        client = here.client(clock=clock)
        client.load()
        clock.move(days=200)
        renewed = here.repository.renew()
        assert renewed.version == 2
        assert here.metadata("2.root.json").exists()
        assert client.load().version == 2
        clock.move(days=200)
        assert here.repository.renew().version == 3

    def test_goes_on_without_the_keys_that_are_elsewhere(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        clock = Clock()
        here = place(tmp_path, clock=clock)
        (tmp_path / "keys" / "root.pem").unlink()
        (tmp_path / "keys" / "targets.pem").unlink()
        clock.move(days=200)
        assert here.repository.renew().version == 1
        assert "The root role expires" in caplog.text
        assert "The targets role expires" in caplog.text


class TwoApprovers(Repository):
    """What a site with two approvers will make: targets need both of their keys."""

    def _new_root(self) -> Root:
        root = super()._new_root()
        root.add_key(self._keys.generate(["second"])["second"].public_key, "targets")
        root.roles["targets"].threshold = 2
        return root


class TestThresholds:
    def test_as_many_signatures_are_made_as_the_root_demands(self, tmp_path: Path) -> None:
        TwoApprovers(tmp_path / "catalog", tmp_path / "keys").init()
        repository = Repository(tmp_path / "catalog", tmp_path / "keys")
        assert repository.publish([], 1).version == 2
        signed = Metadata.from_file(str(tmp_path / "catalog" / "metadata" / "2.targets.json"))
        assert len(signed.signatures) == 2

    def test_too_few_keys_publish_nothing(self, tmp_path: Path) -> None:
        TwoApprovers(tmp_path / "catalog", tmp_path / "keys").init()
        (tmp_path / "keys" / "second.pem").unlink()
        repository = Repository(tmp_path / "catalog", tmp_path / "keys")
        with pytest.raises(Unavailable, match="targets needs 2 signatures; the keys make 1"):
            repository.publish([], 1)


def test_lifetimes_are_those_of_the_lab_profile() -> None:
    assert Lifetimes() == replace(
        Lifetimes(), root=timedelta(days=365), targets=timedelta(days=365), snapshot=timedelta(days=30)
    )
