"""The whole sealed tree on paper: `Manifest`, its one canonical form and its strict reader.

A manifest says for every path below the prefix what stands there. It is text,
so that a person with `sha256sum` can check an image without us: a line with the
version, a line of JSON (the header), then one line a path, five fields
separated by tabs and sorted by the bytes of the path:

    kind  mode  size  sha256 or target  path

>>> seal = Seal(version=1, byte_code="none", python="", uncompiled=0, sourceless=0, mtime=0)
>>> digest = "sha256:" + 64 * "0"
>>> made_from = {"pack": digest, "spec": digest, "records": digest, "locks": {}}
>>> header = Header(prefix="/opt/e/x", platform="linux-64", **made_from, seal=seal)
>>> manifest = Manifest(header, (Line("bin", "d", "x", 0, ""), Line("bin/sh", "l", "r", 0, "dash")))
>>> Manifest.parse(manifest.canonical()) == manifest
True
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.spec import DIGEST, canonical_json, sha256_digest

Kind = Literal["f", "d", "l"]
Mode = Literal["r", "x"]
ByteCode = Literal["compiled", "kept", "none"]

VERSION = "envguard-manifest 2"
"""First line of every manifest; it changes with the meaning of any line. No other is read."""

PERMISSIONS: Mapping[str, int] = {"r": 0o444, "x": 0o555}
"""The two mode classes, as permission bits."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_NO_NAMES = frozenset({"", ".", ".."})


class Line(NamedTuple):
    """One path of a sealed tree; a tuple, because tens of thousands are made of each manifest."""

    path: str
    """Path below the prefix, `/` between parts, without `.` and `..`."""
    kind: Kind
    """`f` for a file, `d` for a directory, `l` for a symbolic link."""
    mode: Mode
    """`r` is 0444 and `x` is 0555; directories are `x`, links have no mode of their own and say `r`."""
    size: int
    """Bytes of a file's content, 0 for the others."""
    content: str
    """Bare hex SHA-256 of a file's content, the target of a link, empty for a directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What sealing did to the tree that the pack brought."""

    version: int
    """Version of sealing itself: of the signs, settings and steps that are the same for every pack."""
    byte_code: ByteCode
    """`compiled` from the sources here, `kept` from the pack with new headers, or `none`."""
    python: str
    """Version of the Python that compiled; empty unless it did."""
    uncompiled: int
    """Sources that have no byte code, because they do not compile or the pack's was stale."""
    sourceless: int
    """Byte code of the pack that was dropped although no source stands beside it."""
    mtime: int
    """Modification time that every path was given, in seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where the tree belongs and what it was made from."""

    prefix: str
    """The one path at which the tree is valid, because its files carry it."""
    platform: str
    """Conda subdir, such as `linux-64`."""
    pack: str
    """Digest of the pack."""
    spec: str
    """Digest of the spec, and so of every package record in it."""
    records: str
    """Digest over the paths and hashes of the conda records, as the pack brought them."""
    locks: Mapping[str, str]
    """Digests of the lock files that the pack brought along, by path."""
    seal: Seal
    """What sealing did."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Every path of a sealed tree; raises `manifest-invalid` when the lines cannot be a tree."""

    header: Header
    """Where the tree belongs and what it was made from."""
    lines: tuple[Line, ...]
    """One for each path, strictly ascending by the bytes of the path."""

    def __post_init__(self) -> None:
        _check_header(self.header)
        folders = {""}
        before = ""
        for line in self.lines:
            path, kind = line.path, line.kind
            folder, slash, name = path.rpartition("/")
            # below a folder that was checked only the name is new, and nearly every line is of a plain file
            is_plain = (folder or not slash) and name not in _NO_NAMES
            is_plain = is_plain and path.isascii() and path.isprintable()
            if not (is_plain and kind == "f" and line.mode in PERMISSIONS and _HASH.match(line.content)):
                _check_line(line)
            elif line.size < 0:
                raise _contradicts(line)
            # UTF-8 sorts as code points do, so comparing text compares bytes
            if path <= before:
                raise _invalid(f"path {path!r} is out of order or stands twice")
            if folder not in folders:
                raise _invalid(f"path {path!r} lies in no directory")
            if kind == "d":
                folders.add(path)
            before = path

    def canonical(self) -> bytes:
        """Return the only bytes that are hashed and stored for this manifest."""
        rows = [VERSION, canonical_json(asdict(self.header)).decode()]
        rows += [f"{x.kind}\t{x.mode}\t{x.size}\t{x.content}\t{x.path}" for x in self.lines]
        return ("\n".join(rows) + "\n").encode()

    def digest(self) -> str:
        """Return the digest of `canonical`: the identity that people approve."""
        return sha256_digest(self.canonical())

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Return the manifest that `canonical` wrote; raise `manifest-invalid` for any other bytes."""
        try:
            version, header, *rows = content.decode().split("\n")
        except ValueError as error:
            raise _invalid("it is not UTF-8 text with a header") from error
        if version != VERSION:
            raise _invalid(f"its version {version[:40]!r} is unknown")
        end = rows.pop() if rows else "no line"
        manifest = cls(_header(header), tuple(map(_line, rows)))
        # lines are taken as they are written, sizes are compared in `_line`, so this is all that is left
        if end or canonical_json(asdict(manifest.header)).decode() != header:
            raise _invalid("it is not in canonical form")
        return manifest


def read_header(content: bytes) -> Header:
    """Return the header of the manifest `content` without reading its lines; raise `manifest-invalid`."""
    version, _, rest = content.partition(b"\n")
    try:
        header = _header(rest.partition(b"\n")[0].decode())
    except ValueError as error:
        raise _invalid("it is not UTF-8 text with a header") from error
    if version.decode(errors="replace") != VERSION:
        raise _invalid(f"its version {version[:40]!r} is unknown")
    _check_header(header)
    return header


def _header(row: str) -> Header:
    try:
        document = json.loads(row)
    except (ValueError, RecursionError) as error:
        raise _invalid("its header is not JSON") from error
    values = _fields(Header, document, {"seal": dict, "locks": dict})
    numbers = dict.fromkeys(("version", "uncompiled", "sourceless", "mtime"), int)
    seal = _fields(Seal, values["seal"], numbers)
    return Header(**values | {"seal": Seal(**seal)})


def _fields(shape: type[Header | Seal], document: object, types: Mapping[str, type]) -> dict[str, Any]:
    names = {field.name for field in fields(shape)}
    if not isinstance(document, dict) or set(document) != names:
        raise _invalid("its header has missing or unknown fields")
    for name, value in document.items():
        if type(value) is not types.get(name, str):
            raise _invalid(f"header field {name!r} has the wrong type")
    return document


def _line(row: str) -> Line:
    try:
        kind, mode, size, content, path = row.split("\t")
        number = int(size)
    except ValueError as error:
        raise _invalid(f"line {row[:80]!r} has no size, or too few or too many fields") from error
    if str(number) != size:
        raise _invalid(f"line {row[:80]!r} is not in canonical form")
    return Line(path, kind, mode, number, content)  # type: ignore[arg-type]  # checked by Manifest


def _check_header(header: Header) -> None:
    if not header.prefix.startswith("/") or _CONTROL.search(header.prefix + header.platform):
        raise _invalid("its prefix or platform cannot be one")
    digests = (header.pack, header.spec, header.records, *header.locks.values())
    if not all(isinstance(digest, str) and DIGEST.match(digest) for digest in digests):
        raise _invalid("its header holds something else than digests")
    if header.seal.byte_code not in ("compiled", "kept", "none"):
        raise _invalid(f"byte code {header.seal.byte_code!r} is unknown")


def _check_line(line: Line) -> None:
    around = f"/{line.path}/"
    if "//" in around or "/./" in around or "/../" in around or _CONTROL.search(line.path):
        raise _invalid(f"path {line.path!r} is not a plain relative path")
    match line.kind:
        case "f":
            good = line.mode in ("r", "x") and line.size >= 0 and _HASH.match(line.content) is not None
        case "d":
            good = (line.mode, line.size, line.content) == ("x", 0, "")
        case "l":
            bare = bool(line.content) and not _CONTROL.search(line.content)
            good = (line.mode, line.size) == ("r", 0) and bare
        case _:
            good = False
    if not good:
        raise _contradicts(line)


def _contradicts(line: Line) -> InvalidInput:
    return _invalid(f"the line of {line.path!r} contradicts itself")


def _invalid(why: str) -> InvalidInput:
    return InvalidInput(
        "manifest-invalid",
        f"The manifest cannot be used: {why}.",
        "Import the pack again to make a new manifest.",
    )
