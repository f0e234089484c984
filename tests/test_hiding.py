"""Files are hidden from real children, by whatever way they look."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jupyter_envguard import hiding, rulesets, syscalls
from jupyter_envguard.hooks import alone
from jupyter_envguard.paths import above, is_within
from tests.children import in_child
from tests.sites import short_folder
from tests.walls import LOADER


@pytest.fixture
def place() -> Iterator[Path]:
    """Two environments in a store, and a folder beside it."""
    with short_folder() as folder:
        for name in ("one", "two"):
            bin_ = folder / "store" / name / "bin"
            bin_.mkdir(parents=True)
            shutil.copy("/bin/echo", bin_ / "python3.11")
            (bin_ / "python").symlink_to("python3.11")
            (bin_ / "python3.11-config").hardlink_to(bin_ / "python3.11")
            (bin_ / "same").hardlink_to(bin_ / "python3.11")
            (bin_ / "tool").write_text("tool")
        (folder / "beside").write_text("beside")
        (folder / "link").symlink_to("store/one/bin/python3.11")
        yield folder


def hide(paths: Iterable[str], shown: Iterable[str] = ()) -> None:
    """Do as a program to which its hiding was left."""
    syscalls.checked(syscalls.libc.prctl, 38, 1, 0, 0, 0)
    hiding.leave(paths, tuple(shown))
    rulesets.restrict(int(os.environ[hiding.LATER]))


def hidden(act: Callable[[], object], *paths: object, shown: tuple[object, ...] = ()) -> object:
    """Return what `act` returns in a process that may not read `paths`."""

    def confined(_: int) -> object:
        hide(map(str, paths), map(str, shown))
        try:
            return act()
        except OSError as error:
            return errno.errorcode[error.errno or 0]

    return in_child(confined)


class TestPythons:
    def test_are_found_by_their_names_and_by_being_the_same_file(self, place: Path) -> None:
        found = hiding.pythons(str(place / "store/one/bin"))
        assert [Path(path).name for path in found] == ["python3.11", "python3.11-config", "same"]

    def test_are_not_where_there_is_no_folder(self, place: Path) -> None:
        assert hiding.pythons(str(place / "none")) == []


class TestAround:
    def test_names_what_is_beside_and_beside_each_folder(self, place: Path) -> None:
        found = hiding.around([str(place / "store/one/bin/tool")])
        own = [path for path in found if path.startswith(str(place))]
        assert sorted(os.path.relpath(path, place) for path in own) == [
            "beside",
            "store/one/bin/python3.11",
            "store/one/bin/python3.11-config",
            "store/one/bin/same",
            "store/two",
        ]
        assert {"/proc", "/usr"} <= set(found)

    def test_of_a_hidden_folder_only_what_is_shown(self, place: Path) -> None:
        one = place / "store/one"
        found = hiding.around([str(place / "store"), str(one / "bin/tool")], [str(one), str(place)])
        own = sorted(path for path in found if path.startswith(str(place)))
        assert own == [str(place / "beside"), *hiding.pythons(str(one / "bin"))]

    def test_no_other_name_of_what_is_hidden(self, place: Path) -> None:
        one = place / "store/one/bin"
        found = hiding.around([str(one / "same")])
        assert [path for path in found if path.startswith(str(one))] == [str(one / "tool")]

    def test_of_a_folder_that_cannot_be_listed_too(self, place: Path) -> None:
        there = str(place / "none/y")
        assert there in hiding.around([str(place / "none/x")], [there])

    def test_is_what_is_shown_where_everything_is_hidden(self) -> None:
        assert hiding.around(["/"], ["/etc"]) == ["/etc"]

    def test_nothing_twice(self, place: Path) -> None:
        found = hiding.around(
            [str(place / "store")], ["/etc", str(place / "beside"), str(place / "store/one")]
        )
        assert len(found) == len(set(found))
        assert ("/etc" in found, "/etc/passwd" in found) == (True, False)


FOLDERS = ("", "/x", "/x/y", "/x/y/w", "/z")
FILES = [f"{folder}/{name}" for folder in FOLDERS for name in ("f", "g")]
MARKS = st.sets(st.sampled_from([*FOLDERS, *FILES]))


@pytest.fixture(scope="module")
def tree() -> Iterator[str]:
    """Files in five folders."""
    with short_folder() as folder:
        for file in FILES:
            path = Path(f"{folder}{file}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file)
        yield str(folder)


class TestWithout:
    @example(read={""}, closed={"", "/x/y", "/x/y/w/f"}, opened={"/x", "/x/y/w/g"})
    @given(read=MARKS, closed=MARKS, opened=MARKS)
    def test_what_could_be_read_can_be_unless_the_nearest_that_is_named_is_hidden(
        self, tree: str, read: set[str], closed: set[str], opened: set[str]
    ) -> None:
        rights = dict.fromkeys((tree + path for path in read), rulesets.RUN)
        hidden, shown = ([tree + path for path in paths] for paths in (closed, opened))
        left = hiding.without(rights, hidden, shown)
        for path in (tree + file for file in FILES):
            nearest = next((place for place in (path, *above(path)) if place in {*hidden, *shown}), "")
            open_ = is_within(path, rights) and nearest not in hidden
            can = any(left.get(place, 0) & rulesets.READ_FILE for place in (path, *above(path)))
            assert can == open_, path
        assert all(left[path] & rulesets.EXECUTE for path in rights)

    def test_takes_no_other_right(self, tree: str) -> None:
        found = hiding.without({tree: rulesets.CHANGE}, [f"{tree}/x"], [])
        assert found[tree] == rulesets.CHANGE & ~rulesets.READ_FILE
        assert found[f"{tree}/z"] == rulesets.READ_FILE


class TestLeave:
    def test_what_is_hidden_is_not_read_run_copied_or_loaded(self, place: Path) -> None:
        program = place / "store/one/bin/python3.11"
        for path in (program, program.with_name("python"), place / "link", f"/proc/self/root{program}"):
            assert hidden(Path(path).read_bytes, program) == "EACCES"
            assert hidden(lambda path=path: subprocess.run([path]), program) == "EACCES"
            assert hidden(lambda path=path: shutil.copy(path, place / "copy"), program) == "EACCES"
            done = hidden(lambda path=path: subprocess.run([LOADER, str(path)], capture_output=True), program)
            assert b"Permission denied" in done.stderr or b"cannot open" in done.stderr  # type: ignore[attr-defined]

    def test_everything_else_is(self, place: Path) -> None:
        bin_ = place / "store/one/bin"
        assert hidden((bin_ / "tool").read_text, bin_ / "python3.11") == "tool"
        assert hidden((place / "beside").read_text, bin_ / "python3.11") == "beside"
        assert hidden(lambda: subprocess.run(["/bin/true"]).returncode, bin_ / "python3.11") == 0

    def test_what_is_shown_is_read_in_a_hidden_folder_and_nothing_else(self, place: Path) -> None:
        one, two = place / "store/one/bin/tool", place / "store/two/bin/tool"
        assert hidden(one.read_text, place / "store", shown=(one.parent.parent,)) == "tool"
        assert hidden(two.read_text, place / "store", shown=(one.parent.parent,)) == "EACCES"

    def test_what_is_gone_meanwhile_is_passed_over(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hiding, "around", lambda *_: [str(place / "gone"), str(place / "beside")])
        assert hidden((place / "beside").read_text, place) == "beside"

    def test_files_move_between_folders_all_the_same(self, place: Path) -> None:
        def move() -> bool:
            (place / "beside").rename(place / "store/two/beside")
            (place / "store/two/linked").hardlink_to(place / "store/two/bin/tool")
            return (place / "store/two/beside").exists()

        assert hidden(move, place / "store/one/bin/tool") is True

    def test_is_left_to_the_program_where_that_is_hidden_itself(self, place: Path) -> None:
        def act(_: int) -> list[object]:
            syscalls.checked(syscalls.libc.prctl, 38, 1, 0, 0, 0)
            hiding.leave([str(place / "beside")])
            before, number = (place / "beside").read_text(), int(os.environ[hiding.LATER])
            inherited = os.get_inheritable(number)
            rulesets.restrict(number)
            try:
                (place / "beside").read_text()
            except PermissionError:
                return [before, inherited]
            return []

        assert in_child(act) == ["beside", True]


def test_the_variable_is_that_of_the_hook() -> None:
    assert (hiding.LATER, hiding.NAMES) == (alone.LATER, alone.NAMES)
