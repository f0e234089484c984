"""A share that is written to: `Share`.

Publishing writes what no listing at hand has into one new blob, then the listing.
Both get their names only when they are whole and on the disk, so a reader sees a
release or none; two who publish the same at once write the same. That needs no lock,
which network file systems are bad at.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from jupyter_envguard.errors import EnvGuardError, Untrusted
from jupyter_envguard.files import explained, sync_folder, write_atomically
from jupyter_envguard.image import AttestedForm, Image
from jupyter_envguard.spec import check_digest
from jupyter_envguard.store import SHARED_BYTES
from jupyter_envguard.transfer.frames import CHUNK, Contents, grouped, write_frame
from jupyter_envguard.transfer.index import Frame, Listing, Piece, by_content, in_order
from jupyter_envguard.transfer.limits import LIMITS, Limits
from jupyter_envguard.transfer.sources import FolderSource

RELEASES, BLOBS, FORMS = "releases", "blobs", "forms"


@dataclass(frozen=True, slots=True)
class Published:
    """What became of publishing."""

    new: bool
    """False when the release was there already."""
    bytes_written: int
    """Bytes that the share grew by."""
    contents: int
    """Contents that no release at hand had."""


def release_file(pack: str) -> str:
    """Return the name of the file about the release that was made from `pack`."""
    return f"{RELEASES}/{check_digest(pack).removeprefix('sha256:')}.zst"


def form_file(pack: str, form: AttestedForm) -> str:
    """Return the name of the file as which the release that was made from `pack` may be mounted."""
    return f"{FORMS}/{check_digest(pack).removeprefix('sha256:')}.{form.sha256}"


def mark_of(form: Path) -> Path:
    """Return the file that says since when the catalog attests another form in the place of `form`."""
    return form.with_name(f"{form.name}.superseded")


class Share:
    """The share in the folder `root`, which exists; its owner writes to it, everybody reads it."""

    def __init__(self, root: Path, limits: Limits = LIMITS) -> None:
        self._root = root
        self._limits = limits
        self._source = FolderSource(root)

    def publish(self, image: Image, like: Iterable[str] = ()) -> Published:
        """Put the release of `image` on the share, unless it is there.

        `like` names the packs of releases that may be on the share and have much in
        common: what they have is not written again. Raises `image-drifted` when a
        file of the image is not what its manifest says, and what `explained` says of
        a disk; then readers see no difference.
        """
        target = self._root / release_file(image.pack)
        if target.exists():
            return Published(new=False, bytes_written=0, contents=0)
        documents = image.documents()
        with explained(f"publish to {self._root}"):
            for folder in (RELEASES, BLOBS):
                (self._root / folder).mkdir(mode=0o755, exist_ok=True)
            held = by_content(self._known(like))
            lines = (line for line in documents.manifest.lines if line.kind == "f" and line.size)
            paths = {Piece(line.content, line.size): image.path / line.path for line in lines}
            pieces = [piece for piece in paths if piece not in held]
            # Stores do not share tiny contents, so every node reads them anew: they get frames of their own.
            pieces.sort(key=lambda piece: piece.size < SHARED_BYTES)
            new, size = self._write_blob(pieces, paths) if pieces else ([], 0)
            frames = in_order((*new, *(held[piece] for piece in paths if piece in held)))
            listing = Listing(documents, tuple(frames)).encode()
            write_atomically(target, listing)
        return Published(new=True, bytes_written=size + len(listing), contents=len(pieces))

    def publish_form(self, pack: str, form: AttestedForm, path: Path) -> int:
        """Put the file `path`, which is the `form` of the release, on the share unless it is there.

        Returns the bytes that were written. Raises `image-drifted` when the file is not
        the form, and what `explained` says of a disk; then readers see no difference.
        """
        target = self._root / form_file(pack, form)
        with explained(f"publish to {self._root}"):
            target.parent.mkdir(mode=0o755, exist_ok=True)
            mark_of(target).unlink(missing_ok=True)  # it is to be attested again
            if target.exists() and target.stat().st_size == form.size:
                return 0
            with self._new_file(target.parent) as (spare, file):
                for chunk in _content(path, Piece(form.sha256, form.size)):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                spare.chmod(0o444)
                spare.replace(target)
            sync_folder(target.parent)
        return form.size

    def releases(self) -> tuple[str, ...]:
        """Return the digests of the packs of all releases on the share, sorted."""
        with explained(f"read {self._root}"):
            names = sorted(path.stem for path in (self._root / RELEASES).glob("[0-9a-f]*.zst"))
        return tuple(f"sha256:{name}" for name in names if len(name) == 64)

    def _known(self, like: Iterable[str]) -> list[Frame]:
        """Return the frames of those of the releases `like` that are on the share and can be read."""
        found: list[Frame] = []
        for pack in like:
            with contextlib.suppress(EnvGuardError):
                content = self._source.read(release_file(pack), self._limits.release_bytes)
                frames = Listing.decode(content, self._limits).frames
                sizes = {frame.blob: self._size(frame.blob) for frame in frames}
                found += (f for f in frames if f.offset + f.length <= sizes[f.blob])
        return found

    def _size(self, blob: str) -> int:
        try:
            return (self._root / BLOBS / blob).stat().st_size
        except FileNotFoundError:
            return 0

    def _write_blob(self, pieces: list[Piece], paths: dict[Piece, Path]) -> tuple[list[Frame], int]:
        with self._new_file(self._root / BLOBS) as (spare, file):
            blob = _Blob(file)
            frames = []
            for group in grouped(pieces):
                start = blob.size
                length = write_frame(group, lambda piece: _content(paths[piece], piece), blob)
                frames.append(Frame("", start, length, group))
            file.flush()
            os.fsync(file.fileno())
            spare.chmod(0o444)
            name = blob.digest.hexdigest()
            spare.replace(self._root / BLOBS / name)
        sync_folder(self._root / BLOBS)
        return [replace(frame, blob=name) for frame in frames], blob.size

    @contextlib.contextmanager
    def _new_file(self, folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
        """Yield a new file under a name that nobody reads; the block renames it, or it goes."""
        spare = folder / f".{secrets.token_hex(16)}.tmp"
        try:
            with spare.open("xb") as file:
                yield spare, file
        finally:
            spare.unlink(missing_ok=True)


class _Blob:
    """A file that is hashed while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes, /) -> None:
        """Take the next bytes."""
        self._file.write(content)
        self.digest.update(content)
        self.size += len(content)


def _content(path: Path, piece: Piece) -> Contents:
    """Yield the content of `path`; raise `image-drifted` at its end when it was not `piece`."""
    digest, size = hashlib.sha256(), 0
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            while size <= piece.size and (chunk := file.read(CHUNK)):
                size += len(chunk)
                digest.update(chunk)
                if size <= piece.size:
                    yield chunk
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.EISDIR):
            raise
    if digest.hexdigest() != piece.sha256:
        raise Untrusted(
            "image-drifted",
            f"{path} is not what the manifest says.",
            "Verify the image, remove it, and import its pack again.",
        )
