from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_envguard.audit import Query, Record, merged, spooled
from jupyter_envguard.errors import Denied, EnvGuardError, Unavailable
from jupyter_envguard.kernels.journal import Journal
from jupyter_envguard.kernels.subject import Subject
from tests.catalogs import entry

ADA = Subject("ada", frozenset(), "hub")


def events(spool: Path) -> list[Record]:
    return list(merged(spooled(spool), Query(), []))


def test_writes_what_happened_to_the_users_file(tmp_path: Path):
    Journal(tmp_path, "", required=True).write(
        "kernel.start", ADA, entry(), kernel_id="k", catalog=3, more="x"
    )
    assert (tmp_path / "ada/default.sqlite").is_file()
    (record,) = events(tmp_path)
    event = record.event
    assert (event.type, event.outcome, event.release, event.kernel_id) == (
        "kernel.start",
        "allowed",
        "datasci@2026.05",
        "k",
    )
    assert (event.actor.name, event.actor.uid, event.actor.auth) == ("ada", os.geteuid(), "hub-token")
    assert (event.catalog, dict(event.detail)) == (3, {"more": "x"})
    assert (record.source.component, record.source.trust) == ("session", "self-reported")
    assert set(event.digests) == {"manifest", "pack", "spec"}


def test_each_server_has_its_own_file(tmp_path: Path):
    for server in ("", "gpu", "a/b"):
        Journal(tmp_path, server, required=True).write("kernel.start", ADA, None)
    assert sorted(path.name for path in (tmp_path / "ada").glob("*.sqlite")) == [
        "a%2Fb.sqlite",
        "default.sqlite",
        "gpu.sqlite",
    ]


def test_tells_a_decision_from_a_failure(tmp_path: Path):
    written = Journal(tmp_path, "", required=True)
    written.write("kernel.denied", None, None, Denied("revoked", "no"))
    written.write("kernel.start", ADA, entry(), Unavailable("io-error", "broken"))
    assert [(r.event.outcome, r.event.reason) for r in events(tmp_path)] == [
        ("denied", "revoked"),
        ("error", "io-error"),
    ]


def test_nobody_known_is_recorded_as_nobody(tmp_path: Path):
    Journal(tmp_path, "", required=True).write("kernel.denied", None, None, Denied("revoked", "no"))
    assert events(tmp_path)[0].event.actor.name == ""


class TestFolder:
    def test_is_for_the_user_and_readable_by_its_group(self, tmp_path: Path):
        Journal(tmp_path, "", required=True).write("kernel.start", ADA, None)
        assert (tmp_path / "ada").stat().st_mode & 0o027 == 0

    def test_one_that_belongs_to_somebody_else_is_not_used(self, tmp_path: Path):
        (tmp_path / "ada").mkdir()
        os.chown(tmp_path / "ada", 65534, 65534)
        (tmp_path / "ada~2").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "ada~3").mkdir()
        (tmp_path / "ada~3").chmod(0o777)
        (tmp_path / "ada~4").touch()
        Journal(tmp_path, "", required=True).write("kernel.start", ADA, None)
        assert (tmp_path / "ada~5/default.sqlite").is_file()
        assert not (tmp_path / "elsewhere").exists()
        assert len(events(tmp_path)) == 1


class TestRequired:
    def test_what_cannot_be_recorded_is_refused(self, tmp_path: Path):
        with pytest.raises(Unavailable) as caught:
            Journal(tmp_path / "none", "", required=True).write("kernel.start", ADA, None)
        assert caught.value.code == "audit-unavailable"
        assert str(tmp_path / "none") in caught.value.message

    def test_or_only_logged(self, tmp_path: Path, caplog: pytest.LogCaptureFixture):
        Journal(tmp_path / "none", "", required=False).write("kernel.start", ADA, None)
        assert "kernel.start is not recorded" in caplog.text

    def test_an_event_that_is_none_counts_as_unrecorded(self, tmp_path: Path):
        with pytest.raises(EnvGuardError) as caught:
            Journal(tmp_path, "", required=True).write("kernel.sing", ADA, None)
        assert caught.value.code == "audit-unavailable"

    def test_recovers_when_the_spool_is_back(self, tmp_path: Path):
        written = Journal(tmp_path / "spool", "", required=True)
        with pytest.raises(Unavailable):
            written.write("kernel.start", ADA, None)
        (tmp_path / "spool").mkdir()
        written.write("kernel.start", ADA, None)
        assert len(events(tmp_path / "spool")) == 1
