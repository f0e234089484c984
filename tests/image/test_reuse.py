from __future__ import annotations

import hashlib
import platform
from pathlib import Path

import pytest

from jupyter_envguard.image import Image, build, bytecode, seal
from jupyter_envguard.image.installed import Documents
from jupyter_envguard.image.reuse import Reuse
from jupyter_envguard.pack import open_pack
from tests.images import CACHE, LIBRARY, environment, plain, sealed
from tests.packs import PackBuilder

HELLO = f"{LIBRARY}/site-packages/hello.py"
HELLO_PYC = f"{LIBRARY}/site-packages/{CACHE.format('hello')}"


def image_of(pack: PackBuilder, folder: Path) -> Image:
    tree, manifest, inventory = sealed(pack, folder)
    meta = folder / "meta"
    meta.mkdir()
    Documents.of(inventory, manifest).write(meta)
    return Image(tree, inventory.digest, manifest.digest(), inventory.spec.digest(), meta)


def hash_of(image: Image, path: str) -> str:
    return hashlib.sha256((image.path / path).read_bytes()).hexdigest()


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return image_of(environment(), tmp_path / "image")


def test_byte_code_is_found_by_path_and_hash_of_its_source(image: Image) -> None:
    reuse = Reuse([image])
    found = reuse.byte_code(HELLO, hash_of(image, HELLO))
    assert found == (image.path / HELLO_PYC).read_bytes()
    assert reuse.byte_code(HELLO, 64 * "0") is None
    assert reuse.byte_code("lib/other.py", hash_of(image, HELLO)) is None


def test_byte_code_that_is_not_what_was_approved_is_not_taken(image: Image) -> None:
    source = hash_of(image, HELLO)
    pyc = image.path / HELLO_PYC
    pyc.chmod(0o644)
    pyc.write_bytes(pyc.read_bytes() + b"x")
    assert Reuse([image]).byte_code(HELLO, source) is None


def test_byte_code_that_is_gone_is_not_taken(image: Image) -> None:
    reuse = Reuse([image])
    (image.path / HELLO_PYC).parent.chmod(0o755)
    (image.path / HELLO_PYC).unlink()
    assert reuse.byte_code(HELLO, hash_of(image, HELLO)) is None


def test_nothing_is_taken_from_what_another_python_compiled(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: "3.0.0")
    assert Reuse([image]).byte_code(HELLO, hash_of(image, HELLO)) is None


def test_nothing_is_taken_from_an_image_that_kept_the_packs_own(tmp_path: Path) -> None:
    image = image_of(plain(), tmp_path / "image")
    assert Reuse([image])._known == {}


def test_a_source_that_did_not_compile_is_not_known(tmp_path: Path) -> None:
    bad = f"{LIBRARY}/site-packages/bad.py"
    image = image_of(environment().file(bad, b"x = = 1\n"), tmp_path / "image")
    assert Reuse([image]).byte_code(bad, hash_of(image, bad)) is None


def test_the_tree_is_the_same_with_and_without(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = environment().file(f"{LIBRARY}/site-packages/new.py", b"x = 1\n")
    _, without, _ = sealed(pack, tmp_path / "without")
    compiled: list[str] = []
    compile_one = bytecode.Compilers.compile

    def watched(self: bytecode.Compilers, path: str, source: bytes) -> object:
        compiled.append(path)
        return compile_one(self, path, source)

    monkeypatch.setattr(seal.bytecode.Compilers, "compile", watched)
    (tmp_path / "with").mkdir()
    with open_pack(tmp_path / "without/pack.tar") as opened:
        inventory = opened.inventory()
        manifest = build(opened, inventory, tmp_path / "with", Path("/opt/envguard/e"), approved=[image])
    assert compiled == [f"{LIBRARY}/site-packages/new.py"]
    assert manifest == without
