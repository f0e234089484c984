from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from jupyter_envguard.audit import Actor, Event, Log
from jupyter_envguard.catalog import Repository
from jupyter_envguard.store import Store
from tests.catalogs import entry
from tests.cli.conftest import Filled, Run


def image(site: Filled) -> Path:
    return Store(site.site.store_root).path_of(site.new.pack)


def change(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


class TestVerify:
    def test_missing_images_are_not_found(self, filled: Filled, run: Run) -> None:
        done = run("verify", "--site", filled.path)
        assert done.refusal == (4, "image-missing")
        assert "whole    datasci@2026.11" in done.out
        assert "missing  datasci@2025.01" in done.out

    @pytest.mark.parametrize("words", [[], ["--quick"], ["--no-log"]])
    def test_unchanged_releases_are_whole(self, filled: Filled, run: Run, words: list[str]) -> None:
        done = run("verify", "datasci@2026.05", "datasci@2026.11", *words, "--site", filled.path, "--json")
        assert (done.code, [item["status"] for item in done.json["images"]]) == (0, ["whole", "whole"])
        assert done.json["log"] is None if "--no-log" in words else done.json["log"]["ok"]

    def test_a_changed_byte_is_found(self, own: Filled, run: Run) -> None:
        target = image(own) / "share/jupyter/kernels/python3/kernel.json"
        change(target, target.read_bytes().replace(b"Python 3", b"Python 4"))
        done = run("verify", "datasci@2026.11", "--site", own.path, "--json")
        assert done.refusal == (6, "image-drifted")
        assert [f["path"] for f in done.json["images"][0]["findings"]] == [
            "share/jupyter/kernels/python3/kernel.json"
        ]

    def test_an_added_file_is_found_quickly_too(self, own: Filled, run: Run) -> None:
        folder = image(own) / "lib/python3.11/site-packages"
        folder.chmod(0o755)
        (folder / "evil\x1b[2J.pth").write_text("import os")
        folder.chmod(0o555)
        done = run("verify", "datasci@2026.11", "--quick", "--site", own.path)
        assert done.refusal == (6, "image-drifted")
        assert "evil\\x1b[2J.pth" in done.out

    def test_many_changed_paths_are_counted(self, own: Filled, run: Run) -> None:
        folder = image(own) / "lib"
        folder.chmod(0o755)
        for index in range(30):
            (folder / f"extra{index:02}").touch()
        out = run("verify", "datasci@2026.11", "--site", own.path).out
        assert "more paths" in out

    def test_a_damaged_record_is_found(self, own: Filled, run: Run) -> None:
        change(own.site.store_root / ".meta" / image(own).name / "pack.json", b"{}")
        done = run("verify", "datasci@2026.11", "--site", own.path)
        assert done.refusal == (6, "image-drifted")
        assert "damaged  datasci@2026.11" in done.out

    def test_an_image_that_is_not_the_approved_one_is_found(self, own: Filled, run: Run) -> None:
        repository = Repository(own.site.catalog_folder(), own.site.require_keys())
        other = entry("other", "1", pack=own.new.pack, spec=own.new.spec)
        repository.publish([other], repository.load().version)
        done = run("verify", "--site", own.path)
        assert done.refusal == (6, "image-drifted")
        assert "damaged  other@1" in done.out
        assert other.manifest in done.out

    def test_an_empty_catalog_has_nothing_to_compare(self, site: Path, run: Run) -> None:
        assert run("verify", "--no-log", "--site", site).out == "No release to compare.\n"

    def test_a_broken_log_is_found(self, own: Filled, run: Run) -> None:
        edit(own.site.log, "UPDATE events SET body = replace(body, 'site.init', 'site.exit')")
        assert run("verify", "datasci@2026.11", "--site", own.path).refusal == (6, "log-invalid")

    def test_an_unknown_release_is_not_found(self, filled: Filled, run: Run) -> None:
        assert run("verify", "datasci@1", "--site", filled.path).refusal == (4, "release-unknown")


def edit(log: Path, statement: str) -> None:
    """Change the log as somebody would who can write to the file."""
    with sqlite3.connect(log) as database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        database.execute(statement)
        for _, sql in triggers:
            database.execute(sql)
    database.close()


@pytest.fixture(scope="module")
def logged(filled: Filled) -> Filled:
    """The shared site with events in its log and in the spool."""
    ada, bob = Actor("ada", 1000), Actor("bob\x1b[2J", 1001)
    with Log(filled.site.log) as log:
        log.append(
            Event(
                type="release.approve",
                outcome="allowed",
                actor=ada,
                release="datasci@2026.11",
                detail={"reason": "fine\nword"},
            )
        )
        log.append(
            Event(
                type="release.revoke",
                outcome="denied",
                actor=bob,
                reason="state-forbids",
                release="datasci@2025.01",
            )
        )
    (filled.site.spool / "ada").mkdir()
    with Log(filled.site.spool / "ada" / "server.sqlite", trust="self-reported") as log:
        ada = Actor("ada", os.geteuid())
        log.append(Event(type="kernel.start", outcome="allowed", actor=ada, release="datasci@2026.11"))
    return filled


class TestLog:
    def test_shows_events_of_site_and_sessions_in_order(self, logged: Filled, run: Run) -> None:
        records = run("log", "--site", logged.path, "--json").json["records"]
        assert [(r["type"], r["source"]["trust"]) for r in records] == [
            ("site.init", "site"),
            ("release.approve", "site"),
            ("release.revoke", "site"),
            ("kernel.start", "self-reported"),
        ]

    def test_text_from_outside_cannot_drive_the_terminal(self, logged: Filled, run: Run) -> None:
        out = run("log", "--site", logged.path).out
        assert "bob\\x1b[2J" in out
        assert "fine\\nword" in out
        assert len(out.splitlines()) == 5

    @pytest.mark.parametrize(
        ("words", "types"),
        [
            (["--release", "datasci@2025.01"], ["release.revoke"]),
            (["--user", "ada"], ["release.approve", "kernel.start"]),
            (["--type", "kernel"], ["kernel.start"]),
            (["--type", "kernel.start"], ["kernel.start"]),
            (["--outcome", "denied"], ["release.revoke"]),
            (["--last", "1"], ["kernel.start"]),
            (["--last", "0", "--no-sessions"], ["site.init", "release.approve", "release.revoke"]),
            (["--since", "2999-01-01"], []),
            (["--until", "2000-01-01T00:00:00Z"], []),
        ],
    )
    def test_filters(self, logged: Filled, run: Run, words: list[str], types: list[str]) -> None:
        records = run("log", *words, "--site", logged.path, "--json").json["records"]
        assert [record["type"] for record in records] == types

    def test_nothing_is_said_in_words(self, logged: Filled, run: Run) -> None:
        assert run("log", "--since", "2999-01-01", "--site", logged.path).out == "No event.\n"

    @pytest.mark.parametrize(
        "words",
        [
            ["--since", "yesterday"],
            ["--last", "-1"],
            ["--last", "x"],
            ["--outcome", "maybe"],
            ["--kept", "1:sha256:" + 64 * "0"],
            ["--verify", "--kept", "x"],
            ["--verify", "--kept", "1"],
        ],
    )
    def test_a_wrong_filter_is_wrong_input(self, filled: Filled, run: Run, words: list[str]) -> None:
        assert run("log", *words, "--site", filled.path).code == 2

    def test_verify_prints_the_head(self, filled: Filled, run: Run) -> None:
        head = run("log", "--verify", "--site", filled.path, "--json").json["log"]["head"]
        out = run("log", "--verify", "--site", filled.path).out
        assert f"head {head['seq']}:{head['hash']}" in out

    def test_a_kept_head_must_still_be_there(self, own: Filled, run: Run) -> None:
        head = run("log", "--verify", "--site", own.path, "--json").json["log"]["head"]
        kept = f"{head['seq']}:{head['hash']}"
        assert run("log", "--verify", "--kept", kept, "--site", own.path).code == 0
        for path in own.site.log.parent.glob("log.sqlite*"):
            path.unlink()
        with Log(own.site.log) as log:
            log.append(Event(type="site.init", outcome="allowed", actor=Actor("eve")))
        assert run("log", "--verify", "--kept", kept, "--site", own.path).refusal == (6, "log-invalid")

    def test_an_edited_event_breaks_the_chain(self, own: Filled, run: Run) -> None:
        edit(own.site.log, "UPDATE events SET body = replace(body, 'root', 'eve')")
        done = run("log", "--verify", "--site", own.path, "--json")
        assert done.refusal == (6, "log-invalid")
        assert done.json["log"]["broken"] == 1

    def test_a_session_that_speaks_for_somebody_else_is_disputed(self, own: Filled, run: Run) -> None:
        (own.site.spool / "mallory").mkdir()
        with Log(own.site.spool / "mallory" / "default.sqlite", trust="self-reported") as log:
            for name in ("mallory", "ada"):
                log.append(Event(type="kernel.start", outcome="allowed", actor=Actor(name, os.geteuid())))
        done = run("log", "--site", own.path, "--type", "kernel")
        told = {line.split()[1]: line for line in done.out.splitlines()[1:]}
        assert "self-reported" in told["mallory"]
        assert "disputed" in told["ada"]

    def test_a_broken_session_log_is_a_warning(self, own: Filled, run: Run) -> None:
        (own.site.spool / "eve").mkdir()
        (own.site.spool / "eve" / "x.sqlite").write_text("no database")
        done = run("log", "--site", own.path)
        assert (done.code, done.err.startswith("warning: ")) == (0, True)

    def test_a_missing_log_is_not_made(self, own: Filled, run: Run) -> None:
        own.site.log.unlink()
        assert run("log", "--site", own.path).refusal == (4, "file-not-found")
        assert run("log", "--verify", "--site", own.path).refusal == (4, "file-not-found")
        assert not own.site.log.exists()

    def test_json_is_one_document(self, filled: Filled, run: Run) -> None:
        assert set(json.loads(run("log", "--site", filled.path, "--json").out)) == {
            "head",
            "records",
            "problems",
        }
