from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.hooks import links


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (links.TOLD, links.PUBLIC, links.PREFIX):
        monkeypatch.delenv(name, raising=False)


@given(st.text())
def test_what_is_quoted_is_itself_again(text: str) -> None:
    assert unquote(links.quoted(text), errors="strict") == text.encode("utf-8", "replace").decode()


@given(st.text(st.characters(codec="utf-8")))
def test_quotes_as_everybody_does(text: str) -> None:
    assert links.quoted(text) == quote(text, safe="")


def test_an_address_is_told_what_it_asks_for_and_nothing_else() -> None:
    assert (
        links.filled("https://x/{subject}?in={environment}", "a>=1 b", "sci")
        == "https://x/a%3E%3D1%20b?in=sci"
    )
    assert links.filled("https://x/ask", "a", "sci") == "https://x/ask"
    assert links.filled("{subject}", "{environment}", "sci") == "%7Benvironment%7D"


def test_the_own_form_is_where_the_hub_says(monkeypatch: pytest.MonkeyPatch) -> None:
    query = "lab?envguard-request={subject}&envguard-environment={environment}"
    assert links.own_form() == ""
    monkeypatch.setenv(links.PREFIX, "/user/ada/")
    assert links.own_form() == f"/user/ada/{query}"
    monkeypatch.setenv(links.PUBLIC, "https://hub.example.org/user/ada/")
    assert links.own_form() == f"https://hub.example.org/user/ada/{query}"
    monkeypatch.setenv(links.TOLD, "https://example.org/ask")
    assert links.own_form() == "https://example.org/ask"
