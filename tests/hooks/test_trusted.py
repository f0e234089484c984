"""What hooks believe, and what they know without it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_envguard.hooks import trusted
from tests.hooks.machines import Machine, compiled, release


class TestBelief:
    def test_what_only_its_owner_can_write_is_believed(self, machine: Machine) -> None:
        machine.rule()
        assert trusted.rules() == compiled()

    @pytest.mark.parametrize("mode", [0o666, 0o664, 0o646])
    def test_what_others_can_write_is_not(self, machine: Machine, mode: int) -> None:
        machine.rule()
        machine.list(release("sci"))
        machine.join("ada", "staff")
        for path in (machine.acl, machine.environments, machine.session):
            path.chmod(mode)
        assert trusted.rules() is None
        assert trusted.environments("sci") == []
        assert trusted.session().groups is None

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
    def test_what_belongs_to_somebody_else_is_not(self, machine: Machine) -> None:
        machine.rule()
        os.chown(machine.acl, 12345, 12345)
        assert trusted.rules() is None

    @pytest.mark.parametrize("how", ["missing", "folder", "socket", "pipe", "empty"])
    def test_what_is_no_file_is_not_and_makes_nobody_wait(self, machine: Machine, how: str) -> None:
        machine.folder.mkdir()
        match how:
            case "folder":
                machine.acl.mkdir()
            case "pipe":
                os.mkfifo(machine.acl)
            case "empty":
                machine.acl.touch(0o644)
            case "socket":
                with socket.socket(socket.AF_UNIX) as listening:
                    listening.bind(str(machine.acl))
        assert trusted.rules() is None

    @pytest.mark.parametrize("text", ["{", "[]", '{"version": 2}', "{}", "[" * 100_000, "\xff"])
    def test_what_is_in_another_format_is_not(self, machine: Machine, text: str) -> None:
        machine.folder.mkdir()
        machine.acl.write_bytes(text.encode("latin-1"))
        assert trusted.rules() is None


class TestParsed:
    @pytest.mark.parametrize("text", ['{"a": [1, 2.5, true, null, "\\u00e4"]}', " []\n", "0", '"ä"'])
    def test_what_it_reads_is_what_json_reads(self, text: str) -> None:
        assert trusted.parsed(text.encode()) == json.loads(text)

    @pytest.mark.parametrize("text", ["", "{", "{}{}", "[1,]", "NaN", "-Infinity", "nil", '"\n"', "[] x"])
    def test_what_is_no_json_is_an_error(self, text: str) -> None:
        with pytest.raises(ValueError):
            trusted.parsed(text.encode())

    def test_another_python_reads_it_as_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "_json", None)
        assert trusted.parsed(b'{"a": 1}') == {"a": 1}

    def test_a_front_door_loads_no_regular_expressions(self) -> None:
        place = str(Path(trusted.__file__).parent.parent)
        code = f"import sys; sys.path.append({place!r}); from hooks import trusted; trusted.grammar()"
        words = [sys.executable, "-I", "-S", "-c", f"{code}; print('re' in sys.modules)"]
        assert subprocess.run(words, capture_output=True, text=True).stdout == "False\n"


class TestSessions:
    def test_the_hub_says_who_it_is(self, machine: Machine) -> None:
        machine.join("ada", "students", roles=("user",))
        found = trusted.session()
        assert (found.user, found.groups, found.roles) == ("ada", {"students"}, {"user"})

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"user": 7},
            {"user": "a", "groups": 1},
            {"user": "a", "groups": []},
            {"user": "a", "roles": []},
        ],
    )
    def test_half_a_word_is_none(self, machine: Machine, said: dict[str, object]) -> None:
        machine.write(machine.session, {"version": 1, **said})
        assert (trusted.session().groups, trusted.session().roles) == (None, None)

    def test_otherwise_the_account_has_a_name_or_a_number(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import pwd

        assert trusted.session().user == pwd.getpwuid(os.geteuid()).pw_name
        monkeypatch.setattr(os, "geteuid", lambda: 3_999_999)
        assert trusted.session().user == "3999999"


class TestEnvironments:
    def test_are_found_by_a_piece_of_their_line(self, machine: Machine) -> None:
        machine.list(release("sci", folder="a"), release("nlp", folder="b"))
        assert [found["name"] for found in trusted.environments('"folder":"b",')] == ["nlp"]
        assert trusted.environments('"folder":"c",') == []

    @pytest.mark.parametrize(
        "text", ["", "x\n", '{"version":2}\n{"folder":"b"}', '{"version":1}\n{"folder":"b"']
    )
    def test_a_list_in_another_format_is_empty(self, machine: Machine, text: str) -> None:
        machine.folder.mkdir()
        machine.environments.write_text(text)
        assert trusted.environments("b") == []

    def test_a_line_that_is_no_release_is_passed_over(self, machine: Machine) -> None:
        machine.write(machine.environments, {"version": 1}, ["b"], release("b"))
        assert [found["name"] for found in trusted.environments("b")] == ["b"]

    def test_known_are_those_that_the_user_may_start(self, machine: Machine) -> None:
        machine.list(
            release("public"),
            release("mine", groups=[], users=["ada"]),
            release("ours", groups=["staff"]),
            release("theirs", groups=["other"], users=["bob"]),
        )
        ada, unknown = (
            trusted.Session("ada", frozenset({"staff"}), frozenset()),
            trusted.Session("eve", None, None),
        )
        assert [found["name"] for found in trusted.known("release", ada)] == ["public", "mine", "ours"]
        assert [found["name"] for found in trusted.known("release", unknown)] == ["public"]


def test_without_rules_there_is_a_grammar() -> None:
    found = trusted.grammar()
    assert found["version"] == trusted.VERSION
    assert json.dumps(found)
