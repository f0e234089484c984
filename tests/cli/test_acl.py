from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from jupyter_envguard.cli import acl as module
from jupyter_envguard.site import load
from tests.cli.conftest import Run

RULES = """
request_url: https://example.org/ask
acl:
  rules:
    - id: exam
      who: {groups: [exam], users: [eve], roles: [guest]}
      where: own
      what: ["pip:*"]
      effect: deny
"""


@pytest.fixture
def ruled(site: Path) -> Path:
    """A site with a rule of its own."""
    site.write_text(site.read_text() + RULES)
    return site


def test_explains_a_denial_with_rule_sentence_and_request_link(run: Run, ruled: Path) -> None:
    done = run(
        "acl",
        "explain",
        "--site",
        ruled,
        "--user",
        "ada",
        "--environment",
        "sci",
        "conda",
        "install",
        "-y",
        "x",
    )
    assert done.code == 3
    assert done.out == "rule approved-environments\n"
    assert done.err == (
        "error[operation-denied]: 'conda install' is turned off for the approved environment 'sci'; "
        "nothing was changed.\nhint: Ask for a package: https://example.org/ask\n"
    )


def test_explains_a_permission(run: Run, ruled: Path) -> None:
    done = run(
        "--site",
        ruled,
        "acl",
        "explain",
        "--user",
        "ada",
        "--own",
        "--",
        "python",
        "-m",
        "pip",
        "install",
        "x",
    )
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "'pip install' is allowed for your own environments, and is recorded.\nrule own-environments\n"
    )


@pytest.mark.parametrize("who", [["--group", "x", "--group", "exam"], ["--role", "guest"], ["--user", "eve"]])
def test_looks_at_groups_roles_and_users(run: Run, ruled: Path, who: list[str]) -> None:
    done = run(
        "acl", "explain", "--site", ruled, "--json", "--user", "ada", *who, "--own", "pip", "install", "x"
    )
    assert (done.code, done.json["rule"], done.json["effect"]) == (3, "exam", "deny")


@pytest.mark.parametrize(
    ("place", "rule"),
    [([], "approved-environments"), (["--own"], "own-environments"), (["--anywhere"], "no-rule")],
)
def test_asks_about_some_approved_environment_unless_told_otherwise(
    run: Run, ruled: Path, place: list[str], rule: str
) -> None:
    done = run("acl", "explain", "--site", ruled, "--json", "--user", "ada", *place, "pip", "install", "x")
    assert done.json["rule"] == rule


def test_json_is_the_same_in_both_answers_but_for_the_code(run: Run, ruled: Path) -> None:
    options = ["acl", "explain", "--site", ruled, "--json", "--user", "ada"]
    members = {"effect", "rule", "message", "hint", "operation", "place", "user"}
    assert set(run(*options, "conda", "list").json) == members
    assert set(run(*options, "conda", "install").json) == members | {"code"}


@pytest.mark.parametrize("command", [["ls", "-l"], [], ["--"]])
def test_a_command_of_no_package_tool_is_refused(run: Run, ruled: Path, command: list[str]) -> None:
    done = run("acl", "explain", "--site", ruled, "--user", "ada", *command)
    assert done.refusal == (2, "not-an-operation")


def test_two_places_at_once_are_refused(run: Run, ruled: Path) -> None:
    done = run("acl", "explain", "--site", ruled, "--user", "ada", "--own", "--anywhere", "conda", "list")
    assert done.refusal == (2, "invalid-argument")


def test_writes_the_compiled_rules_for_everybody_to_read(run: Run, ruled: Path, tmp_path: Path) -> None:
    out = tmp_path / "acl.json"
    out.write_text("old")
    done = run("acl", "compile", "--site", ruled, "--out", out, "--json")
    assert done.json == {
        "file": str(out),
        "rules": 5,
        "source": load(ruled).digest,
        "environments": 0,
    }
    assert stat.S_IMODE(out.stat().st_mode) == 0o644
    assert json.loads(out.read_bytes())["source"] == load(ruled).digest
    assert os.listdir(tmp_path).count("acl.json") == 1


def test_says_what_it_wrote(run: Run, ruled: Path, tmp_path: Path) -> None:
    done = run("acl", "compile", "--site", ruled, "--out", tmp_path / "acl.json")
    assert done.out == f"Wrote 5 rules and 0 releases to {tmp_path}.\n"


def test_warns_when_the_file_does_not_belong_to_root(
    run: Run, ruled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.os, "geteuid", lambda: 1000)
    assert "does not belong to root" in run("acl", "compile", "--site", ruled, "--out", tmp_path / "x").err


def test_a_folder_that_cannot_be_written_to_is_named(run: Run, ruled: Path, tmp_path: Path) -> None:
    (tmp_path / "away").touch()
    done = run("acl", "compile", "--site", ruled, "--out", tmp_path / "away" / "acl.json")
    assert done.refusal[1] == "io-error"
    assert "away" in done.err


def test_a_catalog_that_cannot_be_read_leaves_rules_without_names(
    run: Run, ruled: Path, tmp_path: Path
) -> None:
    (ruled.parent / "root.json").unlink()
    done = run("acl", "compile", "--site", ruled, "--out", tmp_path / "acl.json")
    assert done.code == 0
    assert "Hooks know no environment by name." in done.err


def test_the_link_asks_for_what_was_asked_for(run: Run, site: Path) -> None:
    address = "https://example.org/lab?envguard-request={subject}&envguard-environment={environment}"
    site.write_text(f"{site.read_text()}\nrequest_url: '{address}'\n")
    done = run(
        *("acl", "explain", "--site", site, "--user", "ada", "--environment", "sci"),
        *("--", "conda", "install", "-c", "conda-forge", "xgboost>=2"),
    )
    assert "lab?envguard-request=xgboost%3E%3D2&envguard-environment=sci" in done.err


def test_lists_the_rules_in_force(run: Run, ruled: Path) -> None:
    done = run("acl", "list", "--site", ruled)
    assert done.out.splitlines()[1].split("  ")[0] == "exam"
    assert "eve, group exam, role guest" in done.out
    assert [rule["id"] for rule in run("acl", "list", "--site", ruled, "--json").json["rules"]] == [
        "exam",
        "approved-environments",
        "own-environments",
        "own-settings",
        "reading",
    ]


def test_a_step_has_to_be_named(run: Run) -> None:
    assert run("acl").refusal == (2, "invalid-argument")
    assert run("acl", "explian").refusal == (2, "invalid-argument")
