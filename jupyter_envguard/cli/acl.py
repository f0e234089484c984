"""`acl`: who may do which package operation, why, and the rules as hooks read them."""

from __future__ import annotations

import os
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jupyter_envguard import courtesy
from jupyter_envguard.acl import Operation, Person, Place, Rule, decide, hint_for, operation_of
from jupyter_envguard.acl.commandline import table
from jupyter_envguard.cli.context import Context
from jupyter_envguard.cli.parser import add_steps
from jupyter_envguard.cli.terminal import columns, count, escape
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.hooks.commands import changes_of
from jupyter_envguard.hooks.targets import requirements_in


def arguments(parser: ArgumentParser) -> None:
    """Add what `acl` can be asked for, each with a parser of its own."""
    add_steps(parser, STEPS)


def acl(arguments: Namespace, context: Context) -> Answer:
    """Do the step that was asked for."""
    _, run, _ = STEPS[arguments.step]
    return run(arguments, context)


def _explain_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--user", required=True, metavar="NAME", help="who would do it")
    parser.add_argument(
        "--group", action="append", default=[], metavar="NAME", help="a group of the user; repeat"
    )
    parser.add_argument(
        "--role", action="append", default=[], metavar="NAME", help="a role of the user at the hub; repeat"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--environment",
        metavar="NAME",
        help="in this approved environment (without a place: in some approved environment)",
    )
    place.add_argument("--own", action="store_true", help="in an environment that belongs to the user")
    place.add_argument("--anywhere", action="store_true", help="in a place that is neither")
    parser.add_argument(
        "command", nargs=REMAINDER, metavar="COMMAND", help="the command, such as: conda install numpy"
    )


def _explain(arguments: Namespace, context: Context) -> Answer:
    """Return what the rules say about a command, and which of them decides."""
    operation = _operation(arguments.command)
    site = context.site()
    person = Person(arguments.user, frozenset(arguments.group), frozenset(arguments.role))
    place = Place(
        "own" if arguments.own else "anywhere" if arguments.anywhere else "environment",
        arguments.environment or "",
    )
    hint = hint_for(site.request_template, " ".join(_asked(arguments.command)), place.environment)
    ruling = decide(site.acl, person, place, operation, hint=hint)
    document = {
        "effect": ruling.effect,
        "rule": ruling.rule,
        "message": ruling.message,
        "hint": ruling.hint,
        "operation": ruling.operation.id,
        "place": place.kind,
        "user": person.name,
    }
    if not ruling:
        return Answer(document, [f"rule {ruling.rule}"], refusal=ruling.as_error())
    return Answer(document, [escape(ruling.message), f"rule {ruling.rule}"])


def _words(command: list[str]) -> list[str]:
    return command[1:] if command[:1] == ["--"] else command


def _asked(command: list[str]) -> list[str]:
    """Return the packages that `command` asks for."""
    return [package for change in changes_of(_words(command), table()) for package in requirements_in(change)]


def _operation(command: list[str]) -> Operation:
    words = _words(command)
    operation = operation_of(words)
    if operation is None:
        what = f"{' '.join(words)!r} is" if words else "No command was given, so there is"
        raise InvalidInput(
            "not-an-operation",
            f"{what} no package operation.",
            "Name a command such as conda install numpy, after the options.",
        )
    return operation


def _compile_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=courtesy.RULES_PLACE,
        metavar="PATH",
        help=f"where to write them (default: {courtesy.RULES_PLACE}); the list of environments lies beside",
    )


def _compile(arguments: Namespace, context: Context) -> Answer:
    """Write the rules of the site, and its environments, to the files that hooks read."""
    return compile_rules(context, arguments.out)


def compile_rules(context: Context, out: Path) -> Answer:
    """Write the rules of the site to `out` and its environments beside it, and say so."""
    site = context.site()
    written = courtesy.write_rules(site, out)
    if os.geteuid() != 0:
        context.screen.warn(f"{out} does not belong to root, so hooks will not believe it.")
    if written.problem is not None:
        context.screen.warn(f"Hooks know no environment by name. {written.problem.message}")
    rules = len(site.acl.in_force())
    document = {
        "file": str(written.rules),
        "rules": rules,
        "source": site.digest,
        "environments": written.listed,
    }
    told = f"Wrote {count(rules, 'rule')} and {count(written.listed, 'release')} to {escape(out.parent)}."
    return Answer(document, [told])


def _list_arguments(parser: ArgumentParser) -> None:
    del parser


def _list(arguments: Namespace, context: Context) -> Answer:
    """Return every rule in force, the site's own first."""
    del arguments
    rules = context.site().acl.in_force()
    rows = [
        (rule.id, rule.effect, ", ".join(_who(rule)), ", ".join(rule.where), ", ".join(rule.what))
        for rule in rules
    ]
    head, *lines = columns(rows, ("RULE", "EFFECT", "WHO", "WHERE", "WHAT"))
    return Answer({"rules": [_as_json(rule) for rule in rules]}, [context.screen.paint(head, "bold"), *lines])


def _who(rule: Rule) -> Iterator[str]:
    if rule.everybody:
        yield "everybody"
    yield from rule.users
    yield from (f"group {name}" for name in rule.groups)
    yield from (f"role {name}" for name in rule.roles)


def _as_json(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "effect": rule.effect,
        "everybody": rule.everybody,
        "users": list(rule.users),
        "groups": list(rule.groups),
        "roles": list(rule.roles),
        "where": list(rule.where),
        "what": list(rule.what),
        "message": rule.sentence,
    }


Fill = Callable[[ArgumentParser], None]
Run = Callable[[Namespace, Context], Answer]

STEPS: Mapping[str, tuple[Fill, Run, str]] = MappingProxyType(
    {
        "explain": (_explain_arguments, _explain, "say which rule decides about a command, and how"),
        "compile": (_compile_arguments, _compile, "write the rules to the file that hooks read"),
        "list": (_list_arguments, _list, "list the rules in force"),
    }
)
"""What `acl` can be asked for: its arguments, what it does, and a summary."""

VERBS: Mapping[str, Verb] = MappingProxyType({"acl": Verb(arguments, acl)})
