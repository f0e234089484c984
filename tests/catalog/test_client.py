"""None"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.catalog import Catalog, Client
from jupyter_envguard.catalog.client import Limits, _discard, address_of
from jupyter_envguard.errors import EnvGuardError, InvalidInput, Unavailable, Untrusted
from jupyter_envguard.files import locked
from tests.catalog.clients import edit
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
