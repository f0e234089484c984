"""One pass finds out everything, within bounds of time and memory."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import Inventory, Prefixed
from jupyter_envguard.pack import Limits, open_pack
from tests.containers import FORMATS, TAR_FORMATS, Item, bomb, tar_header, tar_member, zip_archive
from tests.packs import BUILD_PREFIX, ELF_AARCH64, PLACEHOLDER, SITE_PACKAGES, PackBuilder


def inventory(
    pack: PackBuilder, folder: Path, suffix: str = "tar.gz", limits: Limits | None = None
) -> Inventory:
    with open_pack(pack.write(folder, suffix), limits or Limits()) as opened:
        return opened.inventory()


@pytest.mark.parametrize("suffix", FORMATS)
class TestEveryFormat:
    def test_tells_the_same_about_an_honest_pack(self, suffix: str, tmp_path: Path) -> None:
        pack = (
            PackBuilder.honest().dist_info("Acme_Risk").file("lib/leak.so", BUILD_PREFIX.encode() + b"/lib\0")
        )
        pack.prefixes.append(("conda-meta/history", BUILD_PREFIX, "text"))
        found = inventory(pack, tmp_path, suffix)
        archive = (tmp_path / f"pack.{suffix}").read_bytes()
        assert found.digest == f"sha256:{hashlib.sha256(archive).hexdigest()}"
        assert (found.format, found.size) == (suffix, len(archive))
        assert [(p.name, p.version, p.manager) for p in found.spec.packages] == [
            ("acme-risk", "1.0", "pypi"),
            ("ipykernel", "7.4.0", "conda"),
            ("python", "3.11.7", "conda"),
        ]
        assert found.spec.platform == "linux-64"
        assert found.python_version == "3.11.7"
        assert [record.path for record in found.records] == [
            "conda-meta/ipykernel-7.4.0-pyh0_0.json",
            "conda-meta/python-3.11.7-h1_0.json",
        ]
        assert found.prefixed == (
            Prefixed("conda-meta/history", BUILD_PREFIX, "text"),
            Prefixed("lib/libssl.so.3", PLACEHOLDER, "binary"),
            Prefixed("share/jupyter/kernels/python3/kernel.json", PLACEHOLDER, "text"),
        )
        assert found.build_prefix == BUILD_PREFIX
        assert found.leaks == {"lib/leak.so": BUILD_PREFIX}
        assert found.machines == {"bin/python3.11": "x86_64", "lib/libssl.so.3": "x86_64"}
        assert found.kernel_specs() == {"python3": "share/jupyter/kernels/python3/kernel.json"}
        assert found.members["bin/python"].target == "python3.11"
        assert found.members["bin/python3.11"].mode == 0o755

    def test_hashes_every_file(self, suffix: str, tmp_path: Path) -> None:
        pack = PackBuilder.honest().file("large", bytes(range(256)) * 9000).file("empty")
        found = inventory(pack, tmp_path, suffix)
        content = {i.name.decode(): i.content for i in pack.finished() if i.kind == b"0"}
        assert found.sha256 == {path: hashlib.sha256(data).hexdigest() for path, data in content.items()}
        assert {path: found.members[path].size for path in content} == {p: len(d) for p, d in content.items()}

    def test_reports_progress_up_to_the_end(self, suffix: str, tmp_path: Path) -> None:
        path = (
            PackBuilder.honest().file("noise", hashlib.shake_256(b"").digest(5 << 20)).write(tmp_path, suffix)
        )
        told: list[tuple[int, int]] = []
        with open_pack(path) as pack:
            pack.inventory(lambda done, total: told.append((done, total)))
        size = path.stat().st_size
        assert told == sorted(told)
        assert len(told) > 1
        assert told[-1] == (size, size)
        assert all(total == size for _, total in told)


@pytest.mark.parametrize("suffix", [name for name in FORMATS if name != "zip"])
def test_hard_links_share_what_is_known(suffix: str, tmp_path: Path) -> None:
    pack = PackBuilder.honest().file("a", b"content").hardlink("b", "a").hardlink("c", "b")
    found = inventory(pack, tmp_path, suffix)
    assert found.sha256["a"] == found.sha256["b"] == found.sha256["c"]
    assert {found.members[path].kind.value for path in "bc"} == {"hardlink"}


class TestFacts:
    def test_names_machines_that_are_not_known(self, tmp_path: Path) -> None:
        big_endian = b"\x7fELF\x02\x02\x01" + bytes(11) + b"\x00\x16" + bytes(40)
        pack = (
            PackBuilder.honest().file("arm", ELF_AARCH64).file("s390x", big_endian).file("short", b"\x7fELF")
        )
        found = inventory(pack, tmp_path)
        assert found.machines["arm"] == "aarch64"
        assert found.machines["s390x"] == "elf:22"
        assert "short" not in found.machines

    def test_captures_texts_and_leaves_large_weights(self, tmp_path: Path) -> None:
        pack = (
            PackBuilder.honest().file(f"{SITE_PACKAGES}/a.pth", b"import evil").file("share/small.pth", b"1")
        )
        found = inventory(pack.file("share/large.pth", bytes(2000)), tmp_path, limits=Limits(text_bytes=1000))
        assert found.texts[f"{SITE_PACKAGES}/a.pth"] == b"import evil"
        assert found.texts["share/small.pth"] == b"1"
        assert "share/large.pth" not in found.texts

    def test_gives_linked_texts_their_content(self, tmp_path: Path) -> None:
        pack = PackBuilder.honest().symlink("share/jupyter/kernels/again", "python3")
        pack.symlink("share/jupyter/kernels/twin/kernel.json", "../python3/kernel.json")
        pack.symlink(f"{SITE_PACKAGES}/dangling.pth", "nothing")
        found = inventory(pack, tmp_path)
        twin = "share/jupyter/kernels/twin/kernel.json"
        assert found.texts[twin] == found.texts["share/jupyter/kernels/python3/kernel.json"]
        assert f"{SITE_PACKAGES}/dangling.pth" not in found.texts

    def test_a_pack_without_script_has_prefixes_of_its_records(self, tmp_path: Path) -> None:
        pack = PackBuilder.honest().file("bin/pip", f"#!{BUILD_PREFIX}/bin/python\n".encode())
        pack.has_script = False
        found = inventory(pack, tmp_path)
        assert [item.path for item in found.prefixed] == [
            "lib/libssl.so.3",
            "share/jupyter/kernels/python3/kernel.json",
        ]
        assert found.build_prefix == BUILD_PREFIX
        assert found.leaks == {"bin/pip": BUILD_PREFIX}

    def test_a_pack_whose_build_prefix_is_unknown_has_no_leaks(self, tmp_path: Path) -> None:
        found = inventory(PackBuilder.honest(), tmp_path)
        assert (found.build_prefix, found.leaks) == ("", {})


class TestStrays:
    def test_placeholders_that_nobody_recorded_are_found_in_text_and_binaries(self, tmp_path: Path) -> None:
        old, new = b"/opt/anaconda1anaconda2anaconda3", b"/home/conda/build/_h_env_placehold_placehold"
        pack = PackBuilder.honest().file("lib/a.so", b"\x7fELF\0" + new + b"/lib\0").file("etc/b.sh", old)
        pack.file("conda-meta/note.txt", old).file("__pycache__/x.pyc", new).file("recorded", new)
        pack.prefixes.append(("recorded", new.decode(), "text"))
        found = inventory(pack, tmp_path)
        assert found.placeholders.keys() == {"bin/python3.11", "etc/b.sh", "lib/a.so"}
        assert {path: found.placeholders[path] for path in ("etc/b.sh", "lib/a.so")} == {
            "etc/b.sh": old.decode(),
            "lib/a.so": f"{new.decode()}/lib",
        }

    def test_paths_of_people_are_found_where_they_are_followed(self, tmp_path: Path) -> None:
        elf = b"\x7fELF\2\1" + bytes(12) + b"\x3e\0"
        pack = PackBuilder.honest().file("lib/a.so", elf + b"/home/ada/lib\0").file("bin/b", b"/root/x")
        pack.file("lib/c.pc", b"prefix=/Users/bob/env").file("share/doc/README", b"/home/ada/lib")
        pack.file("lib/d.so", elf + b"/home/conda/build/_h_env_placehold/x\0")
        pack.file("lib/e.so", elf + BUILD_PREFIX.encode() + b"\0")
        pack.prefixes.append(("conda-meta/history", BUILD_PREFIX, "text"))
        found = inventory(pack, tmp_path)
        assert found.foreign == {
            "bin/b": "/root/x",
            "lib/a.so": "/home/ada/lib",
            "lib/c.pc": "/Users/bob/env",
        }
        assert list(found.leaks) == ["lib/e.so"]

    def test_where_there_were_too_many_nobody_knows(self, tmp_path: Path) -> None:
        pack = PackBuilder.honest()
        for number in range(20):
            pack.file(f"bin/{number}", b"/home/ada/%d" % number)
        assert inventory(pack, tmp_path, limits=Limits(sightings=10)).foreign == {}


class TestLeaks:
    @pytest.mark.parametrize("prefix", [BUILD_PREFIX, "/strange/root/env", "/home/with space/env"])
    @pytest.mark.parametrize("suffix", ["tar.gz", "zip", "squashfs"])
    def test_finds_the_prefix_wherever_it_is(self, prefix: str, suffix: str, tmp_path: Path) -> None:
        raw = prefix.encode()
        large = bytes(5 << 20)
        pack = PackBuilder.honest()
        pack.file("recorded", raw).file("__pycache__/x.pyc", raw).file("conda-meta/note.txt", raw)
        pack.file("longer", raw + b"2/lib").file("at-the-end", large + raw).file("at-the-start", raw + large)
        pack.file("between", bytes((1 << 20) - 700) + raw + large + raw).hardlink("linked", "recorded")
        if suffix == "zip":
            pack.without("linked")
        pack.prefixes.append(("recorded", prefix, "text"))
        found = inventory(pack, tmp_path, suffix)
        assert found.build_prefix == prefix
        assert list(found.leaks) == ["at-the-end", "at-the-start", "between"]

    @pytest.mark.parametrize("prefix", [BUILD_PREFIX, "/strange/root/env"])
    def test_finds_the_prefix_across_pieces(self, prefix: str, tmp_path: Path) -> None:
        raw = prefix.encode()
        pack = PackBuilder.honest()
        for n in range(40):
            pack.file(f"f{n:02}", bytes((1 << 20) - 600 - 20 * n - len(raw) // 2) + raw + bytes(20 * n))
        pack.prefixes.append(("conda-meta/history", prefix, "text"))
        assert len(inventory(pack, tmp_path, "tar").leaks) == 40

    def test_finds_it_when_there_were_too_many_paths_to_remember(self, tmp_path: Path) -> None:
        pack = PackBuilder.honest().file("noise", b"".join(b"/home/%d/x\n" % n for n in range(100)))
        pack.file("leak", BUILD_PREFIX.encode())
        pack.prefixes.append(("conda-meta/history", BUILD_PREFIX, "text"))
        assert list(inventory(pack, tmp_path, limits=Limits(sightings=10)).leaks) == ["leak"]


CHILD = """
import json, resource, sys, time
from pathlib import Path
from jupyter_envguard.errors import PackRefused
from jupyter_envguard.pack import open_pack
import zstandard, lzma, bz2
before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    with open_pack(Path(sys.argv[1])) as pack:
        pack.inventory()
    code = ""
except PackRefused as error:
    code = error.code
seconds = time.process_time() - started
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps([code, seconds, grown // 1024]))
"""


def judged(path: Path) -> tuple[str, float, int]:
    """Return the code, the CPU seconds and the MiB that a fresh process needed to refuse a pack."""
    done = subprocess.run([sys.executable, "-c", CHILD, path], capture_output=True, check=True, timeout=60)
    code, seconds, grown = json.loads(done.stdout)
    return code, seconds, grown


def hole(size: int) -> bytes:
    return tar_header(b"zeros", size=size)


class TestBombs:
    """Refused within a second of CPU and 256 MiB, whatever they would unpack to."""

    @pytest.mark.parametrize("suffix", TAR_FORMATS[1:])
    def test_a_file_of_zeros(self, suffix: str, tmp_path: Path) -> None:
        path = tmp_path / "bomb"
        path.write_bytes(bomb(suffix, hole(3 << 30), 3 << 10))
        code, seconds, grown = judged(path)
        assert code == "pack-bomb"
        assert seconds < 1
        assert grown < 256

    @pytest.mark.parametrize("suffix", TAR_FORMATS[1:])
    def test_zeros_after_the_end(self, suffix: str, tmp_path: Path) -> None:
        path = tmp_path / "bomb"
        path.write_bytes(bomb(suffix, tar_member(Item(b"a")), 1 << 10))
        code, seconds, grown = judged(path)
        assert code in ("pack-trailing-data", "pack-bomb")
        assert seconds < 1
        assert grown < 256

    def test_many_files_of_zeros(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb"
        members = b"".join(tar_header(b"f%d" % n, size=512) + bytes(512) for n in range(150_000))
        path.write_bytes(bomb("tar.zst", members, 16))
        code, seconds, grown = judged(path)
        assert code == "pack-bomb"
        assert seconds < 15
        assert grown < 256

    def test_a_header_of_64_mebibytes(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb"
        path.write_bytes(bomb("tar.gz", tar_header(b"x", b"x", size=64 << 20), 64))
        code, seconds, grown = judged(path)
        assert code == "pack-header-too-large"
        assert seconds < 1
        assert grown < 256

    def test_a_zip_of_zeros(self, tmp_path: Path) -> None:
        path = tmp_path / "bomb"
        path.write_bytes(zip_archive([Item(b"zeros", content=bytes(512 << 20))]))
        code, seconds, grown = judged(path)
        assert code == "pack-bomb"
        assert seconds < 1
        assert grown < 256

    def test_a_squashfs_of_holes(self, tmp_path: Path) -> None:
        tree = tmp_path / "tree"
        tree.mkdir()
        with open(tree / "zeros", "wb") as file:
            file.truncate(8 << 30)
        command = ["mksquashfs", tree, tmp_path / "bomb", "-quiet", "-no-progress"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        code, seconds, grown = judged(tmp_path / "bomb")
        assert code == "pack-bomb"
        assert seconds < 1
        assert grown < 256

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"[" * (16 << 20), "pack-record-too-large"),
            (b"[" * 500_000 + b"]" * 500_000, "pack-record-invalid"),
            (b"[" + b"{}," * 299_999 + b"{}]", "pack-record-invalid"),
            (b'{"a":' + b'{"b":1},' * 250_000, "pack-record-too-large"),
            (b'"' + b"x" * (17 << 20) + b'"', "pack-record-too-large"),
            (b'{"depends": [' + b'"numpy",' * 1_000_000 + b'""]}', "pack-record-too-large"),
        ],
    )
    def test_a_record_that_would_explode(self, content: bytes, code: str, tmp_path: Path) -> None:
        path = PackBuilder.honest().file("conda-meta/x-1-0.json", content).write(tmp_path)
        refused, seconds, grown = judged(path)
        assert refused == code
        assert seconds < 1
        assert grown < 256

    def test_the_child_measures_what_it_should(self, tmp_path: Path) -> None:
        code, seconds, _ = judged(PackBuilder.honest().write(tmp_path))
        assert code == ""
        assert seconds < 1
        assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tar.zst", "zip", "squashfs"])
def test_refuses_every_truncation(suffix: str, tmp_path: Path) -> None:
    data = PackBuilder.honest().write(tmp_path, suffix).read_bytes()
    end = len(data.rstrip(b"\0")) if suffix == "squashfs" else len(data)
    for size in range(0, end, 512 if suffix == "tar" else 97):
        (tmp_path / "cut").write_bytes(data[:size])
        with pytest.raises(PackRefused) as caught, open_pack(tmp_path / "cut") as pack:
            pack.inventory()
        assert caught.value.code in ("pack-truncated", "pack-empty", "pack-format-unknown")
