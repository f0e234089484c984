"""Byte code that need not be made again, because an approved image has it from the same source.

The next release of an environment shares most of its sources with the one before.
Their byte code would come out the same, byte for byte, so it is taken from there,
if all of this holds: the image's manifest is the one that the caller confirms
(people have signed it), it was compiled by the Python that runs us, and the
bytes are those of the manifest. Nothing of the new pack is believed.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from pathlib import Path

from jupyter_envguard.files import read_bounded
from jupyter_envguard.image import bytecode
from jupyter_envguard.image.installed import Image

BYTE_CODE_BYTES = 256 * 1024 * 1024
"""Bytes of one file of byte code; a source of 16 MiB can have 200 MiB."""


class Reuse:
    """The byte code of `images`, found by the path and the hash of its source."""

    def __init__(self, images: Iterable[Image] = ()) -> None:
        self._known: dict[tuple[str, str], tuple[Path, str]] = {}
        for image in images:
            self._learn(image)

    def byte_code(self, path: str, sha256: str) -> bytes | None:
        """Return the byte code of the source `path` whose content has the hash `sha256`, or None."""
        file, expected = self._known.get((path, sha256), (None, ""))
        if file is None:
            return None
        try:
            content = read_bounded(file, BYTE_CODE_BYTES)
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == expected else None

    def _learn(self, image: Image) -> None:
        manifest = image.manifest
        seal = manifest.header.seal
        if (seal.byte_code, seal.python) != ("compiled", platform.python_version()):
            return
        files = {line.path: line.content for line in manifest.lines if line.kind == "f"}
        for path, sha256 in files.items():
            if bytecode.is_source(path) and (made := files.get(bytecode.cached(path))):
                self._known[path, sha256] = (image.path / bytecode.cached(path), made)
