from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from jupyter_envguard.cli.verbs import SUMMARIES, Verb, load
from tests.cli.conftest import Filled, Lab, Run

REFUSAL = {"code", "message", "hint"}
WANTED = """
    init inspect check import approve reject deprecate revoke archive
    list show diff export publish fetch verify log requests doctor hooks renew acl rules store
"""


def test_every_verb_is_there() -> None:
    assert set(SUMMARIES) == set(WANTED.split())


def test_every_verb_can_be_loaded() -> None:
    assert all(isinstance(load(name), Verb) for name in SUMMARIES)


def test_no_module_has_a_verb_that_is_not_in_the_table() -> None:
    modules = {module for module, _ in SUMMARIES.values()}
    found = {
        (module, name) for module in modules for name in import_module(f"jupyter_envguard.cli.{module}").VERBS
    }
    assert found == {(module, name) for name, (module, _) in SUMMARIES.items()}


def test_summaries_read_as_the_end_of_a_sentence() -> None:
    assert all(
        text[0].islower() and not text.endswith(".") and "%" not in text for _, text in SUMMARIES.values()
    )


def documented(root: Path) -> dict[str, list[str]]:
    """Return the members that the reference promises for each verb, the usual ones first."""
    page = (root / "docs/reference/cli.md").read_text("utf-8")
    rows = re.findall(r"^\| (`[a-z`, ]+`) \| ([^|]*) \|$", page, re.MULTILINE)
    return {verb: members.split("; ") for verbs, members in rows for verb in re.findall(r"`(\w+)`", verbs)}


def members(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("show", "datasci@2026.11"),
        ("diff", "datasci@2026.05", "datasci@2026.11"),
        ("export", "datasci@2026.11"),
        ("verify",),
        ("log",),
        ("doctor",),
        ("rules",),
    ],
)
def test_json_holds_what_the_reference_promises(
    root: Path, filled: Filled, run: Run, words: tuple[str, ...]
) -> None:
    document = run(*words, "--site", filled.path, "--json").json
    assert set(document) - REFUSAL == members(documented(root)[words[0]][0])


def test_json_of_what_changes_the_site_holds_what_the_reference_promises(
    root: Path, lab: Lab, run: Run, tmp_path: Path
) -> None:
    pack, site = lab.pack(), ("--site", lab.path, "--json")
    ran = {
        "init": run("init", tmp_path / "x", "--json"),
        "inspect": run("inspect", pack, "--json"),
        "check": run("check", pack, *site),
        "import": run("import", pack, "--as", "x@1", *site),
        "approve": run("approve", "x@1", "--reason", "y", *site),
        "deprecate": run("deprecate", "x@1", "--reason", "y", *site),
        "revoke": run("revoke", "x@1", "--reason", "y", *site),
        "archive": run("archive", "x@1", "--reason", "y", *site),
        "renew": run("renew", *site),
    }
    assert {verb: set(done.json) for verb, done in ran.items()} == {
        verb: members(documented(root)[verb][0]) for verb in ran
    }


def test_the_reference_has_a_row_for_every_verb(root: Path) -> None:
    assert set(documented(root)) == set(SUMMARIES)
