from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.store import Store, Weakness
from jupyter_envguard.store.layout import Layout, is_name
from tests.stores import NOBODY, root_only


class TestFolders:
    def test_lie_below_the_root_and_are_no_images(self) -> None:
        layout = Layout(Path("/opt/envguard"))
        assert {path.parent for path, _ in layout.folders()} == {layout.root}
        assert not any(is_name(path.name) for path, _ in layout.folders())

    def test_what_users_need_not_see_they_cannot(self) -> None:
        layout = Layout(Path("/opt/envguard"))
        closed = {path.name for path, mode in layout.folders() if mode == 0o700}
        assert closed == {".kept", ".locks", ".trash", ".quarantine"}

    def test_an_image_lies_where_its_digest_says(self) -> None:
        layout = Layout(Path("/opt/envguard"))
        assert layout.path_of("sha256:" + "0f" * 32) == Path("/opt/envguard") / ("0f" * 16)
        with pytest.raises(InvalidInput):
            layout.path_of("sha256:../../etc")


class TestWeaknesses:
    def problems(self, store: Store, below: Path) -> list[tuple[str, str]]:
        found = store.weaknesses()
        inside = [weakness for weakness in found if Path(weakness.path).is_relative_to(below)]
        return [(os.path.relpath(weakness.path, below), weakness.message) for weakness in inside]

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        (tmp_path / "a/store").mkdir(parents=True)
        for path in (tmp_path / "a", tmp_path / "a/store"):
            path.chmod(0o755)
        return tmp_path / "a"

    def test_a_good_place_has_none(self, place: Path) -> None:
        assert self.problems(Store(place / "store"), place) == []

    def test_an_absent_store_is_one(self, tmp_path: Path) -> None:
        (found,) = Store(tmp_path / "store").weaknesses()
        assert found == Weakness(
            str(tmp_path / "store"), "It does not exist.", "Import a pack, which makes it."
        )

    def test_parents_that_others_write_to(self, place: Path) -> None:
        place.chmod(0o777)
        (place / "store").chmod(0o775)
        group = place.stat().st_gid
        assert self.problems(Store(place / "store"), place) == [
            (".", "Everybody can replace what is below."),
            (".", f"Group {group} can replace what is below."),
            ("store", f"Group {group} can replace what is below."),
        ]

    def test_a_sticky_parent_is_fine(self, place: Path) -> None:
        place.chmod(0o1777)
        assert self.problems(Store(place / "store"), place) == []

    def test_a_place_that_users_cannot_reach(self, place: Path) -> None:
        place.chmod(0o700)
        assert self.problems(Store(place / "store"), place) == [(".", "Users cannot reach what is below.")]

    @root_only
    def test_a_parent_of_somebody_else(self, place: Path) -> None:
        os.chown(place, NOBODY, -1)
        message = f"It belongs to uid {NOBODY}, who can replace what is below."
        assert self.problems(Store(place / "store"), place) == [(".", message)]

    def test_a_file_system_that_machines_share(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jupyter_envguard.store.layout.kind_of", lambda _: "nfs4")
        ((where, message),) = self.problems(Store(place / "store"), place)
        assert (where, "(nfs4)" in message) == ("store", True)

    def test_a_link_on_the_way(self, place: Path) -> None:
        (place / "link").symlink_to(".")
        assert self.problems(Store(place / "link/store"), place) == [("link", "It is a symbolic link.")]
