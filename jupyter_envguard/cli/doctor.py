"""`doctor`: what stands on this machine, what does not, and how to repair it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from jupyter_envguard.cli.checks import Check, Status, all_checks
from jupyter_envguard.cli.context import Context
from jupyter_envguard.cli.terminal import Screen, count, escape
from jupyter_envguard.cli.tiers import tiers
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.cli.walls import walls
from jupyter_envguard.errors import EnvGuardError

SCHEMA_VERSION = 1
"""Version of the JSON document; it changes when the meaning of a field does."""
COLOURS: Mapping[Status, str] = MappingProxyType(
    {Status.PASS: "green", Status.INFO: "cyan", Status.WARN: "yellow", Status.FAIL: "red"}
)


def arguments(parser: ArgumentParser) -> None:
    """Add no arguments: `doctor` has none of its own."""
    del parser


def doctor(arguments: Namespace, context: Context) -> Answer:
    """Run every check; the exit code is 1 when one of them fails."""
    del arguments
    checks = tuple(all_checks(context, [("wall", walls), ("tiers", tiers)]))
    numbers = Counter(check.status for check in checks)
    document = {
        "schema_version": SCHEMA_VERSION,
        "summary": {status.value: numbers[status] for status in Status},
        "checks": [check.as_json() for check in checks],
    }
    return Answer(document, _told(checks, context.screen), refusal=_refusal(numbers[Status.FAIL]))


def _told(checks: Sequence[Check], screen: Screen) -> Iterator[str]:
    for check in checks:
        status = screen.paint(f"{check.status:<4}", COLOURS[check.status])
        yield f"{status}  {check.name:<12}  {escape(check.message)}"
        if check.fix:
            yield f"{'':18}→ {escape(check.fix)}"


def _refusal(failed: int) -> EnvGuardError | None:
    if not failed:
        return None
    return EnvGuardError(
        "checks-failed", f"{count(failed, 'check')} failed.", "Do what the arrows say, then look again."
    )


VERBS: Mapping[str, Verb] = MappingProxyType({"doctor": Verb(arguments, doctor)})
