from __future__ import annotations

import hashlib
import io
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from demo.environments import Packs
from jupyter_envguard.errors import InvalidInput, PackRefused
from jupyter_envguard.image import Line, Manifest, build, compiler, seal, verify
from jupyter_envguard.image.bytecode import NEVER_COMPILED, SOURCE_BYTES, Compilers
from jupyter_envguard.image.markers import DROPPED, HISTORY, markers
from jupyter_envguard.image.relocate import SHEBANG_BYTES
from jupyter_envguard.image.seal import LOCK_FILES, SEAL_TIME, SEAL_VERSION
from jupyter_envguard.inventory import Member
from jupyter_envguard.pack import Pack, open_pack
from jupyter_envguard.spec import canonical_json, sha256_digest
from tests.images import CACHE, LIBRARY, environment, plain, sealed, snapshot
from tests.packs import PLACEHOLDER, PackBuilder

PREFIX = "/opt/envguard/e"
HELLO = f"{LIBRARY}/site-packages/hello.py"
HELLO_PYC = f"{LIBRARY}/site-packages/{CACHE.format('hello')}"


def lines(manifest: Manifest) -> dict[str, Line]:
    return {line.path: line for line in manifest.lines}


class TestTree:
    def test_is_exactly_what_its_manifest_says(self, tmp_path: Path) -> None:
        tree, manifest, _ = sealed(environment(), tmp_path)
        assert verify(tree, manifest) == verify(tree, manifest, "stat") == ()

    def test_is_read_only_all_over(self, tmp_path: Path) -> None:
        tree, _, _ = sealed(environment(), tmp_path)
        modes = {mode & 0o777 for mode, *_ in snapshot(tree).values() if not os.path.stat.S_ISLNK(mode)}
        assert modes == {0o444, 0o555}

    def test_has_one_time_all_over(self, tmp_path: Path) -> None:
        tree, manifest, _ = sealed(environment(), tmp_path)
        assert {time for _, time, *_ in snapshot(tree).values()} == {manifest.header.seal.mtime}

    def test_carries_its_prefix_in_place_of_the_placeholder(self, tmp_path: Path) -> None:
        tree, _, _ = sealed(environment(), tmp_path)
        binary = (tree / "lib/libfoo.so").read_bytes()
        assert PLACEHOLDER.encode() not in binary
        assert f"{PREFIX}/lib\0".encode() in binary
        assert len(binary) == 5 + len(PLACEHOLDER) + len("/lib\0end")

    def test_has_scripts_that_run_its_own_python(self, tmp_path: Path) -> None:
        tree, _, _ = sealed(environment(), tmp_path)
        assert (tree / "bin/tool").read_bytes() == f"#!{PREFIX}/bin/python\nimport this\n".encode()

    def test_has_the_signs_for_conda_and_pip(self, tmp_path: Path) -> None:
        tree, _, _ = sealed(environment(), tmp_path)
        assert b"message" in (tree / "conda-meta/frozen").read_bytes()
        assert (tree / LIBRARY / "EXTERNALLY-MANAGED").exists()
        assert (tree / "conda-meta/history").read_bytes() == b""

    def test_takes_no_sign_from_the_pack(self, tmp_path: Path) -> None:
        pack = environment().file("conda-meta/frozen", b"").file(f"{LIBRARY}/EXTERNALLY-MANAGED", b"[x]\n")
        tree, _, _ = sealed(pack, tmp_path)
        assert b"message" in (tree / "conda-meta/frozen").read_bytes()
        assert b"Error=" in (tree / LIBRARY / "EXTERNALLY-MANAGED").read_bytes()

    def test_has_no_program_that_would_unpack_it_again(self, tmp_path: Path) -> None:
        pack = environment().file("bin/conda_unpack_progress.py")
        tree, _, _ = sealed(pack, tmp_path)
        assert sorted(path.name for path in (tree / "bin").iterdir()) == ["python", "python3", "tool"]

    def test_keeps_empty_folders_and_links(self, tmp_path: Path) -> None:
        pack = plain().directory("var/empty").hardlink("share/doc/COPY", "share/doc/NEWS")
        tree, manifest, _ = sealed(pack, tmp_path)
        assert (tree / "var/empty").is_dir()
        assert (tree / "share/doc/COPY").samefile(tree / "share/doc/NEWS")
        assert lines(manifest)["bin/Rscript"] == Line("bin/Rscript", "l", "r", 0, "R")
        assert verify(tree, manifest) == ()

    def test_a_hard_link_carries_the_prefix_that_either_name_is_recorded_with(self, tmp_path: Path) -> None:
        pack = plain().file("etc/a.conf", PLACEHOLDER.encode()).hardlink("etc/b.conf", "etc/a.conf")
        pack.hardlink("etc/c.conf", "etc/b.conf")
        pack.prefixes.append(("etc/c.conf", PLACEHOLDER, "text"))
        tree, manifest, _ = sealed(pack, tmp_path)
        assert {(tree / f"etc/{name}.conf").read_text() for name in "abc"} == {PREFIX}
        assert verify(tree, manifest) == ()

    def test_large_files_are_copied_in_pieces(self, tmp_path: Path) -> None:
        content = os.urandom(5 * 1024 * 1024 + 7)
        tree, manifest, _ = sealed(plain().file("share/big", content, mode=0o755), tmp_path)
        digest = hashlib.sha256(content).hexdigest()
        assert lines(manifest)["share/big"] == Line("share/big", "f", "x", len(content), digest)
        assert verify(tree, manifest) == ()


class TestByteCode:
    def test_is_made_here_and_not_taken_from_the_pack(self, tmp_path: Path) -> None:
        pack = environment().file(HELLO_PYC, b"evil")
        tree, manifest, _ = sealed(pack, tmp_path)
        assert (tree / HELLO_PYC).read_bytes() == compiler.compiled((tree / HELLO).read_bytes(), HELLO)
        assert manifest.header.seal.byte_code == "compiled"
        assert manifest.header.seal.python == platform.python_version()

    def test_is_made_of_the_source_with_its_prefix(self, tmp_path: Path) -> None:
        path = f"{LIBRARY}/_sysconfigdata.py"
        pack = environment().file(path, f"prefix = '{PLACEHOLDER}'\n".encode())
        pack.prefixes.append((path, PLACEHOLDER, "text"))
        tree, _, _ = sealed(pack, tmp_path)
        assert PREFIX.encode() in (tree / LIBRARY / CACHE.format("_sysconfigdata")).read_bytes()

    def test_a_source_with_two_names_has_byte_code_for_both(self, tmp_path: Path) -> None:
        other = f"{LIBRARY}/site-packages/again.py"
        tree, manifest, _ = sealed(environment().hardlink(other, HELLO), tmp_path)
        again = f"{LIBRARY}/site-packages/{CACHE.format('again')}"
        assert (tree / again).read_bytes() == compiler.compiled((tree / HELLO).read_bytes(), other)
        assert manifest.header.seal.uncompiled == 0

    def test_what_does_not_compile_is_counted(self, tmp_path: Path) -> None:
        pack = environment().file(f"{LIBRARY}/site-packages/template.py", b"x = {{ x }} }\n")
        _, manifest, _ = sealed(pack, tmp_path)
        assert manifest.header.seal.uncompiled == 1

    def test_tests_get_none(self, tmp_path: Path) -> None:
        folder = f"{LIBRARY}/site-packages/pkg/tests"
        pack = environment().file(f"{folder}/test_a.py").file(f"{folder}/{CACHE.format('test_a')}", b"x")
        tree, _, _ = sealed(pack, tmp_path)
        assert [path.name for path in (tree / folder).iterdir()] == ["test_a.py"]

    def test_without_a_source_it_is_dropped_and_counted(self, tmp_path: Path) -> None:
        pack = (
            environment()
            .file(f"{LIBRARY}/site-packages/secret.pyc", b"x")
            .file("x/__pycache__/gone.pyo", b"")
        )
        tree, manifest, _ = sealed(pack, tmp_path)
        assert manifest.header.seal.sourceless == 2
        assert not (tree / LIBRARY / "site-packages/secret.pyc").exists()
        assert not (tree / "x").exists()

    def test_listed_cache_folders_are_not_made_for_nothing(self, tmp_path: Path) -> None:
        folder = "share/__pycache__"
        tree, _, _ = sealed(environment().directory(folder).symlink(f"{folder}/a.pyc", "b.pyc"), tmp_path)
        assert not (tree / folder).exists()

    def test_there_is_none_without_python(self, tmp_path: Path) -> None:
        _, manifest, _ = sealed(plain(), tmp_path)
        assert (manifest.header.seal.byte_code, manifest.header.seal.python) == ("none", "")

    def test_a_huge_source_is_not_compiled(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(seal.bytecode, "SOURCE_BYTES", 10)
        tree, _, _ = sealed(environment(), tmp_path)
        assert not list(tree.rglob("*.pyc"))


class TestKeptByteCode:
    SOURCE = "lib/python3.99/site-packages/a.py"
    PYC = "lib/python3.99/site-packages/__pycache__/a.cpython-399.pyc"
    CODE = (
        b"\xaa\x0e\r\n"
        + bytes(4)
        + (1_700_000_000).to_bytes(4, "little")
        + (6).to_bytes(4, "little")
        + b"code"
    )

    def pack(self, **more: str) -> PackBuilder:
        return environment("3.99.1").file(self.SOURCE, b"x = 1\n").file(self.PYC, self.CODE)

    def test_fresh_byte_code_is_kept_with_a_new_header(self, tmp_path: Path) -> None:
        tree, manifest, _ = sealed(self.pack(), tmp_path)
        assert (tree / self.PYC).read_bytes() == self.CODE[:4] + b"\1\0\0\0" + bytes(8) + b"code"
        assert manifest.header.seal.byte_code == "kept"
        assert verify(tree, manifest) == ()

    def test_stale_byte_code_is_dropped_and_counted(self, tmp_path: Path) -> None:
        pack = self.pack().without(self.PYC).file(self.PYC, b"\xaa\x0e\r\n" + bytes(20))
        tree, manifest, _ = sealed(pack, tmp_path)
        assert not (tree / self.PYC).exists()
        assert manifest.header.seal.uncompiled == 1

    def test_byte_code_of_a_rewritten_source_is_dropped(self, tmp_path: Path) -> None:
        pack = self.pack()
        pack.prefixes.append((self.SOURCE, PLACEHOLDER, "text"))
        tree, _, _ = sealed(pack, tmp_path)
        assert not (tree / self.PYC).exists()

    def test_linked_byte_code_is_dropped(self, tmp_path: Path) -> None:
        pack = self.pack().without(self.PYC).file("x.bin", self.CODE).hardlink(self.PYC, "x.bin")
        tree, _, _ = sealed(pack, tmp_path)
        assert not (tree / self.PYC).exists()


class TestIdentity:
    def test_the_same_pack_gives_the_same_manifest_and_bytes(self, tmp_path: Path) -> None:
        one, first, _ = sealed(environment(), tmp_path / "1")
        two, second, _ = sealed(environment(), tmp_path / "2")
        assert first.digest() == second.digest()
        assert snapshot(one) == snapshot(two)

    def test_another_prefix_changes_only_the_files_that_carry_it(self, tmp_path: Path) -> None:
        _, first, _ = sealed(environment(), tmp_path / "1")
        _, second, _ = sealed(environment(), tmp_path / "2", "/srv/envguard/e")
        assert first.digest() != second.digest()
        assert {a.path for a, b in zip(first.lines, second.lines, strict=True) if a != b} == {
            "bin/tool",
            "lib/libfoo.so",
        }

    def test_the_header_says_what_it_was_made_from(self, tmp_path: Path) -> None:
        _, manifest, inventory = sealed(plain(), tmp_path)
        header = manifest.header
        assert (header.prefix, header.platform) == (PREFIX, inventory.spec.platform)
        assert (header.pack, header.spec) == (inventory.digest, inventory.spec.digest())
        assert header.locks == {}

    def test_the_header_knows_the_records_and_the_locks_that_came_along(self, tmp_path: Path) -> None:
        lock = {"pixi.lock": "version: 6", "conda-meta/explicit.txt": "@EXPLICIT", "share/pixi.lock": "x"}
        pack = plain()
        for path, text in lock.items():
            pack.file(path, text.encode())
        _, manifest, inventory = sealed(pack, tmp_path / "1")
        digests = {path: "sha256:" + hashlib.sha256(text.encode()).hexdigest() for path, text in lock.items()}
        del digests["share/pixi.lock"]
        assert manifest.header.locks == digests
        paths = [[record.path, inventory.sha256[record.path]] for record in inventory.records]
        assert manifest.header.records == sha256_digest(canonical_json(paths))
        _, other, _ = sealed(plain().record("zlib", "1.3"), tmp_path / "2")
        assert other.header.records != manifest.header.records

    def test_what_is_the_same_for_every_pack_changes_with_the_version_of_sealing(self) -> None:
        settings = [markers({"lib/python3.11/os.py", HISTORY}), sorted(DROPPED), sorted(NEVER_COMPILED)]
        settings += [SEAL_TIME, SOURCE_BYTES, SHEBANG_BYTES, LOCK_FILES.pattern]
        known = hashlib.sha256(repr(settings).encode()).hexdigest()[:16]
        assert (SEAL_VERSION, known) == (1, "45dd1772cedf24c2")

    def test_the_format_of_the_pack_does_not_matter_to_the_tree(self, tmp_path: Path) -> None:
        trees = []
        for suffix in ("tar", "tar.zst", "zip"):
            with open_pack(plain().write(tmp_path, suffix)) as pack:
                tree = tmp_path / f"tree-{suffix}"
                tree.mkdir()
                trees.append(build(pack, pack.inventory(), tree, Path(PREFIX)).lines)
        assert trees[0] == trees[1] == trees[2]


class TestRefusals:
    def test_a_staging_folder_that_is_not_empty(self, tmp_path: Path) -> None:
        (tmp_path / "tree").mkdir()
        (tmp_path / "tree/x").touch()
        with open_pack(plain().write(tmp_path)) as pack, pytest.raises(InvalidInput, match="is not empty"):
            build(pack, pack.inventory(), tmp_path / "tree", Path(PREFIX))

    def test_a_prefix_without_room_in_a_binary(self, tmp_path: Path) -> None:
        with pytest.raises(PackRefused) as caught:
            sealed(environment(), tmp_path, "/" + "x" * 300)
        assert caught.value.code == "image-prefix-too-long"

    def test_a_rewritten_file_beyond_memory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(seal, "REWRITTEN_BYTES", 10)
        with pytest.raises(PackRefused, match="has a prefix to rewrite") as caught:
            sealed(environment(), tmp_path)
        assert caught.value.code == "image-relocation-refused"

    def test_a_folder_where_a_sign_belongs(self, tmp_path: Path) -> None:
        with pytest.raises(PackRefused) as caught:
            sealed(plain().file("conda-meta/frozen/x"), tmp_path)
        assert caught.value.code == "image-member-refused"

    def test_a_hard_link_to_what_is_dropped(self, tmp_path: Path) -> None:
        pack = environment().file("a.pyc", b"x").hardlink("b", "a.pyc")
        with pytest.raises(PackRefused, match=r"b is a hard link to a\.pyc") as caught:
            sealed(pack, tmp_path)
        assert caught.value.code == "image-member-refused"

    def test_a_pack_that_got_shorter(self, tmp_path: Path) -> None:
        class Shrunk(Pack):
            def files(self) -> Iterator[tuple[Member, BinaryIO]]:
                for member, stream in super().files():
                    yield member, io.BytesIO(stream.read()[:-1])

        for builder in (plain(), environment()):
            with open_pack(builder.write(tmp_path, "tar")) as pack:
                pack.__class__ = Shrunk
                tree = tmp_path / f"tree{len(os.listdir(tmp_path))}"
                tree.mkdir()
                with pytest.raises(PackRefused) as caught:
                    build(pack, pack.inventory(), tree, Path(PREFIX))
            assert caught.value.code == "pack-changed"

    def test_a_pack_whose_source_changed_before_byte_code_is_made_of_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Watched(Compilers):
            def compile(self, path: str, source: bytes) -> Iterator[tuple[str, bytes]]:
                compiled.append(path)
                return super().compile(path, source)

        compiled: list[str] = []
        monkeypatch.setattr(seal.bytecode, "Compilers", Watched)
        (tmp_path / "tree").mkdir()
        with open_pack(environment().write(tmp_path)) as pack:
            inventory = pack.inventory()
            hashes = {**inventory.sha256, HELLO: "0" * 64}
            pack._inventory = replace(inventory, sha256=hashes)
            with pytest.raises(PackRefused) as caught:
                build(pack, inventory, tmp_path / "tree", Path(PREFIX))
        assert caught.value.code == "pack-changed"
        assert HELLO not in compiled


def test_progress_ends_with_everything(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    (tmp_path / "tree").mkdir()
    with open_pack(environment().write(tmp_path)) as pack:
        build(pack, pack.inventory(), tmp_path / "tree", Path(PREFIX), lambda *call: calls.append(call))
    assert calls == sorted(calls)
    assert calls[-1][0] == calls[-1][1] > 0


@pytest.mark.packs
def test_a_real_environment_runs_from_its_path_and_explains_itself(packs: Packs, tmp_path: Path) -> None:
    prefix = tmp_path / "e"
    prefix.mkdir()
    with open_pack(packs.minimal) as pack:
        manifest = build(pack, pack.inventory(), prefix, prefix)
    prefix.chmod(0o555)
    program = (
        "import json, ssl, sys, ipykernel\n"
        "maps = open('/proc/self/maps').read()\n"
        "print(json.dumps([sys.prefix, json.loads.__code__.co_filename,"
        " [l.split()[-1] for l in maps.splitlines() if 'libssl' in l][0]]))"
    )
    python = prefix / "bin/python"
    ran = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, env={}, check=True)
    found = __import__("json").loads(ran.stdout)
    assert all(path.startswith(str(prefix)) for path in found)
    # nothing was compiled again, nothing was written
    assert verify(prefix, manifest) == ()
    assert sys.version_info[:2] != (3, 11) or manifest.header.seal.uncompiled < 10
