"""A stand-in for conda, which is on no index of Python packages: the interface of its plugins, run by pluggy.

It has the hook names, the calling code and the error border of conda 26.7, as far as a
plugin that refuses can tell: commands are announced by the name of their module, errors
of conda's own kind become one line or one JSON document, anything else a bug report.

    python -m tests.conda_double install --prefix /opt/env x

Transactions are verified unless `CONDA_SAFETY_CHECKS` is `disabled`. With `--api` one is
made without a command, as `conda.api.Solver` does; with `--unprepared` by actions whose own way
to come into being was left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tomllib
import types
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pluggy

ROOT = Path(__file__).resolve().parent.parent
SUBCOMMANDS = {"upgrade": "update", "uninstall": "remove"}


class CondaError(Exception):
    return_code = 1
    reportable = False

    def __init__(self, message: str | None = None) -> None:
        self.message = message or ""
        super().__init__(message)

    def __str__(self) -> str:
        return self.message % {}  # conda before 26.7 fills its messages in, whether there is something or not

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self}"

    def dump_map(self) -> dict[str, Any]:
        name = type(self).__name__
        return {"exception_name": name, "message": str(self), "error": repr(self)}


class EnvironmentIsFrozenError(CondaError):
    pass


class Action(ABC):
    _verified = False

    def __init__(self, transaction_context: dict[str, str], target_prefix: str) -> None:
        self.transaction_context = transaction_context
        self.target_prefix = target_prefix
        self.update_specs = ()

    @property
    def verified(self) -> bool:
        return self._verified

    @abstractmethod
    def verify(self) -> Exception | None: ...
    @abstractmethod
    def execute(self) -> None: ...
    @abstractmethod
    def reverse(self) -> None: ...
    @abstractmethod
    def cleanup(self) -> None: ...


@dataclass
class CondaPreCommand:
    name: str
    action: Any
    run_for: set[str]


@dataclass
class CondaPreTransactionAction:
    name: str
    action: type[Action]


@dataclass
class CondaErrorHint:
    text: str
    hint_code: str


hookspec = pluggy.HookspecMarker("conda")


class Specs:
    @hookspec
    def conda_pre_commands(self) -> Any: ...

    @hookspec
    def conda_pre_transaction_actions(self) -> Any: ...

    @hookspec
    def conda_error_hints(self, error: Exception) -> Any: ...


class Context:
    _argparse_args: Any = None

    @property
    def target_prefix(self) -> str:
        arguments = self._argparse_args
        return arguments.prefix or os.environ.get("CONDA_PREFIX") or sys.prefix


context = Context()


def install_modules() -> None:
    """Make what the plugin imports from conda importable."""
    parts: dict[str, dict[str, Any]] = {
        "conda": {},
        "conda.base": {},
        "conda.base.context": {"context": context},
        "conda.core": {},
        "conda.core.path_actions": {"Action": Action},
        "conda.exceptions": {"CondaError": CondaError},
        "conda.gateways": {},
        "conda.gateways.disk": {},
        "conda.gateways.disk.delete": {"rm_rf": lambda path: shutil.rmtree(path, ignore_errors=True)},
        "conda.plugins": {"hookimpl": pluggy.HookimplMarker("conda")},
        "conda.plugins.types": {
            kind.__name__: kind for kind in (CondaPreCommand, CondaPreTransactionAction, CondaErrorHint)
        },
    }
    for name, members in parts.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(members)


def plugin_manager() -> pluggy.PluginManager:
    """Return a manager that has loaded the entry points of the group `conda` in the project's own list."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    manager = pluggy.PluginManager("conda")
    manager.add_hookspecs(Specs)
    for name, value in project["entry-points"]["conda"].items():
        manager.register(EntryPoint(name, value, "conda").load())
    manager.check_pending()
    return manager


def results(found: list[Any]) -> list[Any]:
    return [item for answer in found for item in answer]


def unprepared(kind: type[Action]) -> type[Action]:
    """Return `kind` without what it does when it comes into being."""
    return type("Unprepared", (kind,), {"__init__": Action.__init__})


def transaction(manager: pluggy.PluginManager, prefix: str, *, prepared: bool) -> None:
    """Change `prefix`: write one file."""
    found = results(manager.hook.conda_pre_transaction_actions())
    kinds = [item.action if prepared else unprepared(item.action) for item in found]
    actions = [kind({"temp_dir": str(Path(prefix, ".condatmp"))}, prefix) for kind in kinds]
    if os.environ.get("CONDA_SAFETY_CHECKS") != "disabled":
        for action in actions:
            error = None if action.verified else action.verify()
            if error is not None:
                raise error
    for action in actions:
        action.execute()
    Path(prefix, "changed").touch()
    for action in actions:
        action.cleanup()


def call(manager: pluggy.PluginManager, arguments: argparse.Namespace) -> None:
    if not arguments.api:
        for hook in results(manager.hook.conda_pre_commands()):
            command = SUBCOMMANDS.get(arguments.command, arguments.command)
            if command in hook.run_for:
                hook.action(command)
    if arguments.frozen_error:
        raise EnvironmentIsFrozenError("frozen")
    if arguments.command not in ("list", "info", "run"):
        transaction(manager, context.target_prefix, prepared=not arguments.unprepared)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("command")
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--prefix")
    parser.add_argument("--name")
    parser.add_argument("--file", action="append")
    for flag in ("--json", "--api", "--frozen-error", "--unprepared"):
        parser.add_argument(flag, action="store_true")
    arguments = parser.parse_args()
    context._argparse_args = arguments
    install_modules()
    manager = plugin_manager()
    try:
        call(manager, arguments)
    except CondaError as error:
        hints = results(manager.hook.conda_error_hints(error=error))
        if arguments.json:
            print(json.dumps(error.dump_map()))
        else:
            lines = [repr(error), *(f"  - ({hint.hint_code}) {hint.text}" for hint in hints)]
            print("\n".join(lines), file=sys.stderr)
        return error.return_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
