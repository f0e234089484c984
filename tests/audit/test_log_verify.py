"""What verifying the log finds, and what is spooled for it."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_envguard.audit import UNSEEN, Actor, Head, Log, Query, Record, merged, spooled
from jupyter_envguard.audit import log as module
from jupyter_envguard.errors import EnvGuardError
from tests.audit.logs import START, event, filled, unguarded

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
