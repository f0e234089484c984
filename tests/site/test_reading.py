from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.site import reading
from jupyter_envguard.site.reading import Mistakes

BOMB = "a: &a [x, x]\n" + "\n".join(f"b{n}: &b{n} [*a, *a]" for n in range(20))


def refused(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        reading.tree_of(text, Mistakes("site.yaml"))
    assert caught.value.code == "site-invalid"
    return caught.value.message


class TestTreeOf:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "site.yaml:1:1: The file is empty."),
            ("# nothing\n", "site.yaml:1:1: The file is empty."),
            ("a: [1\nb: 2", "site.yaml:2:2: This is not YAML: expected ',' or ']'"),
            ("a: 1\n b: 2", "site.yaml:2:3: This is not YAML: mapping values are not allowed here."),
            ("a: 1\n---\nb: 2", "site.yaml:2:1: This is not YAML: but found another document."),
            ("a: \t1", "site.yaml:1:4: This is not YAML: found character"),
            ("a: \x00", "site.yaml:1:1: This is not YAML"),
            ("a: &x 1\nb: *x", "site.yaml:1:4: Anchors and aliases are not allowed"),
            ("a: *x", "site.yaml:1:4: Anchors and aliases are not allowed"),
            ("a: !!python/object:os.system x", "site.yaml:1:4: The tag"),
            ("a: !x y", "site.yaml:1:4: The tag '!x' is not allowed."),
            ("[" * 10_000, "site.yaml:1:9: Nested more than 8 deep."),
            (BOMB, "site.yaml:1:4: Anchors and aliases are not allowed"),
        ],
        ids=range(13),
    )
    def test_refuses_what_it_does_not_understand_or_need(self, text: str, message: str) -> None:
        assert refused(text).startswith(message)

    @given(st.text())
    def test_answers_any_text_with_a_tree_or_a_mistake(self, text: str) -> None:
        try:
            reading.tree_of(text, Mistakes("site.yaml"))
        except InvalidInput as error:
            assert error.code == "site-invalid"


def members(text: str) -> tuple[dict[str, object], list[str]]:
    mistakes = Mistakes("x")
    found = reading.members(reading.tree_of(text, mistakes), {"one", "two"}, mistakes)
    return {key: node.value for key, node in found.items()}, [text for _, _, text in mistakes.found]


class TestMembers:
    def test_finds_what_is_known(self) -> None:
        assert members("one: a") == ({"one": "a"}, [])

    def test_keeps_the_first_of_two(self) -> None:
        assert members("one: a\none: b") == ({"one": "a"}, ["'one' is there twice, first in line 1."])

    def test_knows_no_merge_keys(self) -> None:
        found, wrong = members("<<: {one: a}")
        assert found == {}
        assert wrong == ["Unknown key '<<'. Known keys: one, two."]

    def test_knows_no_complex_keys(self) -> None:
        found, wrong = members("? [one]\n: a")
        assert found == {}
        assert "Unknown key 'a list'." in wrong[0]

    def test_wants_a_mapping(self) -> None:
        assert members("[one]") == ({}, ["Expected keys and values, found a list."])


def read(read: Callable[..., object], text: str) -> tuple[object, list[str]]:
    mistakes = Mistakes("x")
    return read(reading.tree_of(text, mistakes), mistakes), [text for _, _, text in mistakes.found]


class TestScalars:
    def test_text_is_text(self) -> None:
        assert read(reading.text, "a b") == ("a b", [])
        assert read(reading.text, "'7'") == ("7", [])

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("7", "a number"),
            ("7.5", "a number"),
            ("yes", "true or false"),
            ("null", "nothing"),
            ("2026-11-27", "a date"),
            ("{a: b}", "keys and values"),
            ("[a]", "a list"),
            ("'  '", "empty text"),
        ],
    )
    def test_what_is_no_text_is_named(self, text: str, kind: str) -> None:
        value, (wrong,) = read(reading.text, text)
        assert value is None
        assert wrong.startswith(f"Expected text, found {kind}.")

    def test_only_true_and_false_are_that(self) -> None:
        assert read(reading.boolean, "true") == (True, [])
        assert read(reading.boolean, "false") == (False, [])
        assert read(reading.boolean, "'true'")[0] is None
        assert read(reading.boolean, "on")[0] is None

    def test_a_check_adds_its_message(self) -> None:
        def check(text: str) -> str:
            raise InvalidInput("invalid-argument", f"No {text}.")

        mistakes = Mistakes("x")
        assert reading.checked(reading.tree_of("a", mistakes), check, mistakes) is None
        assert mistakes.found == [(1, 1, "No a.")]

    def test_a_check_is_not_asked_about_what_is_no_text(self) -> None:
        mistakes = Mistakes("x")
        assert reading.checked(reading.tree_of("7", mistakes), pytest.fail, mistakes) is None


class TestItems:
    def test_reads_each(self) -> None:
        mistakes = Mistakes("x")
        tree = reading.tree_of("[a, 7, b, a]", mistakes)
        assert reading.items(tree, reading.text, mistakes) == ("a", "b")
        assert [column for _, column, _ in mistakes.found] == [5, 11]

    def test_wants_a_list(self) -> None:
        mistakes = Mistakes("x")
        assert reading.items(reading.tree_of("a", mistakes), reading.text, mistakes) == ()
        assert mistakes.found == [(1, 1, "Expected a list, found text.")]


class TestMistakes:
    def test_are_said_once_and_in_order(self) -> None:
        mistakes = Mistakes("x")
        mistakes.at(2, 1, "b")
        mistakes.at(1, 5, "a")
        mistakes.at(2, 1, "b")
        assert mistakes.error().message == "x:1:5: a\nx:2:1: b"

    def test_one_is_called_one(self) -> None:
        mistakes = Mistakes("x")
        mistakes.refuse()
        mistakes.at(1, 1, "a")
        with pytest.raises(InvalidInput, match="x:1:1: a") as caught:
            mistakes.refuse()
        assert caught.value.hint == "Correct the 1 mistake in x."
