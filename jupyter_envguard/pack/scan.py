"""The one bounded pass over a pack that finds out everything: hostile things first, then facts.

Each member is judged by name and kind before a byte of its content is looked at,
and nothing is ever written or run.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from types import MappingProxyType
from typing import Protocol

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import CondaRecord, Inventory, Kind, Member, Prefixed
from jupyter_envguard.pack import prefixes, records, texts
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.names import Tree
from jupyter_envguard.pack.refusals import HOSTILE, REPACK, quoted
from jupyter_envguard.pack.streams import PIECE, Fingerprint, Source, check_volume
from jupyter_envguard.spec import Package

Progress = Callable[[int, int], None]
"""Called now and then with the bytes of the archive that are done, and all of them."""

HEAD_BYTES = 512
"""Bytes at the start of a file in which its ELF header or first line is looked for."""
ELF = b"\x7fELF"
MACHINES = {62: "x86_64", 183: "aarch64"}


class Container(Protocol):
    """What a pack's container (tar, zip, squashfs) offers to a pass."""

    format: str
    """Name of the format as inventories state it."""
    consumed: int
    """Bytes of the archive that were read in this pass."""

    def entries(self) -> Generator[tuple[Member, Iterator[bytes]]]:
        """Yield every member with its content, from the start; close it when not all is wanted."""


def scan(container: Container, source: Source, limits: Limits, progress: Progress | None) -> Inventory:
    """Return the inventory of the pack in `container`; raise `PackRefused` for what is hostile or damaged."""
    findings = _Findings(limits, source.size)
    with Fingerprint(source) as fingerprint, closing(container.entries()) as entries:
        told = 0
        for member, content in entries:
            findings.take(member, content)
            if progress and container.consumed - told >= PIECE:
                told = container.consumed
                progress(told, source.size)
        findings.finish()
        prefixed, build_prefix = findings.prefixes()
        leaks = _leaks(container, findings, prefixed, build_prefix)
        placeholders, foreign = _strays(findings, prefixed, build_prefix)
        digest = fingerprint.result()
    source.check_unchanged()
    if progress:
        progress(source.size, source.size)
    conda_records = tuple(sorted(findings.records, key=lambda record: record.path))
    members = findings.tree.members
    return Inventory(
        digest=f"sha256:{digest}",
        size=source.size,
        format=container.format,
        members=MappingProxyType(members),
        sha256=MappingProxyType(findings.sha256),
        spec=records.make_spec(findings.packages, conda_records, findings.texts, members, limits),
        records=conda_records,
        prefixed=prefixed,
        build_prefix=build_prefix,
        texts=MappingProxyType(findings.texts),
        machines=MappingProxyType(findings.machines),
        leaks=MappingProxyType(dict.fromkeys(leaks, build_prefix)),
        placeholders=MappingProxyType(placeholders),
        foreign=MappingProxyType(foreign),
    )


class _Findings:
    """What the pass has found out so far."""

    def __init__(self, limits: Limits, packed: int) -> None:
        self.tree = Tree(limits)
        self.sha256: dict[str, str] = {}
        self.texts: dict[str, bytes] = {}
        self.machines: dict[str, str] = {}
        self.records: list[CondaRecord] = []
        self.packages: list[Package] = []
        self.sightings = prefixes.Sightings(limits.sightings)
        self.same: dict[str, str] = {}
        self._limits = limits
        self._packed = packed
        self._volume = 0
        self._texts_bytes = 0
        self._records_bytes = 0
        self._script = b""
        self._shebangs: list[str] = []

    def take(self, member: Member, content: Iterator[bytes]) -> None:
        """Judge the next member, then read its content for hash and facts."""
        self.tree.add(member)
        self._volume += member.size
        check_volume(self._volume, self._packed, self._limits)
        if member.kind is Kind.FILE:
            self._read(member, content)
        elif member.kind is Kind.HARDLINK:
            first = self.same.get(member.target, member.target)
            self.same[member.path] = first
            self.sha256[member.path] = self.sha256[first]

    def finish(self) -> None:
        """Judge what only the whole pack can tell."""
        if not self.tree.members:
            raise PackRefused("pack-empty", "The pack is empty.", REPACK)
        self.tree.finish()
        self._resolve_linked_texts()
        if not self.records:
            raise self._no_records()

    def prefixes(self) -> tuple[tuple[Prefixed, ...], str]:
        """Return the files to rewrite, and the prefix of the build machine."""
        script = prefixes.read_unpack_script(self._script) if self._script else ()
        history = self.texts.get("conda-meta/history", b"")
        return (
            prefixes.prefixed_files(script, self.records, self.tree.members),
            prefixes.find_build_prefix(script, self.records, self._shebangs, history),
        )

    def _read(self, member: Member, content: Iterator[bytes]) -> None:
        path = member.path
        kept: list[bytes] | None = [] if self._is_kept(member) else None
        digest = hashlib.sha256()
        head = tail = b""
        for piece in content:
            digest.update(piece)
            if kept is not None:
                kept.append(piece)
            if len(head) < HEAD_BYTES:
                head += piece[: HEAD_BYTES - len(head)]
            window = tail + piece if tail else piece
            self.sightings.look(path, window)
            tail = window[-prefixes.SIGHTING_BYTES :]
        self.sha256[path] = digest.hexdigest()
        self._look_at_head(path, head)
        if kept is not None:
            self._keep(path, b"".join(kept))

    def _look_at_head(self, path: str, head: bytes) -> None:
        if head.startswith(ELF) and len(head) >= 20:
            (machine,) = struct.unpack_from(">H" if head[5] == 2 else "<H", head, 18)
            self.machines[path] = MACHINES.get(machine, f"elf:{machine}")
        elif prefix := prefixes.shebang_prefix(path, head):
            self._shebangs.append(prefix)

    def _is_kept(self, member: Member) -> bool:
        """Tell whether the content is needed whole; refuse it when it is and is too large."""
        path, size = member.path, member.size
        if path == prefixes.UNPACK_SCRIPT:
            if size > self._limits.unpack_script_bytes:
                raise records.too_large(path, self._limits.unpack_script_bytes)
            return True
        if records.RECORD.match(path):
            self._count_record(path, size)
            return True
        wanted = texts.is_wanted(path)
        if wanted and size > self._limits.text_bytes:
            raise _text_too_large(f"{quoted(path)} has more than {self._limits.text_bytes} bytes")
        if wanted or (texts.is_welcome(path) and size <= self._limits.text_bytes):
            self._texts_bytes += size
            if self._texts_bytes > self._limits.texts_bytes:
                raise _text_too_large(
                    f"metadata files have more than {self._limits.texts_bytes} bytes together"
                )
            return True
        return False

    def _count_record(self, path: str, size: int) -> None:
        self._records_bytes += size
        if size > self._limits.record_bytes:
            raise records.too_large(path, self._limits.record_bytes)
        if self._records_bytes > self._limits.records_bytes:
            raise records.too_large("conda-meta", self._limits.records_bytes)
        if len(self.records) >= self._limits.records:
            raise PackRefused(
                "pack-too-many-records", f"conda-meta has more than {self._limits.records} records.", HOSTILE
            )

    def _keep(self, path: str, content: bytes) -> None:
        if path == prefixes.UNPACK_SCRIPT:
            self._script = content
        elif records.RECORD.match(path):
            record, package = records.read_record(path, content, self._limits)
            self.records.append(record)
            self.packages.append(package)
        else:
            self.texts[path] = content

    def _resolve_linked_texts(self) -> None:
        """Give linked texts their content, and refuse links that would hide what is read at start."""
        for member in self.tree.members.values():
            if member.kind not in (Kind.SYMLINK, Kind.HARDLINK):
                continue
            path = member.path
            reached = self.same.get(path) or self.tree.resolve(path)
            record = path == prefixes.UNPACK_SCRIPT or records.RECORD.match(path) is not None
            wanted = record or texts.is_wanted(path)
            if wanted and not record and reached in self.texts:
                self.texts[path] = self.texts[reached]
            elif (wanted and reached in self.tree.members) or texts.hides(path, reached):
                raise PackRefused(
                    "pack-linked-record",
                    f"{quoted(path)} is a link to {quoted(reached)}, but must not be a link.",
                    HOSTILE,
                )

    def _no_records(self) -> PackRefused:
        tops = {path.partition("/")[0] for path in self.tree.members}
        nested = len(tops) == 1 and any("/conda-meta/" in path for path in self.tree.members)
        return PackRefused(
            "pack-no-conda-meta",
            "The pack has no conda-meta folder with records, so it is not a conda environment.",
            "Pack it again without --arcroot or --parcel." if nested else "Make the pack with conda-pack.",
        )


def _leaks(
    container: Container, findings: _Findings, prefixed: tuple[Prefixed, ...], build_prefix: str
) -> list[str]:
    """Return the files, in order, that hold the build prefix though nothing says so."""
    if not build_prefix:
        return []
    if findings.sightings.knows(build_prefix):
        holding = findings.sightings.holding(build_prefix)
    else:
        holding = set(_search(container, build_prefix))
    same = findings.same
    recorded = {same.get(p.path, p.path) for p in prefixed if p.placeholder == build_prefix}
    return sorted(path for path in holding - recorded if prefixes.may_leak(path))


def _strays(
    findings: _Findings, prefixed: tuple[Prefixed, ...], build_prefix: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Return files with placeholders that nobody recorded, and those that follow paths of people."""
    same = findings.same
    recorded = {same.get(item.path, item.path) for item in prefixed}
    placeholders = findings.sightings.strays(prefixes.PLACEHOLDER_BYTES)
    known = [item.placeholder for item in prefixed] + ([build_prefix] if build_prefix else [])
    ours = "|".join([prefixes.PLACEHOLDER.pattern, *(re.escape(each.lstrip("/")) for each in set(known))])
    foreign = findings.sightings.strays(prefixes.FOREIGN, re.compile(ours.encode()))
    return (
        {
            path: found
            for path, found in placeholders.items()
            if path not in recorded and prefixes.may_leak(path)
        },
        {
            path: found
            for path, found in foreign.items()
            if prefixes.may_leak(path) and (path in findings.machines or prefixes.USED.match(path))
        },
    )


def _search(container: Container, prefix: str) -> Iterator[str]:
    """Yield the files that hold `prefix`, in another pass over the pack."""
    needle, overlap = prefixes.needle(prefix), len(prefix.encode()) + 1
    with closing(container.entries()) as entries:
        for member, content in entries:
            tail, found = b"", False
            for piece in content:
                window = tail + piece
                found = found or needle.search(window) is not None
                tail = window[-overlap:]
            if found:
                yield member.path


def _text_too_large(what: str) -> PackRefused:
    return PackRefused("pack-text-too-large", f"The pack's {what}.", HOSTILE)
