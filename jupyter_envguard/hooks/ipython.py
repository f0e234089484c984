"""The extension for IPython: package commands that the rules refuse are answered in the cell.

`%pip`, `%conda`, `%mamba`, `%micromamba`, `%uv` and `%pixi`, and lines such as `!pip install x`,
show a card where they would have ended in a permission error and IPython's advice to
restart the kernel. Whatever the rules allow, and whatever only reads, runs as before.

`kernels.launch` loads this into approved Python kernels. It is no part of the wall:
a user can unload it, and nothing is protected by its being there.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from typing import Any

from . import commands, drift, report, rules
from .card import already, card
from .commands import Change

MAGICS = ("conda", "mamba", "micromamba", "pip", "pixi", "uv")
REFUSED = "envguard_refused"
"""Name of the magic that refused lines are turned into; it is no command for people."""
RECORDED = "envguard_recorded"
"""Name of the magic that comes before lines which are allowed and recorded."""
EXIT_CODE = 77
"""What `_exit_code` is after a refusal, as if the command had run and failed."""

_CALLS = {"system": False, "getoutput": True}
"""What IPython makes of `!line` and of `name = !line`, and whether its value is used."""


def load_ipython_extension(shell: Any) -> None:
    """Take the place of IPython's package magics in `shell`, and look out for drift; called by IPython."""
    known = shell.magics_manager.magics["line"]
    for name in MAGICS:
        shell.register_magic_function(_magic(shell, name, known.get(name)), "line", name)
    shell.register_magic_function(lambda line: _answer(shell, line), "line", REFUSED)
    shell.register_magic_function(_record, "line", RECORDED)
    shell.ast_transformers.append(Shellouts())
    if report.take_line():
        drift.watch(shell)


class Shellouts(ast.NodeTransformer):
    """Turns refused lines for the shell into their refusal, and has others recorded before they run."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Return the call, the refusal in its place, or the call after it was recorded."""
        self.generic_visit(node)
        name = _method_of_shell(node)
        if name not in _CALLS or len(node.args) != 1 or not isinstance(node.args[0], ast.Constant):
            return node
        line = node.args[0].value
        if not isinstance(line, str):
            return node
        effects = {ruling.effect for _, ruling in rulings(line)}
        if "deny" in effects:
            source = f"get_ipython().run_line_magic({REFUSED!r}, {line!r})"
            source += " or []" if _CALLS[name] else ""
            return ast.copy_location(ast.parse(source, mode="eval").body, node)
        if "record" in effects:
            both = ast.parse(f"(get_ipython().run_line_magic({RECORDED!r}, {line!r}), None)[1]", mode="eval")
            both.body.value.elts[1] = node  # type: ignore[attr-defined]
            return ast.copy_location(both.body, node)
        return node


def rulings(line: str) -> Iterator[tuple[Change, rules.Ruling]]:
    """Yield the changes that `line` would make, each with what the rules say about it."""
    acl = rules.load() or {}
    known = acl.get("commands")
    grammar = known if isinstance(known, dict) and known else commands.GRAMMAR
    name = os.environ.get("ENVGUARD_RELEASE", "")
    for change in commands.changes_in(line, grammar):
        if change.operation == commands.UNKNOWN and grammar is commands.GRAMMAR:
            continue
        yield change, rules.decide(change.operation, change.command, commands.target_of(change), name)


def refusal(line: str) -> tuple[Change, rules.Ruling] | None:
    """Return the first change in `line` that the rules refuse, and their ruling."""
    return next((found for found in rulings(line) if not found[1].allowed), None)


def _magic(shell: Any, name: str, original: Any) -> Any:
    """Return the magic `name`: a refusal, or what `original` does, or the program of that name."""

    def magic(line: str) -> Any:
        command = f"{name} {line}"
        if refusal(command) is not None:
            return _answer(shell, command)
        _record(command)
        return original(line) if original is not None else shell.system(command)

    magic.__doc__ = getattr(original, "__doc__", None) or f"Run {name}."
    return magic


def _answer(shell: Any, line: str) -> None:
    """Show why `line` is refused."""
    refused = refusal(line)
    if refused is None:  # Decided otherwise since, or what a variable stood for is allowed.
        shell.system(line)
        return
    change, ruling = refused
    _report(change, ruling)
    url = os.environ.get("ENVGUARD_REQUEST_URL", "")
    found = already(commands.packages_in(change), os.environ.get("ENVGUARD_SPECS", ""))
    # Pictures of output that is already there must not come after the refusal of what followed it.
    sys.stdout.flush()
    shell.display_pub.publish(data=card(ruling.message, ruling.hint, found, url))
    shell.user_ns["_exit_code"] = EXIT_CODE


def _record(line: str) -> None:
    """Tell of the changes in `line` that the rules allow and want to be recorded."""
    for change, ruling in rulings(line):
        if ruling.effect == "record":
            _report(change, ruling)


def _report(change: Change, ruling: rules.Ruling) -> None:
    report.report_change(ruling.effect, change.operation, ruling.rule, ruling.place, " ".join(change.words))


def _method_of_shell(node: ast.Call) -> str:
    """Return `name` of a call `get_ipython().name(…)`, nothing for any other."""
    function = node.func
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Call):
        return ""
    owner = function.value.func
    return function.attr if isinstance(owner, ast.Name) and owner.id == "get_ipython" else ""


def unload_ipython_extension(shell: Any) -> None:
    """Leave the magics to IPython again; called by IPython."""
    shell.ast_transformers[:] = [t for t in shell.ast_transformers if not isinstance(t, Shellouts)]
    for name in (*MAGICS, REFUSED, RECORDED):
        shell.magics_manager.magics["line"].pop(name, None)
    from IPython.core.magics.packaging import PackagingMagics

    shell.register_magics(PackagingMagics)
