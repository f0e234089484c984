from __future__ import annotations

import json
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.hooks.card import MOST_FOUND, RELEASE, SPECS, already, card
from jupyter_envguard.hooks.rules import ASK, Ruling
from tests.hooks.machines import Machine, release

pytestmark = pytest.mark.usefixtures("machine")


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def refusal(message: str, link: str = "") -> Ruling:
    ruling = Ruling("deny", "x", message)
    ruling.link = link
    ruling.hint = f"Ask for a package: {link}" if link else ASK
    return ruling


def spec(path: Path, **packages: str) -> Path:
    path.write_text(json.dumps({"packages": [{"name": n, "version": v} for n, v in packages.items()]}))
    return path


class TestCard:
    def test_says_the_same_in_a_browser_and_in_a_console(self) -> None:
        found = card(refusal("No.", "https://example.org/ask"), ["1 of x is there."], "Nothing was run.")
        lines = ["No.", "Nothing was run.", "1 of x is there.", "Ask for a package: https://example.org/ask"]
        assert found["text/plain"].splitlines() == lines
        tags = Tags(found["text/html"]).found
        link = dict(tags)["a"]
        assert (link["href"], link["rel"]) == ("https://example.org/ask", "noopener noreferrer")
        assert tags[0][1]["role"] == "note"

    def test_without_an_address_the_hint_is_shown(self) -> None:
        assert ASK in card(refusal("No."))["text/html"]
        assert card(refusal("No."))["text/plain"] == f"No.\n{ASK}"

    @given(st.text(), st.text(), st.text())
    def test_nothing_from_outside_becomes_markup(self, message: str, found: str, url: str) -> None:
        tags = Tags(card(refusal(message, url), [found], found)["text/html"]).found
        assert {tag for tag, _ in tags} <= {"div", "a"}
        assert {name for _, attributes in tags for name in attributes} <= {
            *("class", "role", "style", "href", "target", "rel")
        }

    @pytest.mark.parametrize(
        "url", ["javascript:alert(1)", "data:text/html,x", "//evil", "/\\evil", "https://a\nb", "lab"]
    )
    def test_only_plain_addresses_become_links(self, url: str) -> None:
        assert "<a" not in card(refusal("No.", url))["text/html"]

    def test_a_form_on_the_pages_own_host_becomes_a_link(self) -> None:
        assert (
            'href="/user/ada/lab?envguard-request=x&amp;y"'
            in (card(refusal("No.", "/user/ada/lab?envguard-request=x&y"))["text/html"])
        )


class TestAlready:
    """In a kernel, which is told where the specs lie."""

    def told(self, monkeypatch: pytest.MonkeyPatch, specs: object) -> None:
        monkeypatch.setenv(SPECS, specs if isinstance(specs, str) else json.dumps(specs))

    def test_names_the_kernels_that_have_it_whatever_way_it_is_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nlp, other = spec(tmp_path / "a", scikit_learn="2.1"), spec(tmp_path / "b", y="1")
        self.told(monkeypatch, {"nlp": str(nlp), "b": str(other)})
        assert already(["Scikit.Learn"]) == ["2.1 of scikit_learn is already in kernel nlp."]

    @pytest.mark.parametrize(("own", "kernel"), [("nlp@2", "nlp"), ("nlp@2", "nlp--2")])
    def test_this_kernel_comes_first(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str, kernel: str
    ) -> None:
        path = str(spec(tmp_path / "a", x="1"))
        self.told(monkeypatch, {"a": path, kernel: path})
        monkeypatch.setenv(RELEASE, own)
        assert already(["x"]) == ["1 of x is already in this kernel.", "1 of x is already in kernel a."]

    def test_names_no_more_than_fit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told(monkeypatch, {str(number): str(spec(tmp_path / "a", x="1")) for number in range(20)})
        assert len(already(["x"])) == MOST_FOUND

    @pytest.mark.parametrize("specs", ["{", "[]", '{"a": 1}', '{"a": "/nowhere"}', "[" * 100_000])
    def test_says_nothing_when_it_was_told_nothing_of_use(
        self, specs: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.told(monkeypatch, specs)
        assert already(["x"]) == []

    @pytest.mark.parametrize("content", ["{", "[]", "{}", '{"packages": 1}', '{"packages": [1]}'])
    def test_a_spec_that_is_none_is_passed_over(
        self, tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "s").write_text(content)
        self.told(monkeypatch, {"a": str(tmp_path / "s")})
        assert already(["x"]) == []

    def test_a_pipe_makes_nobody_wait(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        os.mkfifo(tmp_path / "s")
        self.told(monkeypatch, {"a": str(tmp_path / "s")})
        assert already(["x"]) == []

    def test_without_packages_nothing_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told(monkeypatch, {"a": "/nowhere"})
        assert already([]) == []


def test_a_terminal_has_the_list_of_the_site(machine: Machine) -> None:
    has = {"packages": {"scikit-learn": ["scikit_learn", "2.1"], "y": ["y", "1"]}}
    machine.list(
        release("nlp", groups=["staff"], **has),
        release("secret", groups=["other"], **has),
        release("none", packages={"y": ["y", "1"]}),
    )
    assert already(["Scikit.learn"]) == []
    machine.join("ada", "staff")
    assert already(["Scikit.learn", "x"]) == ["2.1 of scikit_learn is already in kernel nlp."]
