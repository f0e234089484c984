"""`check` and `import`: from an archive to a release that waits for review."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jupyter_envguard.admission import Admission, ImportResult, PackDenied, denial
from jupyter_envguard.catalog import names
from jupyter_envguard.catalog.logo import LOGO_BYTES
from jupyter_envguard.cli.context import Context, actor, moment
from jupyter_envguard.cli.progress import progress
from jupyter_envguard.cli.terminal import Screen, count, escape
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.files import explained, read_bounded
from jupyter_envguard.policy import Failed, Finding, Severity

SHOWN_PATHS = 5
"""Paths of one finding that people are shown; JSON holds all that the rule reported."""
COLOURS: Mapping[Severity, str] = MappingProxyType({"error": "red", "warning": "yellow", "info": "cyan"})


def check_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `check`."""
    parser.add_argument("pack", metavar="PACK", help="the packed environment")


def check(arguments: Namespace, context: Context) -> Answer:
    """Judge a pack by the rules that need no running kernel; nothing is written, started or recorded."""
    path = Path(arguments.pack)
    with (
        Admission(context.site(), actor=actor()) as admission,
        progress(context.screen, f"Checking {path.name}") as told,
    ):
        result = admission.check(path, told)
    return _answer(result, path, context.screen)


def import_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `import`."""
    parser.add_argument("pack", metavar="PACK", help="the packed environment")
    parser.add_argument(
        "--as", dest="release", required=True, metavar="NAME@RELEASE", help="what it is called from now on"
    )
    parser.add_argument("--display-name", metavar="TEXT", help="what launchers show (default: NAME)")
    parser.add_argument("--description", metavar="TEXT", help="what it is for")
    parser.add_argument(
        "--language", metavar="NAME", help="language of its kernel (default: what the pack says)"
    )
    parser.add_argument(
        "--group", action="append", metavar="GROUP", help="a group that may use it, '*' for everybody; repeat"
    )
    parser.add_argument("--user", action="append", metavar="USER", help="a user who may use it; repeat")
    parser.add_argument(
        "--expires", type=moment, metavar="TIME", help="when it stops being usable, such as 2027-08-01 (UTC)"
    )
    parser.add_argument("--logo", metavar="FILE", help="an SVG drawing for launchers")
    parser.add_argument("--dry-run", action="store_true", help="check names and pack, and change nothing")


def import_pack(arguments: Namespace, context: Context) -> Answer:
    """Check a pack, seal it in the store, start its kernel once, confined, and put it up for review."""
    # Talking to a kernel needs half of Jupyter, which neither `check` nor `--help` should wait for.
    from jupyter_envguard.kernels.smoke import SmokeTest

    site, path = context.site(), Path(arguments.pack)
    name, release = names.split_release_id(arguments.release)
    smoke = SmokeTest(policy=site.policy, language=arguments.language or "")
    said = _said(arguments)
    try:
        with (
            Admission(site, actor=actor(), smoke=smoke) as admission,
            progress(context.screen, f"Importing {path.name}") as told,
        ):
            result = admission.import_pack(path, name, release, progress=told, **said)
    except PackDenied as denied:
        document = {"pack": arguments.pack, "findings": _as_json(denied.findings)}
        return Answer(document, findings(denied.findings, context.screen), refusal=denied)
    return _answer(result, path, context.screen)


def _said(arguments: Namespace) -> dict[str, Any]:
    """Return what a person said about the release; what was not said is None."""
    return {
        "display_name": arguments.display_name,
        "description": arguments.description,
        "language": arguments.language,
        "groups": arguments.group,
        "users": arguments.user,
        "expires": names.format_time(arguments.expires) if arguments.expires else None,
        "logo": _logo(arguments.logo),
        "dry_run": arguments.dry_run,
    }


def _logo(file: str | None) -> str | None:
    if file is None:
        return None
    with explained(f"read the logo {file}"):
        content = read_bounded(Path(file), LOGO_BYTES)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "logo-refused", f"The logo {file} is not text.", "Save it as plain SVG."
        ) from error


def _answer(result: ImportResult, path: Path, screen: Screen) -> Answer:
    """Return what became of the pack `path`, which is a no when the policy says so."""
    document = {
        "pack": str(path),
        "digest": result.inventory.digest,
        "spec_digest": result.inventory.spec.digest(),
        "passed": bool(result.verdict),
        "findings": _as_json(result.verdict.findings),
        "entry": result.entry.as_json() if result.entry else None,
        "new": result.is_new,
    }
    lines = [*findings(result.verdict.findings, screen), *_outcome(result, path)]
    refusal = denial(result.verdict, path.name) if isinstance(result.verdict, Failed) else None
    return Answer(document, lines, refusal=refusal)


def _outcome(result: ImportResult, path: Path) -> Iterator[str]:
    entry = result.entry
    if not result.verdict:
        return
    if entry is None:
        yield f"{escape(path.name)} meets the policy; nothing was changed."
    elif not result.is_new:
        yield f"{escape(entry.id)} was there already and is {entry.state.words}."
    else:
        yield f"{escape(entry.id)} is {entry.state.words}; nobody can start it yet."
        if not entry.is_granted:
            yield "It is for nobody, even approved: import it as another release with --group or --user."
            return
        yield f"Next: jupyter envguard approve {escape(entry.id)} --reason TEXT"


def findings(found: Sequence[Finding], screen: Screen) -> Iterator[str]:
    """Yield every finding with its paths and what to do, gravest first."""
    for finding in found:
        severity = screen.paint(f"{finding.severity:<7}", COLOURS[finding.severity])
        yield f"{severity}  {finding.rule}  {escape(finding.message)}"
        yield from (f"           {escape(path)}" for path in finding.paths[:SHOWN_PATHS])
        if len(finding.paths) > SHOWN_PATHS:
            yield f"           and {count(len(finding.paths) - SHOWN_PATHS, 'more path')}"
        if finding.severity != "info":
            yield f"         → {escape(finding.fix)}"


def _as_json(found: Sequence[Finding]) -> list[dict[str, Any]]:
    return [finding.as_json() for finding in found]


VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        "check": Verb(check_arguments, check),
        "import": Verb(import_arguments, import_pack),
    }
)
