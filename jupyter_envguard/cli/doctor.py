"""`doctor`: what stands on this machine, why somebody cannot have a kernel, and why something was refused."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from jupyter_envguard.cli.access import Question, access
from jupyter_envguard.cli.answers import decisions
from jupyter_envguard.cli.checks import Check, Status, all_checks
from jupyter_envguard.cli.context import Context, actor
from jupyter_envguard.cli.layers import layers
from jupyter_envguard.cli.refused import explain_code, explain_event, is_event
from jupyter_envguard.cli.terminal import Screen, count, escape
from jupyter_envguard.cli.tiers import tiers
from jupyter_envguard.cli.trials import trials
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.cli.walls import walls
from jupyter_envguard.errors import EnvGuardError, InvalidInput

SCHEMA_VERSION = 1
"""Version of the JSON document; it changes when the meaning of a field does."""
COLOURS: Mapping[Status, str] = MappingProxyType(
    {Status.PASS: "green", Status.INFO: "cyan", Status.WARN: "yellow", Status.FAIL: "red"}
)
MORE = (("decisions", decisions), ("wall", walls), ("trials", trials), ("layers", layers), ("tiers", tiers))
"""Checks of a site beside those of `checks`."""


def arguments(parser: ArgumentParser) -> None:
    """Add what `doctor` can be asked besides how the machine is."""
    parser.add_argument("--kernel", metavar="NAME", help="say why somebody can or cannot start this kernel")
    parser.add_argument("--user", metavar="NAME", help="who that is (default: you)")
    parser.add_argument(
        "--groups", default="", metavar="A,B", help="the groups of that person at the hub, with commas"
    )
    parser.add_argument(
        "--refusal", metavar="CODE|EVENT", help="explain an error code, or an event by its id in the log"
    )


def doctor(arguments: Namespace, context: Context) -> Answer:
    """Run every check, or answer the question; the exit code is 1 when something is a FAIL."""
    if arguments.refusal and (arguments.kernel or arguments.user or arguments.groups):
        raise _unclear("--refusal is a question of its own.")
    if arguments.refusal:
        return _answer(context, _refusal_checks(arguments.refusal, context))
    if arguments.kernel:
        return _answer(context, _kernel_checks(arguments, context))
    if arguments.user or arguments.groups:
        raise _unclear("--user and --groups say for whom a kernel is wanted, and none is named.")
    return _answer(context, all_checks(context, MORE))


def _refusal_checks(wanted: str, context: Context) -> Iterator[Check]:
    if is_event(wanted):
        site = context.site()
        try:
            catalog = context.catalog(site)
        except EnvGuardError as error:
            catalog = None
            yield Check("catalog", Status.WARN, error.message, error.hint, error.code)
        yield from explain_event(site, catalog, wanted)
        return
    try:
        found = context.site()
    except EnvGuardError:  # a code means the same without one
        found = None
    yield from explain_code(found, wanted)


def _kernel_checks(arguments: Namespace, context: Context) -> Iterator[Check]:
    site = context.site()
    groups = frozenset(name.strip() for name in arguments.groups.split(",") if name.strip())
    question = Question(arguments.user or actor().name, groups, arguments.kernel)
    try:
        catalog = context.catalog(site)
    except EnvGuardError as error:
        yield Check(
            "catalog", Status.FAIL, f"{error.message} So nobody has any kernel.", error.hint, error.code
        )
        return
    yield from access(site, catalog, question)


def _answer(context: Context, found: Iterator[Check]) -> Answer:
    checks = tuple(found)
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


def _unclear(why: str) -> InvalidInput:
    return InvalidInput(
        "invalid-argument", why, "Ask --kernel NAME --user NAME --groups A,B, or --refusal CODE."
    )


VERBS: Mapping[str, Verb] = MappingProxyType({"doctor": Verb(arguments, doctor)})
