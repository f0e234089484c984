"""What nobody needs any more leaves a share: `prune`.

A release that is withdrawn is *retired* first: its file gets another name, under which
nobody fetches it, and for a day it still counts, because somebody may be publishing
what refers to the same blobs. Then the file goes, and after it the blobs that no file
about a release refers to. Blobs that are younger may belong to a release that is being
published. All of that goes by the clock of the share, whoever asks.

Nothing is locked. Each step leaves a share on which every release is whole, so a
process may be killed anywhere, and two may do this at once. A form goes after the file
about its release, whose name it has. One in whose place the catalog attests another keeps
its name for a day, because nodes fetch what the catalog says that they have: an empty file
beside it, the *mark*, says since when nothing names it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from jupyter_envguard.files import explained, sync_folder
from jupyter_envguard.image import AttestedForm
from jupyter_envguard.transfer.index import Listing
from jupyter_envguard.transfer.limits import LIMITS, Limits
from jupyter_envguard.transfer.share import BLOBS, FORMS, RELEASES, form_file, mark_of, release_file
from jupyter_envguard.transfer.sources import whole

GRACE_SECONDS = 24 * 3600.0
"""How long what is retired still counts, and what nothing refers to still stays."""

RETIRED = ".retired"

_RELEASE = re.compile(r"[0-9a-f]{64}\.zst(\.retired)?\Z")
_BLOB = re.compile(r"[0-9a-f]{64}\Z")
_FORM = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{64}\Z")
_MARK = re.compile(r"([0-9a-f]{64}\.[0-9a-f]{64})\.superseded\Z")
_SPARE = re.compile(r"\.[0-9a-f.zst]+\.tmp\Z")


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was taken away."""

    releases: tuple[str, ...]
    """Digests of the packs of the releases that were retired."""
    files: int
    """Files that are gone."""
    size: int
    """Bytes of those."""


def prune(
    root: Path,
    withdrawn: Collection[str],
    attested: Collection[tuple[str, AttestedForm]] = (),
    *,
    grace: float = GRACE_SECONDS,
    limits: Limits = LIMITS,
) -> Pruned:
    """Take from the share in `root` the releases of the packs `withdrawn`, and what nothing refers to.

    `attested` says which forms the catalog attests of which packs: of these packs the
    other forms go. What is younger than `grace` seconds stays. Raises `share-invalid` when a file about
    a release cannot be read, because nobody knows then what it refers to; and what
    `explained` says of a disk.
    """
    with explained(f"prune {root}"):
        if not (root / RELEASES).is_dir() or not (root / BLOBS).is_dir():
            return Pruned((), 0, 0)
        now = _now(root / BLOBS)
        retired = tuple(pack for pack in sorted(withdrawn) if _retire(root / release_file(pack)))
        sync_folder(root / RELEASES)
        gone = list(_take_away(_old_releases(root / RELEASES, now - grace)))
        needed = {blob for path in _releases(root / RELEASES) for blob in _blobs_of(path, limits)}
        unneeded = (path for path in _files(root / BLOBS, _BLOB) if path.name not in needed)
        folders = [folder for folder in (RELEASES, BLOBS, FORMS) if (root / folder).is_dir()]
        spares = (path for folder in folders for path in _files(root / folder, _SPARE))
        orphans = _orphans(root) if FORMS in folders else ()
        gone += _take_away(path for path in (*unneeded, *spares, *orphans) if _age(path) < now - grace)
        if FORMS in folders:
            gone += _take_away(_superseded(root / FORMS, attested, now - grace))
            _unmark(root / FORMS)
        for folder in folders:
            sync_folder(root / folder)
    return Pruned(retired, len(gone), sum(gone))


def _now(folder: Path) -> float:
    """Return the time by the clock that gives the files in `folder` theirs."""
    spare = folder / f".{secrets.token_hex(16)}.tmp"
    try:
        spare.touch(0o600)
        return spare.stat().st_mtime
    finally:
        spare.unlink(missing_ok=True)


def _retire(path: Path) -> bool:
    """Give the file about a release the name under which nobody fetches it; return whether it was there."""
    try:
        os.utime(path)  # from now on its age is that of its retirement
        path.rename(path.with_name(path.name + RETIRED))
    except FileNotFoundError:
        return False
    return True


def _files(folder: Path, name: re.Pattern[str]) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if name.match(path.name))


def _releases(folder: Path) -> Iterator[Path]:
    return _files(folder, _RELEASE)


def _orphans(root: Path) -> Iterator[Path]:
    """Yield the forms of releases that are not on the share any more."""
    there = {path.name[:64] for path in _releases(root / RELEASES)}
    return (path for path in _files(root / FORMS, _FORM) if path.name[:64] not in there)


def _superseded(
    folder: Path, attested: Collection[tuple[str, AttestedForm]], before: float
) -> Iterator[Path]:
    """Mark the forms in whose place others are attested, and yield those whose mark is from `before`."""
    named = {Path(form_file(pack, form)).name for pack, form in attested}
    known = {name[:64] for name in named}
    for path in _files(folder, _FORM):
        mark = mark_of(path)
        if path.name in named:
            mark.unlink(missing_ok=True)
        elif path.name[:64] in known:
            with contextlib.suppress(FileExistsError):
                mark.touch(0o644, exist_ok=False)
            if _age(mark) < before:
                yield path


def _unmark(folder: Path) -> None:
    """Delete the marks of forms that are gone."""
    for mark in _files(folder, _MARK):
        if not mark.with_suffix("").exists():
            mark.unlink(missing_ok=True)


def _old_releases(folder: Path, before: float) -> list[Path]:
    return [path for path in _releases(folder) if path.suffix == RETIRED and _age(path) < before]


def _age(path: Path) -> float:
    """Return when the file was written last; a file that is gone is as young as can be."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _blobs_of(path: Path, limits: Limits) -> set[str]:
    try:
        with path.open("rb") as file:
            content = whole((file.read(limits.release_bytes + 1),), limits.release_bytes, str(path))
    except FileNotFoundError:  # somebody else prunes as well
        return set()
    return {frame.blob for frame in Listing.decode(content, limits).frames}


def _take_away(paths: Iterator[Path] | list[Path]) -> Iterator[int]:
    """Delete files, and yield the size of each that was still there."""
    for path in paths:
        try:
            size = path.lstat().st_size
            path.unlink()
        except FileNotFoundError:
            continue
        yield size
