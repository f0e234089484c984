from __future__ import annotations

import pytest

from jupyter_envguard.cli.parser import all_parsers, build_parser, parse
from jupyter_envguard.cli.verbs import SUMMARIES
from jupyter_envguard.errors import EnvGuardError


def refusal(*words: str) -> EnvGuardError:
    with pytest.raises(EnvGuardError) as caught:
        parse(words)
    return caught.value


@pytest.mark.parametrize("words", [["--json", "list"], ["list", "--json"]])
def test_common_options_stand_before_or_after_the_verb(words: list[str]) -> None:
    assert parse(words).json is True


def test_a_common_option_before_the_verb_survives_the_verb() -> None:
    arguments = parse(["--site", "a.yaml", "list"])
    assert (arguments.site, arguments.json, arguments.debug) == ("a.yaml", False, None)


def test_the_option_nearer_to_the_verb_wins() -> None:
    assert parse(["--site", "a", "list", "--site", "b"]).site == "b"


def test_a_misspelt_verb_is_answered_with_the_nearest() -> None:
    error = refusal("aprove", "x@1")
    assert (error.code, error.hint) == ("invalid-argument", "Did you mean 'approve'?")


def test_the_value_of_an_option_is_not_taken_for_a_verb() -> None:
    assert refusal("--site", "a.yaml", "lst").message == "'lst' is not a verb."


def test_options_cannot_be_abbreviated() -> None:
    assert "--jso" in refusal("list", "--jso").message


@pytest.mark.parametrize(
    "words", [[], ["--json"], ["show"], ["list", "a", "b"], ["export", "a@1", "--format", "x"]]
)
def test_wrong_usage_is_refused_with_where_to_look(words: list[str]) -> None:
    error = refusal(*words)
    assert error.code == "invalid-argument"
    assert "--help" in error.hint


def test_every_verb_has_a_parser_of_its_own() -> None:
    parsers = dict(all_parsers())
    assert list(parsers) == list(SUMMARIES)
    assert all("--json" in parser.format_help() for parser in parsers.values())


def test_the_command_lists_every_verb() -> None:
    text = build_parser().format_help()
    assert all(f"    {name} " in text for name in SUMMARIES)
