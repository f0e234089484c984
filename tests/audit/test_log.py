"""None"""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from jupyter_envguard.audit import Actor, Log, Query
from jupyter_envguard.audit import log as module
from jupyter_envguard.errors import EnvGuardError, InvalidInput, NotFound, Unavailable, Untrusted
from jupyter_envguard.files import locked
from tests.audit.logs import START, event, filled, opened, unguarded
from tests.disks import tiny_disk
from tests.forks import as_nobody

WRITER = """
import sys
from pathlib import Path
from jupyter_envguard.audit import Actor, Event, Log
log = Log(Path(sys.argv[1]))
event = Event(type="kernel.start", outcome="allowed", actor=Actor("ada", 1000))
for _ in range(int(sys.argv[2])):
    print(log.append(event).seq, flush=True)
"""


class TestAppend:
    def test_returns_the_record_in_its_place(self, path: Path) -> None:
        with Log(path, component="cli", clock=lambda: START) as log:
            one, two = log.append(event()), log.append(event("kernel.stop"))
        assert (one.seq, two.seq) == (1, 2)
        assert (one.previous, two.previous) == ("", one.digest())
        assert one.time == "2026-11-27T12:00:00.000Z"
        assert (one.source.component, one.source.trust, one.source.node) == (
            "cli",
            "site",
            os.uname().nodename,
        )
        assert one.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def test_gives_ids_that_differ_and_sort_by_time(self, path: Path) -> None:
        moments = iter([START, START + timedelta(seconds=1)])
        with Log(path, clock=lambda: next(moments)) as log:
            one, two = log.append(event()), log.append(event())
        assert len(one.id) == len(two.id) == 26
        assert one.id < two.id

    def test_goes_on_where_another_process_stopped(self, path: Path) -> None:
        filled(path, 3)
        with Log(path) as log:
            assert log.append(event()).seq == 4

    def test_makes_a_file_for_its_owner_and_group(self, path: Path) -> None:
        filled(path)
        assert stat.S_IMODE(path.stat().st_mode) & 0o137 == 0

    def test_does_not_make_a_log_that_is_missing(self, path: Path) -> None:
        with pytest.raises(NotFound, match=r"log\.sqlite") as caught:
            Log(path, create=False).append(event())
        assert caught.value.code == "file-not-found"
        assert not path.exists()

    @pytest.mark.parametrize("create", [False, True])
    def test_notices_that_the_file_is_gone(self, path: Path, create: bool) -> None:
        filled(path)
        with Log(path, create=create) as log:
            log.append(event())
            path.unlink()
            with pytest.raises(Untrusted, match="removed or replaced") as caught:
                log.append(event())
        assert caught.value.code == "log-invalid"

    def test_notices_that_another_file_took_its_place(self, path: Path, tmp_path: Path) -> None:
        filled(tmp_path / "other.sqlite", 2)
        with Log(path) as log:
            log.append(event())
            (tmp_path / "other.sqlite").replace(path)
            with pytest.raises(Untrusted, match="removed or replaced"):
                log.append(event())

    def test_records_nothing_that_is_too_large(self, path: Path) -> None:
        with Log(path) as log:
            log.append(event())
            with pytest.raises(InvalidInput) as caught:
                log.append(event(detail={str(n): "x" * 1000 for n in range(9)}))
            assert caught.value.code == "event-too-large"
            assert log.append(event()).seq == 2
        assert log.verify().ok

    def test_waits_in_turn_and_gives_up(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "LOCK_SECONDS", 0)
        with locked(path.with_name("log.sqlite.lock"), 1), pytest.raises(Unavailable) as caught:
            Log(path).append(event())
        assert caught.value.code == "locked"

    def test_says_so_when_something_else_holds_the_database(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jupyter_envguard.audit.database.BUSY_MILLISECONDS", 0)
        filled(path)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable) as caught:
                Log(path).append(event())
        assert caught.value.code == "locked"

    def test_serves_several_threads(self, path: Path) -> None:
        with Log(path) as log:
            threads = [
                threading.Thread(target=lambda: [log.append(event()) for _ in range(20)]) for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert log.verify() == module.Verification(log.head())
        assert log.head().seq == 80

    def test_serves_several_processes(self, path: Path) -> None:
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(path), "40"], stdout=subprocess.PIPE)
            for _ in range(3)
        ]
        placed = [int(seq) for writer in writers for seq in writer.communicate()[0].split()]
        assert sorted(placed) == list(range(1, 121))
        assert Log(path).verify().ok

    def test_keeps_what_it_acknowledged_when_killed(self, path: Path) -> None:
        for round_ in range(6):
            with subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), "100000"], stdout=subprocess.PIPE, text=True
            ) as writer:
                assert writer.stdout
                seen = [int(writer.stdout.readline()) for _ in range(3 * round_ + 1)][-1]
                writer.send_signal(signal.SIGKILL)
            log = Log(path)
            assert log.head().seq >= seen
            assert log.verify().ok

    def test_keeps_what_it_acknowledged_on_a_full_disk(self, tmp_path: Path) -> None:
        with tiny_disk(tmp_path / "disk", 512) as disk:
            with Log(disk / "log.sqlite") as log:
                seen = 0
                with pytest.raises(Unavailable) as caught:
                    while True:
                        seen = log.append(event(detail={"padding": "x" * 900})).seq
                assert caught.value.code == "disk-full"
            assert seen > 50
            assert log.head().seq == seen
            assert log.verify().ok

    def test_refuses_a_file_that_is_no_log(self, path: Path) -> None:
        path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
        with pytest.raises(Untrusted) as caught:
            Log(path).append(event())
        assert caught.value.code == "log-invalid"

    def test_refuses_another_database(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE events (seq, hash, body)")
        with pytest.raises(Untrusted, match="is not a log"):
            Log(path).append(event())

    def test_refuses_a_link(self, path: Path, tmp_path: Path) -> None:
        filled(tmp_path / "other.sqlite")
        path.symlink_to(tmp_path / "other.sqlite")
        with pytest.raises(EnvGuardError, match="not a regular file"):
            Log(path).append(event())

    def test_says_that_it_may_not_write(self, path: Path, tmp_path: Path) -> None:
        filled(path)
        opened(tmp_path)

        def write() -> None:
            with pytest.raises(Unavailable) as caught:
                Log(path).append(event())
            assert caught.value.code == "permission-denied"

        as_nobody(write)

    def test_refuses_a_file_system_that_cannot_hold_a_log(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        uri = module.database._uri
        monkeypatch.setattr(module.database, "_uri", lambda *parts: uri(*parts) + "&vfs=unix-none")
        with pytest.raises(EnvGuardError, match="cannot hold a log"):
            Log(path).append(event())

    def test_refuses_a_folder_where_nothing_can_be_made(self) -> None:
        with pytest.raises(EnvGuardError, match=r"/proc/self/log\.sqlite"):
            Log(Path("/proc/self/log.sqlite")).append(event())


class TestRead:
    @pytest.fixture
    def log(self, path: Path) -> Log:
        moments = iter(START + timedelta(minutes=n) for n in range(9))
        log = Log(path, clock=lambda: next(moments))
        log.append(event("site.init"))
        log.append(event("kernel.start", release="datasci@1"))
        log.append(event("kernel.denied", outcome="denied", reason="revoked", release="datasci@2"))
        log.append(event("kernel.stop", actor=Actor("bob", 1001), release="datasci@1"))
        log.append(event("release.import", outcome="error", reason="disk-full"))
        log.close()
        return log

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            (Query(), [1, 2, 3, 4, 5]),
            (Query(newest_first=True), [5, 4, 3, 2, 1]),
            (Query(limit=2), [1, 2]),
            (Query(limit=2, newest_first=True), [5, 4]),
            (Query(limit=0), []),
            (Query(type="kernel.start"), [2]),
            (Query(type="kernel"), [2, 3, 4]),
            (Query(type="kern"), []),
            (Query(release="datasci@1"), [2, 4]),
            (Query(actor="bob"), [4]),
            (Query(outcome="denied"), [3]),
            (Query(since=START + timedelta(minutes=3)), [4, 5]),
            (Query(until=START + timedelta(minutes=3)), [1, 2, 3]),
            (Query(since=START + timedelta(minutes=1), until=START + timedelta(minutes=2)), [2]),
            (Query(type="kernel", actor="ada", release="datasci@1"), [2]),
            (Query(actor="' OR 1=1 --"), []),
        ],
        ids=str,
    )
    def test_finds_what_is_asked_for(self, log: Log, query: Query, found: list[int]) -> None:
        assert [record.seq for record in log.read(query)] == found

    def test_returns_what_was_appended(self, path: Path) -> None:
        with Log(path) as log:
            written = log.append(event("export", detail={"é": ["\u2028", {"a": None}]}))
            assert list(log.read()) == [written]

    @pytest.mark.parametrize("limit", [None, 4, 7])
    @pytest.mark.parametrize("newest_first", [False, True])
    def test_goes_through_many_pages(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, limit: int | None, newest_first: bool
    ) -> None:
        monkeypatch.setattr(module, "PAGE", 3)
        log = filled(path, 8)
        found = [record.seq for record in log.read(Query(limit=limit, newest_first=newest_first))]
        expected = list(range(8, 0, -1)) if newest_first else list(range(1, 9))
        assert found == expected[:limit]

    def test_needs_a_log(self, path: Path) -> None:
        with pytest.raises(NotFound):
            list(Log(path).read())

    def test_stops_at_a_record_that_cannot_be_read(self, path: Path) -> None:
        log = filled(path, 2)
        unguarded(path, "UPDATE events SET body = '{}' WHERE seq = 2")
        reading = log.read()
        assert next(reading).seq == 1
        with pytest.raises(Untrusted) as caught:
            next(reading)
        assert caught.value.code == "log-invalid"

    def test_a_body_that_is_no_json_is_said_to_be_so(self, path: Path) -> None:
        log = filled(path, 2)
        unguarded(path, "UPDATE events SET body = 'x' WHERE seq = 2")
        with pytest.raises(Untrusted):
            list(log.read())

    def test_believes_a_self_reported_log_no_more_than_that(self, path: Path) -> None:
        with Log(path, trust="site") as log:
            log.append(event())
        (read,) = Log(path, trust="self-reported").read()
        assert read.source.trust == "self-reported"


def test_a_machine_without_a_boot_id_still_records(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BOOT", Path("/nonexistent"))
    module._boot.cache_clear()
    try:
        with Log(path) as log:
            assert log.append(event()).boot == ""
    finally:
        module._boot.cache_clear()
