"""Where absolute paths of the build machine stand in a pack, and which of them nobody recorded.

conda-pack writes the files to rewrite into `bin/conda-unpack`, a script of which
only the list is read here, as data, line by line. conda's own records name the
placeholders of its packages. Files that hold the build prefix though neither
says so are leaks: they would quietly use the build machine's paths.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import CondaRecord, Kind, Member, Prefixed
from jupyter_envguard.pack.refusals import REPACK, quoted

PLACEHOLDER = re.compile("anaconda1anaconda2anaconda3|_placehold")
"""What conda's own placeholders look like, for records so old that they do not name them."""
PLACEHOLDER_BYTES = re.compile(PLACEHOLDER.pattern.encode())
FOREIGN = re.compile(rb"(?:home|Users)/[\w.@+~-]+/|root/[\w.@+~-]")
"""Paths, less the first slash, of people: no package has reason to use them on another machine."""
USED = re.compile(r"(?:bin|etc|share/jupyter)/|.*\.(?:pc|cmake|la|sh|pth)\Z")
"""Files besides programs and libraries whose paths are followed, not only read by people."""
UNPACK_SCRIPT = "bin/conda-unpack"
ESCAPE = r"\\(?:[\\'\"nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"
LITERAL = rf"""('(?:[^'\\]|{ESCAPE})*'|"(?:[^"\\]|{ESCAPE})*")"""
"""A string as `repr` writes it."""
LINE = re.compile(rf"\({LITERAL}, {LITERAL}, {LITERAL}\),?\Z")
LIST_START, LIST_END = b"\n_prefix_records = [\n", b"\n]\n"
LINE_CHARACTERS = 8192
"""Characters of the longest entry that is parsed."""
PREFIX_BYTES = 512
"""Bytes of the longest prefix that is believed: conda's placeholders have 255."""
HISTORY = re.compile(rb"^# cmd: .*\s(?:-p|--prefix)[ =](/\S+)", re.MULTILINE)
SHEBANG = re.compile(rb"#!(/[^\s]+)/bin/python[0-9.]*\b")

ROOTS = (
    b"app apps build builds cluster conda croot data env envs export gpfs home lustre mnt nfs opt project "
    b"projects root runner scratch shared software srv storage tmp users var work workdir workspace Users"
)
SIGHTING_BYTES = 300
SIGHTING = re.compile(rb"/(?=((?:" + ROOTS.replace(b" ", b"|") + rb")/[\w.@+~/-]{1,%d}))" % SIGHTING_BYTES)
"""Absolute paths, less the first slash, that may turn out to be the build prefix.

A root that is missing here costs time and no finding. The plain first slash is
what makes the search as fast as memory; the rest only looks ahead, so that a
path inside a path is found too.
"""


def read_unpack_script(content: bytes) -> tuple[Prefixed, ...]:
    """Return the list in conda-pack's script; raise `pack-prefix-records` when it is not a plain list."""
    _, start, rest = content.partition(LIST_START)
    listed, end, _ = (b"\n" + rest).partition(LIST_END)
    if not start or not end:
        raise _bad_script("it has no list of prefixes")
    try:
        lines = listed.decode().split("\n")
    except UnicodeDecodeError as error:
        raise _bad_script("its list is not UTF-8") from error
    return tuple(_prefixed(line) for line in lines if line)


def _prefixed(line: str) -> Prefixed:
    match = LINE.match(line) if len(line) <= LINE_CHARACTERS else None
    if match is None:
        raise _bad_script(f"{quoted(line)} is not an entry of its list")
    try:
        path, placeholder, mode = map(_text, match.groups())
    except (ValueError, SyntaxError) as error:
        raise _bad_script(f"{quoted(line)} is not an entry of its list") from error
    if mode not in ("text", "binary") or not is_prefix(placeholder):
        raise _bad_script(f"{quoted(line)} names an impossible prefix or mode")
    return Prefixed(path, placeholder, mode)


def _text(literal: str) -> str:
    return str(ast.literal_eval(literal)) if "\\" in literal else literal[1:-1]


def is_prefix(text: str) -> bool:
    """Tell whether `text` can be a prefix: absolute, not the root, printable, of sensible length."""
    return text.startswith("/") and text.isprintable() and 1 < len(text.encode()) <= PREFIX_BYTES


def _bad_script(why: str) -> PackRefused:
    return PackRefused("pack-prefix-records", f"{UNPACK_SCRIPT} cannot be read: {why}.", REPACK)


def prefixed_files(
    script: Iterable[Prefixed], records: Iterable[CondaRecord], members: Mapping[str, Member]
) -> tuple[Prefixed, ...]:
    """Return every file that must be rewritten, as conda-pack and the conda records say.

    conda-pack lists what it packed, so a path that is not in the pack is refused;
    conda's records also list what was left out.
    """
    found: dict[Prefixed, None] = {}
    for item in script:
        member = members.get(item.path)
        if member is None or member.kind not in (Kind.FILE, Kind.HARDLINK):
            raise _bad_script(f"its list names {quoted(item.path)}, which is not a file of the pack")
        found[item] = None
    for item in _recorded(records):
        if item.path in members and members[item.path].kind in (Kind.FILE, Kind.HARDLINK):
            found[item] = None
    return tuple(sorted(found, key=lambda item: (item.path, item.placeholder, item.mode)))


def _recorded(records: Iterable[CondaRecord]) -> Iterator[Prefixed]:
    for record in records:
        for file in record.files:
            if file.placeholder and file.mode in ("text", "binary"):
                if not is_prefix(file.placeholder):
                    raise PackRefused(
                        "pack-record-invalid",
                        f"{quoted(record.path)} names an impossible prefix for {quoted(file.path)}.",
                        REPACK,
                    )
                yield Prefixed(file.path, file.placeholder, file.mode)


def find_build_prefix(
    script: Iterable[Prefixed],
    records: Iterable[CondaRecord],
    shebangs: Collection[str],
    history: bytes,
) -> str:
    """Return the prefix the environment had where it was packed, empty when nothing tells.

    conda-pack lists it for everything that conda did not install. Failing that,
    the first lines of scripts name it, or the command in conda's history.
    """
    placeholders = {item.placeholder for item in _recorded(records)}

    def real(found: Iterable[str]) -> Counter[str]:
        return Counter(p for p in found if p not in placeholders and not PLACEHOLDER.search(p))

    votes = real(item.placeholder for item in script) or real(shebangs)
    votes = votes or Counter(
        found for match in HISTORY.findall(history) if is_prefix(found := match.decode("utf-8", "replace"))
    )
    return min(votes, key=lambda prefix: (-votes[prefix], prefix), default="").rstrip("/")


def shebang_prefix(path: str, start: bytes) -> str:
    """Return the prefix in the first line of the script `path`, empty for system ones and other files."""
    match = SHEBANG.match(start) if path.startswith("bin/") else None
    found = match[1].decode("utf-8", "replace") if match else ""
    return "" if found in ("/usr", "/usr/local") or not is_prefix(found) else found


def may_leak(path: str) -> bool:
    """Tell whether the build prefix in the file `path` would do harm.

    Records are never loaded, byte code is made anew, and conda-pack's script goes.
    """
    return path != UNPACK_SCRIPT and not path.startswith("conda-meta/") and "/__pycache__/" not in f"/{path}"


class Sightings:
    """Absolute paths seen in files, kept until the build prefix is known.

    conda-pack writes the prefix at the very end of the pack. Reading a second
    time costs as much as the first, so paths that may be it are remembered; only
    when that was not enough (`knows` says so) the pack is read again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: set[tuple[str, bytes]] = set()

    def look(self, path: str, content: bytes) -> None:
        """Remember the paths in `content`, a piece of the file `path`."""
        if len(self._seen) <= self._most:
            for found in SIGHTING.findall(content):
                self._seen.add((path, found))

    def knows(self, prefix: str) -> bool:
        """Tell whether every file with `prefix` in it has been seen."""
        seen = SIGHTING.match(prefix.encode())
        whole = seen is not None and len(seen[1]) == len(prefix.encode()) - 1
        return whole and len(prefix) < SIGHTING_BYTES and len(self._seen) <= self._most

    def strays(self, pattern: re.Pattern[bytes], but: re.Pattern[bytes] | None = None) -> dict[str, str]:
        """Return the files with a path that `pattern` finds and `but` does not, and the longest such path.

        Nothing when there were too many paths to remember: then nobody knows.
        """
        if len(self._seen) > self._most:
            return {}
        found: dict[str, str] = {}
        for path, seen in sorted(self._seen):
            if pattern.search(seen) and not (but and but.search(seen)):
                found[path] = max(found.get(path, ""), f"/{seen.decode('utf-8', 'replace')}", key=len)
        return found

    def holding(self, prefix: str) -> set[str]:
        """Return the files in which `prefix` was seen."""
        pattern = needle(prefix)
        return {path for path, found in self._seen if pattern.match(b"/" + found)}


def needle(prefix: str) -> re.Pattern[bytes]:
    """Return the pattern that finds `prefix` as a whole folder, not as the start of a longer name."""
    return re.compile(re.escape(prefix.encode()) + rb"(?![\w.-])")
