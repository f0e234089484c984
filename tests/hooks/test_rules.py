from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.hooks import rules


def rule(effect: str, message: str = "", **who: Any) -> dict[str, Any]:
    whom = {"everybody": not who, "users": [], "groups": [], "roles": []} | who
    return {"id": f"{effect}-it", "effect": effect, "message": message} | whom


def compiled(
    *found: dict[str, Any], store: str = "/opt/envguard", place: str = "environment"
) -> dict[str, Any]:
    by_place = {"environment": [], "own": [], "anywhere": []} | {place: list(range(len(found)))}
    return {
        "version": 1,
        "store": store,
        "hint": "Ask: https://example.org.",
        "rules": list(found),
        "operations": {"pip:install": by_place},
        "unknown": rule("deny", "{command} is unknown."),
        "uncovered": rule("deny", "{command} is covered by no rule {place}."),
        "places": {
            "environment": "for approved environments",
            "named": "for '{name}'",
            "own": "for your own",
            "anywhere": "at this site",
        },
    }


DENY = rule("deny", "'{command}' is turned off {place}.")


@pytest.fixture
def acl_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "acl.json"
    path.write_text(json.dumps(compiled(DENY, store=str(tmp_path / "store"))))
    path.chmod(0o644)
    monkeypatch.setattr(rules, "ACL_FILE", str(path))
    return path


@pytest.fixture
def frozen(tmp_path: Path) -> str:
    (tmp_path / "env/conda-meta").mkdir(parents=True)
    (tmp_path / "env/conda-meta/frozen").touch()
    return str(tmp_path / "env")


class TestEvaluate:
    def test_the_first_rule_that_fits_decides(self) -> None:
        acl = compiled(rule("allow", users=["ada"]), DENY)
        assert rules.evaluate(acl, "pip:install", "pip install", "environment", "ada").allowed
        bob = rules.evaluate(acl, "pip:install", "pip install", "environment", "bob", "nlp")
        assert (bob.allowed, str(bob)) == (
            False,
            "'pip install' is turned off for 'nlp'. Ask: https://example.org.",
        )

    def test_a_record_is_an_allowance_and_a_word_nobody_knows_is_none(self) -> None:
        for effect, allowed in (("record", True), ("allow", True), ("deny", False), ("permit", False)):
            acl = compiled(rule(effect))
            ruling = rules.evaluate(acl, "pip:install", "p", "environment", "ada")
            assert (ruling.allowed, ruling.place) == (allowed, "environment")
            assert ruling.effect == (effect if allowed else "deny")

    def test_an_operation_or_a_place_without_rule_is_refused(self) -> None:
        acl = compiled(rule("allow"))
        assert str(rules.evaluate(acl, "x:y", "x", "own", "ada")).startswith("x is unknown.")
        uncovered = rules.evaluate(acl, "pip:install", "x", "own", "ada")
        assert uncovered.message == "x is covered by no rule for your own."

    @pytest.mark.parametrize("who", [{"groups": ["students"]}, {"roles": ["guest"]}])
    def test_groups_are_not_known_so_denials_hold_and_allowances_do_not(self, who: dict[str, Any]) -> None:
        acl = compiled(rule("deny", **who), rule("allow"))
        assert not rules.evaluate(acl, "pip:install", "x", "environment", "ada").allowed
        acl = compiled(rule("allow", **who), DENY)
        assert not rules.evaluate(acl, "pip:install", "x", "environment", "ada").allowed


class TestDecide:
    def test_asks_the_file(self, acl_file: Path, tmp_path: Path) -> None:
        found = rules.decide("pip:install", "pip install", str(tmp_path / "store/abc"))
        assert (
            str(found) == "'pip install' is turned off for approved environments. Ask: https://example.org."
        )

    @pytest.mark.parametrize("how", ["missing", "writable", "folder", "broken", "version", "list", "socket"])
    def test_without_a_file_to_believe_frozen_environments_and_no_others_are_refused(
        self, acl_file: Path, frozen: str, tmp_path: Path, how: str
    ) -> None:
        content = acl_file.read_text()
        if how == "writable":
            acl_file.chmod(0o666)
        else:
            acl_file.unlink()
        if how == "folder":
            acl_file.mkdir()
        elif how == "socket":
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(str(acl_file))
        elif how in ("broken", "version", "list"):
            text = {"broken": "{", "version": content.replace('"version": 1', '"version": 2'), "list": "[]"}[
                how
            ]
            acl_file.write_text(text)
        assert rules.load() is None
        refused = rules.decide("pip:install", "pip install", frozen, "nlp@1")
        assert str(refused) == (
            "'pip install' is turned off for the approved environment 'nlp@1'; nothing was changed. "
            f"{rules.ASK}"
        )
        assert rules.decide("pip:install", "pip install", str(tmp_path)).allowed

    def test_a_pipe_makes_nobody_wait(self, acl_file: Path) -> None:
        acl_file.unlink()
        os.mkfifo(acl_file)
        assert rules.load() is None

    @pytest.mark.parametrize("missing", ["store", "rules", "places", "operations", "hint"])
    def test_a_file_that_is_not_in_its_own_format_is_as_good_as_none(
        self, acl_file: Path, frozen: str, missing: str
    ) -> None:
        acl = compiled(DENY, store=frozen)
        del acl[missing]
        acl_file.write_text(json.dumps(acl))
        assert rules.decide("pip:install", "pip install", frozen).rule == "frozen"

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
    def test_a_file_of_somebody_else_is_not_believed(self, acl_file: Path) -> None:
        os.chown(acl_file, 12345, 12345)
        assert rules.load() is None


class TestPlaces:
    def test_the_store_and_what_lies_below_is_an_environment(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("store")
        for prefix in ("store", "store/abc", "store/abc/../x", "link/abc"):
            assert rules.place_of(str(tmp_path / prefix), str(tmp_path / "store")) == "environment"

    def test_what_the_user_owns_or_could_make_is_their_own(self, tmp_path: Path) -> None:
        assert rules.place_of(str(tmp_path / "new/er"), str(tmp_path / "store")) == "own"
        assert rules.place_of(str(tmp_path / "storeroom"), str(tmp_path / "store")) == "own"

    def test_everything_else_is_anywhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        assert rules.place_of("/usr", "/opt/envguard") == "anywhere"

    def test_an_account_without_a_name_has_a_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert rules.user_name()
        monkeypatch.setattr(os, "geteuid", lambda: 3_999_999)
        assert rules.user_name() == "3999999"
