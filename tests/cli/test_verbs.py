from __future__ import annotations

from importlib import import_module

from jupyter_envguard.cli.verbs import SUMMARIES, Verb, load

WANTED = """
    init inspect check import approve reject deprecate revoke archive
    list show diff export verify log doctor renew rules
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
