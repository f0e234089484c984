"""Reads command lines that may change an environment: `pip install x`, `cd y && conda update --all`.

>>> [change.operation for change in changes_in("cd y && pip install x", GRAMMAR)]
['pip:install']

Which words mean what is the grammar, which comes with the site's rules; without
rules the small one here knows the usual changes. A line that nobody understands is
let pass: this is courtesy, and a shell has more ways to write a command than a
parser has to read it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

UNKNOWN = "?"
"""Stands for the operation of a word that the grammar does not know: the rules refuse those."""

_SEPARATORS = frozenset(";&|()\n")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_VERSION = re.compile(r"[0-9.]+\Z")
_BEFORE = frozenset({"command", "env", "exec", "nohup", "sudo", "time"})
"""Words that another command may follow."""

_GLOBAL = ("-g", "--global", "--location")

_PREFIX_OPTIONS = {
    "conda": ("-p", "--prefix"),
    "pip": ("-t", "--target", "--prefix", "--root", "--python"),
    "uv": ("-p", "--python", "--target", "--prefix"),
}
"""Options whose value is the path of another environment."""

_PROJECTS = re.compile(r"(pixi|npm|venv|virtualenv):|uv:(add|init|remove|run|sync|tool|venv)\Z")
"""Operations that work on the folder they are called in, not on the environment of the kernel."""


def _verbs(tool: str, **verbs: str) -> dict[str, Any]:
    return {word: {"operation": f"{tool}:{verb}"} for word, verb in verbs.items()}


_PIP = {"next": _verbs("pip", install="install", uninstall="uninstall")}
_CONDA_ENV = {"next": _verbs("conda", create="create", update="update", remove="remove")}
_CHANGES = {"install": "install", "update": "update", "upgrade": "update", "create": "create"}
_REMOVALS = {"remove": "remove", "uninstall": "remove"}
GRAMMAR: dict[str, Any] = {
    "pip": _PIP,
    "python": {"modules": True, "flags": ["-I", "-E", "-s", "-S", "-u", "-B"]},
    "conda": {"next": {**_verbs("conda", **_CHANGES, **_REMOVALS, rename="rename"), "env": _CONDA_ENV}},
    "mamba": {"next": {**_verbs("mamba", **_CHANGES, **_REMOVALS), "env": _CONDA_ENV}},
    "micromamba": {"next": {**_verbs("mamba", **_CHANGES, **_REMOVALS), "env": _CONDA_ENV}},
    "uv": {"next": {"pip": {"next": _verbs("uv", install="install", uninstall="uninstall", sync="install")}}},
    "pixi": {"next": _verbs("pixi", add="add", remove="remove", install="install", update="update")},
}
"""What is known without the site's rules; it has no word for what only reads."""


class Change(NamedTuple):
    """One change that a line asks for."""

    operation: str
    """What the rules call it, or `UNKNOWN`."""
    command: str
    """What a refusal calls it, such as `pip install`."""
    words: tuple[str, ...]
    """The whole command, its program first."""
    tool: str
    """The program without its folder and version."""


def changes_in(line: str, grammar: dict[str, Any]) -> Iterator[Change]:
    """Yield what the commands of a shell's `line` would do, in their order."""
    for words in _commands(line):
        yield from _changes(words, grammar)


def packages_in(change: Change) -> list[str]:
    """Return the names of the packages that `change` asks for, without versions and options."""
    asked = change.command.split()
    named = [word for word in change.words[len(asked) :] if word not in asked and not word.startswith("-")]
    names = [re.split(r"[\[=<>~!;@ ]", word.rpartition("::")[2], maxsplit=1)[0] for word in named]
    return [name for name in names if re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z", name)]


def target_of(change: Change) -> str:
    """Return the prefix of the environment that `change` is about, as its tool would find it."""
    options = _PREFIX_OPTIONS.get("conda" if "mamba" in change.tool else change.tool, ())
    named = _value_of(options, change.words)
    if named:
        return _prefix_around(os.path.abspath(os.path.expanduser(named)))
    if "conda" in change.tool or "mamba" in change.tool:
        name = _value_of(("-n", "--name"), change.words)
        if name:
            return os.path.expanduser(f"~/.conda/envs/{name}")
        return os.environ.get("CONDA_PREFIX") or sys.prefix
    if _PROJECTS.match(change.operation):
        return os.getcwd()
    if change.tool == "uv" and os.environ.get("VIRTUAL_ENV"):
        return os.environ["VIRTUAL_ENV"]
    return _prefix_of_program(change.words[0])


def _commands(line: str) -> Iterator[list[str]]:
    """Yield the words of every single command in `line`; nothing when its quotes do not close."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for token in lexer:
            if set(token) <= _SEPARATORS and token:
                yield words
                words = []
            else:
                words.append(token)
    except ValueError:
        return
    yield words


def _changes(words: list[str], grammar: dict[str, Any]) -> Iterator[Change]:
    while words and (_ASSIGNMENT.match(words[0]) or (words[0] in _BEFORE and words[0] not in grammar)):
        words = words[1:]
    if not words:
        return
    # IPython fills in {sys.executable} when the line runs, which is after this.
    program = "python" if words[0] == "{sys.executable}" else os.path.basename(words[0])
    tool = program if program in grammar else _VERSION.sub("", program)
    if tool in grammar:
        yield from _walk(grammar[tool], tool, [tool], words, 1, grammar)


def _walk(
    node: dict[str, Any], tool: str, said: list[str], words: list[str], at: int, grammar: dict[str, Any]
) -> Iterator[Change]:
    """Follow `words` from `at` through the grammar, from `node`, which the words `said` led to."""
    if node.get("global") and any(word in _GLOBAL for word in words[at:]):
        yield Change(node["global"], " ".join([*said, "--global"]), tuple(words), tool)
        return
    goes_on = any(node.get(way) for way in ("next", "runs", "modules"))
    at = _after_options(node, words, at) if goes_on else len(words)
    if node.get("operation") and (at >= len(words) or node.get("runs")):
        yield Change(node["operation"], " ".join(said), tuple(words), tool)
    if at < len(words):
        yield from _follow(node, tool, said, words, at, grammar)


def _follow(
    node: dict[str, Any], tool: str, said: list[str], words: list[str], at: int, grammar: dict[str, Any]
) -> Iterator[Change]:
    """Go on from `node` with the word at `at`: its verb, or an option that it does not know."""
    word = words[at]
    is_option = word.startswith("-")
    following = node.get("next", {}).get(word)
    if following is not None:
        yield from _walk(following, tool, [*said, word], words, at + 1, grammar)
    elif node.get("modules") and (not is_option or word.startswith(("-m", "-c"))):
        yield from _module(words, at, grammar)
    elif node.get("runs") and not is_option:
        yield from _changes(words[at:], grammar)
    else:
        yield Change(UNKNOWN, " ".join([*said, word]), tuple(words), tool)


def _after_options(node: dict[str, Any], words: list[str], at: int) -> int:
    """Return the index of the first word from `at` on that is no option which `node` knows."""
    while at < len(words) and (length := _length(words[at], node)):
        at += length
    return at


def _module(words: list[str], at: int, grammar: dict[str, Any]) -> Iterator[Change]:
    """Follow `python -m X …` as `X …` with Python as program; scripts and `-c` change no environment."""
    glued = words[at][2:]
    module = glued or (words[at + 1] if at + 1 < len(words) else "")
    if words[at].startswith("-m") and module in grammar:
        rest = words[at + (1 if glued else 2) :]
        yield from _walk(grammar[module], module, [module], [words[0], *rest], 1, grammar)


def _length(word: str, node: dict[str, Any]) -> int:
    """Return how many words the option `word` takes, 0 for one that `node` does not know."""
    name, equals, _ = word.partition("=")
    valued = node.get("valued", ())
    if word in node.get("flags", ()):
        return 1
    if name in valued:
        return 1 if equals else 2
    return 1 if not word.startswith("--") and word[:2] in valued else 0


def _value_of(options: tuple[str, ...], words: tuple[str, ...]) -> str:
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in options:
            return value if equals else "".join(words[index + 1 : index + 2])
    return ""


def _prefix_around(path: str) -> str:
    """Return the prefix that `path` belongs to when it is a program, else the path."""
    is_program = os.path.basename(os.path.dirname(path)) == "bin" and os.path.isfile(path)
    return os.path.dirname(os.path.dirname(path)) if is_program else path


def _prefix_of_program(program: str) -> str:
    """Return the prefix that `program` would change: its own where it is a virtual environment's.

    A bare name that leads elsewhere, to the system's pip perhaps, still means the kernel's environment.
    """
    if "/" in program:
        return _prefix_around(os.path.abspath(os.path.expanduser(program)))
    found = shutil.which(program)
    prefix = _prefix_around(found) if found else sys.prefix
    return prefix if os.path.isfile(os.path.join(prefix, "pyvenv.cfg")) else sys.prefix
