"""`approve`, `reject`, `deprecate`, `revoke`, `archive` and `renew`: what people sign."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from jupyter_envguard import courtesy
from jupyter_envguard.admission import Admission
from jupyter_envguard.catalog import Entry, names
from jupyter_envguard.cli.context import Context, actor, moment
from jupyter_envguard.cli.terminal import escape
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import EnvGuardError

DONE: Mapping[str, str] = MappingProxyType(
    {
        "approve": "is approved; its groups and users see it from now on",
        "reject": "is rejected",
        "deprecate": "is deprecated; it still starts and says what to use instead",
        "revoke": "is revoked; it starts nowhere that reads this catalog, running kernels go on",
        "archive": "is archived",
    }
)
"""What a decision means, as the end of a sentence about the release."""
FOR_NOBODY = "is approved, but for nobody: it was imported without --group and --user"


def arguments(parser: ArgumentParser, *more: str) -> None:
    """Add the arguments of a decision; `more` names the options beyond the release and the reason."""
    parser.add_argument("release", metavar="NAME@RELEASE")
    parser.add_argument(
        "--reason",
        required=True,
        metavar="TEXT",
        help="why; signed, recorded, and shown to users who are refused",
    )
    if "expires" in more:
        parser.add_argument("--expires", type=moment, metavar="TIME", help="when it stops being usable (UTC)")
    if "grace" in more:
        parser.add_argument(
            "--grace",
            metavar="TIME",
            help="let it start with a warning for so long, such as 36h, 7d or 2026-11-27T18:00:00Z; "
            "without it nothing starts any more",
        )
    if "successor" in more:
        parser.add_argument("--successor", metavar="NAME@RELEASE", help="the approved release to use instead")


def decide(verb: str, arguments: Namespace, context: Context) -> Answer:
    """Carry out the decision `verb` about a release."""
    name, release = names.split_release_id(arguments.release)
    options: dict[str, str] = {}
    if getattr(arguments, "successor", None):
        options["successor"] = arguments.successor
    if getattr(arguments, "grace", None):
        options["grace"] = arguments.grace
    if getattr(arguments, "expires", None):
        options["expires"] = names.format_time(arguments.expires)
    site = context.site()
    with Admission(site, actor=actor()) as admission:
        entry: Entry = getattr(admission, verb)(name, release, arguments.reason, **options)
    try:
        courtesy.refresh(site)
    except EnvGuardError as error:
        context.screen.warn(f"Hooks on this machine know the environments as they were. {error.message}")
    done = DONE[verb] if entry.is_granted or verb != "approve" else FOR_NOBODY
    if entry.grace:
        done = f"is revoked; it starts with a warning until {entry.ends}, running kernels go on"
    return Answer({"entry": entry.as_json()}, [f"{escape(entry.id)} {done}."])


def _verb(name: str, *more: str) -> Verb:
    return Verb(lambda parser: arguments(parser, *more), partial(decide, name))


def no_arguments(parser: ArgumentParser) -> None:
    """Add no arguments: `renew` has none of its own."""
    del parser


def renew(arguments: Namespace, context: Context) -> Answer:
    """Sign the catalog again, so that it does not expire; its entries stay as they are."""
    del arguments
    with Admission(context.site(), actor=actor()) as admission:
        catalog = admission.renew()
    expires = names.format_time(catalog.expires)
    return Answer(
        {"version": catalog.version, "expires": expires}, [f"The catalog is signed until {expires}."]
    )


VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        "approve": _verb("approve", "expires"),
        "reject": _verb("reject"),
        "deprecate": _verb("deprecate", "expires", "successor"),
        "revoke": _verb("revoke", "successor", "grace"),
        "archive": _verb("archive"),
        "renew": Verb(no_arguments, renew),
    }
)
