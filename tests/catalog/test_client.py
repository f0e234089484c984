from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Targets

from jupyter_envguard.catalog import Catalog, Client, State
from jupyter_envguard.catalog.client import Limits, _discard, address_of
from jupyter_envguard.catalog.repository import Lifetimes
from jupyter_envguard.errors import EnvGuardError, InvalidInput, Unavailable, Untrusted
from jupyter_envguard.files import locked
from tests.catalogs import Clock, Place, entry, place
from tests.forks import as_nobody

READER = """
import sys
from pathlib import Path
from jupyter_envguard.catalog.client import Client
client = Client(sys.argv[1], Path(sys.argv[2]))
seen = loads = 0
while seen < 101:
    version = client.load().version
    assert version >= seen, (version, seen)
    seen, loads = version, loads + 1
print(loads)
"""


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return place(tmp_path)


def edit(path: Path, change: Callable[[Any], None]) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


class TestLoad:
    def test_returns_what_was_published(self, here: Place) -> None:
        published = here.repository.publish([entry()], 1)
        assert here.client().load() == published

    def test_reads_the_root_of_trust_from_a_file(self, here: Place, tmp_path: Path) -> None:
        (tmp_path / "root.json").write_bytes(here.root)
        assert Client(here.catalog, tmp_path / "root.json").load().version == 1

    def test_takes_a_file_address(self, here: Place) -> None:
        assert Client(here.catalog.as_uri(), here.root).load().version == 1

    def test_is_unharmed_by_strange_names(self, tmp_path: Path) -> None:
        folder = tmp_path / "ü %41 #?"
        folder.mkdir()
        here = place(folder)
        assert here.client().load() == Client(here.catalog.as_uri(), here.root).load()

    def test_needs_no_right_to_write_beside_the_catalog(self, here: Place, tmp_path: Path) -> None:
        for path in (tmp_path, *tmp_path.parents):
            if path.stat().st_uid == os.getuid() and path != Path("/"):
                path.chmod(path.stat().st_mode | 0o055)

        as_nobody(lambda: here.client().load())

    def test_remembers_in_a_folder_of_its_own_that_goes_with_it(self, here: Place) -> None:
        client = here.client()
        client.load()
        state = client._state
        assert state is not None
        assert state.stat().st_mode & 0o777 == 0o700
        del client
        assert not state.exists()

    def test_a_child_process_does_not_take_the_folder_away(self, here: Place) -> None:
        client = here.client()
        client.load()
        assert client._state is not None
        _discard(client._state, os.getppid())  # What a child process does when it ends.
        assert client._state.exists()

    def test_waits_for_another_process_with_the_same_state_and_gives_up(
        self, here: Place, tmp_path: Path
    ) -> None:
        (tmp_path / "state").mkdir()
        with locked(tmp_path / "state" / ".lock", 1), pytest.raises(Unavailable) as caught:
            here.client(state=tmp_path / "state", limits=Limits(lock_seconds=0)).load()
        assert caught.value.code == "locked"

    def test_says_that_its_state_cannot_be_kept(self, here: Place, tmp_path: Path) -> None:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "root_history").touch()
        with pytest.raises(EnvGuardError, match="keep the state"):
            here.client(state=tmp_path / "state").load()


class TestCurrent:
    def test_is_the_same_catalog_until_something_changes(self, here: Place) -> None:
        client = here.client()
        first = client.current()
        assert client.current() is first
        here.repository.publish([entry()], 1)
        assert client.current().entries == (entry(),)

    def test_costs_one_stat_when_nothing_changed(self, here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        client = here.client()
        client.current()
        calls: list[object] = []
        real = os.stat
        monkeypatch.setattr(os, "stat", lambda *args, **names: calls.append(args) or real(*args, **names))
        monkeypatch.setattr(client, "load", lambda: pytest.fail("read again"))
        client.current()
        assert len(calls) == 1

    def test_keeps_a_fresh_catalog_while_the_place_is_gone(
        self, here: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = here.client()
        first = client.current()
        here.catalog.rename(here.folder / "elsewhere")
        assert client.current() is first
        assert "kept as of version 1" in caplog.text
        (here.folder / "elsewhere").rename(here.catalog)
        here.repository.publish([], 1)
        assert client.current().version == 2

    def test_does_not_keep_an_expired_one(self, here: Place) -> None:
        clock = Clock()
        client = here.client(clock=clock)
        client.current()
        here.catalog.rename(here.folder / "elsewhere")
        clock.move(days=31)
        with pytest.raises(Unavailable) as caught:
            client.current()
        assert caught.value.code == "catalog-unreachable"

    def test_does_not_keep_one_that_was_tampered_with(self, here: Place) -> None:
        client = here.client()
        client.current()
        here.repository.publish([entry()], 1)
        here.metadata("timestamp.json").write_text("{}")
        for _ in range(2):
            with pytest.raises(Untrusted) as caught:
                client.current()
            assert caught.value.code == "catalog-tampered"

    def test_passes_other_trouble_on(self, here: Place) -> None:
        client = here.client(limits=Limits(lock_seconds=0))
        client.current()
        here.repository.publish([], 1)
        assert client._state is not None
        with locked(client._state / ".lock", 1), pytest.raises(Unavailable) as caught:
            client.current()
        assert caught.value.code == "locked"


class TestChanged:
    def test_is_so_before_the_first_reading(self, here: Place) -> None:
        assert here.client().changed()

    def test_is_not_so_after_it(self, here: Place) -> None:
        client = here.client()
        client.load()
        assert not client.changed()

    def test_is_so_after_a_publication(self, here: Place) -> None:
        client = here.client()
        client.load()
        here.repository.publish([], 1)
        assert client.changed()

    def test_is_so_when_the_catalog_is_gone(self, here: Place) -> None:
        client = here.client()
        client.load()
        here.metadata("timestamp.json").unlink()
        assert client.changed()


class TestTrust:
    """Attacks, each refused with its own code."""

    def refused(self, client: Client) -> str:
        with pytest.raises(Untrusted) as caught:
            client.load()
        assert str(client.address) in caught.value.message or "clock" in caught.value.message
        return caught.value.code

    def test_an_edited_catalog(self, here: Place) -> None:
        here.repository.publish([entry(groups=())], 1)
        path = next(path for path in (here.catalog / "targets").iterdir() if b"datasci" in path.read_bytes())
        path.write_bytes(path.read_bytes().replace(b'"groups":[]', b'"groups":[ '))
        assert self.refused(here.client()) == "catalog-tampered"

    def test_a_longer_catalog(self, here: Place) -> None:
        path = next((here.catalog / "targets").iterdir())
        path.write_bytes(path.read_bytes() + b" ")
        assert self.refused(here.client()) == "catalog-tampered"

    def test_an_older_catalog_in_place_of_the_newest(self, here: Place) -> None:
        here.repository.publish([entry()], 1)
        one, two = sorted((here.catalog / "targets").iterdir(), key=lambda path: path.stat().st_size)
        two.write_bytes(one.read_bytes())
        assert self.refused(here.client()) == "catalog-tampered"

    def test_no_signature(self, here: Place) -> None:
        edit(here.metadata("timestamp.json"), lambda document: document["signatures"].clear())
        assert self.refused(here.client()) == "catalog-unsigned"

    def test_a_signature_over_something_else(self, here: Place) -> None:
        edit(here.metadata("timestamp.json"), lambda document: document["signed"].update(version=9))
        assert self.refused(here.client()) == "catalog-unsigned"

    def test_another_site(self, here: Place, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        other = place(tmp_path / "other")
        assert self.refused(Client(other.catalog, here.root)) == "catalog-unsigned"

    def test_a_replay(self, here: Place) -> None:
        client = here.client()
        old = here.metadata("timestamp.json").read_bytes()
        here.repository.publish([entry(state=State.REVOKED)], 1)
        client.load()
        here.metadata("timestamp.json").write_bytes(old)
        assert self.refused(client) == "catalog-rollback"

    def test_a_replay_after_the_state_was_wiped(self, here: Place) -> None:
        client = here.client()
        old = here.metadata("timestamp.json").read_bytes()
        here.repository.publish([entry(state=State.REVOKED)], 1)
        client.load()
        state = client._state
        assert state is not None
        for path in (state / "timestamp.json", state / "snapshot.json", state / "targets.json"):
            path.unlink()
        here.metadata("timestamp.json").write_bytes(old)
        assert self.refused(client) == "catalog-rollback"

    def test_a_replay_to_another_process_with_the_same_state(self, here: Place, tmp_path: Path) -> None:
        old = here.metadata("timestamp.json").read_bytes()
        here.repository.publish([entry(state=State.REVOKED)], 1)
        here.client(state=tmp_path / "state").load()
        here.metadata("timestamp.json").write_bytes(old)
        assert self.refused(here.client(state=tmp_path / "state")) == "catalog-rollback"

    def test_a_replay_to_a_new_node_that_was_told_the_least_version(self, here: Place) -> None:
        old = here.metadata("timestamp.json").read_bytes()
        here.repository.publish([], 1)
        here.metadata("timestamp.json").write_bytes(old)
        assert self.refused(here.client(minimum_version=2)) == "catalog-rollback"
        assert here.client().load().version == 1

    @pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
    def test_a_freeze(self, tmp_path: Path, role: str) -> None:
        here = place(tmp_path, lifetimes=Lifetimes(**{role: timedelta(seconds=-1)}))
        assert self.refused(here.client()) == "catalog-expired"

    def test_a_mix_of_versions(self, here: Place) -> None:
        here.repository.publish([entry()], 1)
        here.metadata("2.targets.json").write_bytes(here.metadata("1.targets.json").read_bytes())
        assert self.refused(here.client()) == "catalog-tampered"

    def test_a_swap_without_a_new_version(self, here: Place, tmp_path: Path) -> None:
        signed = Metadata[Targets].from_file(str(here.metadata("1.targets.json")))
        signed.signed.expires += timedelta(days=1)
        signed.sign(key_of(here, "targets"))
        here.metadata("1.targets.json").write_bytes(signed.to_bytes())
        assert self.refused(here.client()) == "catalog-tampered"

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 4000, b"{}"])
    def test_garbage(self, here: Place, content: bytes) -> None:
        here.metadata("timestamp.json").write_bytes(content)
        assert self.refused(here.client()) == "catalog-tampered"

    def test_endless_metadata(self, here: Place) -> None:
        with here.metadata("timestamp.json").open("ab") as file:
            file.truncate(1 << 40)
        assert self.refused(here.client()) == "catalog-tampered"

    def test_a_root_that_is_none(self, here: Place) -> None:
        assert self.refused(Client(here.catalog, b"{}")) == "catalog-tampered"

    def test_a_missing_root_of_trust(self, here: Place, tmp_path: Path) -> None:
        with pytest.raises(Untrusted, match=r"root\.json cannot be read: No such file") as caught:
            Client(here.catalog, tmp_path / "root.json").load()
        assert caught.value.code == "trust-missing"

    def test_a_file_that_is_no_root_of_trust_is_named_and_can_be_corrected(
        self, here: Place, tmp_path: Path
    ) -> None:
        path = tmp_path / "root.json"
        client = Client(here.catalog, path)
        for content in (b"{}", b"", here.metadata("timestamp.json").read_bytes()):
            path.write_bytes(content)
            with pytest.raises(Untrusted, match=r"root\.json does not hold a root of trust") as caught:
                client.load()
            assert caught.value.code == "trust-missing"
        path.write_bytes(here.root)
        assert client.load().version == 1

    def test_a_clock_that_is_behind_the_signatures(self, here: Place) -> None:
        clock = Clock()
        clock.move(days=-400)
        assert self.refused(here.client(clock=clock)) == "clock-behind"

    def test_a_clock_that_is_put_back(self, here: Place) -> None:
        clock = Clock()
        client = here.client(clock=clock)
        clock.move(days=10)
        client.current()
        clock.move(days=-9)
        with pytest.raises(Untrusted) as caught:
            client.current()
        assert caught.value.code == "clock-behind"

    def test_a_clock_that_is_a_little_behind_is_normal(self, here: Place) -> None:
        clock = Clock()
        clock.move(minutes=-4)
        assert here.client(clock=clock).load().version == 1

    def test_a_publication_from_the_future_does_no_lasting_harm(self, tmp_path: Path) -> None:
        clock = Clock()
        here = place(tmp_path, clock=clock)
        client = here.client()
        client.load()
        clock.move(days=9)
        here.repository.publish([], 1)
        assert self.refused(client) == "clock-behind"
        clock.move(days=-9)
        here.repository.publish([], 2)
        assert client.load().version == 3


def key_of(here: Place, role: str) -> CryptoSigner:
    """Return the site's key of a role, as an attacker who stole it would hold it."""
    root = Metadata[Root].from_bytes(here.root).signed
    signers = here.repository._keys.signers()
    found = signers[root.roles[role].keyids[0]]
    assert isinstance(found, CryptoSigner)
    return found


class TestRotation:
    """What a later part will do with keys; readers are ready for it."""

    def rotated(self, here: Place, *signers: CryptoSigner, **roles: CryptoSigner) -> None:
        root = Metadata[Root].from_bytes(here.root).signed
        root.version = 2
        for role, signer in roles.items():
            for keyid in list(root.roles[role].keyids):
                root.revoke_key(keyid, role)
            root.add_key(signer.public_key, role)
        metadata = Metadata(root)
        for signer in signers:
            metadata.sign(signer, append=True)
        here.metadata("2.root.json").write_bytes(metadata.to_bytes())

    def test_a_root_signed_by_itself_only_is_refused(self, here: Place) -> None:
        mine = CryptoSigner.generate_ed25519()
        self.rotated(here, mine, root=mine)
        with pytest.raises(Untrusted) as caught:
            here.client().load()
        assert caught.value.code == "catalog-unsigned"

    def test_a_root_signed_by_old_and_new_is_followed(self, here: Place) -> None:
        new = CryptoSigner.generate_ed25519()
        self.rotated(here, key_of(here, "root"), new, root=new)
        assert here.client().load().version == 1

    def test_a_revoked_key_signs_nothing_any_more(self, here: Place) -> None:
        self.rotated(here, key_of(here, "root"), targets=CryptoSigner.generate_ed25519())
        with pytest.raises(Untrusted) as caught:
            here.client().load()
        assert caught.value.code == "catalog-unsigned"

    def test_one_of_two_signatures_is_none(self, here: Place) -> None:
        root = Metadata[Root].from_bytes(here.root).signed
        root.version = 2
        root.add_key(CryptoSigner.generate_ed25519().public_key, "targets")
        root.roles["targets"].threshold = 2
        metadata = Metadata(root)
        metadata.sign(key_of(here, "root"))
        here.metadata("2.root.json").write_bytes(metadata.to_bytes())
        with pytest.raises(Untrusted, match="targets was signed by 1/2 keys") as caught:
            here.client().load()
        assert caught.value.code == "catalog-unsigned"


class TestConcurrency:
    def test_readers_see_every_version_whole_while_a_hundred_are_published(
        self, here: Place, tmp_path: Path
    ) -> None:
        (tmp_path / "root.json").write_bytes(here.root)
        command = [sys.executable, "-c", READER, str(here.catalog), str(tmp_path / "root.json")]
        readers = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        for version in range(1, 101):
            here.repository.publish([entry(release=str(version))], version)
        for reader in readers:
            out, err = reader.communicate()
            assert reader.returncode == 0, err
            assert int(out) > 1

    def test_threads_share_a_client(self, here: Place) -> None:
        client, found = here.client(), []

        def read() -> None:
            found.extend(client.load().version for _ in range(10))

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [1] * 40


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Stay silent."""


@pytest.fixture
def server(here: Place) -> Iterator[str]:
    def handler(*arguments: Any) -> _Handler:
        return _Handler(*arguments, directory=str(here.catalog))

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()
        thread.join()


class TestHttp:
    def test_reads_over_http(self, here: Place, server: str) -> None:
        here.repository.publish([entry()], 1)
        client = Client(server, here.root)
        assert not client.is_local
        assert client.load().entries == (entry(),)

    def test_asks_again_after_a_while_only(self, here: Place, server: str) -> None:
        patient = Client(server, here.root)
        eager = Client(server, here.root, limits=Limits(refresh_seconds=0))
        patient.current()
        eager.current()
        here.repository.publish([], 1)
        assert (patient.current().version, eager.current().version) == (1, 2)

    def test_refuses_tampering_over_http(self, here: Place, server: str) -> None:
        edit(here.metadata("timestamp.json"), lambda document: document["signatures"].clear())
        with pytest.raises(Untrusted) as caught:
            Client(server, here.root).load()
        assert caught.value.code == "catalog-unsigned"

    def test_says_that_a_server_is_not_there(self, here: Place) -> None:
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1") as caught:
            Client("http://127.0.0.1:1", here.root).load()
        assert caught.value.code == "catalog-unreachable"


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("/srv/catalog/", "/srv/catalog"),
        (Path("/srv/catalog"), "/srv/catalog"),
        ("file:///srv/my%20catalog", "/srv/my catalog"),
        ("https://hub.example.org/catalog/", "https://hub.example.org/catalog"),
    ],
)
def test_an_address_has_one_form(source: str | Path, address: str) -> None:
    assert address_of(source) == address


def test_a_relative_path_stays_where_it_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert address_of("catalog") == str(tmp_path / "catalog")


@pytest.mark.parametrize("source", ["ftp://hub.example.org/x", "s3://bucket"])
def test_other_schemes_are_refused(source: str) -> None:
    with pytest.raises(InvalidInput, match="unknown scheme"):
        address_of(source)


def test_importing_the_client_does_not_import_python_tuf() -> None:
    script = (
        "import sys, jupyter_envguard.catalog\n"
        "heavy = {'tuf', 'securesystemslib', 'cryptography', 'urllib3', 'http.client'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
        "jupyter_envguard.catalog.Repository\n"
        "assert 'tuf' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_package_has_no_other_lazy_names() -> None:
    import jupyter_envguard.catalog as package

    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        package.Nothing  # noqa: B018
    assert package.Catalog is Catalog
    assert package.Repository.__name__ == "Repository"
