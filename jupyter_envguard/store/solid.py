"""Images that are here as one file and nothing else: documents, and a form that was fetched.

Such an image is *solid*. It has no tree and needs no objects; it is at its path while
its form is mounted there. The form is the file that the catalog attests, and what it
has to be lies beside the documents. That note is also what tells a solid image from
others.

Bytes come by a `FormDelivery`: in parts, written in any order and hashed in order.
Nothing is made of them before all of them have the attested hash. What had arrived
when a process was killed is hashed again by the next attempt and not fetched.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from jupyter_envguard.errors import Untrusted
from jupyter_envguard.files import explained, read_bounded
from jupyter_envguard.image import AttestedForm
from jupyter_envguard.spec import canonical_json
from jupyter_envguard.store.layout import Layout
from jupyter_envguard.store.resuming import kept_file
from jupyter_envguard.store.writing import Writer

FORM = "form.json"
"""Name of the note that says which file the form is, in the folder of an image's documents."""

NOTE_BYTES = 4096
CHUNK = 256 * 1024
"""Bytes that are hashed at a time, and to a multiple of which one goes back to take a form up again."""


def is_solid(meta: Path) -> bool:
    """Tell whether the image with the documents in `meta` is one file and nothing else."""
    return (meta / FORM).is_file()


def write_form(form: AttestedForm, meta: Path) -> Path:
    """Write down in `meta` which file the image is."""
    path = meta / FORM
    path.write_bytes(canonical_json(form.as_json()))
    path.chmod(0o444)
    return path


def read_form(meta: Path) -> AttestedForm:
    """Return which file the image is; raise `image-damaged` when that cannot be read."""
    path = meta / FORM
    with explained(f"read {path}"):
        content = read_bounded(path, NOTE_BYTES)
    with contextlib.suppress(ValueError, RecursionError):
        if found := AttestedForm.from_json(json.loads(content)):
            return found
    raise Untrusted(
        "image-damaged",
        f"{path} does not say which file the image is.",
        "Remove the image and fetch it again.",
    )


class FormDelivery:
    """Takes the bytes of `form`, which will be the image called `name`; a context manager.

    What is kept for the next attempt stays when the block raises, unless all had
    arrived and was something else.
    """

    def __init__(self, layout: Layout, name: str, form: AttestedForm) -> None:
        self.form = form
        self.path = layout.kept / f"{name}.form"
        self._handle = -1
        self._writer: Writer
        self._hash = hashlib.sha256()
        self.hashed = 0
        self.start = 0

    def __enter__(self) -> Self:
        self._handle = kept_file(self.path)
        size = os.fstat(self._handle).st_size
        os.ftruncate(self._handle, self.form.size)
        if 0 < size <= self.form.size:  # up to the first hole everything was written
            self.start = max(0, os.lseek(self._handle, 0, os.SEEK_HOLE) - 1) // CHUNK * CHUNK
        self._writer = Writer(self._handle)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._writer.close()
        os.close(self._handle)

    def write(self, offset: int, content: bytes | memoryview) -> None:
        """Write `content`, which belongs at `offset`; several threads may, and none beyond the size."""
        self._writer.write(offset, memoryview(content)[: max(0, self.form.size - offset)])

    def hash(self, content: bytes | memoryview) -> None:
        """Hash `content`, which was written right behind what has been hashed."""
        self._hash.update(content)
        self.hashed += len(content)

    def hash_up_to(self, end: int) -> None:
        """Hash what lies in the file before `end`, as an earlier attempt left it."""
        room = memoryview(bytearray(CHUNK))
        while self.hashed < end:
            count = os.preadv(self._handle, [room[: min(CHUNK, end - self.hashed)]], self.hashed)
            if not count:
                return
            self.hash(room[:count])

    def is_it(self) -> bool:
        """Tell whether every byte is there and the file has the attested hash."""
        return self.hashed == self.form.size and self._hash.hexdigest() == self.form.sha256

    def restart(self) -> None:
        """Forget everything that has arrived."""
        os.ftruncate(self._handle, 0)
        os.ftruncate(self._handle, self.form.size)
        self._hash, self.hashed, self.start = hashlib.sha256(), 0, 0

    def refuse(self) -> Untrusted:
        """Delete what has arrived, and return the refusal of it."""
        self.path.unlink(missing_ok=True)
        return Untrusted(
            "form-mismatch",
            f"What was fetched is not the form that the catalog attests ({self.form.digest}).",
            "Fetch it from another share, or publish it again; without --mount it is not needed.",
        )
