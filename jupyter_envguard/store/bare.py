"""Images that are here without a tree: documents, objects, and nothing at their path until they are mounted.

Such an image is *bare*. Contents that are too small to be objects lie in one file
beside its documents, one after the other in the order of the manifest. That file is
also what tells a bare image from one with a tree. No link counts its objects, so
whoever collects asks `needed`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from jupyter_envguard.errors import Untrusted
from jupyter_envguard.files import explained, read_bounded
from jupyter_envguard.image import Finding, Line, Manifest, read_manifest
from jupyter_envguard.image.installed import DOCUMENT_BYTES
from jupyter_envguard.image.verify import Hashes
from jupyter_envguard.store.layout import Layout
from jupyter_envguard.store.objects import Objects, hash_of, is_shared
from jupyter_envguard.store.shelf import Shelf
from jupyter_envguard.store.solid import is_solid

SMALL = "small"
"""Name of the file with the small contents, in the folder of an image's documents."""


def is_bare(meta: Path) -> bool:
    """Tell whether the image with the documents in `meta` has no tree."""
    return (meta / SMALL).is_file()


def has_tree(meta: Path) -> bool:
    """Tell whether the image with the documents in `meta` has a tree, so that it is there unmounted."""
    return not is_bare(meta) and not is_solid(meta)


def write_small(manifest: Manifest, contents: Mapping[str, bytes], meta: Path) -> Path:
    """Write the small contents of `manifest`, by their bare hex hashes, beside its documents."""
    path = meta / SMALL
    path.write_bytes(b"".join(contents[line.content] for line in _small(manifest)))
    path.chmod(0o444)
    return path


def read_small(manifest: Manifest, meta: Path) -> dict[str, bytes]:
    """Return the small contents by their hashes; raise `image-damaged` when one is something else."""
    path = meta / SMALL
    with explained(f"read {path}"):
        everything = read_bounded(path, DOCUMENT_BYTES)
    found, at = {}, 0
    for line in _small(manifest):
        content = everything[at : at + line.size]
        if hashlib.sha256(content).hexdigest() != line.content:
            raise Untrusted(
                "image-damaged",
                f"{path} does not have the content of {line.path}.",
                "Remove the image and fetch it again.",
            )
        found[line.content] = content
        at += line.size
    return found


def differences(
    manifest: Manifest, meta: Path, objects: Objects, *, full: bool, hashes: Hashes
) -> Iterator[Finding]:
    """Yield how what a bare image consists of differs from `manifest`; with `full` every byte is read.

    `hashes` are those of objects that were read a moment ago.
    """
    try:
        read_small(manifest, meta)
    except Untrusted as error:
        yield Finding(SMALL, "changed", error.message)
    for line in manifest.lines:
        if line.kind == "f" and is_shared(line):
            if not objects.has(line, manifest.header.seal.mtime):
                yield Finding(line.path, "changed", "Its object was written to, replaced or removed.")
            elif full and _hash(objects.path(line), hashes) != line.content:
                yield Finding(line.path, "changed", "Its content is not the approved one.")


def needed(layout: Layout, doomed: Collection[str] = ()) -> set[str]:
    """Return the paths below the folder of the objects of all that bare images need, except the `doomed`.

    Raises `image-damaged` or `manifest-invalid` when that cannot be known of one of them.
    """
    objects, found = Objects(layout), set[str]()
    for name in Shelf(layout).names():
        if is_bare(layout.meta / name) and name not in doomed:
            lines = read_manifest(layout.meta / name).lines
            found.update(objects.below(line) for line in lines if line.kind == "f" and is_shared(line))
    return found


def _small(manifest: Manifest) -> Iterator[Line]:
    """Yield a line for each small content, in the order in which they are written."""
    lines = {line.content: line for line in manifest.lines if line.kind == "f" and not is_shared(line)}
    yield from lines.values()


def _hash(path: Path, hashes: Hashes) -> str:
    there = path.lstat()
    return hashes.get((there.st_dev, there.st_ino)) or hash_of(path)
