from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_envguard.errors import NotFound
from jupyter_envguard.image import Finding, Manifest, verify
from jupyter_envguard.image.verify import BIG_BYTES, VerifyMode
from tests.images import LIBRARY, environment, sealed

Sealed = tuple[Path, Manifest]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    pack = environment().file("share/big", os.urandom(2 * BIG_BYTES))
    tree, manifest, _ = sealed(pack, tmp_path_factory.mktemp("original"))
    return tree, manifest


@pytest.fixture
def copy(original: Sealed, tmp_path: Path) -> Sealed:
    """A sealed tree that may be spoilt."""
    shutil.copytree(original[0], tmp_path / "tree", symlinks=True)
    return tmp_path / "tree", original[1]


def problems(found: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.path, finding.problem) for finding in found]


def edit(path: Path, act: Callable[[], object]) -> None:
    """Do something to `path` as an intruder with the rights of the owner would."""
    folder, mode = path.parent, path.parent.stat().st_mode
    folder.chmod(0o755)
    act()
    folder.chmod(mode)


def flip(path: Path, at: int) -> None:
    """Change one byte of a read-only file and set its time back."""
    there = path.stat()
    path.chmod(0o644)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    path.chmod(there.st_mode)
    os.utime(path, ns=(there.st_atime_ns, there.st_mtime_ns))


class TestFindings:
    @pytest.mark.parametrize("mode", ["full", "stat"])
    def test_none_in_a_tree_as_it_was_sealed(self, copy: Sealed, mode: VerifyMode) -> None:
        assert verify(*copy, mode) == ()

    @pytest.mark.parametrize("path", ["bin/tool", "share/big"])
    def test_one_byte(self, copy: Sealed, path: str) -> None:
        flip(copy[0] / path, 3)
        assert problems(verify(*copy)) == [(path, "changed")]

    def test_a_touched_file_without_reading_it(self, copy: Sealed) -> None:
        os.utime(copy[0] / "bin/tool")
        assert problems(verify(*copy, "stat")) == [("bin/tool", "changed")]
        assert verify(*copy) == ()

    @pytest.mark.parametrize("mode", ["full", "stat"])
    def test_a_longer_file(self, copy: Sealed, mode: VerifyMode) -> None:
        with open(copy[0] / "bin/tool", "ab") as file:
            file.write(b"x")
        (copy[0] / "bin/tool").chmod(0o555)
        assert problems(verify(*copy, mode)) == [("bin/tool", "changed")]

    @pytest.mark.parametrize("mode", ["full", "stat"])
    def test_an_extra_path_file(self, copy: Sealed, mode: VerifyMode) -> None:
        path = copy[0] / LIBRARY / "site-packages/evil.pth"
        edit(path, lambda: path.write_text("import evil"))
        assert problems(verify(*copy, mode)) == [(str(path.relative_to(copy[0])), "extra")]

    def test_an_extra_folder_is_named_once(self, copy: Sealed) -> None:
        path = copy[0] / "extra"
        edit(path, lambda: (path.mkdir(), (path / "a").touch()))
        assert problems(verify(*copy)) == [("extra", "extra")]

    def test_an_extra_name_that_is_no_text(self, copy: Sealed) -> None:
        path = os.fsencode(copy[0]) + b"/x\xff"
        edit(copy[0] / "x", lambda: os.mkfifo(path))
        (found,) = verify(*copy)
        assert (found.path, found.problem) == ("x\\xff", "extra")
        assert "something else is there" in found.detail

    @pytest.mark.parametrize("mode", ["full", "stat"])
    def test_a_missing_file_and_folder(self, copy: Sealed, mode: VerifyMode) -> None:
        edit(copy[0] / "bin/tool", (copy[0] / "bin/tool").unlink)
        edit(copy[0] / "share", lambda: shutil.rmtree(copy[0] / "share"))
        missing = [("bin/tool", "missing"), ("share", "missing"), ("share/big", "missing")]
        assert problems(verify(*copy, mode)) == missing

    @pytest.mark.parametrize("mode", ["full", "stat"])
    def test_another_mode_of_file_folder_and_root(self, copy: Sealed, mode: VerifyMode) -> None:
        (copy[0] / "bin/tool").chmod(0o4555)
        (copy[0] / "lib").chmod(0o755)
        copy[0].chmod(0o775)
        assert problems(verify(*copy, mode)) == [(".", "mode"), ("bin/tool", "mode"), ("lib", "mode")]

    def test_another_target_of_a_link(self, copy: Sealed) -> None:
        path = copy[0] / "bin/python"
        edit(path, lambda: (path.unlink(), path.symlink_to("/usr/bin/python3")))
        (found,) = verify(*copy)
        assert (found.path, found.problem) == ("bin/python", "link")
        assert "/usr/bin/python3" in found.detail

    def test_a_link_in_place_of_a_file_is_not_followed(self, copy: Sealed, tmp_path: Path) -> None:
        path = copy[0] / "bin/tool"
        shutil.copy2(path, tmp_path / "same")
        edit(path, lambda: (path.unlink(), path.symlink_to(tmp_path / "same")))
        assert problems(verify(*copy)) == [("bin/tool", "type")]

    def test_a_link_in_place_of_a_folder_is_not_followed(self, copy: Sealed, tmp_path: Path) -> None:
        path = copy[0] / "share"
        edit(path, lambda: (path.rename(tmp_path / "share"), path.symlink_to(tmp_path / "share")))
        assert problems(verify(*copy)) == [("share", "type"), ("share/big", "missing")]

    def test_a_folder_in_place_of_a_file(self, copy: Sealed) -> None:
        path = copy[0] / "bin/tool"
        edit(path, lambda: (path.unlink(), path.mkdir()))
        assert problems(verify(*copy)) == [("bin/tool", "type")]

    def test_another_owner_than_was_expected(self, copy: Sealed) -> None:
        found = verify(*copy, "stat", owner=4711)
        assert {finding.problem for finding in found} == {"owner"}
        assert len(found) == len(copy[1].lines) + 1

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_one_file_of_another_owner(self, copy: Sealed) -> None:
        os.chown(copy[0] / "bin/tool", 4711, -1)
        assert problems(verify(*copy)) == [("bin/tool", "owner")]

    def test_a_file_in_place_of_the_whole_tree(self, copy: Sealed, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert problems(verify(tmp_path / "file", copy[1])) == [(".", "type")]

    def test_a_tree_that_is_gone_is_an_error(self, original: Sealed, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match="Cannot verify"):
            verify(tmp_path / "gone", original[1])


def random_edit(tree: Path, manifest: Manifest, chance: random.Random) -> str:
    """Change one thing somewhere in the tree; return the path that a finding has to name."""
    line = chance.choice([line for line in manifest.lines if line.kind != "d"])
    folder = chance.choice(["", *(line.path for line in manifest.lines if line.kind == "d")])
    path, name = tree / line.path, chance.choice(["new", "evil.pth", ".hidden", "sitecustomize.py"])
    match chance.choice(["flip", "mode", "extra", "link", "remove", "type"]):
        case "flip" if line.kind == "f" and line.size:
            flip(path, chance.randrange(line.size))
        case "mode" if line.kind == "f":
            path.chmod(path.stat().st_mode ^ 1 << chance.randrange(12))
        case "extra":
            edit(tree / folder / name, (tree / folder / name).touch)
            return f"{folder}/{name}".lstrip("/")
        case "link":
            edit(path, lambda: (path.unlink(), path.symlink_to(chance.choice(["/bin/sh", "../x", "tool "]))))
        case "remove":
            edit(path, path.unlink)
        case _:
            edit(path, lambda: (path.unlink(), path.mkdir()))
    return line.path


def test_each_of_200_random_edits_is_found(original: Sealed, tmp_path: Path) -> None:
    chance = random.Random(2)
    for number in range(200):
        tree = tmp_path / str(number)
        shutil.copytree(original[0], tree, symlinks=True)
        path = random_edit(tree, original[1], chance)
        assert path in {finding.path for finding in verify(tree, original[1])}, (number, path)
