"""`requests`: what users have asked for, and answering it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from jupyter_envguard.admission.inbox import Inbox
from jupyter_envguard.cli.context import Context, actor
from jupyter_envguard.cli.parser import add_steps
from jupyter_envguard.cli.terminal import columns, escape
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.requests import Decision, Received, shown


def arguments(parser: ArgumentParser) -> None:
    """Add what `requests` can be asked for, each with a parser of its own."""
    add_steps(parser, STEPS)


def requests(arguments: Namespace, context: Context) -> Answer:
    """Do the step that was asked for."""
    _, run, _ = STEPS[arguments.step]
    with Inbox(context.site(), actor=actor()) as inbox:
        return run(arguments, context, inbox)


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--state",
        choices=("open", "approved", "declined", "all"),
        default="open",
        help="which (default: open)",
    )
    parser.add_argument("--user", default="", metavar="NAME", help="only of this user")


def _list(arguments: Namespace, context: Context, inbox: Inbox) -> Answer:
    """Return the requests that wait for a decision, or others."""
    problems: list[EnvGuardError] = []
    found = [
        pair
        for pair in inbox.list(problems)
        if arguments.state in ("all", _state(pair[1])) and arguments.user in ("", pair[0].request.user)
    ]
    for problem in problems:
        context.screen.warn(problem.message)
    document = {
        "requests": [_as_json(*pair) for pair in found],
        "problems": [problem.as_json() for problem in problems],
    }
    return Answer(document, _table(found) if found else ["No request."])


def _table(found: list[tuple[Received, Decision | None]]) -> list[str]:
    rows = [
        (
            one.request.id,
            one.request.created[:10],
            one.request.user + ("" if one.is_attested else " (self-reported)"),
            _state(decision),
            one.request.asked.subject,
            one.request.asked.environment or "-",
            one.request.asked.needed_by or "-",
        )
        for one, decision in found
    ]
    return columns(rows, ("ID", "SINCE", "WHO", "STATE", "WHAT", "FOR", "NEEDED BY"))


def _id_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "id", metavar="ID", help="its id, or the beginning of it; user/id where two share one"
    )


def _show(arguments: Namespace, context: Context, inbox: Inbox) -> Answer:
    """Return one request with everything that it says."""
    del context
    found = inbox.find(arguments.id)
    return Answer({"request": _as_json(*found)}, _described(*found))


def _described(one: Received, decision: Decision | None) -> Iterator[str]:
    request, asked = one.request, one.request.asked
    rows = {
        "id": request.id,
        "who": request.user,
        "known by": "the owner of the file" if one.is_attested else "the file's own word (self-reported)",
        "since": request.created,
        "kind": asked.kind,
        "what": asked.subject,
        "for": "@".join(filter(None, (asked.environment, request.release))),
        "channel": asked.channel,
        "needed by": asked.needed_by,
        "notebooks": " ".join(asked.notebooks),
        "why": asked.reason,
        "state": _state(decision),
    }
    if decision:
        rows |= {
            "decided": f"{decision.when} by {decision.who}",
            "answer": " ".join(filter(None, (decision.release, decision.reason))),
        }
    yield from columns([(key, value) for key, value in rows.items() if value])


def _approve_arguments(parser: ArgumentParser) -> None:
    _id_argument(parser)
    parser.add_argument(
        "--release", required=True, metavar="NAME@RELEASE", help="the approved release that answers it"
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="what the user should know")


def _approve(arguments: Namespace, context: Context, inbox: Inbox) -> Answer:
    """Answer a request by an approved release."""
    one, _ = inbox.find(arguments.id)
    catalog = context.catalog(context.site())
    decision = inbox.approve(one.request, arguments.release, arguments.reason, catalog)
    return Answer({"request": _as_json(one, decision)}, [_told(one, f"is answered by {decision.release}")])


def _decline_arguments(parser: ArgumentParser) -> None:
    _id_argument(parser)
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; the user reads it")


def _decline(arguments: Namespace, context: Context, inbox: Inbox) -> Answer:
    """Turn a request down."""
    del context
    one, _ = inbox.find(arguments.id)
    decision = inbox.decline(one.request, arguments.reason)
    return Answer({"request": _as_json(one, decision)}, [_told(one, "is declined")])


def _told(one: Received, what: str) -> str:
    return escape(f"Request {one.request.id} of {one.request.user} {what}.")


def _state(decision: Decision | None) -> str:
    return decision.state if decision else "open"


def _as_json(one: Received, decision: Decision | None) -> dict[str, Any]:
    who = {"user": one.request.user, "uid": one.uid, "attested": one.is_attested}
    return shown(one.request, decision) | who


Run = Callable[[Namespace, Context, Inbox], Answer]

STEPS: Mapping[str, tuple[Callable[[ArgumentParser], None], Run, str]] = MappingProxyType(
    {
        "list": (_list_arguments, _list, "list requests, those that wait for a decision first of all"),
        "show": (_id_argument, _show, "show one request with everything that it says"),
        "approve": (_approve_arguments, _approve, "answer a request by an approved release"),
        "decline": (_decline_arguments, _decline, "turn a request down and say why"),
    }
)
"""What `requests` can be asked for: its arguments, what it does, and a summary."""

VERBS: Mapping[str, Verb] = MappingProxyType({"requests": Verb(arguments, requests)})
