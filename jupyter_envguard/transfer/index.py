"""What is written about a release on a share: `Listing`, its one form and its strict reader.

A listing is JSON, compressed. It holds the documents of the image as text, and says
for each frame of each blob which contents it decodes to, one after the other:

    {"version": 1,
     "documents": {"manifest": "…", "pack.json": "…", "spec.json": "…"},
     "blobs": [["<sha256>", [[offset, length, [["<sha256>", size], …]], …]], …]}

It comes from a place that is not trusted, so it is read within limits and every
field is checked; what it promises is checked again when the contents arrive.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple, NoReturn

import zstandard

from jupyter_envguard.errors import Untrusted
from jupyter_envguard.image import Documents
from jupyter_envguard.spec import canonical_json
from jupyter_envguard.transfer.limits import LIMITS, MIB, Limits

VERSION = 1
LEVEL = 9
"""Compression level of a listing: small matters more than the second it takes."""

CHUNK = 4 * MIB
"""Bytes of a listing decoded at a time."""

_HASH = re.compile(r"[0-9a-f]{64}\Z")
_KEYS = {"version", "documents", "blobs"}


class Piece(NamedTuple):
    """One content in a frame; a tuple, because a release has tens of thousands."""

    sha256: str
    """Bare hex hash of it."""
    size: int
    """Bytes of it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A part of a blob that is decoded by itself."""

    blob: str
    """Bare hex hash of the blob, which is its name."""
    offset: int
    """Bytes of the blob before it."""
    length: int
    """Bytes of it, compressed."""
    pieces: tuple[Piece, ...]
    """What it decodes to, one after the other."""

    @property
    def place(self) -> tuple[str, int]:
        """Blob and offset, which no other frame has."""
        return self.blob, self.offset


@dataclass(frozen=True, slots=True)
class Listing:
    """What a release consists of, and where on the share that is."""

    documents: Documents
    """The documents of its image, which fit together; whether they are the approved ones is not said here."""
    frames: tuple[Frame, ...]
    """Where its contents lie, in the order of blobs and offsets."""

    def encode(self) -> bytes:
        """Return the bytes of the file on the share."""
        documents = {name: content.decode() for name, content in self.documents.contents().items()}
        blobs = [
            [blob, [[f.offset, f.length, [[p.sha256, p.size] for p in f.pieces]] for f in frames]]
            for blob, frames in groupby(self.frames, lambda frame: frame.blob)
        ]
        content = canonical_json({"version": VERSION, "documents": documents, "blobs": blobs})
        return zstandard.ZstdCompressor(level=LEVEL).compress(content)

    @classmethod
    def decode(cls, content: bytes, limits: Limits = LIMITS) -> Listing:
        """Return the listing in `content`; raise `share-invalid`, or `image-damaged` for its documents."""
        contents, blobs = _parts(content, limits)
        return cls(Documents.parse(contents), tuple(_frames(blobs)))


def documents_in(content: bytes, limits: Limits = LIMITS) -> dict[str, bytes]:
    """Return the documents in the listing `content` by name, whatever they say; raise `share-invalid`."""
    return _parts(content, limits)[0]


def _parts(content: bytes, limits: Limits) -> tuple[dict[str, bytes], object]:
    """Return the documents in a listing by name, and what it says of blobs."""
    document = _document(content, limits)
    if not isinstance(document, dict) or set(document) != _KEYS or document["version"] != VERSION:
        _refuse("it has missing or unknown fields, or another version")
    documents = document["documents"]
    if not isinstance(documents, dict) or not all(isinstance(text, str) for text in documents.values()):
        _refuse("its documents are not text")
    contents = {name: text.encode(errors="surrogatepass") for name, text in documents.items()}
    return contents, document["blobs"]


def _document(content: bytes, limits: Limits) -> Any:
    decoder = zstandard.ZstdDecompressor(max_window_size=limits.window_bytes)
    try:
        with decoder.stream_reader(io.BytesIO(content)) as reader:
            text = _bounded(reader, limits.release_content_bytes)
    except zstandard.ZstdError as error:
        _refuse(f"it does not decode ({error})", error)
    if len(text) > limits.release_content_bytes:
        _refuse(f"it decodes to more than {limits.release_content_bytes} bytes")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        _refuse("it is not JSON", error)


def _bounded(reader: zstandard.ZstdDecompressionReader, limit: int) -> bytes:
    """Return what `reader` has, up to the chunk that is beyond `limit`; memory is not asked for before."""
    chunks: list[bytes] = []
    size = 0
    while size <= limit and (chunk := reader.read(CHUNK)):
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def _frames(blobs: object) -> Iterable[Frame]:
    names: set[str] = set()
    for blob, frames in _pairs(blobs, 2):
        if not _is_hash(blob) or blob in names:
            _refuse("a blob has no name of its own")
        names.add(blob)
        end = 0
        for offset, length, pieces in _pairs(frames, 3):
            if not (_is_number(offset) and _is_number(length) and offset >= end and length > 0):
                _refuse("frames overlap or are out of order")
            end = offset + length
            yield Frame(blob, offset, length, tuple(_pieces(pieces)))


def _pieces(pieces: object) -> Iterable[Piece]:
    is_hash = _HASH.match
    for sha256, size in _pairs(pieces, 2):  # tens of thousands, so nothing is called for what one can see
        if type(sha256) is not str or not is_hash(sha256) or type(size) is not int or size < 0:
            _refuse("a content has no hash or no size")
        yield Piece(sha256, size)


def _pairs(rows: object, length: int) -> list[list[Any]]:
    if not isinstance(rows, list) or any(not isinstance(row, list) or len(row) != length for row in rows):
        _refuse("it is not built as a listing is")
    return rows


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.match(value) is not None


def _is_number(value: object) -> bool:
    return type(value) is int and value >= 0


def _refuse(why: str, error: Exception | None = None) -> NoReturn:
    raise Untrusted(
        "share-invalid",
        f"What the share says about the release cannot be used: {why}.",
        "Publish the release again, or fetch it from another share.",
    ) from error


def by_content(frames: Iterable[Frame]) -> Mapping[Piece, Frame]:
    """Return for every content the first frame that holds it."""
    found: dict[Piece, Frame] = {}
    for frame in frames:
        for piece in frame.pieces:
            found.setdefault(piece, frame)
    return found


def in_order(frames: Iterable[Frame]) -> list[Frame]:
    """Return the frames by blob and offset, each once."""
    return [frame for _, frame in sorted({frame.place: frame for frame in frames}.items())]
