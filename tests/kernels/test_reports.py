from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.hooks import report
from jupyter_envguard.kernels.drift import Finding
from jupyter_envguard.kernels.reports import MAX_BYTES, TEXT_LENGTH, Change, Kept, Looked, cleaned, parse

DRIFT = {"about": "drift", "kind": "foreign-package", "name": "x 1.0", "where": "/x"}
CHANGE = {
    "about": "package",
    "effect": "deny",
    "operation": "pip:install",
    "rule": "no-pip",
    "place": "environment",
    "command": "pip install x",
}
IMPORT = {"about": "import", "name": "x", "where": "/x", "why": "it is machine code"}
KEYS = sorted({*DRIFT, *CHANGE, *IMPORT})
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def parsed(message: Any) -> Looked | Change | Kept | None:
    return parse(json.dumps(message).encode())


class TestParse:
    def test_a_look_that_found_nothing_or_something(self) -> None:
        assert parsed({"about": "drift"}) == Looked(None)
        assert parsed(DRIFT) == Looked(Finding("foreign-package", "x 1.0", "/x"))

    def test_a_change(self) -> None:
        assert parsed(CHANGE) == Change("deny", "pip:install", "no-pip", "environment", "pip install x")
        assert parsed(CHANGE | {"operation": "?", "place": "", "effect": "record"})
        unknown = parsed(CHANGE | {"operation": "pip:?", "command": "pip frobnicate"})
        assert unknown == Change("deny", "pip:?", "no-pip", "environment", "pip frobnicate")

    def test_a_change_that_bash_tells_by_logger(self) -> None:
        told = CHANGE | {
            "operation": "conda:?",
            "rule": "lockdown",
            "place": "",
            "command": "conda install x",
        }
        found = parse(b"<13>Nov  8 06:32:13 ada: " + json.dumps(told).encode())
        assert found == Change("deny", "conda:install", "lockdown", "", "conda install x")
        assert parsed(told | {"command": "x"}) == Change("deny", "conda:?", "lockdown", "", "x")
        assert parse(b"<13>" + b"x" * 129 + json.dumps(told).encode()) is None

    def test_what_was_kept_from_loading(self) -> None:
        assert parsed(IMPORT) == Kept(Finding("denied-import", "x", "/x"), "it is machine code")

    @pytest.mark.parametrize(
        "message",
        [
            {},
            [],
            "drift",
            {"about": "weather"},
            {"about": 7},
            DRIFT | {"kind": "foreign-planet"},
            DRIFT | {"kind": "denied-import"},
            DRIFT | {"more": "x"},
            IMPORT | {"more": "x"},
            IMPORT | {"why": None},
            {"about": "import"},
            DRIFT | {"name": None},
            {"about": "drift", "kind": "foreign-package"},
            CHANGE | {"effect": "allow"},
            CHANGE | {"operation": "pip install\n"},
            CHANGE | {"rule": ""},
            CHANGE | {"place": "/etc"},
            {key: text for key, text in CHANGE.items() if key != "command"},
        ],
    )
    def test_whatever_is_not_exactly_a_message_is_nothing(self, message: Any) -> None:
        assert parsed(message) is None

    @pytest.mark.parametrize(
        "content", [b"", b"\xff", b"{", b"[" * 8000, b'"' + b"x" * MAX_BYTES + b'"', b'{"about":"drift"}x']
    )
    def test_nonsense_is_nothing(self, content: bytes) -> None:
        assert parse(content) is None

    @given(st.binary() | ANYTHING.map(lambda found: json.dumps(found).encode()))
    def test_nothing_that_is_sent_makes_it_fail(self, content: bytes) -> None:
        parse(content)

    @given(st.sampled_from([DRIFT, CHANGE, IMPORT]), st.dictionaries(st.sampled_from(KEYS), ANYTHING))
    def test_what_is_read_can_be_recorded(self, message: dict[str, str], other: dict[str, Any]) -> None:
        found = parsed(message | other)
        if isinstance(found, Change):
            texts = [found.operation, found.rule, found.place, found.command]
        elif isinstance(found, Kept):
            texts = [found.finding.name, found.finding.where, found.why]
        else:
            texts = [found.finding.name, found.finding.where] if found and found.finding else []
        for text in texts:
            assert text.isprintable()
            assert len(text) <= TEXT_LENGTH
            text.encode()


class TestCleaned:
    def test_passwords_in_addresses_are_left_out(self) -> None:
        line = "pip install -i https://ada:secret@example.org/simple git+ssh://git@host/x a@b"
        assert cleaned(line) == "pip install -i https://…@example.org/simple git+ssh://…@host/x a@b"

    def test_what_does_not_print_is_replaced(self) -> None:
        assert cleaned("a\x1b[31m\n\u202eb\ud800") == "a\ufffd[31m\ufffd\ufffdb\ufffd"


def test_hooks_send_what_fits() -> None:
    assert report.MAX_BYTES == MAX_BYTES
    assert report.MAX_TEXT == TEXT_LENGTH
