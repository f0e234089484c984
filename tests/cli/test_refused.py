"""A refusal is explained from its code, or from its event in the log."""

from __future__ import annotations

import os

import pytest

from jupyter_envguard.audit import Actor, Event, Log, Record
from tests.cli.conftest import Filled, Ran, Run
from tests.cli.test_doctor import found


def explained(run: Run, site: Filled, what: str) -> Ran:
    return run("doctor", "--site", site.path, "--json", "--refusal", what)


def denied(site: Filled, kind: str = "kernel.denied", **changes: object) -> Record:
    """Leave a denial in the log of ada's session."""
    folder = site.site.spool / "ada"
    folder.mkdir(exist_ok=True)
    event = {
        "reason": "not-granted",
        "actor": Actor("ada", os.geteuid(), "hub-token"),
        "detail": {"kernel_name": "datasci"},
    } | changes
    with Log(folder / "server.sqlite", component="session", trust="self-reported") as log:
        return log.append(Event(type=kind, outcome="denied", **event))  # type: ignore[arg-type]


class TestCode:
    def test_is_explained_with_what_happened_last(self, own: Filled, run: Run) -> None:
        records = [denied(own) for _ in range(4)]
        done = explained(run, own, "not-granted")
        assert done.code == 0
        assert found(done, "meaning") == [("INFO", "not-granted")]
        events = [check for check in done.json["checks"] if check["check"] == "event"]
        assert [check["fix"] for check in events] == [f"--refusal {one.id}" for one in records[:0:-1]]
        assert "ada: kernel.denied datasci was denied because of not-granted" in events[0]["message"]
        assert "self-reported" in events[0]["message"]

    def test_needs_no_site(self, run: Run, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jupyter_envguard.cli.context.PLACES", ())
        done = run("doctor", "--json", "--refusal", "revoked")
        assert found(done, "meaning") == [("INFO", "revoked")]

    def test_that_is_none_is_refused_with_the_closest(self, filled: Filled, run: Run) -> None:
        done = explained(run, filled, "not-grantd")
        assert done.refusal == (4, "event-unknown")
        assert "Did you mean 'not-granted'?" in done.out

    def test_a_log_that_cannot_be_read_is_said(self, own: Filled, run: Run) -> None:
        denied(own)
        (own.site.spool / "ada" / "server.sqlite").write_bytes(b"no log at all")
        assert found(explained(run, own, "not-granted"), "log")[0][0] == "WARN"


class TestEvent:
    def test_is_explained_with_how_it_stands_now(self, own: Filled, run: Run) -> None:
        record = denied(own)
        done = explained(run, own, record.id.lower())
        names = [check["check"] for check in done.json["checks"]]
        assert names[:3] == ["event", "detail", "meaning"]
        assert found(done, "grant") == [("PASS", "")]
        assert "doctor --user NAME --kernel NAME" in done.out

    def test_of_an_install_names_its_rule(self, own: Filled, run: Run) -> None:
        detail = {"rule": "sealed", "command": "conda install x"}
        record = denied(own, "package.denied", reason="operation-denied", detail=detail)
        done = explained(run, own, record.id)
        told = [check["message"] for check in done.json["checks"] if check["check"] == "detail"]
        assert told == ["command: conda install x", "rule: sealed"]
        assert "acl explain" in done.out

    def test_of_somebody_unknown(self, own: Filled, run: Run) -> None:
        done = explained(run, own, denied(own, actor=Actor("", 1000)).id)
        assert "somebody unknown" in done.out
        assert found(done, "grant") == []

    def test_that_is_no_refusal_has_no_meaning(self, own: Filled, run: Run) -> None:
        with Log(own.site.log) as log:
            record = log.append(Event(type="site.init", outcome="allowed", actor=Actor("ada", 1000)))
        assert found(explained(run, own, record.id), "meaning") == []

    def test_that_nobody_recorded(self, filled: Filled, run: Run) -> None:
        done = explained(run, filled, "0" * 26)
        assert done.refusal == (4, "event-unknown")

    def test_is_explained_without_a_catalog_too(self, own: Filled, run: Run) -> None:
        record = denied(own)
        for path in own.site.catalog_folder().rglob("*.json"):
            path.unlink()
        done = explained(run, own, record.id)
        assert found(done, "catalog")[0][0] == "WARN"
        assert found(done, "grant") == []
