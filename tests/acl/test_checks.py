from __future__ import annotations

import pytest

from jupyter_envguard.acl import checks
from jupyter_envguard.errors import InvalidInput


def refusal(check: object, text: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        check(text)  # type: ignore[operator]
    assert caught.value.code == "acl-invalid"
    return caught.value


@pytest.mark.parametrize("text", ["a", "no-npm", "x2-3", "a" * 64])
def test_an_id_is_words_joined_by_hyphens(text: str) -> None:
    assert checks.check_id(text) == text


@pytest.mark.parametrize("text", ["", "A", "a--b", "-a", "a-", "a b", "a_b", "a\n", "a" * 65])
def test_other_ids_are_refused(text: str) -> None:
    assert "lower-case" in refusal(checks.check_id, text).hint


@pytest.mark.parametrize("text", checks.EFFECTS)
def test_every_effect_can_be_said(text: str) -> None:
    assert checks.check_effect(text) == text


def test_another_effect_is_answered_with_those_there_are() -> None:
    assert refusal(checks.check_effect, "permit").hint == "Write allow, record, deny."


@pytest.mark.parametrize("text", checks.PLACES)
def test_every_place_can_be_said(text: str) -> None:
    assert checks.check_place(text) == text


def test_another_place_is_answered_with_those_there_are() -> None:
    assert refusal(checks.check_place, "home").hint == (
        "Write environment, own, anywhere or environment:NAME, without a release."
    )


def test_a_sentence_fits_on_one_line_and_drives_no_terminal() -> None:
    assert checks.check_message("Ask é.") == "Ask é."
    for text in ("a\nb", "\x1b[2J", "a\u202eb", "x" * 301):
        assert "visible characters" in refusal(checks.check_message, text).hint


@pytest.mark.parametrize("text", ["ada", "data science", "a@example.org"])
def test_a_name_can_be_what_hubs_and_machines_allow(text: str) -> None:
    assert checks.check_subject(text) == text


@pytest.mark.parametrize("text", ["", " ", " ada", "ada ", "*", "a*", "a\nb", "x" * 256])
def test_other_names_are_refused(text: str) -> None:
    refusal(checks.check_subject, text)
