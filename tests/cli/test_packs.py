from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_envguard.spec import Spec
from tests.cli.conftest import Run
from tests.containers import FORMATS, Item
from tests.packs import PackBuilder


@pytest.mark.parametrize("suffix", FORMATS)
def test_shows_what_is_in_a_pack_of_any_format(run: Run, tmp_path: Path, suffix: str) -> None:
    document = run("inspect", PackBuilder.honest().write(tmp_path, suffix), "--json").json
    assert document["format"] == suffix
    assert document["kernels"] == {"python3": "share/jupyter/kernels/python3/kernel.json"}
    assert Spec.from_json(document["spec"]).digest() == document["spec_digest"]
    assert document["python"] == "3.11.7"


def test_needs_no_site_and_writes_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = PackBuilder.honest().write(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert run("inspect", pack).code == 0
    assert list(empty.iterdir()) == []


def test_reads_for_people(run: Run, tmp_path: Path) -> None:
    done = run("inspect", PackBuilder.honest().dist_info("acme").write(tmp_path), "--packages")
    assert "packages  2 from conda, 1 from pypi" in done.out
    assert "acme" in done.out
    assert done.err == "Reading pack.tar.gz …\n"


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (Item(b"../evil"), "pack-name-dotdot"),
        (Item(b"/etc/passwd"), "pack-name-absolute"),
        (Item(b"a\x1b[2Jb"), "pack-name-control"),
    ],
)
def test_a_hostile_pack_is_refused_with_3(run: Run, tmp_path: Path, item: Item, code: str) -> None:
    done = run("inspect", PackBuilder.honest().add(item).write(tmp_path))
    assert done.refusal == (3, code)
    assert "\x1b" not in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", (3, "pack-empty")),
        (b"hello", (3, "pack-format-unknown")),
        (b"\x1f\x8b broken", (3, "pack-corrupt")),
    ],
)
def test_what_is_no_pack_is_refused(
    run: Run, tmp_path: Path, content: bytes, refusal: tuple[int, str]
) -> None:
    (tmp_path / "x").write_bytes(content)
    assert run("inspect", tmp_path / "x").refusal == refusal


def test_a_missing_file_is_not_found(run: Run, tmp_path: Path) -> None:
    assert run("inspect", tmp_path / "no", "--json").refusal == (4, "file-not-found")


def test_a_folder_is_no_pack(run: Run, tmp_path: Path) -> None:
    assert run("inspect", tmp_path).refusal == (2, "pack-not-a-file")
