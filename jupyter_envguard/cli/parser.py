"""The argument parser: one for the command, one for each verb, filled only when used."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NoReturn

from jupyter_envguard import __version__
from jupyter_envguard.cli.verbs import SUMMARIES, load
from jupyter_envguard.errors import InvalidInput, did_you_mean

PROGRAM = "jupyter envguard"
DESCRIPTION = "Approved, sealed conda environments as the only kernels of a JupyterHub."
EPILOG = (
    "A verb's own help: jupyter envguard VERB --help. Exit codes: 0 done, 1 failed, 2 wrong input, "
    "3 refused, 4 not found, 5 conflict, 6 not trusted, 7 not possible now."
)


Fill = Callable[[argparse.ArgumentParser], None]
"""Adds arguments to a parser."""
_VALUED = ("--site", "--debug")


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of leaving the process."""

    def __init__(self, **options: Any) -> None:
        # Abbreviated options would change their meaning when an option is added.
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise `invalid-argument` for what argparse would print and exit for."""
        raise InvalidInput("invalid-argument", _sentence(message), f"See {self.prog} --help.")


class VerbParser(Parser):
    """The parser of one verb; it imports the verb when it first has something to parse."""

    verb = ""
    _filled = False

    def fill(self) -> None:
        """Add the verb's arguments, once."""
        if not self._filled:
            self._filled = True
            load(self.verb).arguments(self)
            add_common(self)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Fill the parser, then parse as usual."""
        self.fill()
        return super().parse_known_args(args, namespace)


def build_parser() -> Parser:
    """Return the parser of the whole command, its verbs still empty."""
    parser = Parser(prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"jupyter-envguard {__version__}")
    add_common(parser)
    parser.set_defaults(site=None, json=False, debug=None)
    verbs = parser.add_subparsers(
        title="verbs", dest="verb", metavar="VERB", required=True, parser_class=VerbParser
    )
    for name, (_, summary) in SUMMARIES.items():
        _of_verb(verbs.add_parser(name, help=summary, description=_sentence(summary)), name)
    return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the parsed arguments; raise `invalid-argument` for anything that cannot be meant."""
    words = [word for before, word in pairwise(["", *argv]) if word[:1] != "-" and before not in _VALUED]
    if words and words[0] not in SUMMARIES:
        hint = did_you_mean(words[0], SUMMARIES) or f"See {PROGRAM} --help."
        raise InvalidInput("invalid-argument", f"{words[0]!r} is not a verb.", hint)
    return build_parser().parse_args(argv)


def _of_verb(parser: VerbParser, name: str) -> VerbParser:
    """Tell `parser` which verb it belongs to; argparse makes it without arguments of ours."""
    parser.verb = name
    return parser


def _sentence(summary: str) -> str:
    return f"{summary[:1].upper()}{summary[1:]}."


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that every verb takes, before or after its name."""
    # SUPPRESS keeps a verb's parser from overwriting what stood before the verb.
    common = parser.add_argument_group("options everywhere")
    common.add_argument(
        "--site",
        metavar="PATH",
        default=argparse.SUPPRESS,
        help="the site file (default: ./site.yaml, then /etc/jupyter/envguard/site.yaml)",
    )
    common.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="answer with one JSON document"
    )
    common.add_argument(
        "--debug",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="append what happens, with tracebacks, to FILE",
    )


def add_steps(parser: argparse.ArgumentParser, steps: Mapping[str, tuple[Fill, Any, str]]) -> None:
    """Add the steps of a verb by their names: what fills a step's parser, what runs it, and its summary."""
    found = parser.add_subparsers(
        title="steps", dest="step", metavar="STEP", required=True, parser_class=Parser
    )
    for name, (fill, _, summary) in steps.items():
        step = found.add_parser(name, help=summary, description=_sentence(summary))
        fill(step)
        add_common(step)


def all_parsers() -> Iterator[tuple[str, Parser]]:
    """Yield the name and the filled parser of every verb, for documentation."""
    for name, (_, summary) in SUMMARIES.items():
        parser = _of_verb(VerbParser(prog=f"{PROGRAM} {name}", description=_sentence(summary)), name)
        parser.fill()
        yield name, parser
