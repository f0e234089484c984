"""What a look at this very process finds; real kernels do the same in `tests/kernels/test_running.py`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.hooks import drift, report
from jupyter_envguard.hooks.drift import Finding, Watch


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder first on the path; modules that come from it are forgotten afterwards."""
    folder = tmp_path / "outside"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = dict(sys.modules)
    yield folder
    for name in set(sys.modules) - set(before):
        del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watch:
    """A watch of a process that has nothing else of outside: this one has its tests, and more."""
    environment = tmp_path / "environment"
    (environment / "lib").mkdir(parents=True)
    (environment / "lib" / "approved.py").touch()
    (environment / "lib" / "native.cpython-311-x86_64-linux-gnu.so").touch()
    monkeypatch.setattr(sys, "prefix", str(environment))
    monkeypatch.syspath_prepend(str(environment / "lib"))
    made = Watch()
    made.look()
    made._told.clear()
    made._mapped.clear()
    monkeypatch.setattr(drift, "_read_all", lambda path: b"")
    return made


def distribution(folder: Path, name: str, record: str = "") -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text(record)


class TestModules:
    def test_a_helper_of_the_users_own_is_nothing(self, watch: Watch, outside: Path) -> None:
        (outside / "helper").mkdir()
        (outside / "helper" / "__init__.py").touch()
        (outside / "helper" / "part.py").touch()
        (outside / "single.py").touch()
        importlib.import_module("helper.part")
        importlib.import_module("single")
        assert watch.look() == []

    def test_an_installed_distribution_is_foreign_and_found_once(self, watch: Watch, outside: Path) -> None:
        distribution(outside, "Foreign_Thing", "thing/__init__.py,,\nthing/part.py,,\n../../bin/x,,\n")
        (outside / "thing").mkdir()
        (outside / "thing" / "__init__.py").touch()
        (outside / "thing" / "part.py").touch()
        importlib.import_module("thing")
        assert watch.look() == [Finding("foreign-package", "Foreign_Thing 1.0", str(outside))]
        importlib.import_module("thing.part")
        assert watch.look() == []

    def test_so_is_a_single_module_that_only_top_level_names(self, watch: Watch, outside: Path) -> None:
        info = outside / "old-2-py3.11.egg-info"
        info.mkdir()
        (info / "top_level.txt").write_text("older\n")
        (outside / "older.py").touch()
        importlib.import_module("older")
        assert watch.look() == [Finding("foreign-package", "old 2", str(outside))]

    def test_a_package_beside_a_helper_that_was_imported_before_is_foreign(
        self, watch: Watch, outside: Path
    ) -> None:
        (outside / "helper.py").touch()
        importlib.import_module("helper")
        assert watch.look() == []
        distribution(outside, "thing", "thing.py,,\n")
        (outside / "thing.py").touch()
        importlib.invalidate_caches()
        importlib.import_module("thing")
        assert watch.look() == [Finding("foreign-package", "thing 1.0", str(outside))]

    def test_a_folder_of_packages_needs_no_records(
        self, watch: Watch, outside: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = outside / "venv/lib/site-packages"
        folder.mkdir(parents=True)
        (folder / "bare.py").touch()
        monkeypatch.syspath_prepend(str(folder))
        importlib.import_module("bare")
        assert watch.look() == [Finding("foreign-package", "bare", str(folder))]

    def test_a_module_in_a_zip_is_foreign(
        self, watch: Watch, outside: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with zipfile.ZipFile(outside / "wheel.whl", "w") as archive:
            archive.writestr("zipped/__init__.py", "")
        monkeypatch.syspath_prepend(str(outside / "wheel.whl"))
        importlib.import_module("zipped")
        assert watch.look() == [Finding("foreign-package", "zipped", str(outside / "wheel.whl"))]

    @pytest.mark.parametrize("name", ["approved", "native", "itertools"])
    def test_a_name_of_the_environment_is_shadowed(self, name: str, watch: Watch, outside: Path) -> None:
        (outside / f"{name}.py").touch()
        spec = importlib.util.spec_from_file_location(name, outside / f"{name}.py")
        assert spec is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        assert watch.look() == [Finding("shadowed-name", name, str(outside))]

    def test_a_module_that_lies_about_its_file_has_still_a_spec(self, watch: Watch, outside: Path) -> None:
        distribution(outside, "liar")
        (outside / "liar.py").write_text(f"__file__ = {os.path.join(sys.prefix, 'lib/liar.py')!r}")
        importlib.import_module("liar")
        assert [found.name for found in watch.look()] == ["liar 1.0"]

    def test_what_is_no_module_is_passed_by(self, watch: Watch, outside: Path) -> None:
        class Hostile:
            def __getattribute__(self, name: str) -> Any:
                raise RuntimeError(name)

        class Lazy(types.ModuleType):
            def __getattr__(self, name: str) -> Any:
                raise SystemExit("loaded")

        spec = types.SimpleNamespace(origin=7)
        for number, thing in enumerate([Hostile(), Lazy("lazy"), None, 5, types.ModuleType("made")]):
            sys.modules[f"odd{number}"] = thing  # type: ignore[assignment]
        sys.modules["odd"] = made = types.ModuleType("odd")
        made.__spec__ = spec  # type: ignore[assignment]
        assert watch.look() == []

    def test_no_more_than_so_many_are_told(
        self, watch: Watch, outside: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(drift, "MOST_FINDINGS", 1)
        for name in ("one", "two"):
            distribution(outside, name)
            (outside / f"{name}.py").touch()
            importlib.import_module(name)
        assert len(watch.look()) == 1
        assert watch.look() == []


def mapping(lines: bytes, size: bytes = b"") -> Callable[[str], bytes]:
    """Stand in for the files of `/proc/self`."""
    return lambda path: lines if path.endswith("maps") else size


class TestNative:
    def test_what_is_mapped_is_listed_only_when_there_is_more_code(
        self, watch: Watch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line = self.LINE % (b"r-xp", b"/home/ada/evil.so")
        for size, lines, number in ((b"8", b"", 0), (b"8", line, 0), (b"12", line, 1)):
            monkeypatch.setattr(drift, "_read_all", mapping(lines, b"Name: x\nVmLib:\t " + size + b" kB\n"))
            assert len(watch.look()) == number

    LINE = b"7f00-7f01 %s 00000000 fe:01 123   %s\n"

    @pytest.mark.parametrize(
        ("rights", "path", "is_found"),
        [
            (b"r-xp", b"/home/ada/evil.so", True),
            (b"r-xs", b"/memfd:x (deleted)", True),
            (b"r-xp", b"/usr/lib/python3/dist-packages/a.so", True),
            (b"r-xp", b"/usr/lib/no such file.so", True),
            (b"r--p", b"/home/ada/evil.so", False),
            (b"rw-p", b"/home/ada/evil.so", False),
        ],
    )
    def test_only_code_counts(
        self,
        rights: bytes,
        path: bytes,
        is_found: bool,
        watch: Watch,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        lines = b"55-56 r-xp 0 0:0 0 [vdso]\n55-56 r-xp 0 0:0 0 \n" + self.LINE % (rights, path)
        monkeypatch.setattr(drift, "_read_all", mapping(lines))
        found = [Finding("foreign-native", os.path.basename(path.decode()), path.decode())]
        assert watch.look() == (found if is_found else [])
        assert watch.look() == []

    def test_the_environment_and_the_machine_are_at_home(
        self, watch: Watch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (system,) = {
            line
            for line in drift.EXECUTABLE.findall(Path("/proc/self/maps").read_bytes())
            if b"libc.so" in line
        }
        inside = os.fsencode(f"{os.path.realpath(sys.prefix)}/lib/native.so")
        lines = self.LINE % (b"r-xp", inside) + self.LINE % (b"r-xp", system)
        monkeypatch.setattr(drift, "_read_all", mapping(lines))
        assert watch.look() == []


class Shell:
    def __init__(self) -> None:
        self.events = self
        self.after: list[Any] = []

    def register(self, name: str, call: Any) -> None:
        assert name == "post_run_cell"
        self.after.append(call)


class TestTelling:
    @pytest.fixture
    def told(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        heard: list[dict[str, Any]] = []
        monkeypatch.setattr(report, "report", lambda **message: heard.append(message))
        return heard

    def test_the_first_look_is_told_and_then_only_what_is_found(
        self, monkeypatch: pytest.MonkeyPatch, told: list[dict[str, Any]]
    ) -> None:
        looks = iter([[], [], [Finding("foreign-package", "x", "/x")], []])
        monkeypatch.setattr(Watch, "look", lambda self: next(looks))
        shell = Shell()
        drift.watch(shell)
        assert told == [{"about": "drift"}]
        for _ in range(3):
            shell.after[0](object())
        assert told == [
            {"about": "drift"},
            {"about": "drift", "kind": "foreign-package", "name": "x", "where": "/x"},
        ]

    def test_whatever_goes_wrong_the_next_cell_runs(
        self, monkeypatch: pytest.MonkeyPatch, told: list[dict[str, Any]]
    ) -> None:
        def fail(_: Watch) -> list[Finding]:
            raise RuntimeError("patched")

        monkeypatch.setattr(Watch, "look", fail)
        shell = Shell()
        drift.watch(shell)
        shell.after[0]()
        assert told == []
