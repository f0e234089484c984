from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyter_envguard.site import load
from tests.cli.conftest import Run


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_makes_a_site_that_every_verb_can_use(site: Path, run: Run) -> None:
    assert names(site.parent) >= {"catalog", "keys", "log.sqlite", "root.json", "site.yaml", "spool", "store"}
    assert stat.S_IMODE((site.parent / "decisions").stat().st_mode) == 0o711
    assert run("list", "--site", site).out == "No release.\n"
    assert run("log", "--verify", "--site", site).code == 0


def test_keys_are_for_their_owner_only(site: Path) -> None:
    keys = load(site).require_keys()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()}
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert modes == {0o600}


def test_records_itself(site: Path, run: Run) -> None:
    records = run("log", "--site", site, "--json").json["records"]
    assert [record["type"] for record in records] == ["site.init"]


def test_the_name_and_the_store_are_as_asked(run: Run, tmp_path: Path) -> None:
    done = run("init", tmp_path / "lab", "--name", "Research: Hub #1", "--store", tmp_path / "s", "--json")
    site = load(Path(done.json["site"]))
    assert (site.name, site.store_root, site.store_root.is_dir()) == (
        "Research: Hub #1",
        tmp_path / "s",
        True,
    )


def test_an_empty_folder_may_become_a_site(run: Run, tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    assert run("init", tmp_path / "lab").code == 0


def test_never_overwrites(run: Run, site: Path) -> None:
    before = site.read_bytes()
    assert run("init", site.parent).refusal == (5, "site-exists")
    assert site.read_bytes() == before


@pytest.mark.parametrize("kind", ["file", "full", "link", "dangling"])
def test_refuses_whatever_is_there_already(run: Run, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "in" / "lab"
    place.parent.mkdir()
    if kind == "file":
        place.write_text("x")
    elif kind == "full":
        (place / "x").mkdir(parents=True)
    else:
        target = tmp_path / "target"
        if kind == "link":
            (target / "x").mkdir(parents=True)
        place.symlink_to(target)
    done = run("init", place)
    if kind == "dangling":
        assert (done.code, names(target) >= {"site.yaml"}) == (0, True)
    else:
        assert done.refusal == (5, "site-exists")
    assert names(place.parent) == {"lab"}


@pytest.mark.parametrize(
    "words",
    [
        ["--store", "/" + "x" * 200],
        ["--store", "/tmp/has space"],
        ["--name", "a\nb"],
        ["--request-url", "javascript:alert(1)"],
    ],
)
def test_a_bad_value_makes_nothing(run: Run, tmp_path: Path, words: list[str]) -> None:
    assert run("init", tmp_path / "lab", *words).refusal == (2, "site-invalid")
    assert names(tmp_path) == set()


def test_a_parent_that_is_a_file_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert run("init", tmp_path / "file" / "lab").code in (2, 4, 7)
    assert names(tmp_path) == {"file"}


def test_a_failure_halfway_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "log.sqlite")

    monkeypatch.setattr("jupyter_envguard.cli.init.Log.append", full)
    assert run("init", tmp_path / "lab").refusal == (7, "disk-full")
    assert names(tmp_path) == set()


def test_of_two_at_once_one_makes_the_site(spawn: Run, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        codes = sorted(pool.map(lambda _: spawn("init", tmp_path / "lab").code, range(2)))
    assert codes == [0, 5]
    assert names(tmp_path) == {"lab"}


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_unavailable(run: Run, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    assert run("init", tmp_path / "lab").refusal == (7, "permission-denied")
