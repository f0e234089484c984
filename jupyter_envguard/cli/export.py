"""`export`: the pinned spec of a release in a form that other tools read."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from jupyter_envguard.catalog import Entry, names
from jupyter_envguard.cli.context import Context
from jupyter_envguard.cli.terminal import escape
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.files import explained, write_atomically
from jupyter_envguard.formats.environment_yaml import environment_yaml
from jupyter_envguard.formats.explicit import explicit
from jupyter_envguard.spec import Spec
from jupyter_envguard.store import Store

FORMATS = ("explicit", "yaml", "json")


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `export`."""
    parser.add_argument("release", metavar="NAME@RELEASE")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="explicit",
        help="explicit: conda's @EXPLICIT list with hashes (default); yaml: environment.yml; "
        "json: the canonical spec, whose SHA-256 is the spec digest",
    )
    parser.add_argument("--output", "-o", metavar="FILE", help="write to FILE instead of stdout")


def export(arguments: Namespace, context: Context) -> Answer:
    """Write the spec of a release whose image is on this machine."""
    site = context.site()
    entry = context.catalog(site).require(*names.split_release_id(arguments.release))
    spec = Store(site.store_root).get(entry.pack).spec()
    text = written(spec, entry, arguments.format)
    document = {"release": entry.id, "format": arguments.format, "spec_digest": spec.digest()}
    left_out = [p.name for p in spec.packages if arguments.format == "explicit" and not p.url]
    if left_out:
        context.screen.warn(f"No address is known for {', '.join(left_out)}; they stand in comments only.")
    if arguments.output:
        write(Path(arguments.output), text)
        return Answer({**document, "file": arguments.output}, [f"Wrote {escape(arguments.output)}."])
    return Answer({**document, "text": text}, exact=text)


def written(spec: Spec, entry: Entry, form: str) -> str:
    """Return `spec`, which belongs to `entry`, in one of `FORMATS`."""
    match form:
        case "yaml":
            return environment_yaml(spec, entry.name)
        case "json":
            return spec.canonical().decode()
        case _:
            return explicit(spec, entry.id)


def write(path: Path, text: str) -> None:
    """Write `text` to the ordinary file `path`, whole or not at all."""
    with explained(f"write {path}"):
        path = path.resolve()
        if path.exists() and not path.is_file():
            # Replacing /dev/stdout by a file would break the machine, not write to the terminal.
            raise InvalidInput("invalid-argument", f"{path} is not an ordinary file.", "Name another file.")
        write_atomically(path, text.encode())


VERBS: Mapping[str, Verb] = MappingProxyType({"export": Verb(arguments, export)})
