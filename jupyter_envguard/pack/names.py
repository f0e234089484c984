"""Which names a pack may use, and whether its members together stay inside one tree.

All rules are lexical: nothing is looked up on a disk, so nothing on a disk can
change the answer. `Tree` takes the members in archive order and refuses, before
any content is looked at, everything that could be written outside the tree or
be read differently by two programs:

>>> tree = Tree(Limits())
>>> tree.add(Member("lib", Kind.SYMLINK, target="../../etc"))
>>> tree.finish()
Traceback (most recent call last):
    ...
jupyter_envguard.errors.PackRefused: The symbolic link 'lib' -> '../../etc' leads out of the environment.
"""

from __future__ import annotations

import unicodedata

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import Kind, Member
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.refusals import HOSTILE, REPACK, quoted

INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that a terminal or browser acts on or hides: control, bidi, surrogate, separator."""


def decode(raw: bytes) -> str:
    """Return the name `raw` as text; raise `pack-name-not-utf8` when it is not UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise PackRefused(
            "pack-name-not-utf8", f"The name {quoted(raw)} is not UTF-8.", "Rename the file and pack again."
        ) from None


def check_path(path: str, limits: Limits) -> None:
    """Refuse `path` unless it is relative, normal, visible and within the limits."""
    if path.startswith("/"):
        raise PackRefused("pack-name-absolute", f"The name {quoted(path)} is absolute.", HOSTILE)
    parts = path.split("/")
    if ".." in parts:
        raise PackRefused("pack-name-dotdot", f"The name {quoted(path)} climbs with '..'.", HOSTILE)
    if "" in parts or "." in parts:
        raise PackRefused(
            "pack-name-not-normal", f"The name {quoted(path)} has an empty part or a '.' in it.", REPACK
        )
    _check_characters(path)
    _check_lengths(path, parts, limits)


def check_link(path: str, target: str, limits: Limits) -> None:
    """Refuse the symbolic link `path` when the text of its `target` cannot be honest."""
    if not target:
        raise PackRefused("pack-link-empty", f"The symbolic link {quoted(path)} points nowhere.", HOSTILE)
    _check_characters(target)
    if len(target.encode()) > limits.link_bytes:
        raise PackRefused(
            "pack-link-too-long",
            f"The target of the symbolic link {quoted(path)} has more than {limits.link_bytes} bytes.",
            HOSTILE,
        )
    if target.startswith("/"):
        raise PackRefused(
            "pack-link-absolute",
            f"The symbolic link {quoted(path)} -> {quoted(target)} is absolute.",
            "Make the link relative in the environment and pack again.",
        )


def _check_characters(text: str) -> None:
    if text.isascii() and text.isprintable():
        return
    for character in text:
        if unicodedata.category(character) in INVISIBLE:
            raise PackRefused(
                "pack-name-control",
                f"The name {quoted(text)} has a control or invisible character, U+{ord(character):04X}.",
                "Rename the file and pack again.",
            )
    if not unicodedata.is_normalized("NFC", text):
        raise PackRefused(
            "pack-name-not-nfc",
            f"The name {quoted(text)} is not in Unicode's composed form (NFC).",
            "Rename the file and pack again.",
        )


def _check_lengths(path: str, parts: list[str], limits: Limits) -> None:
    if not path.isascii() or len(path) > min(limits.name_bytes, limits.path_bytes):
        if len(path.encode()) > limits.path_bytes:
            raise PackRefused(
                "pack-path-too-long", f"The path {quoted(path)} exceeds {limits.path_bytes} bytes.", HOSTILE
            )
        if any(len(part.encode()) > limits.name_bytes for part in parts):
            raise PackRefused(
                "pack-name-too-long",
                f"A part of the path {quoted(path)} exceeds {limits.name_bytes} bytes.",
                HOSTILE,
            )
    if len(parts) > limits.depth:
        raise PackRefused(
            "pack-too-deep", f"The path {quoted(path)} has more than {limits.depth} parts.", HOSTILE
        )


class Tree:
    """The members seen so far, and the promise that they make one tree and stay in it."""

    def __init__(self, limits: Limits) -> None:
        self.members: dict[str, Member] = {}
        self._limits = limits
        self._folders = {""}
        self._links_bytes = 0
        self._resolved: dict[str, tuple[tuple[str, ...], int]] = {}
        self._resolving: set[str] = set()

    def add(self, member: Member) -> None:
        """Take `member` as the next one, or refuse it by name, place, kind or number."""
        path = member.path
        check_path(path, self._limits)
        if len(self.members) >= self._limits.entries:
            raise PackRefused(
                "pack-too-many-entries", f"The pack has more than {self._limits.entries} members.", HOSTILE
            )
        if path in self.members:
            raise PackRefused(
                "pack-duplicate",
                f"The pack has two members named {quoted(path)}.",
                "Two packages may bring the same file: remove one of them and pack again.",
            )
        self._place(member)
        if member.kind is Kind.SYMLINK:
            self._check_symlink(member)
        elif member.kind is Kind.HARDLINK:
            self._check_hardlink(member)
        self.members[path] = member

    def finish(self) -> None:
        """Refuse the tree when a symbolic link leads out of it or round in a circle."""
        for member in self.members.values():
            if member.kind is Kind.SYMLINK:
                self.resolve(member.path)

    def resolve(self, path: str) -> str:
        """Return where `path` leads to after every symbolic link, empty for the root of the tree.

        The answer need not exist. Raises `pack-link-escape`, `pack-link-loop` or
        `pack-too-deep` as the kernel, and a careful reader, would.
        """
        return "/".join(self._walk((), path, path)[0])

    def _place(self, member: Member) -> None:
        folder = member.path.rpartition("/")[0]
        while folder not in self._folders:
            above = self.members.get(folder)
            if above is not None and above.kind is not Kind.DIRECTORY:
                raise _conflict(member.path, above)
            self._folders.add(folder)
            folder = folder.rpartition("/")[0]
        if member.kind is Kind.DIRECTORY:
            self._folders.add(member.path)
        elif member.path in self._folders:
            raise _conflict(member.path, member)

    def _check_symlink(self, member: Member) -> None:
        check_link(member.path, member.target, self._limits)
        self._links_bytes += len(member.target)
        if self._links_bytes > self._limits.links_bytes:
            raise PackRefused(
                "pack-link-too-long",
                f"The symbolic links of the pack have more than {self._limits.links_bytes} bytes of text.",
                HOSTILE,
            )

    def _check_hardlink(self, member: Member) -> None:
        check_path(member.target, self._limits)
        found = self.members.get(member.target)
        if found is None or found.kind not in (Kind.FILE, Kind.HARDLINK):
            raise PackRefused(
                "pack-hardlink-target",
                f"The hard link {quoted(member.path)} -> {quoted(member.target)} "
                "does not point at a file that comes before it.",
                HOSTILE,
            )

    def _walk(self, start: tuple[str, ...], text: str, link: str) -> tuple[tuple[str, ...], int]:
        """Follow `text` from the folder `start`; return the parts reached and the links passed."""
        here, hops = start, 0
        for part in text.split("/"):
            if part in ("", "."):
                continue
            if part == "..":
                if not here:
                    raise self._escape(link)
                here = here[:-1]
                continue
            here = (*here, part)
            passed = self.members.get("/".join(here))
            if passed is not None and passed.kind is Kind.SYMLINK:
                here, more = self._follow(passed)
                hops += more
            if hops > self._limits.link_hops:
                raise _loop(link)
            if len(here) > self._limits.depth:
                raise PackRefused(
                    "pack-too-deep", f"{quoted(link)} leads deeper than {self._limits.depth} parts.", HOSTILE
                )
        return here, hops

    def _follow(self, link: Member) -> tuple[tuple[str, ...], int]:
        """Return where `link` leads to, remembered: a chain costs its length once, not once for each."""
        if link.path not in self._resolved:
            if link.path in self._resolving or len(self._resolving) >= self._limits.link_hops:
                raise _loop(link.path)
            self._resolving.add(link.path)
            folder = tuple(link.path.split("/")[:-1])
            reached, hops = self._walk(folder, link.target, link.path)
            self._resolving.discard(link.path)
            self._resolved[link.path] = reached, hops + 1
        return self._resolved[link.path]

    def _escape(self, link: str) -> PackRefused:
        target = self.members[link].target
        return PackRefused(
            "pack-link-escape",
            f"The symbolic link {quoted(link)} -> {quoted(target)} leads out of the environment.",
            HOSTILE,
        )


def _loop(link: str) -> PackRefused:
    return PackRefused(
        "pack-link-loop", f"The symbolic link {quoted(link)} leads through too many links.", HOSTILE
    )


def _conflict(path: str, member: Member) -> PackRefused:
    if member.kind is Kind.SYMLINK and member.path != path:
        return PackRefused(
            "pack-through-symlink",
            f"{quoted(path)} would be written through the symbolic link {quoted(member.path)}.",
            HOSTILE,
        )
    return PackRefused(
        "pack-conflict",
        f"{quoted(member.path)} is both a folder and a {member.kind.value} (see {quoted(path)}).",
        HOSTILE,
    )
