"""`init`: a new site in one folder, all of it or nothing."""

from __future__ import annotations

import os
import secrets
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from jupyter_envguard.audit import Event, Log
from jupyter_envguard.catalog import Repository
from jupyter_envguard.cli.context import Context, actor
from jupyter_envguard.cli.terminal import columns, escape
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.errors import Conflict
from jupyter_envguard.files import explained, sync_folder, write_atomically
from jupyter_envguard.requests.decisions import made as make_decisions
from jupyter_envguard.site import Site, parse, template

SPOOL_MODE = 0o1733
"""Every session makes its own folder here, and neither lists nor removes those of others."""


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `init`."""
    parser.add_argument("folder", metavar="DIR", help="where to make the site; must not exist or be empty")
    parser.add_argument(
        "--name", metavar="TEXT", help="what users read in refusals (default: the name of DIR)"
    )
    parser.add_argument(
        "--store", metavar="PATH", help="where images live, at most 120 characters (default: DIR/store)"
    )
    parser.add_argument("--request-url", default="", metavar="URL", help="where users ask for an environment")


def init(arguments: Namespace, context: Context) -> Answer:
    """Make a site of the lab profile: a generated key for each role, every threshold one."""
    del context
    folder = Path(arguments.folder).resolve()
    store = str(Path(arguments.store).absolute()) if arguments.store else "store"
    name = arguments.name or folder.name
    text = template(name, store=store, request_url=arguments.request_url)
    # Read as it will be read later, so that a bad name or path is refused before anything is made.
    site = parse(text, folder / "site.yaml")
    with _appearing(folder) as staging:
        _fill(staging, text)
    with explained(f"make the store {site.store_root}"):
        site.store_root.mkdir(mode=0o755, parents=True, exist_ok=True)
    parts = {
        part: str(getattr(site, part)) for part in ("path", "store_root", "catalog", "trust", "keys", "log")
    }
    return Answer(
        {"name": site.name, "site": parts.pop("path"), "store": parts.pop("store_root"), **parts}, _told(site)
    )


def _fill(folder: Path, text: str) -> None:
    """Make every part of the site in `folder`, named as the template names them."""
    root = Repository(folder / "catalog", folder / "keys").init()
    with explained(f"write the site in {folder}"):
        write_atomically(folder / "root.json", root)
        (folder / "spool").mkdir()
        (folder / "spool").chmod(SPOOL_MODE)
        make_decisions(folder / "decisions")
        write_atomically(folder / "site.yaml", text.encode())
    with Log(folder / "log.sqlite") as log:
        log.append(Event(type="site.init", outcome="allowed", actor=actor()))


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """Yield a folder that takes the place of `folder` in one step when the block has succeeded."""
    _check_free(folder)
    staging = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.init")
    with explained(f"make the site {folder}"):
        folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        staging.mkdir(mode=0o755)
    try:
        yield staging
        with explained(f"make the site {folder}"):
            _check_free(folder)
            # Replaces an empty folder and nothing else, so the loser of a race loses only its staging.
            staging.replace(folder)
            sync_folder(folder.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _check_free(folder: Path) -> None:
    with explained(f"look into {folder}"):
        if os.path.lexists(folder) and not (
            folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())
        ):
            raise Conflict(
                "site-exists",
                f"{folder} exists and is not an empty folder.",
                "Name another folder; a site is never overwritten.",
            )


def _told(site: Site) -> Iterator[str]:
    yield f"Made the site {escape(site.name)}."
    rows = [
        ("site", site.path, "what there is to say about the site"),
        ("trust", site.trust, "give this file to every node"),
        ("keys", site.keys, "whoever reads these can approve; not encrypted"),
        ("store", site.store_root, "where images will live"),
    ]
    yield from (f"  {line}" for line in columns(rows))
    yield f"Next: jupyter envguard --site {escape(site.path)} doctor"


VERBS: Mapping[str, Verb] = MappingProxyType({"init": Verb(arguments, init)})
