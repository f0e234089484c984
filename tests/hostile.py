"""Members that no container may hold, each with the code that refuses it."""

from __future__ import annotations

from tests.containers import Item, links
from tests.packs import SITE_PACKAGES


def _files(*names: bytes) -> list[Item]:
    return [Item(name, content=b"x") for name in names]


HOSTILE: dict[str, tuple[str, list[Item]]] = {
    "climbs out": ("pack-name-dotdot", _files(b"../evil")),
    "climbs out later": ("pack-name-dotdot", _files(b"a/../../evil")),
    "climbs and comes back": ("pack-name-dotdot", _files(b"a/../b")),
    "absolute name": ("pack-name-absolute", _files(b"/etc/evil")),
    "two slashes first": ("pack-name-absolute", _files(b"//etc/evil")),
    "dot in the middle": ("pack-name-not-normal", _files(b"a/./b")),
    "dot first": ("pack-name-not-normal", _files(b"./a")),
    "empty part": ("pack-name-not-normal", _files(b"a//b")),
    "only a dot": ("pack-name-not-normal", _files(b".")),
    "no name": ("pack-name-not-normal", _files(b"")),
    "newline in a name": ("pack-name-control", _files(b"a\nb")),
    "terminal escape in a name": ("pack-name-control", _files(b"a\x1b[2Jb")),
    "bidi override in a name": ("pack-name-control", _files("a\u202egnp.py".encode())),
    "zero width space in a name": ("pack-name-control", _files("a\u200bb".encode())),
    "line separator in a name": ("pack-name-control", _files("a\u2028b".encode())),
    "name not UTF-8": ("pack-name-not-utf8", _files(b"a\xffb")),
    "name not composed": ("pack-name-not-nfc", _files("e\u0301".encode())),
    "name too long": ("pack-name-too-long", _files(b"n" * 256)),
    "name too long in bytes": ("pack-name-too-long", _files("\u00e9".encode() * 128)),
    "path too long": ("pack-path-too-long", _files(b"/".join([b"p" * 200] * 6))),
    "path too deep": ("pack-too-deep", _files(b"/".join([b"d"] * 65))),
    "same file twice": ("pack-duplicate", _files(b"a", b"a")),
    "same folder twice": ("pack-duplicate", [Item(b"a/", b"5"), Item(b"a/", b"5")]),
    "folder, then a file": ("pack-duplicate", [Item(b"a/", b"5"), *_files(b"a")]),
    "file used as a folder": ("pack-conflict", _files(b"a", b"a/b")),
    "folder replaced by a file": ("pack-conflict", _files(b"a/b", b"a")),
    "folder replaced by a link": ("pack-conflict", [*_files(b"a/b"), *links(("a", "c"))]),
    "link to an absolute path": ("pack-link-absolute", links(("a", "/etc/passwd"))),
    "link out": ("pack-link-escape", links(("a", "../etc"))),
    "link out of a folder": ("pack-link-escape", links(("a/b", "../../etc"))),
    "link out through a link": ("pack-link-escape", links(("root", "."), ("a", "root/.."))),
    "link out through a later link": ("pack-link-escape", links(("a", "deep/.."), ("deep", "x/.."))),
    "link through a link below": ("pack-link-escape", links(("d/e/up", "../.."), ("a", "d/e/up/../b"))),
    "link to itself": ("pack-link-loop", links(("a", "a"))),
    "links in a circle": ("pack-link-loop", links(("a", "b"), ("b", "c"), ("c", "a"))),
    "link below itself": ("pack-link-loop", links(("a", "a/b"))),
    "forty-two links in a row": ("pack-link-loop", links(*((f"l{n}", f"l{n + 1}") for n in range(42)))),
    "forty-two links backwards": (
        "pack-link-loop",
        links(*((f"l{n}", f"l{n - 1}") for n in range(42, 0, -1))),
    ),
    "link with a control character": ("pack-name-control", links(("a", "b\x07"))),
    "link too deep": ("pack-too-deep", links(("a", "d/" * 70))),
    "link too long": ("pack-link-too-long", links(("a", "d/" * 2050))),
    "link to nowhere": ("pack-link-empty", links(("a", ""))),
    "link not UTF-8": ("pack-name-not-utf8", [Item(b"a", b"2", target=b"\xff")]),
    "written through a link": ("pack-through-symlink", [*links(("a", "b")), *_files(b"a/evil")]),
    "written through a link that leads out": ("pack-through-symlink", [*links(("a", "..")), *_files(b"a/x")]),
    "written far below a link": ("pack-through-symlink", [*links(("a", "b")), *_files(b"a/c/d/evil")]),
    "character device": ("pack-special-file", [Item(b"a", b"3")]),
    "block device": ("pack-special-file", [Item(b"a", b"4")]),
    "fifo": ("pack-special-file", [Item(b"a", b"6")]),
    "setuid": ("pack-setuid", [Item(b"a", mode=0o4755)]),
    "setgid": ("pack-setuid", [Item(b"a", mode=0o2755)]),
    "sticky folder": ("pack-setuid", [Item(b"a/", b"5", mode=0o1777)]),
    "linked record": ("pack-linked-record", [*_files(b"x"), *links(("conda-meta/y-1-0.json", "../x"))]),
    "linked start-up file": (
        "pack-linked-record",
        [*_files(b"x"), *links((f"{SITE_PACKAGES}/evil.pth", "../../../x"))],
    ),
    "linked folder of start-up files": (
        "pack-linked-record",
        [*_files(b"x/evil.pth"), *links(("lib/python3.12/site-packages", "../../x"))],
    ),
}
"""What no container may hold: the code that refuses it, and members to put into an honest pack."""
