from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_envguard.audit import UNSEEN, Actor, Head, Log, Query, Record, merged, spooled
from jupyter_envguard.audit import log as module
from jupyter_envguard.errors import EnvGuardError, InvalidInput, NotFound, Unavailable, Untrusted
from jupyter_envguard.files import locked
from tests.audit.logs import event, filled, opened, unguarded
from tests.disks import tiny_disk
from tests.forks import as_nobody

START = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
WRITER = """
import sys
from pathlib import Path
from jupyter_envguard.audit import Actor, Event, Log
log = Log(Path(sys.argv[1]))
event = Event(type="kernel.start", outcome="allowed", actor=Actor("ada", 1000))
for _ in range(int(sys.argv[2])):
    print(log.append(event).seq, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


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


CHANGES: dict[str, str] = {
    "an edited body": "UPDATE events SET body = replace(body, 'ada', 'eve') WHERE seq = 3",
    "an edited hash": "UPDATE events SET hash = (SELECT hash FROM events WHERE seq = 1) WHERE seq = 3",
    "a body that is no text": "UPDATE events SET body = x'00ff' WHERE seq = 3",
    "a deletion": "DELETE FROM events WHERE seq = 3",
    "a deletion with the gap closed": (
        "DELETE FROM events WHERE seq = 3; UPDATE events SET seq = seq - 1 WHERE seq > 3"
    ),
    "an exchange": (
        "UPDATE events SET seq = -seq WHERE seq IN (3, 4); UPDATE events SET seq = 7 + seq WHERE seq < 0"
    ),
    "an insertion in front": "INSERT INTO events SELECT 0, hash, body FROM events WHERE seq = 1",
    "a deletion in front": "DELETE FROM events WHERE seq = 1",
}


class TestVerify:
    def test_an_empty_log_holds(self, path: Path) -> None:
        log = filled(path, 1)
        unguarded(path, "DELETE FROM events")
        assert log.verify() == module.Verification(Head(0, ""))

    def test_a_log_holds_and_says_where_it_ends(self, path: Path) -> None:
        log = filled(path, 7)
        assert log.verify() == module.Verification(log.head())
        assert log.head() == Head(7, list(log.read())[-1].digest())

    @pytest.mark.parametrize("change", list(CHANGES.values()), ids=list(CHANGES))
    def test_finds(self, path: Path, change: str) -> None:
        log = filled(path)
        unguarded(path, *change.split(";"))
        found = log.verify()
        assert not found.ok
        assert found.broken in (1, 3)
        assert found.head.seq == found.broken - 1

    def test_finds_a_record_recomputed_without_those_after_it(self, path: Path) -> None:
        log = filled(path)
        third = list(log.read())[2]
        body = third.canonical().decode().replace('"n":2', '"n":9')
        digest = Record.from_bytes(body.encode()).digest()
        unguarded(path, f"UPDATE events SET body = '{body}', hash = '{digest}' WHERE seq = 3")
        assert log.verify().broken == 4

    def test_finds_text_that_is_no_record(self, path: Path) -> None:
        log = filled(path, 2)
        digest = module.sha256_digest(b"[]")
        unguarded(path, f"UPDATE events SET body = '[]', hash = '{digest}' WHERE seq = 2")
        assert log.verify().problem == "record 2 does not follow the one before it"

    def test_finds_triggers_gone(self, path: Path) -> None:
        log = filled(path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TRIGGER events_stay")
        assert "triggers" in log.verify().problem

    def test_cannot_see_a_cut_without_a_kept_head_and_says_so(self, path: Path) -> None:
        log = filled(path)
        kept = log.head()
        unguarded(path, "DELETE FROM events WHERE seq > 3")
        assert log.verify().ok
        assert "cut off" in UNSEEN
        found = log.verify(kept)
        assert (found.broken, found.problem) == (4, "records up to 5 were there and are cut off")

    def test_finds_a_log_written_anew_by_a_kept_head(self, path: Path, tmp_path: Path) -> None:
        log = filled(path)
        kept = log.head()
        path.unlink()
        filled(path, 6)
        assert log.verify().ok
        assert log.verify(kept).problem == "record 5 is not the one that was there when its head was kept"

    def test_a_grown_log_still_holds_its_kept_heads(self, path: Path) -> None:
        log = filled(path, 2)
        kept = [Head(0, ""), log.head()]
        filled(path, 2)
        kept.append(log.head())
        filled(path, 2)
        assert log.verify(*kept).ok

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 10**6))
    def test_finds_any_flipped_byte_of_a_record(
        self, tmp_path_factory: pytest.TempPathFactory, seed: int
    ) -> None:
        path = tmp_path_factory.mktemp("log") / "log.sqlite"
        log = filled(path, 3)
        chance = random.Random(seed)
        seq = chance.randint(1, 3)
        body = bytearray(list(log.read())[seq - 1].canonical())
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(7)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'events_stay'").fetchone()
            connection.execute("DROP TRIGGER events_stay")
            connection.execute("UPDATE events SET body = ? WHERE seq = ?", (body.decode("latin-1"), seq))
            connection.execute(sql)
        assert log.verify().broken == seq


class TestSpool:
    def test_merges_logs_in_the_order_of_time(self, tmp_path: Path) -> None:
        for user, minutes in (("ada", (0, 2)), ("bob", (1, 3))):
            (tmp_path / user).mkdir()
            moments = iter(START + timedelta(minutes=minute) for minute in minutes)
            with Log(tmp_path / user / "default.sqlite", clock=lambda moments=moments: next(moments)) as log:
                for _ in minutes:
                    log.append(event(actor=Actor(user)))
        problems: list[EnvGuardError] = []
        logs = spooled(tmp_path)
        found = list(merged(logs, Query(), problems))
        assert [record.event.actor.name for record in found] == ["ada", "bob", "ada", "bob"]
        assert {record.source.trust for record in found} == {"self-reported"}
        newest = list(merged(logs, Query(newest_first=True, limit=3), problems))
        assert [record.event.actor.name for record in newest] == ["bob", "ada", "bob"]
        assert problems == []

    def test_a_broken_log_does_not_hide_the_others(self, tmp_path: Path) -> None:
        (tmp_path / "ada").mkdir()
        filled(tmp_path / "ada" / "default.sqlite", 2)
        (tmp_path / "eve").mkdir()
        (tmp_path / "eve" / "default.sqlite").write_bytes(b"x" * 5000)
        (tmp_path / "lead").symlink_to(tmp_path / "ada")
        (tmp_path / "mallory").mkdir()
        (tmp_path / "mallory" / "default.sqlite").symlink_to("/etc/passwd")
        problems: list[EnvGuardError] = []
        assert len(list(merged(spooled(tmp_path), Query(), problems))) == 2
        assert [problem.code for problem in problems] == ["log-invalid", "invalid-argument"]

    def test_one_user_cannot_hide_their_log_or_others_behind_many_files(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MOST_NAMES", 3)
        for user in ("eve", "zoe"):
            (tmp_path / user).mkdir()
            filled(tmp_path / user / "default.sqlite", 1)
        for number in range(9):
            (tmp_path / "eve" / f"{number}.txt").touch()
        problems: list[EnvGuardError] = []
        assert [log.path.parent.name for log in spooled(tmp_path, problems)] == ["eve", "zoe"]
        (problem,) = problems
        assert (problem.code, str(tmp_path / "eve") in problem.message) == ("log-invalid", True)
        monkeypatch.setattr(module, "MOST_FOLDERS", 1)
        assert len(spooled(tmp_path)) == 1

    def test_an_empty_spool_has_no_logs(self, tmp_path: Path) -> None:
        assert spooled(tmp_path / "nothing") == ()


def test_a_machine_without_a_boot_id_still_records(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BOOT", Path("/nonexistent"))
    module._boot.cache_clear()
    try:
        with Log(path) as log:
            assert log.append(event()).boot == ""
    finally:
        module._boot.cache_clear()
