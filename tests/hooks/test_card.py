from __future__ import annotations

import json
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.hooks.card import MOST_FOUND, already, card


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def spec(path: Path, **packages: str) -> Path:
    path.write_text(json.dumps({"packages": [{"name": n, "version": v} for n, v in packages.items()]}))
    return path


class TestCard:
    def test_says_the_same_in_a_browser_and_in_a_console(self) -> None:
        found = card("No.", "Ask somebody.", ["x 1 is there."], "https://example.org/ask")
        lines = ["No.", "x 1 is there.", "Ask somebody.", "Ask for a package: https://example.org/ask"]
        assert found["text/plain"].splitlines() == lines
        link = dict(Tags(found["text/html"]).found)["a"]
        assert (link["href"], link["rel"]) == ("https://example.org/ask", "noopener noreferrer")

    def test_without_an_address_the_hint_is_shown(self) -> None:
        assert "Ask somebody." in card("No.", "Ask somebody.", [], "")["text/html"]

    @given(st.text(), st.text(), st.text())
    def test_nothing_from_outside_becomes_markup(self, message: str, found: str, url: str) -> None:
        tags = Tags(card(message, "", [found], url)["text/html"]).found
        assert {tag for tag, _ in tags} <= {"div", "a"}
        assert {name for _, attributes in tags for name in attributes} <= {
            *("class", "role", "style", "href", "target", "rel")
        }

    @pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil", "https://a\nb"])
    def test_only_plain_addresses_become_links(self, url: str) -> None:
        assert "<a" not in card("No.", "", [], url)["text/html"]


class TestAlready:
    def test_names_the_kernels_that_have_it_whatever_way_it_is_written(self, tmp_path: Path) -> None:
        specs = {"nlp": str(spec(tmp_path / "a", scikit_learn="2.1")), "b": str(spec(tmp_path / "b", y="1"))}
        assert already(["Scikit.Learn"], json.dumps(specs)) == ["scikit_learn 2.1 is already in kernel nlp."]

    def test_names_no_more_than_fit(self, tmp_path: Path) -> None:
        specs = {str(number): str(spec(tmp_path / "a", x="1")) for number in range(20)}
        assert len(already(["x"], json.dumps(specs))) == MOST_FOUND

    @pytest.mark.parametrize("specs", ["", "{", "[]", '{"a": 1}', '{"a": "/nowhere"}', "[" * 100_000])
    def test_says_nothing_when_it_was_told_nothing_of_use(self, specs: str) -> None:
        assert already(["x"], specs) == []

    @pytest.mark.parametrize("content", ["{", "[]", "{}", '{"packages": 1}', '{"packages": [1]}'])
    def test_a_spec_that_is_none_is_passed_over(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "s").write_text(content)
        assert already(["x"], json.dumps({"a": str(tmp_path / "s")})) == []

    def test_a_pipe_makes_nobody_wait(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "s")
        assert already(["x"], json.dumps({"a": str(tmp_path / "s")})) == []

    def test_without_packages_nothing_is_read(self) -> None:
        assert already([], '{"a": "/nowhere"}') == []
