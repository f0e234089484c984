"""The extension for IPython: package commands that the rules refuse are answered in the cell.

`%pip`, `%conda`, `%mamba`, `%micromamba`, `%uv` and `%pixi`, lines such as `!pip install x`, and
cells of a shell (`%%bash`) show a card where they would have ended in a permission error and
IPython's advice to restart the kernel. Whatever the rules allow, and whatever only reads, runs
as before. Where the kernel may start no second Python, whoever has tried it there is told so.

`kernels.launch` loads this into approved Python kernels. It is no part of the wall:
a user can unload it, and nothing is protected by its being there.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager

from . import alone, report, rules
from .commands import changes_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterator
    from typing import Any

    from .commands import Change

TOOLS = ("conda", "mamba", "micromamba", "pip", "pixi", "uv")
"""Magics that are a package tool."""
SHELLS = ("!", "bash", "script", "sh", "sx", "system")
"""Magics whose line or cell goes to a shell."""
SHELL_PROGRAMS = ("ash", "bash", "dash", "ksh", "sh", "zsh")
"""Programs for which `%%script` is such a magic."""
EXIT_CODE = 77
"""What `_exit_code` is after a refusal, as if the command had run and failed."""
PREFIXES = ("env", "exec", "nohup", "time")
"""Words before a command that run it."""
NOT_RUN = "Nothing of this cell was run."

_ORIGINAL = "envguard_original"
"""Names the mark of a magic that holds the one whose place it took."""
_CALLS = ("getoutput", "system")
"""What IPython makes of `name = !line` and of `!line`."""


def load_ipython_extension(shell: Any) -> None:
    """Take the place of IPython's package magics in `shell`, and look out for drift; called by IPython."""
    # All are found before one is replaced: newer IPythons fetch a magic when it is first asked
    # for, and with it the others of its kind, which would take their places back.
    tools = [(name, shell.find_magic(name)) for name in TOOLS]
    scripts = [(kind, name, shell.find_magic(name, kind)) for kind in ("line", "cell") for name in SHELLS]
    for name, original in tools:
        shell.register_magic_function(_tool(shell, name, original), "line", name)
    for kind, name, original in scripts:
        if original is not None:
            shell.register_magic_function(_script(shell, name, original), kind, name)
    shell.ast_transformers.append(Shellouts())
    if report.take_line():
        from . import drift

        drift.watch(shell)


class Shellouts:
    """Puts `shellout` in the place of the calls that IPython makes of lines for the shell."""

    def visit(self, tree: ast.AST) -> ast.AST:
        """Change `tree` and return it; called by IPython for every cell."""
        import ast  # IPython has it; a Python that only looks at this module does without.

        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _is_shellout(node):
                line, name = node.args[0], node.func.attr  # type: ignore[attr-defined]
                put = f"__import__('sys').modules[{__name__!r}].shellout(get_ipython(), {name!r}, 0, 0)"
                made: Any = ast.parse(put, mode="eval").body
                expanded: Any = ast.parse("get_ipython().var_expand(0)", mode="eval").body
                expanded.args = [line]
                made.args[2:] = [line, expanded]
                node.func, node.args = made.func, made.args
                ast.copy_location(made, line)
                for part in (node.func, *node.args[:2], expanded):
                    for inner in ast.walk(part):
                        ast.copy_location(inner, line)
        return tree


def shellout(shell: Any, name: str, line: str, expanded: str) -> Any:
    """Do what IPython does for `line`, unless it is refused; `expanded` is it with its variables filled in.

    They are filled in by the cell itself, which alone knows the variables of its functions.
    """
    if not _is_loaded(shell):
        return _shellout(shell, name, line, expanded)
    with _asked(shell, expanded) as runs:
        if runs:
            return _shellout(shell, name, line, expanded)
    return [] if name == "getoutput" else None


def _shellout(shell: Any, name: str, line: str, expanded: str) -> Any:
    if line == expanded:
        return getattr(shell, name)(line)
    # Filled in once is enough: `{next(names)}` must not be asked twice.
    shell.var_expand = lambda text, *_, **__: text
    try:
        return getattr(shell, name)(expanded)
    finally:
        del shell.var_expand


def rulings(text: str) -> Iterator[tuple[Change, rules.Ruling]]:
    """Yield what the commands in `text` would do, each with what the rules say about it."""
    grammar = rules.grammar()
    if not any(tool in text for tool in grammar):
        return
    from . import targets

    for change in changes_in(text, grammar):
        prefix = targets.target_of(change)
        own = os.path.realpath(prefix) == os.path.realpath(sys.prefix)
        name = os.environ.get("ENVGUARD_RELEASE", "") if own else ""
        packages = targets.requirements_in(change)
        yield change, rules.decide(change.operation, change.command, prefix, packages, name)


def _is_shellout(node: ast.Call) -> bool:
    """Return whether `node` is `get_ipython().system("…")` or its like, as IPython writes it."""
    import ast

    function, one = node.func, node.args[0] if len(node.args) == 1 else None
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Call):
        return False
    owner = function.value.func
    named = isinstance(owner, ast.Name) and owner.id == "get_ipython" and function.attr in _CALLS
    return named and not node.keywords and isinstance(one, ast.Constant) and isinstance(one.value, str)


def _tool(shell: Any, name: str, original: Any) -> Callable[[str], Any]:
    """Return the magic `name`: a refusal, or what `original` does, or the program of that name."""

    def magic(line: str) -> Any:
        command = f"{name} {line}"
        with _asked(shell, command) as runs:
            if runs and name == "pip" and alone.is_hidden(sys.executable):  # IPython runs it by that
                if not _starts_python(command):  # where there is a program of that name, it is said of that
                    sys.stderr.write(f"{alone.SENTENCE}\n")
                shell.user_ns["_exit_code"] = EXIT_CODE
            elif runs:
                return original(line) if original is not None else shell.system(command)
        return None

    return _like(magic, original, f"Run {name}.")


def _script(shell: Any, name: str, original: Any) -> Callable[..., Any]:
    """Return the magic `name`, which gives its cell, or its line, to a shell."""

    def magic(line: str, cell: str | None = None) -> Any:
        program = next((word for word in line.split() if not word.startswith("-")), "")
        is_shell = name != "script" or os.path.basename(program) in SHELL_PROGRAMS
        text = (line if cell is None else cell) if is_shell else ""
        with _asked(shell, text, "" if cell is None else NOT_RUN) as runs:
            if runs:
                return original(line) if cell is None else original(line, cell)
        return None

    return _like(magic, original, f"Run {name}.")


def _like(magic: Callable[..., Any], original: Any, otherwise: str) -> Callable[..., Any]:
    """Return `magic` with the text and the marks of `original`, by which IPython knows how to call it."""
    magic.__dict__.update(getattr(original, "__dict__", {}))
    magic.__doc__ = getattr(original, "__doc__", None) or otherwise
    setattr(magic, _ORIGINAL, original)
    return magic


@contextmanager
def _asked(shell: Any, text: str, note: str = "") -> Iterator[bool]:
    """Yield whether `text` may run; show why not, or else tell what is to be recorded, once."""
    found = list(rulings(text))
    refused = [pair for pair in found if not pair[1].allowed][:1]
    told = [pair for pair in refused or found if pair[1].effect != "allow"]
    for change, ruling in told:
        report.report_change(ruling.effect, change.operation, ruling.rule, ruling.place, change.line)
    for change, ruling in refused:
        _show(shell, change, ruling, note)
    if told and not refused:
        import json

        os.environ[report.TOLD] = json.dumps([(change.operation, change.line) for change, _ in told])
    try:
        yield not refused
    finally:
        os.environ.pop(report.TOLD, None)
        if not refused and alone.is_hidden(sys.executable) and _starts_python(text):
            sys.stderr.write(f"{alone.SENTENCE}\n")


def _starts_python(text: str) -> bool:
    """Tell whether a command in `text` is a Python that is hidden from this one, or a script for it."""
    from .shell import commands_in

    return any(alone.leads_to_hidden(word) for words in commands_in(text) for word in _first(words))


def _first(words: list[str]) -> list[str]:
    """Return the word of a command that names its program, if it has one."""
    return [word for word in words if "=" not in word and word not in PREFIXES][:1]


def _show(shell: Any, change: Change, ruling: rules.Ruling, note: str) -> None:
    """Show why the line is refused."""
    from .card import already, card
    from .targets import packages_in

    # Pictures of output that is already there must not come after the refusal of what followed it.
    sys.stdout.flush()
    shell.display_pub.publish(data=card(ruling, already(packages_in(change)), note))
    shell.user_ns["_exit_code"] = EXIT_CODE


def _is_loaded(shell: Any) -> bool:
    return any(isinstance(transformer, Shellouts) for transformer in shell.ast_transformers)


def unload_ipython_extension(shell: Any) -> None:
    """Leave the magics to IPython again; called by IPython."""
    shell.ast_transformers[:] = [t for t in shell.ast_transformers if not isinstance(t, Shellouts)]
    for magics in shell.magics_manager.magics.values():
        for name in {*TOOLS, *SHELLS} & magics.keys():
            original = getattr(magics[name], _ORIGINAL, magics[name])
            if original is None:
                del magics[name]
            else:
                magics[name] = original
