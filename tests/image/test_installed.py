from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_envguard.errors import NotFound, Untrusted
from jupyter_envguard.image.installed import (
    Documents,
    Image,
    digests_of,
    is_recorded,
    read_image,
    read_manifest,
    read_pack,
    write_documents,
)
from tests.images import plain, sealed

Written = tuple[Path, Image]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """The documents of a small image, and the image as it should be read back."""
    tree, manifest, inventory = sealed(plain(), tmp_path / "build")
    meta = tmp_path / "meta"
    meta.mkdir()
    Documents.of(inventory, manifest).write(meta)
    return meta, Image(tree, inventory.digest, manifest.digest(), inventory.spec.digest(), meta)


def test_an_image_is_read_back_as_it_was_written(written: Written) -> None:
    meta, image = written
    assert is_recorded(meta)
    assert read_image(image.path, meta, image.pack) == image


def test_its_documents_are_those_of_the_digests(written: Written) -> None:
    _, image = written
    assert image.manifest.digest() == image.manifest_digest
    assert image.spec().digest() == image.spec_digest
    assert image.spec().find("r-base")
    assert image.python == image.path / "bin/python"


def test_a_manifest_is_parsed_once(written: Written) -> None:
    _, image = written
    assert image.manifest is image.manifest


def test_documents_are_read_only(written: Written) -> None:
    meta, _ = written
    assert {path.stat().st_mode & 0o777 for path in meta.iterdir()} == {0o444}


def test_nothing_is_recorded_in_an_empty_folder(tmp_path: Path) -> None:
    assert not is_recorded(tmp_path)


@pytest.mark.parametrize(
    "record", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"pack":1,"manifest":"","spec":""}', b"null"]
)
def test_a_damaged_record_is_not_believed(written: Written, record: bytes) -> None:
    meta, image = written
    replace(meta / "pack.json", record)
    with pytest.raises(Untrusted, match=r"pack\.json is not what was recorded") as caught:
        read_image(image.path, meta, image.pack)
    assert caught.value.code == "image-damaged"


def test_the_record_of_another_pack_is_not_believed(written: Written) -> None:
    meta, image = written
    record = json.loads((meta / "pack.json").read_bytes())
    replace(meta / "pack.json", json.dumps(record | {"pack": record["spec"]}).encode())
    with pytest.raises(Untrusted):
        read_image(image.path, meta, image.pack)


def test_another_manifest_or_spec_is_not_believed(written: Written) -> None:
    meta, image = written
    for name in ("manifest", "spec.json"):
        replace(meta / name, (meta / name).read_bytes() + b"\n")
    for read in (lambda: image.manifest, image.spec):
        with pytest.raises(Untrusted) as caught:
            read()
        assert caught.value.code == "image-damaged"


def test_a_document_that_is_gone_is_an_error(written: Written) -> None:
    meta, image = written
    (meta / "spec.json").unlink()
    with pytest.raises(NotFound):
        image.spec()


def replace(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


class TestDocuments:
    def contents(self, tmp_path: Path) -> dict[str, bytes]:
        _, manifest, inventory = sealed(plain(), tmp_path / "documents")
        return Documents.of(inventory, manifest).contents()

    def test_parse_what_was_written(self, tmp_path: Path) -> None:
        contents = self.contents(tmp_path)
        documents = Documents.parse(contents)
        assert documents.contents() == contents
        (tmp_path / "meta").mkdir()
        assert {path.name for path in documents.write(tmp_path / "meta")} == set(contents)

    @pytest.mark.parametrize("name", ["manifest", "spec.json", "pack.json"])
    def test_refuse_one_that_is_missing_or_changed(self, tmp_path: Path, name: str) -> None:
        contents = self.contents(tmp_path)
        for wrong in ({**contents, name: b"{}"}, {key: contents[key] for key in contents if key != name}):
            with pytest.raises(Untrusted) as caught:
                Documents.parse(wrong)
            assert caught.value.code == "image-damaged"

    def test_refuse_a_record_of_another_pack(self, tmp_path: Path) -> None:
        contents = self.contents(tmp_path)
        record = json.loads(contents["pack.json"]) | {"pack": "sha256:" + 64 * "0"}
        with pytest.raises(Untrusted):
            Documents.parse({**contents, "pack.json": json.dumps(record).encode()})


def test_a_record_tells_pack_and_manifest(written: Written) -> None:
    meta, image = written
    assert read_pack(meta) == image.pack
    assert read_manifest(meta) == image.manifest
    replace(meta / "pack.json", b"{}")
    for read in (read_pack, read_manifest):
        with pytest.raises(Untrusted):
            read(meta)


class TestDigestsOf:
    def test_are_those_of_the_image(self, written: Written) -> None:
        _, image = written
        contents = image.documents().contents()
        assert digests_of(contents) == (image.pack, image.manifest_digest, image.spec_digest)

    @pytest.mark.parametrize("name", ["manifest", "spec.json", "pack.json"])
    def test_refuse_one_that_is_missing_or_changed(self, written: Written, name: str) -> None:
        contents = written[1].documents().contents()
        for changed in ({k: v for k, v in contents.items() if k != name}, contents | {name: b"{}"}):
            with pytest.raises(Untrusted):
                digests_of(changed)

    def test_documents_are_written_as_they_came(self, written: Written, tmp_path: Path) -> None:
        contents = written[1].documents().contents()
        for path in write_documents(contents, tmp_path):
            assert path.read_bytes() == contents[path.name]
