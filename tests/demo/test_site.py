"""The demo's site is made once, gone on with, and made anew when it was spent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from demo.environments import Packs
from demo.site import CommandFailed, Offering, envguard, make, remove

pytestmark = pytest.mark.packs


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a sealed image cannot lie deep."""
    folder = Path(mkdtemp(prefix="eg-"))
    yield folder
    remove(folder) if folder.is_dir() else None


def offering(packs: Packs) -> Offering:
    return Offering("calc", "1", packs.calc, "Calculator", "Adds and multiplies.", ("everybody",))


def test_makes_approves_and_goes_on(packs: Packs, folder: Path) -> None:
    told: list[str] = []
    site = make(folder / "site", [offering(packs)], told.append)
    assert [line.split()[3] for line in told] == ["init", "import", "approve"]
    (entry,) = envguard("list", "--site", site)["entries"]
    assert (entry["state"], entry["groups"]) == ("approved", ["everybody"])
    told.clear()
    assert make(folder / "site", [offering(packs)], told.append) == site
    assert told == []


def test_a_site_with_a_revoked_release_is_made_anew(packs: Packs, folder: Path) -> None:
    site = make(folder / "site", [offering(packs)], lambda _: None)
    envguard("revoke", "calc@1", "--reason", "Trying it out", "--site", site)
    told: list[str] = []
    make(folder / "site", [offering(packs)], told.append)
    assert "calc@1 is revoked" in told[0]
    assert envguard("list", "--site", site)["entries"][0]["state"] == "approved"


def test_a_refusal_is_told_in_the_commands_own_words(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"error\[file-not-found\].*\nhint: "):
        envguard("list", "--site", tmp_path / "site.yaml")


def test_removes_folders_that_nobody_may_write_to(tmp_path: Path) -> None:
    sealed = tmp_path / "a" / "b"
    sealed.mkdir(parents=True)
    (sealed / "file").touch()
    (sealed / "link").symlink_to("/")
    sealed.chmod(0o555)
    sealed.parent.chmod(0o555)
    remove(tmp_path / "a")
    assert not (tmp_path / "a").exists()
