from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.cli.terminal import Screen, columns, count, escape, file_size, width


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(*, json: bool = False, tty: bool = False) -> Screen:
    kind = Terminal if tty else io.StringIO
    return Screen(kind(), kind(), json)


def shown(stream: object) -> str:
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


@given(st.text())
def test_escaped_text_is_one_printable_line(text: str) -> None:
    assert escape(text).isprintable()


@given(st.text(alphabet=st.characters(categories=("L", "N", "P"))))
def test_printable_text_stays_as_it_is(text: str) -> None:
    assert escape(text) == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\r", "a\\nb\\r"),
        ("\u202eevil", "\\u202eevil"),
        ("\x9b2J", "\\x9b2J"),
        ("\udc80", "\\udc80"),
        ("[bold]markup[/bold]", "[bold]markup[/bold]"),
        ("\x7f", "\\x7f"),
    ],
)
def test_escapes_what_could_drive_a_terminal(text: str, safe: str) -> None:
    assert escape(text) == safe


def test_columns_are_aligned_for_wide_and_combining_characters() -> None:
    lines = columns([("数据", "x"), ("e\u0301", "x"), ("abcd", "x")])
    assert [width(line) for line in lines] == [7, 7, 7]


def test_columns_of_nothing_are_nothing() -> None:
    assert columns([]) == []


def test_columns_escape_their_cells() -> None:
    assert columns([("a\nb", "c")]) == ["a\\nb  c"]


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (41_300_000, "41.3 MB"), (5 * 10**15, "5000.0 TB")],
)
def test_sizes_read_well(size: int, text: str) -> None:
    assert file_size(size) == text


def test_counts_read_well() -> None:
    assert [count(1, "entry", "entries"), count(2, "entry", "entries"), count(0, "pack")] == [
        "1 entry",
        "2 entries",
        "0 packs",
    ]


def test_json_is_ascii_and_one_document() -> None:
    it = screen(json=True)
    it.answer({"name": "\u202ex\x9b"}, ["not this"])
    assert shown(it.out).isascii()
    assert json.loads(shown(it.out)) == {"name": "\u202ex\x9b"}


def test_a_refusal_is_one_line_and_a_hint() -> None:
    it = screen()
    it.refuse({"code": "c", "message": "No.\x1b[2J", "hint": "Do."})
    assert shown(it.err) == "error[c]: No.\\x1b[2J\nhint: Do.\n"
    assert shown(it.out) == ""


def test_further_lines_of_a_message_cannot_pose_as_ours() -> None:
    it = screen()
    it.refuse({"code": "c", "message": "one\nerror[x]: two", "hint": ""})
    assert shown(it.err) == "error[c]: one\n  error[x]: two\n"


def test_a_refusal_in_json_goes_to_stdout() -> None:
    it = screen(json=True)
    it.refuse({"code": "c", "message": "m", "hint": "h"})
    assert json.loads(shown(it.out)) == {"code": "c", "message": "m", "hint": "h"}
    assert shown(it.err) == ""


def test_colour_only_where_a_person_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert screen(tty=True).paint("x", "red") == "\x1b[31mx\x1b[0m"
    assert screen().paint("x", "red") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert screen(tty=True).paint("x", "red") == "x"


def test_a_dumb_terminal_gets_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert screen(tty=True).paint("x", "red") == "x"


def test_exact_text_is_escaped_for_a_terminal_only() -> None:
    plain, tty = screen(), screen(tty=True)
    for it in (plain, tty):
        it.exact("a\x1b[2J")
    assert shown(plain.out) == "a\x1b[2J"
    assert shown(tty.out) == "a\\x1b[2J\n"


def test_warnings_go_to_stderr() -> None:
    it = screen(json=True)
    it.warn("Mind\nthis.")
    assert shown(it.err) == "warning: Mind\\nthis.\n"
