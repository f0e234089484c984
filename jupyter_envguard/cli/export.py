"""`export`: a release in a form that other tools read."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from jupyter_envguard.catalog import Client, names
from jupyter_envguard.cli.context import Context
from jupyter_envguard.cli.terminal import escape
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.exports import export as exported
from jupyter_envguard.files import explained, write_atomically
from jupyter_envguard.formats.conda_lock import can_be_locked
from jupyter_envguard.formats.explicit import can_be_fetched
from jupyter_envguard.formats.registry import FORMATS
from jupyter_envguard.spec import Spec
from jupyter_envguard.store import Store


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `export`."""
    parser.add_argument("release", metavar="NAME@RELEASE")
    titles = "; ".join(f"{name}: {form.title}" for name, form in FORMATS.items())
    parser.add_argument(
        "--format", choices=tuple(FORMATS), default="explicit", help=f"{titles} (default: explicit)"
    )
    parser.add_argument("--output", "-o", metavar="FILE", help="write to FILE instead of stdout")


def export(arguments: Namespace, context: Context) -> Answer:
    """Write a release whose image is on this machine in another format."""
    site = context.site()
    client = Client(site.catalog, site.trust)
    entry = client.load().require(*names.split_release_id(arguments.release))
    spec = Store(site.store_root).get(entry.pack).spec()
    found = exported(entry, spec, arguments.format, client)
    document = {
        "release": entry.id,
        "format": found.format,
        "spec_digest": spec.digest(),
        "file_name": found.file_name,
        "exact": found.about.is_exact(spec),
    }
    left_out = lacking(spec, arguments.format)
    if left_out:
        context.screen.warn(f"No address is known for {', '.join(left_out)}; they stand in comments only.")
    if arguments.output:
        write(Path(arguments.output), found.content)
        return Answer({**document, "file": arguments.output}, [f"Wrote {escape(arguments.output)}."])
    text = written(found.content, found.file_name)
    return Answer({**document, "text": text}, exact=text)


def lacking(spec: Spec, form: str) -> list[str]:
    """Return the names of packages that the format `form` should name and cannot."""
    can = {"explicit": can_be_fetched, "conda-lock": can_be_locked}.get(form, lambda _: True)
    return [package.name for package in spec.packages if not can(package)]


def written(content: bytes, file_name: str) -> str:
    """Return `content` as text for stdout; raise `invalid-argument` for bytes that are none."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "invalid-argument", "This format is not text.", f"Name a file: --output {file_name}"
        ) from error


def write(path: Path, content: bytes) -> None:
    """Write `content` to the ordinary file `path`, whole or not at all."""
    with explained(f"write {path}"):
        path = path.resolve()
        if path.exists() and not path.is_file():
            # Replacing /dev/stdout by a file would break the machine, not write to the terminal.
            raise InvalidInput("invalid-argument", f"{path} is not an ordinary file.", "Name another file.")
        write_atomically(path, content)


VERBS: Mapping[str, Verb] = MappingProxyType({"export": Verb(arguments, export)})
