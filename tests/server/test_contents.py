from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from jupyter_envguard.server.contents import Contents
from jupyter_envguard.spec import Package, Spec
from tests.catalogs import entry


class Shelf:
    """A guard that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def spec(self, wanted: Any) -> Spec:
        self.asked.append(wanted.id)
        return Spec("p", tuple(Package(name=name, version="1") for name in "abc"))


def ask(contents: Contents, *labels: str) -> list[str]:
    shelf: Any = Shelf()
    for label in labels:
        contents.spec(shelf, entry("e", label))
    return [name.partition("@")[2] for name in shelf.asked]


def test_a_spec_is_read_once() -> None:
    assert ask(Contents(), "1", "1", "2", "1") == ["1", "2"]


def test_what_was_not_asked_for_longest_is_forgotten() -> None:
    assert ask(Contents(6), "1", "2", "1", "3", "1", "2") == ["1", "2", "3", "2"]


def test_one_spec_is_kept_however_large() -> None:
    assert ask(Contents(1), "1", "1") == ["1"]


def test_the_digest_counts_not_the_name() -> None:
    shelf: Any = Shelf()
    contents, one = Contents(), entry("e", "1")
    contents.spec(shelf, one)
    contents.spec(shelf, replace(entry("e", "2"), spec=one.spec))
    assert shelf.asked == ["e@1"]


def test_what_people_are_shown_is_made_once_and_forgotten_with_its_spec() -> None:
    shelf: Any = Shelf()
    contents, one = Contents(3), entry("e", "1")
    shown = contents.listed(shelf, one)
    assert [package["name"] for package in json.loads(shown)] == ["a", "b", "c"]
    assert contents.listed(shelf, one) is shown
    contents.spec(shelf, entry("e", "2"))
    assert contents.listed(shelf, one) == shown
    assert shelf.asked == ["e@1", "e@2", "e@1"]


def test_two_threads_that_ask_at_once_count_it_once() -> None:
    contents = Contents(6)
    contents._keep("sha256:1", Shelf().spec(entry()))
    contents._keep("sha256:1", Shelf().spec(entry()))
    assert contents._packages == 3
