from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.audit import Log, database
from jupyter_envguard.errors import EnvGuardError, Unavailable, Untrusted
from tests.audit.logs import event, filled, opened
from tests.forks import as_nobody


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


class TestTriggers:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE events SET body = '{}' WHERE seq = 2",
            "UPDATE events SET seq = 9 WHERE seq = 2",
            "DELETE FROM events WHERE seq = 5",
            "DELETE FROM events",
            "INSERT INTO events VALUES (9, '', '')",
            "INSERT OR REPLACE INTO events VALUES (2, '', '')",
            "INSERT INTO events (hash, body) VALUES ('', '')",
            "INSERT INTO events VALUES (3, '', '') ON CONFLICT(seq) DO UPDATE SET body = ''",
        ],
    )
    def test_a_log_only_grows(self, path: Path, statement: str) -> None:
        filled(path)
        with (
            closing(sqlite3.connect(path)) as connection,
            pytest.raises(sqlite3.DatabaseError, match="events are"),
        ):
            connection.execute(statement)
        assert Log(path).verify().ok


class TestReaders:
    def test_somebody_who_may_only_read_reads_a_closed_log(self, path: Path, tmp_path: Path) -> None:
        filled(path, 3)
        path.chmod(0o644)
        opened(tmp_path)

        def read() -> None:
            assert [record.seq for record in Log(path).read()] == [1, 2, 3]
            assert Log(path).verify().ok

        as_nobody(read)
        assert sorted(item.name for item in tmp_path.iterdir()) == ["log.sqlite", "log.sqlite.lock"]

    def test_somebody_who_may_only_read_reads_an_open_log(self, path: Path, tmp_path: Path) -> None:
        opened(tmp_path)
        with Log(path) as log:
            log.append(event())
            for item in tmp_path.iterdir():
                item.chmod(0o644)

            def read() -> None:
                assert Log(path).head().seq == 1

            as_nobody(read)
            assert log.append(event()).seq == 2

    def test_joins_the_writers_locks_only_where_that_leaves_no_files_of_the_wrong_owner(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Log(path) as log:
            log.append(event())
            assert database._can_join(path)
            monkeypatch.setattr(os, "geteuid", lambda: 4711)
            assert database._can_join(path)
        assert not database._can_join(path)

    def test_somebody_who_may_not_read_is_told_so(self, path: Path, tmp_path: Path) -> None:
        filled(path)
        path.chmod(0o600)
        opened(tmp_path)

        def read() -> None:
            with pytest.raises(Unavailable) as caught:
                Log(path).head()
            assert caught.value.code == "permission-denied"

        as_nobody(read)

    def test_a_reader_without_locks_asks_again_when_the_log_grew(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = filled(path, 1)
        asked: list[int] = []
        real = database._ask

        def grown(*arguments: Any) -> Any:
            answer = real(*arguments)
            if not asked:
                filled(path, 1)
            asked.append(1)
            return answer

        monkeypatch.setattr(database, "_can_join", lambda path: False)
        monkeypatch.setattr(database, "_ask", grown)
        assert log.head().seq == 2
        assert len(asked) == 2

    def test_a_reader_without_locks_forgives_what_it_half_saw(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = filled(path, 1)
        real = database._ask
        broken = [True]

        def half(*arguments: Any) -> Any:
            if broken.pop() if broken else False:
                filled(path, 1)
                raise sqlite3.DatabaseError("database disk image is malformed")
            return real(*arguments)

        monkeypatch.setattr(database, "_can_join", lambda path: False)
        monkeypatch.setattr(database, "_ask", half)
        assert log.head().seq == 2

    def test_a_reader_without_locks_gives_up_on_a_log_that_never_rests(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = filled(path, 1)
        marks = iter(range(99))
        monkeypatch.setattr(database, "_can_join", lambda path: False)
        monkeypatch.setattr(database, "mark_of", lambda path: next(marks))
        with pytest.raises(Unavailable) as caught:
            log.head()
        assert caught.value.code == "locked"

    def test_reading_runs_nothing_that_stands_in_the_file(self, path: Path) -> None:
        filled(path)
        with closing(sqlite3.connect(path)) as hostile:
            hostile.execute("CREATE VIEW trap AS SELECT load_extension('/tmp/x.so')")
        with pytest.raises(Untrusted, match="is not a log"):
            list(Log(path).read())


def test_every_kind_of_trouble_has_a_code(path: Path) -> None:
    refusal: Callable[[sqlite3.Error, Path], EnvGuardError] = database._refusal
    codes = {}
    for name in ("FULL", "BUSY", "READONLY", "CANTOPEN", "CORRUPT", "NOTADB", "IOERR", "CONSTRAINT"):
        error = sqlite3.OperationalError(name)
        error.sqlite_errorcode = getattr(sqlite3, f"SQLITE_{name}")
        codes[name] = refusal(error, path).code
    path.touch()
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    assert refusal(error, path).code == "permission-denied"
    assert codes == {
        "FULL": "disk-full",
        "BUSY": "locked",
        "READONLY": "permission-denied",
        "CANTOPEN": "file-not-found",
        "CORRUPT": "log-invalid",
        "NOTADB": "log-invalid",
        "IOERR": "io-error",
        "CONSTRAINT": "log-invalid",
    }
