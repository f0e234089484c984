"""From a pack to a sealed tree and its manifest: `build`.

One pass over the members decides for each what becomes of it; the bytes go
straight to a confined writer. What the pack verified while it was read is not
hashed again, what is changed or made here is hashed as it is written.
"""

from __future__ import annotations

import hashlib
import platform
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from jupyter_envguard.errors import InvalidInput, PackRefused
from jupyter_envguard.image import bytecode
from jupyter_envguard.image.children import Owner
from jupyter_envguard.image.extract import Extraction
from jupyter_envguard.image.installed import Image
from jupyter_envguard.image.kept import Kept
from jupyter_envguard.image.manifest import Header, Line, Manifest, Mode, Seal
from jupyter_envguard.image.markers import DROPPED, markers
from jupyter_envguard.image.relocate import relocated, with_usable_shebang
from jupyter_envguard.image.reuse import Reuse
from jupyter_envguard.image.writer import CHUNK
from jupyter_envguard.inventory import Inventory, Kind, Member, Prefixed
from jupyter_envguard.pack import Pack, Progress
from jupyter_envguard.spec import canonical_json, sha256_digest

SEAL_VERSION = 1
"""Version of sealing: it changes with the text of the signs, with what is dropped, and with every setting
or step that gives the same pack another tree, so that such a difference is never silent."""

SEAL_TIME = 315_619_200
"""Modification time of every path: 1980-01-02 UTC, the first that zip files hold in every time zone."""

REWRITTEN_BYTES = 1024**3
"""Bytes of a file whose prefix is rewritten, which must be held in memory."""

LOCK_FILES = re.compile(
    r"(?:conda-meta/)?(?:conda-lock\.ya?ml|pixi\.lock|explicit(?:-sha256)?\.txt|pylock(?:\.[^/]+)?\.toml)\Z"
)
"""Where environments carry the lock that they were made from: conda, conda-lock, pixi and PEP 751."""

SCRIPT_BYTES = 1024**2
"""Bytes of a file in `bin/` up to which its first line is looked at."""


def build(
    pack: Pack,
    inventory: Inventory,
    staging: Path,
    prefix: Path,
    progress: Progress | None = None,
    *,
    owner: Owner | None = None,
    approved: Iterable[Image] = (),
    kept: Kept | None = None,
) -> Manifest:
    """Make the sealed tree of `pack`, for `prefix`, in the empty folder `staging`; return its manifest.

    Files are 0444 or 0555, folders 0555 but for `staging` itself, all belong to
    `owner` or this user. Byte code of the same sources is taken from `approved`,
    images whose manifest digests the caller has confirmed, and from `kept`, where
    what is compiled is kept for another attempt. Nothing is executed and
    nothing outside `staging` is written.

    Raises the refusals of `Pack.files`, `relocated`, `Extraction` and `Compilers`;
    what is in `staging` is then worth nothing. Bytes are not yet on the disk: sync
    the file system before the rename.
    """
    if any(staging.iterdir()):
        raise InvalidInput("invalid-argument", f"{staging} is not empty.", "Name a new folder.")
    with Extraction(staging, mtime=SEAL_TIME, owner=owner) as tree, bytecode.Compilers() as compilers:
        work = _Build(inventory, str(prefix), tree, compilers, Reuse(approved), kept)
        done, total = 0, sum(member.size for member in inventory.members.values())
        for member, stream in pack.files():
            work.take(member, stream)
            done += member.size
            if progress:
                progress(done, total)
        work.finish()
        tree.seal()
    return work.manifest()


class _Build:
    """A tree in the making, and the lines that its manifest will have."""

    def __init__(
        self,
        inventory: Inventory,
        prefix: str,
        tree: Extraction,
        compilers: bytecode.Compilers,
        reuse: Reuse,
        kept: Kept | None,
    ) -> None:
        self._inventory = inventory
        self._members = inventory.members
        self._prefix = prefix
        self._prefixed = _prefixed(inventory)
        self._tree = tree
        self._lines: dict[str, Line] = {}
        self._markers = markers(inventory.members)
        self._origin = bytecode.origin(inventory.python_version)
        self._compilers = compilers
        self._reuse = reuse
        self._kept = kept
        links = (member.path for member in self._members.values() if member.kind is Kind.HARDLINK)
        self._linked = {_file_of(path, self._members): b"" for path in links if self._is_source(path)}
        self._uncompiled = 0
        self._sourceless = 0

    def take(self, member: Member, stream: BinaryIO) -> None:
        """Write `member` if it has a place in a sealed tree."""
        path = member.path
        if path in DROPPED or path in self._markers:
            return
        match member.kind:
            case Kind.DIRECTORY:
                if not path.endswith("__pycache__"):
                    self._tree.folder(path)
                    self._folders(path)
            case _ if path.endswith((".pyc", ".pyo")):
                self._take_byte_code(member, stream)
            case Kind.SYMLINK:
                self._tree.symlink(path, member.target)
                self._put(Line(path, "l", "r", 0, member.target))
            case Kind.HARDLINK:
                self._take_hardlink(path, member.target)
            case _:
                self._take_file(member, stream)

    def finish(self) -> None:
        """Write what does not come from the pack."""
        for path, content in self._markers.items():
            self._add(path, False, content)
        self._take_compiled(self._compilers.finish())

    def manifest(self) -> Manifest:
        """Return what was made."""
        header = Header(
            prefix=self._prefix,
            platform=self._inventory.spec.platform,
            pack=self._inventory.digest,
            spec=self._inventory.spec.digest(),
            records=_records(self._inventory),
            locks=_locks(self._inventory),
            seal=Seal(
                version=SEAL_VERSION,
                byte_code=self._origin,
                python=platform.python_version() if self._origin == "compiled" else "",
                uncompiled=self._uncompiled,
                sourceless=self._sourceless,
                mtime=SEAL_TIME,
            ),
        )
        return Manifest(header, tuple(line for _, line in sorted(self._lines.items())))

    def _take_file(self, member: Member, stream: BinaryIO) -> None:
        path, executable = member.path, bool(member.mode & 0o111)
        records = self._prefixed.get(path)
        is_script = path.startswith("bin/") and member.size <= SCRIPT_BYTES
        is_source, is_linked = self._is_source(path), path in self._linked
        if not (records or is_script or is_source or is_linked):
            self._copy(member, executable, stream)
            return
        content = original = _read(member, stream)
        if records:
            content = relocated(content, records, self._prefix)
        if executable or is_script:
            content = with_usable_shebang(content, self._prefix, self._members)
        # what the pack has verified already is not hashed again
        self._add(path, executable, content, self._inventory.sha256[path] if content is original else "")
        if is_linked:
            self._linked[path] = content
        if is_source:
            self._compile(path, content)

    def _compile(self, path: str, content: bytes) -> None:
        sha256 = self._lines[path].content
        known = self._reuse.byte_code(path, sha256)
        if known is None and self._kept is not None:
            known = self._kept.byte_code(path, sha256)
        if known is None:
            self._take_compiled(self._compilers.compile(path, content))
        else:
            self._add(bytecode.cached(path), False, known)

    def _is_source(self, path: str) -> bool:
        """Tell whether `path`, a file or a hard link to one, gets byte code from here."""
        if self._origin != "compiled" or not bytecode.is_source(path):
            return False
        return self._members[_file_of(path, self._members)].size <= bytecode.SOURCE_BYTES

    def _take_compiled(self, results: Iterable[tuple[str, bytes]]) -> None:
        for source, content in results:
            if content:
                self._add(bytecode.cached(source), False, content)
                if self._kept is not None:
                    self._kept.keep(source, self._lines[source].content, content)
            else:
                self._uncompiled += 1

    def _copy(self, member: Member, executable: bool, stream: BinaryIO) -> None:
        self._tree.start_file(member.path, executable, member.size)
        for chunk in _chunks(member, stream):
            self._tree.write(chunk)
        self._put(Line(member.path, "f", _mode(executable), member.size, self._inventory.sha256[member.path]))

    def _take_hardlink(self, path: str, target: str) -> None:
        line = self._lines.get(target)
        if line is None:
            raise PackRefused(
                "image-member-refused",
                f"{path} is a hard link to {target}, which has no place in a sealed environment.",
                "Replace the link by a copy and pack again.",
            )
        self._tree.hardlink(path, target)
        self._put(line._replace(path=path))
        if self._is_source(path):
            self._compile(path, self._linked[_file_of(path, self._members)])

    def _take_byte_code(self, member: Member, stream: BinaryIO) -> None:
        source = self._members.get(bytecode.source_of(member.path))
        if source is None:
            self._sourceless += 1
        elif self._origin == "kept" and member.kind is source.kind is Kind.FILE:
            version = "" if source.path in self._prefixed else self._inventory.python_version
            content = bytecode.resealed(member.path, _read(member, stream), source, version)
            if content is None:
                self._uncompiled += 1
            else:
                self._add(member.path, False, content)

    def _add(self, path: str, executable: bool, content: bytes, sha256: str = "") -> None:
        self._tree.file(path, executable, content)
        sha256 = sha256 or hashlib.sha256(content).hexdigest()
        self._put(Line(path, "f", _mode(executable), len(content), sha256))

    def _put(self, line: Line) -> None:
        self._lines[line.path] = line
        self._folders(line.path.rpartition("/")[0])

    def _folders(self, path: str) -> None:
        while path and path not in self._lines:
            self._lines[path] = Line(path, "d", "x", 0, "")
            path = path.rpartition("/")[0]


def _records(inventory: Inventory) -> str:
    """Return the digest over all conda records, in the order of their paths."""
    return sha256_digest(
        canonical_json([[record.path, inventory.sha256[record.path]] for record in inventory.records])
    )


def _locks(inventory: Inventory) -> dict[str, str]:
    """Return the digests of the lock files in the pack by path."""
    return {path: f"sha256:{inventory.sha256[path]}" for path in inventory.sha256 if LOCK_FILES.match(path)}


def _prefixed(inventory: Inventory) -> dict[str, list[Prefixed]]:
    """Return the prefix records by the file that holds the bytes, which for a hard link is another one."""
    found: defaultdict[str, list[Prefixed]] = defaultdict(list)
    for record in inventory.prefixed:
        found[_file_of(record.path, inventory.members)].append(record)
    return dict(found)


def _file_of(path: str, members: Mapping[str, Member]) -> str:
    """Return the path of the file that `path` is a name of."""
    while members[path].kind is Kind.HARDLINK:
        path = members[path].target
    return path


def _read(member: Member, stream: BinaryIO) -> bytes:
    if member.size > REWRITTEN_BYTES:
        raise PackRefused(
            "image-relocation-refused",
            f"{member.path} has a prefix to rewrite and {member.size} bytes, more than {REWRITTEN_BYTES}.",
            "Look at the prefix records of the pack; an honest file of this size carries none.",
        )
    content = b"".join(_chunks(member, stream))
    stream.read(1)  # there is no more: asking lets the pack compare the hash before anything is made of it
    return content


def _chunks(member: Member, stream: BinaryIO) -> Iterator[bytes]:
    """Yield exactly as many bytes as the inventory promised; the pack itself checks what they are."""
    left = member.size
    while left:
        chunk = stream.read(min(left, CHUNK))
        if not chunk:
            raise PackRefused(
                "pack-changed",
                f"{member.path} is shorter than when the pack was looked at first.",
                "Somebody writes to the pack; import it when it is complete.",
            )
        left -= len(chunk)
        yield chunk


def _mode(executable: bool) -> Mode:
    return "x" if executable else "r"
