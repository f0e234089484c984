"""Lines for a shell, taken apart as a real shell takes them apart."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_envguard.hooks.shell import DEPTH, commands_in

TOOLS = ("pip", "conda", "npm")
STUB = """\
#!/bin/sh
{ printf '%s\\0' "${0##*/}" "$@"; printf '\\n\\0'; } >> "$SEEN"
"""


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("", []),
        ("  ", []),
        ("# pip install x", []),
        ("pip install x # y", [["pip", "install", "x"]]),
        ("pip install x#y", [["pip", "install", "x#y"]]),
        ("pip install 'x y' \"z\"''", [["pip", "install", "x y", "z"]]),
        ("pip ''", [["pip", ""]]),
        ('a "b\\"c" "\\d" \\"', [["a", 'b"c', "\\d", '"']]),
        ("a \\\n b", [["a", "b"]]),
        ("a;b&&c||d|e&f\ng", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"], ["g"]]),
        ("(a; b) | { c; }", [["a"], ["b"], ["c"], ["}"]]),
        ("if a; then b; else ! c; fi", [["a"], ["b"], ["c"], ["fi"]]),
        ("while a\ndo b\ndone", [["a"], ["b"], ["done"]]),
        ("a >b 2>&1 <c >>d 2>/dev/null &>e e", [["a", "e"]]),
        ("a 2>&- b", [["a", "b"]]),
        ("a <&- b", [["a", "b"]]),
        ("a<<<b c", [["a", "c"]]),
        ("a2>b", [["a2"]]),
        ("cat <<E\npip install x\nE\nb", [["cat"], ["b"]]),
        ("cat <<-'E' >f\n x\n\tE\nb", [["cat"], ["b"]]),
        ("cat <<E\npip install x", [["cat"]]),
        ("echo $(a b) c", [["a", "b"], ["echo", "", "c"]]),
        ("echo `a b` c", [["a", "b"], ["echo", "", "c"]]),
        ('echo "$(a "b)" \\) c)"', [["a", "b)", ")", "c"], ["echo", ""]]),
        ("echo $((1 + 2))", [["echo", "0"]]),
        ("$(which pip) x", [["which", "pip"], ["pip", "x"]]),
        ("`command -v pip` x", [["command", "-v", "pip"], ["pip", "x"]]),
        ("$(cd y; type -p pip) x", [["cd", "y"], ["type", "-p", "pip"], ["pip", "x"]]),
        ("$(echo pip) x", [["echo", "pip"], ["", "x"]]),
        ("a <(b c)", [["a"], ["b", "c"]]),
        ("$ENVGUARD_X/pip ${ENVGUARD_X}y '$ENVGUARD_X'", [["/x/pip", "/xy", "$ENVGUARD_X"]]),
        (
            "$ENVGUARD_NONE ${ENVGUARD_NONE} $ $1 100%",
            [["$ENVGUARD_NONE", "${ENVGUARD_NONE}", "$", "$1", "100%"]],
        ),
        *((line, []) for line in ("pip 'x", 'pip "x', "pip $(x", "pip `x", "pip ${x")),
    ],
)
def test_are_taken_apart(line: str, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVGUARD_X", "/x")
    monkeypatch.delenv("ENVGUARD_NONE", raising=False)
    assert commands_in(line) == commands


def test_what_is_nested_too_deep_is_left_alone() -> None:
    assert len(commands_in("$(" * DEPTH + "a" + ")" * DEPTH)) == DEPTH + 1
    assert len(commands_in("$(" * 1000 + "a" + ")" * 1000)) == DEPTH + 1


@given(st.text(alphabet="ab '\"\\$(){}`<>&|;#\n-=1", max_size=60))
def test_no_line_is_too_strange(line: str) -> None:
    assert all(words and all(isinstance(word, str) for word in words) for words in commands_in(line))


@given(st.lists(st.text(min_size=1), min_size=1))
def test_words_that_are_quoted_are_those_words(words: list[str]) -> None:
    line = shlex.join(["x", *words])
    assert commands_in(line) == [["x", *words]]


WORD = st.sampled_from(
    [
        "x",
        "'a b'",
        '"a b"',
        "x\\ y",
        "''",
        '"$HOME"',
        "'$HOME'",
        "-q",
        "a=b",
        "--x=1",
        "x#y",
        "${HOME}/z",
        '"\\$x"',
    ]
)
COMMAND = st.builds(
    lambda before, tool, words, after: " ".join([*before, tool, *words, *after]),
    st.lists(st.sampled_from(["A=1", "B='x y'", "command", "exec env", "env C=2"]), max_size=1),
    st.sampled_from(TOOLS),
    st.lists(WORD, max_size=4),
    st.lists(st.sampled_from([">/dev/null", "2>&1", "</dev/null", "2>>/dev/null"]), max_size=2),
)
LINE = st.recursive(
    COMMAND,
    lambda part: (
        st.builds("{}{}{}".format, part, st.sampled_from(["; ", " && ", "\n", " ;"]), part)
        | st.builds("( {} )".format, part)
        | st.builds("if {}; then {}; fi".format, part, part)
        | st.builds(": $( {} )".format, part)
        | st.builds(': "`{}`"'.format, COMMAND.filter(lambda text: '"' not in text and "\\" not in text))
        | st.builds("# {}\n{}".format, COMMAND, part)
        | st.builds("cat >/dev/null <<'E'\n{}\nE\n{}".format, COMMAND, part)
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs that write down how they were called."""
    folder = tmp_path_factory.mktemp("bin")
    for tool in TOOLS:
        (folder / tool).write_text(STUB)
        (folder / tool).chmod(0o755)
    return folder


@settings(deadline=None, max_examples=40)
@given(line=LINE.filter(lambda text: "exec" not in text or text.count("\n") + text.count(";") == 0))
def test_a_real_shell_runs_what_is_read(stubs: Path, line: str) -> None:
    seen = stubs / "seen"
    seen.write_bytes(b"")
    path = f"{stubs}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", line],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, "SEEN": str(seen)},
    )
    assert done.stderr == ""
    called = [part.split(b"\0")[:-1] for part in seen.read_bytes().split(b"\n\0")[:-1]]
    assert [_tool(words) for words in commands_in(line) if _tool(words)] == [
        [word.decode() for word in words] for words in called
    ], json.dumps(line)


def _tool(words: list[str]) -> list[str]:
    """Return `words` from the tool on, empty when they name none."""
    at = next((at for at, word in enumerate(words) if word in TOOLS), None)
    return [] if at is None or words[0] == "#" else words[at:]
