from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard

from demo.condapkg import EPOCH, PLACEHOLDER, File, Package, write

PACKAGE = Package(
    name="thing",
    version="1.0",
    build="h0_0",
    license="MIT",
    subdir="linux-64",
    depends=("python",),
    licenses={"LICENSE": b"Do as you like."},
)
FILES = [
    File("lib/thing.so.1", b"\x7fELF" + PLACEHOLDER.encode(), 0o755, prefix="binary"),
    File("lib/thing.so", link="thing.so.1"),
    File("bin/thing", f"#!{PLACEHOLDER}/bin/python\n".encode(), 0o755, prefix="text"),
    File("share/thing.txt", b"plain"),
]


def members(package: Path, part: str) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    with zipfile.ZipFile(package) as archive:
        (name,) = [name for name in archive.namelist() if name.startswith(f"{part}-")]
        data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(archive.read(name))).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        opened = [(member, tar.extractfile(member) if member.isfile() else None) for member in tar]
        return {member.name: (member, file.read() if file else b"") for member, file in opened}


def info(package: Path, name: str) -> Any:
    return json.loads(members(package, "info")[f"info/{name}"][1])


def test_the_placeholder_is_as_long_as_condas() -> None:
    assert len(PLACEHOLDER) == 255


def test_the_same_content_gives_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    first = write(tmp_path / "a", PACKAGE, FILES)
    second = write(tmp_path / "b", PACKAGE, reversed(FILES))
    assert first.read_bytes() == second.read_bytes()
    assert first == tmp_path / "a/linux-64/thing-1.0-h0_0.conda"
    assert [path.name for path in first.parent.iterdir()] == ["thing-1.0-h0_0.conda"]


def test_files_keep_mode_link_and_time(tmp_path: Path) -> None:
    made = members(write(tmp_path, PACKAGE, FILES), "pkg")
    assert list(made) == ["bin/thing", "lib/thing.so", "lib/thing.so.1", "share/thing.txt"]
    assert made["bin/thing"][0].mode == 0o755
    assert made["lib/thing.so"][0].linkname == "thing.so.1"
    assert {member.mtime for member, _ in made.values()} == {EPOCH}


def test_paths_state_hashes_and_placeholders(tmp_path: Path) -> None:
    rows = {row["_path"]: row for row in info(write(tmp_path, PACKAGE, FILES), "paths.json")["paths"]}
    library = hashlib.sha256(FILES[0].data).hexdigest()
    assert rows["lib/thing.so.1"]["file_mode"] == "binary"
    assert rows["bin/thing"]["prefix_placeholder"] == PLACEHOLDER
    assert rows["lib/thing.so"] == {
        "_path": "lib/thing.so",
        "path_type": "softlink",
        "sha256": library,
        "size_in_bytes": len(FILES[0].data),
    }
    assert "prefix_placeholder" not in rows["share/thing.txt"]


def test_index_names_the_platform(tmp_path: Path) -> None:
    index = info(write(tmp_path, PACKAGE, FILES), "index.json")
    assert (index["subdir"], index["arch"], index["platform"]) == ("linux-64", "x86_64", "linux")
    arm = info(write(tmp_path, replace(PACKAGE, subdir="linux-aarch64"), FILES), "index.json")
    assert arm["arch"] == "aarch64"


def test_a_noarch_python_package_has_entry_points_and_no_platform(tmp_path: Path) -> None:
    package = replace(PACKAGE, subdir="noarch", noarch="python", entry_points=("thing = thing:main",))
    made = write(tmp_path, package, [])
    assert info(made, "link.json")["noarch"] == {"type": "python", "entry_points": ["thing = thing:main"]}
    assert "platform" not in info(made, "index.json")


def test_licence_files_come_along(tmp_path: Path) -> None:
    made = members(write(tmp_path, PACKAGE, FILES), "info")
    assert made["info/licenses/LICENSE"][1] == b"Do as you like."


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (File("share/thing.txt", b"again"), "two files at share/thing.txt"),
        (File("a", PLACEHOLDER.encode()), "a is marked wrongly"),
        (File("a", b"nothing", prefix="text"), "a is marked wrongly"),
    ],
)
def test_contradictions_are_refused_and_nothing_is_written(tmp_path: Path, file: File, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        write(tmp_path, PACKAGE, [*FILES, file])
    assert list(tmp_path.rglob("*.conda")) == []
