"""The plugin for conda 23.9 and later: changes that the rules refuse end in one line, exit code 77.

conda loads this through the entry point group `conda`, in the Python that conda
itself runs in. A refusal is an error of conda's own kind: anything else makes conda
print a bug report that advertises `--no-plugins`. Commands are refused before they
begin. Transactions are refused again, because conda's API, explicit files and clones
make them without a command: when conda prepares one, before it verifies or does anything.
Alone, what comes later would be too late: `CONDA_SAFETY_CHECKS=disabled` leaves out `verify`, and
what `execute` raises is taken back only after all the rest was done. It is a second line, for whoever
prepares a transaction without us (docs/explanation/decisions/0015-*).
"""

from __future__ import annotations

import os
import sys

from . import report, rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, TypeVar

    Hook = TypeVar("Hook", bound=Callable[..., Any])

    class CondaError(Exception):
        """What conda reports in one line."""

    def hookimpl(**options: bool) -> Callable[[Hook], Hook]:
        """Mark a function as an answer to the hook of its name."""

else:
    try:
        from conda.exceptions import CondaError
        from conda.plugins import hookimpl
    except ImportError:  # Read outside conda, by documentation and checks: nothing to plug into.
        CondaError = Exception

        def hookimpl(**_options):
            """Leave a function as it is."""
            return lambda function: function


EXIT_CODE = 77
"""EX_NOPERM of sysexits.h."""

COMMANDS = {
    "install": "conda:install",
    "update": "conda:update",
    "remove": "conda:remove",
    "create": "conda:create",
    "rename": "conda:rename",
    "env_update": "conda:update",
    "env_create": "conda:create",
    "env_remove": "conda:remove",
    "env_vars": "conda:env-vars",
    "env_config": "conda:env-vars",
}
"""conda's name of each command that changes an environment, in all versions, and the rules' name."""

_reported: set[tuple[str, str]] = set()

SPOKEN = {"env_vars": "conda env config vars", "env_config": "conda env config"}
"""What people type, where it is not conda's name with spaces."""


class EnvguardDenied(CondaError):
    """A refusal; conda shows the name of the class before the message."""

    return_code = EXIT_CODE

    def __str__(self) -> str:
        """Return the message as it is: conda before 26.7 would fill in what an address has after a `%`."""
        return str(self.args[0])


@hookimpl()
def conda_pre_commands() -> Iterator[Any]:
    """Have every command that changes an environment decided first."""
    from conda.plugins.types import CondaPreCommand

    yield CondaPreCommand(name="envguard", action=refuse_command, run_for=set(COMMANDS))


@hookimpl(optionalhook=True)
def conda_pre_transaction_actions() -> Iterator[Any]:
    """Have every transaction decided, whoever makes it; conda asks from 25.5 on."""
    from conda.core.path_actions import Action
    from conda.plugins.types import CondaPreTransactionAction

    class Refusal(Action):  # type: ignore[misc]
        """Refuses the transaction by not coming into being."""

        def __init__(self, *words: Any, **named: Any) -> None:
            """Raise the refusal, after removing what conda has laid ready in the environment."""
            super().__init__(*words, **named)
            refusal = self.refusal()
            if refusal is not None:
                from conda.gateways.disk.delete import rm_rf

                rm_rf(self.transaction_context["temp_dir"])
                raise refusal

        def refusal(self) -> EnvguardDenied | None:
            """Return why the transaction is refused, None when it may be made."""
            asked = self.update_specs or ()
            return refusal_for("conda:install", "conda install", self.target_prefix, asked)

        def verify(self) -> EnvguardDenied | None:
            """Return the refusal of a transaction that was prepared without asking."""
            refusal = self.refusal()
            self._verified = refusal is None
            return refusal

        def execute(self) -> None:
            """Raise the refusal of one that was not verified either."""
            refusal = self.refusal()
            if refusal is not None:
                raise refusal

        def reverse(self) -> None:
            """Undo nothing: nothing was done."""

        def cleanup(self) -> None:
            """Leave nothing behind."""

    yield CondaPreTransactionAction(name="envguard", action=Refusal)


@hookimpl(optionalhook=True)
def conda_error_hints(error: Exception) -> Iterator[Any]:
    """Say whom to ask where conda itself refuses first; conda asks from 26.7 on."""
    from conda.plugins.types import CondaErrorHint

    if type(error).__name__ in ("EnvironmentIsFrozenError", "EnvironmentNotWritableError"):
        yield CondaErrorHint(text=rules.whom_to_ask(), hint_code="envguard_request")


def refuse_command(command: str) -> None:
    """Raise the refusal of conda's `command`, if it is refused for the environment that it would change."""
    from conda.base.context import context

    if _names_target_elsewhere(command, context._argparse_args):
        return  # The transaction knows, and asks.
    spoken = SPOKEN.get(command, f"conda {command.replace('_', ' ')}")
    packages = getattr(context._argparse_args, "packages", None) or ()
    refusal = refusal_for(COMMANDS[command], spoken, str(context.target_prefix), packages)
    if refusal is not None:
        raise refusal


def refusal_for(
    operation: str, command: str, prefix: str, packages: Sequence[object] = ()
) -> EnvguardDenied | None:
    """Return the refusal of a change to the environment at `prefix`, None where it may be made."""
    asked = [str(package) for package in packages]
    ruling = rules.decide(operation, command, prefix, asked, _name_of(prefix))
    # A command is asked about, and then its transaction, twice.
    if ruling.effect != "allow" and (ruling.effect, prefix) not in _reported:
        _reported.add((ruling.effect, prefix))
        report.report_change(ruling.effect, operation, ruling.rule, ruling.place, _command_line(command))
    if ruling.allowed:
        return None
    from . import card, targets

    found = card.already([targets.name_of(package) for package in asked])
    said = (ruling.message, *found, ruling.hint)
    return EnvguardDenied(" ".join(filter(None, said)))


def _command_line(command: str) -> str:
    """Return what was typed, or `command` where conda is only a library."""
    words = sys.argv or [""]
    is_conda = "conda" in os.path.basename(words[0]) or f"{os.sep}conda{os.sep}" in words[0]
    return " ".join(["conda", *words[1:]]) if is_conda else command


def _names_target_elsewhere(command: str, arguments: Any) -> bool:
    """Return whether the environment is named in a file, and conda's context still means the active one."""
    if getattr(arguments, "name", None) or getattr(arguments, "prefix", None):
        return False
    if command in ("create", "env_create"):
        return True
    files = getattr(arguments, "file", None) or ["environment.yml"]
    return command == "env_update" and any(
        map(_names_environment, [files] if isinstance(files, str) else files)
    )


def _names_environment(file: str) -> bool:
    try:
        with open(file, encoding="utf-8", errors="replace") as lines:
            return any(line.startswith(("name:", "prefix:")) for line in lines)
    except OSError:
        return False


def _name_of(prefix: str) -> str:
    """Return what the session calls the environment at `prefix`; only a word in a sentence hangs on it."""
    own = os.environ.get("CONDA_PREFIX", "")
    same = bool(own) and os.path.realpath(own) == os.path.realpath(prefix)
    return os.environ.get("ENVGUARD_RELEASE", "") if same else ""
