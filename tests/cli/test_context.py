from __future__ import annotations

import io
import os
import pwd
from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from jupyter_envguard.cli import context
from jupyter_envguard.cli.context import Context, actor, moment
from jupyter_envguard.cli.terminal import Screen
from jupyter_envguard.errors import EnvGuardError
from tests.cli.conftest import Run


def here(named: str | None = None) -> Context:
    return Context(named, Screen(io.StringIO(), io.StringIO(), json=False))


def test_the_site_in_the_folder_is_found(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site.parent)
    assert here().site().path == site


def test_the_system_s_site_is_found_after_that(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(context, "PLACES", (Path("site.yaml"), site))
    assert here().site().path == site


def test_no_site_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(context, "PLACES", (Path("site.yaml"), tmp_path / "none.yaml"))
    with pytest.raises(EnvGuardError) as caught:
        here().site()
    assert caught.value.code == "site-missing"
    assert "none.yaml" in caught.value.message


def test_no_variable_names_the_site(site: Path, tmp_path: Path, spawn: Run) -> None:
    variables = {"JUPYTER_ENVGUARD_SITE": str(site), "ENVGUARD_SITE": str(site)}
    assert spawn("list", env=variables, cwd=tmp_path).refusal == (4, "site-missing")


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", (2, "site-invalid")),
        (b"version: 1\nverison: 2\n", (2, "site-invalid")),
        (b"\xff\xfe", (2, "site-invalid")),
        (b"a: &a [*a]\n", (2, "site-invalid")),
        (b"[" * 10_000, (2, "site-invalid")),
        (b"x" * 1_000_000, (2, "invalid-argument")),
    ],
)
def test_a_wrong_site_file_is_wrong_input(
    run: Run, tmp_path: Path, content: bytes, refusal: tuple[int, str]
) -> None:
    (tmp_path / "site.yaml").write_bytes(content)
    assert run("list", "--site", tmp_path / "site.yaml").refusal == refusal


def test_mistakes_are_named_with_their_line(run: Run, site: Path) -> None:
    site.write_text(site.read_text().replace("store:", "stroe:"))
    line = next(n for n, text in enumerate(site.read_text().splitlines(), 1) if text.startswith("stroe:"))
    err = run("list", "--site", site).err
    assert f"{site}:{line}:1:" in err
    assert "Did you mean 'store'?" in err


def test_a_missing_site_file_is_not_found(run: Run, tmp_path: Path) -> None:
    assert run("list", "--site", tmp_path / "no.yaml").refusal == (4, "file-not-found")


def test_a_folder_is_no_site_file(run: Run, tmp_path: Path) -> None:
    assert run("list", "--site", tmp_path).refusal == (2, "invalid-argument")


def test_the_actor_is_the_account_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "LOGNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "mallory")
    assert actor().name == pwd.getpwuid(os.getuid()).pw_name
    assert (actor().uid, actor().auth) == (os.getuid(), "os-user")


def test_an_account_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 987654)
    assert (actor().name, actor().uid) == ("987654", 987654)


def test_what_is_no_time_is_refused_with_an_example() -> None:
    with pytest.raises(ArgumentTypeError, match="'yesterday' is no time such as 2027-08-01"):
        moment("yesterday")


def test_times_without_a_zone_are_utc() -> None:
    assert moment("2026-11-01") == datetime(2026, 11, 1, tzinfo=UTC)
    assert moment("2026-11-01T01:00+01:00") == datetime(2026, 11, 1, 1, tzinfo=timezone(timedelta(hours=1)))
