"""The plugin in a real conda: the one on the path, whichever version it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hooks.real_conda import CONDA, DENIED, Conda

pytestmark = [pytest.mark.conda, pytest.mark.skipif(not CONDA, reason="no conda on the path")]


def commands(conda: Conda) -> list[tuple[str, list[object]]]:
    """Every command that would change the approved environment, and how a refusal calls it."""
    prefix = conda.approved
    (conda.folder / "home/environment.yml").write_text("dependencies: [alpha]\n")
    explicit = conda.folder / "home/explicit.txt"
    package = next((conda.folder / "channel/noarch").glob("alpha*.conda"))
    explicit.write_text(f"@EXPLICIT\n{package.as_uri()}\n")
    file = ["-f", "environment.yml"]
    found: list[tuple[str, list[object]]] = [
        ("conda install", ["install", "-y", "--offline", "-p", prefix, "alpha"]),
        ("conda install", ["install", "-y", "--offline", "-p", prefix, "--file", explicit]),
        ("conda update", ["update", "-y", "--offline", "-p", prefix, "--all"]),
        ("conda update", ["upgrade", "-y", "--offline", "-p", prefix, "beta"]),
        ("conda remove", ["remove", "-y", "--offline", "-p", prefix, "beta"]),
        ("conda remove", ["uninstall", "-y", "--offline", "-p", prefix, "beta"]),
        ("conda remove", ["remove", "-y", "--offline", "-p", prefix, "--all"]),
        ("conda env update", ["env", "update", "-p", prefix, *file]),
        ("conda env config vars", ["env", "config", "vars", "set", "-p", prefix, "A=1"]),
        ("conda rename", ["rename", "-p", prefix, conda.folder / "renamed"]),
    ]
    return found


class TestEveryVersion:
    def test_every_change_ends_in_one_line_and_exit_code_77(self, conda: Conda) -> None:
        for spoken, words in commands(conda):
            done = conda.run(*words)
            assert (done.returncode, done.stdout.strip()) == (77, ""), (words, done.stdout, done.stderr)
            assert done.stderr.strip().startswith(f"EnvguardDenied: {DENIED.format(spoken)} "), done.stderr
            (line,) = done.stderr.strip().splitlines()
            assert "envguard-environment=sci" in line

    def test_says_which_kernel_has_it_already_and_where_to_ask(self, conda: Conda) -> None:
        done = conda.run("install", "-p", conda.approved, "alpha>=2")
        assert done.stderr.strip() == (
            f"EnvguardDenied: {DENIED.format('conda install')} 2.1 of alpha is already in kernel nlp. "
            "Ask for a package: https://hub.example.org/hub/user-redirect/lab"
            "?envguard-request=alpha%3E%3D2&envguard-environment=sci"
        )

    def test_json_stays_json(self, conda: Conda) -> None:
        done = conda.run("install", "-y", "--json", "-p", conda.approved, "alpha")
        document = json.loads(done.stdout)
        assert (done.returncode, document["exception_name"]) == (77, "EnvguardDenied")
        assert document["message"].startswith(DENIED.format("conda install"))

    def test_creating_over_the_prefix_changes_nothing(self, conda: Conda) -> None:
        source = ("--offline", "--override-channels", "-c", conda.channel)
        done = conda.run("create", "-y", "-p", conda.approved, *source, "alpha")
        assert done.returncode != 0
        assert "EnvguardDenied" in done.stderr + done.stdout

    def test_the_active_environment_is_meant_where_none_is_named(self, conda: Conda) -> None:
        done = conda.run("install", "-y", "alpha", CONDA_PREFIX=conda.approved)
        assert done.returncode == 77
        assert DENIED.format("conda install") in done.stderr

    @pytest.mark.parametrize(
        "words",
        [
            ["list", "-p", "{approved}"],
            ["list", "-p", "{approved}", "--json"],
            ["info"],
            ["info", "--envs"],
            ["env", "list"],
            ["env", "export", "-p", "{approved}"],
            ["env", "config", "vars", "list", "-p", "{own}"],
            ["run", "-p", "{approved}", "env"],
            ["config", "--show", "channels"],
            ["search", "--offline", "--override-channels", "-c", "{channel}", "alpha"],
            ["shell.posix", "activate", "{approved}"],
            ["shell.posix", "hook"],
            ["--version"],
            ["install", "--help"],
        ],
    )
    def test_what_reads_is_left_alone(self, conda: Conda, words: list[str]) -> None:
        filled = [
            word.format(approved=conda.approved, own=conda.own, channel=conda.channel) for word in words
        ]
        done = conda.run(*filled)
        assert done.returncode == 0, done.stderr
        assert "envguard" not in done.stderr.lower().replace(str(conda.folder).lower(), "")

    def test_an_environment_of_ones_own_is_left_alone(self, conda: Conda) -> None:
        done = conda.install(conda.own)
        assert done.returncode == 0, done.stderr
        assert (conda.own / "share/alpha.txt").exists()
        assert conda.run("remove", "-y", "--offline", "-p", conda.own, "alpha").returncode == 0
        assert not (conda.own / "share/alpha.txt").exists()
        assert conda.run("env", "config", "vars", "set", "-p", conda.own, "A=1").returncode == 0

    def test_cloning_an_approved_one_makes_one_of_ones_own(self, conda: Conda) -> None:
        done = conda.run("create", "-y", "--offline", "-p", conda.folder / "clone", "--clone", conda.approved)
        assert done.returncode == 0, done.stderr
        assert (conda.folder / "clone/share/beta.txt").exists()


API = """\
import sys
from conda.base.context import context, reset_context
reset_context()
from conda.api import Solver
from conda.models.match_spec import MatchSpec
from conda.models.channel import Channel
prefix, channel = sys.argv[1:]
transaction = Solver(prefix, [Channel(channel)], specs_to_add=[MatchSpec("alpha")]).solve_for_transaction()
transaction.execute()
"""


ACTION = """\
import sys
from conda.base.context import context, reset_context
reset_context()
from conda.core.link import PrefixSetup, UnlinkLinkTransaction
from conda.core.subdir_data import SubdirData
from conda.models.channel import Channel
from conda.models.match_spec import MatchSpec
own, approved, channel = sys.argv[1:]
spec = MatchSpec("alpha")
(record,) = SubdirData(Channel(channel + "/noarch")).query(spec)

def prepared():
    setup = PrefixSetup(own, (), (record,), (), (spec,), ())
    transaction = UnlinkLinkTransaction(setup)
    transaction.download_and_extract()
    transaction.prepare()
    groups = [group for field in transaction.prefix_action_groups[own] for group in field]
    (ours,) = [one for group in groups for one in group.actions if type(one).__name__ == "Refusal"]
    return transaction, ours

def said(act):
    try:
        found = act()
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    return f"returned {type(found).__name__}: {found}"

_, action = prepared()
print("own verify", said(action.verify))
print("own execute", said(action.execute))
action.target_prefix = approved
print("action verify", said(action.verify))
print("action execute", said(action.execute))
transaction, action = prepared()
action.target_prefix = approved
print("transaction verify", said(transaction.verify))
transaction, action = prepared()
transaction.verify()
action.target_prefix = approved
print("transaction execute", said(transaction.execute))
"""
"""A transaction of one's own is prepared, so that its action is made, and given the approved one."""


class TestTransactions:
    """What no command announces; conda asks plug-ins about transactions from 25.5 on."""

    @pytest.fixture(autouse=True)
    def asked(self, conda: Conda) -> None:
        if conda.version < (25, 5):
            pytest.skip(f"conda {conda.version} does not ask about transactions")

    @pytest.mark.parametrize("checks", ["enabled", "disabled"])
    def test_one_of_the_api_is_refused_whether_it_is_verified_or_not(self, conda: Conda, checks: str) -> None:
        python = Path(str(CONDA)).resolve().with_name("python")
        done = conda.start(
            [str(python), "-c", API, str(conda.approved), conda.channel],
            CONDA_SAFETY_CHECKS=checks,
            CONDA_OFFLINE="true",
        )
        assert done.returncode != 0
        assert DENIED.format("conda install") in done.stderr + done.stdout

    def test_each_half_of_our_action_refuses_without_the_other(self, conda: Conda) -> None:
        python = Path(str(CONDA)).resolve().with_name("python")
        words = [str(python), "-c", ACTION, str(conda.own), str(conda.approved), conda.channel]
        done = conda.start(words, CONDA_OFFLINE="true", CONDA_QUIET="true")
        lines = [line for line in done.stdout.splitlines() if " verify " in line or " execute " in line]
        assert lines[:2] == ["own verify returned NoneType: None", "own execute returned NoneType: None"], (
            done
        )
        refused = DENIED.format("conda install")
        assert lines[2].startswith(f"action verify returned EnvguardDenied: {refused}")
        assert lines[3].startswith(f"action execute raised EnvguardDenied: {refused}")
        assert lines[4].startswith("transaction verify raised ")
        assert lines[5].startswith("transaction execute raised ")
        assert all(refused in line for line in lines[2:])
        assert not (conda.own / "share/alpha.txt").exists()

    def test_one_in_an_environment_of_ones_own_is_made(self, conda: Conda) -> None:
        python = Path(str(CONDA)).resolve().with_name("python")
        command = [str(python), "-c", API, str(conda.own), conda.channel]
        done = conda.start(command, CONDA_OFFLINE="true")
        assert done.returncode == 0, done.stderr
        assert (conda.own / "share/alpha.txt").exists()
