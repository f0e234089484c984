"""The guard of imports: what it judges, finds, hears of and tells."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import sys
import zipfile
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.hooks import imports, report
from jupyter_envguard.kernels import reports
from tests.children import in_child
from tests.hooks.distributions import distribution

NATIVE = "it is machine code"
PACKAGE = "it is an installed package"
SHADOW = "the environment has a module of that name"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment with one package and one module."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    site = tmp_path / "env/lib" / version / "site-packages"
    (site / "numpy").mkdir(parents=True)
    (site / "numpy/__init__.py").touch()
    (site / "numpy-2.0.dist-info").mkdir()
    (site.parent / "json.py").touch()
    return tmp_path / "env"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of the user, with a module and a package of their own."""
    folder = tmp_path / "own"
    (folder / "mine").mkdir(parents=True)
    (folder / "mine/__init__.py").touch()
    (folder / "helper.py").touch()
    return folder


@pytest.fixture
def judge(prefix: Path) -> Callable[[str, object], str]:
    found = imports.judge_of(str(prefix))
    return lambda name, path: found(name, str(path))


Judging = Callable[[str, object], str]


class TestJudge:
    def test_the_environment_loads(self, judge: Judging, prefix: Path) -> None:
        site = next(prefix.glob("lib/*/site-packages"))
        assert judge("numpy", site / "numpy/__init__.py") == ""
        assert judge("numpy.core", site / f"numpy/core{EXTENSION_SUFFIXES[0]}") == ""
        assert judge("json", site.parent / "json.py") == ""

    def test_the_hooks_load(self, judge: Judging) -> None:
        assert judge("envguard_hooks.card", Path(imports.__file__).parent / "card.py") == ""

    def test_own_plain_modules_load(self, judge: Judging, own: Path) -> None:
        assert judge("helper", own / "helper.py") == ""
        assert judge("", own / "helper.py") == ""

    def test_own_packages_do_not_unless_the_site_allows_them(
        self, judge: Judging, own: Path, prefix: Path
    ) -> None:
        allowing = imports.judge_of(str(prefix), packages=True)
        for name, path in (("mine", "__init__.py"), ("mine.part", "part.py"), ("", "__init__.py")):
            assert judge(name, own / "mine" / path) == imports.PACKAGE
            assert allowing(name, str(own / "mine" / path)) == ""

    @pytest.mark.parametrize("name", ["x.so", f"x{EXTENSION_SUFFIXES[0]}"])
    def test_machine_code_does_not(self, judge: Judging, own: Path, name: str) -> None:
        assert judge("x", own / name) == NATIVE

    @pytest.mark.parametrize("name", ["numpy", "json", "sys"])
    def test_an_approved_name_does_not(self, judge: Judging, own: Path, name: str) -> None:
        assert judge(name, own / f"{name}.py") == SHADOW
        assert judge(f"{name}.part", own / f"{name}/part.py") == SHADOW

    @pytest.mark.parametrize("folder", ["lib/site-packages", "dist-packages", "site-packages/deeper"])
    def test_nothing_loads_from_where_packages_are_installed(
        self, judge: Judging, own: Path, folder: str
    ) -> None:
        assert judge("foreign", own / folder / "foreign/__init__.py") == PACKAGE

    @pytest.mark.parametrize(
        "listed",
        [
            {"record": "foreign/__init__.py,sha256=x,1\nforeign/more.py,,\n"},
            {"record": "foreign.py,,\n"},
            {"top_level": "foreign\n"},
            {"top_level": "foreign\n", "kind": "egg-info"},
            {},
        ],
    )
    def test_what_a_distribution_beside_it_names_does_not(
        self, judge: Judging, own: Path, listed: dict[str, str]
    ) -> None:
        distribution(own, **listed)
        assert judge("foreign", own / "foreign/__init__.py") == PACKAGE
        assert judge("foreign.more", own / "foreign/more.py") == PACKAGE
        assert judge("helper", own / "helper.py") == ("" if listed else PACKAGE)

    def test_a_package_that_came_later_is_one(self, judge: Judging, own: Path) -> None:
        assert judge("helper", own / "helper.py") == ""
        distribution(own, "thing/__init__.py,,\n")
        assert judge("thing", own / "thing/__init__.py") == PACKAGE
        assert judge("helper", own / "helper.py") == ""

    def test_a_link_into_the_environment_is_followed_each_time(
        self, judge: Judging, own: Path, prefix: Path
    ) -> None:
        link = own / "link"
        link.symlink_to(next(prefix.glob("lib/*/site-packages")))
        assert judge("numpy", link / "numpy/__init__.py") == ""
        assert judge("six", link / "six.py") == ""
        link.unlink()
        distribution(link, "six.py,,\n")
        assert judge("six", link / "six.py") == PACKAGE

    def test_without_a_name_the_folders_tell_which_package_it_is(self, judge: Judging, own: Path) -> None:
        distribution(own, record="mine/__init__.py,,\nmine/deep/__init__.py,,\n")
        (own / "mine/deep").mkdir()
        (own / "mine/deep/__init__.py").touch()
        assert judge("", own / "mine/deep/x.py") == PACKAGE
        assert judge("", own / "mine/__pycache__/x.cpython-311.pyc") == PACKAGE
        assert judge("", own / "helper.py") == ""

    def test_nothing_loads_from_an_archive(self, judge: Judging, own: Path) -> None:
        zipfile.ZipFile(own / "a.whl", "w").close()
        assert judge("foreign", own / "a.whl/foreign/__init__.py") == PACKAGE

    def test_a_folder_that_is_gone_holds_no_packages(self, judge: Judging, tmp_path: Path) -> None:
        assert judge("cell", tmp_path / "ipykernel_1/2.py") == ""


class Finding:
    """A finder that finds one module."""

    def __init__(self, name: str, origin: object) -> None:
        self.spec = ModuleSpec(name, None)
        self.spec.origin = origin  # type: ignore[assignment]

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return self.spec if name == self.spec.name else None


class TestFinder:
    @pytest.fixture
    def finder(self, prefix: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> imports.Finder:
        finder = imports.Finder(imports.judge_of(str(prefix)))
        others = [
            object(),
            Finding("foreign", str(own / "foreign.so")),
            Finding("helper", str(own / "helper.py")),
            Finding("typed", None),
            Finding("frozen", "frozen"),
        ]
        monkeypatch.setattr(sys, "meta_path", [finder, *others])
        return finder

    @pytest.mark.parametrize("name", ["helper", "typed", "frozen"])
    def test_returns_what_others_find(self, finder: imports.Finder, name: str) -> None:
        assert finder.find_spec(name).name == name

    def test_finds_nothing_where_others_do_not(self, finder: imports.Finder) -> None:
        assert finder.find_spec("nothing") is None

    def test_refuses_in_a_sentence(
        self, finder: imports.Finder, own: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(imports, "REQUEST_URL", "https://hub.example/ask")
        with pytest.raises(ImportError) as caught:
            finder.find_spec("foreign")
        assert str(caught.value) == (
            f"envguard: loading 'foreign' from {own} is turned off for approved environments,"
            " because it is machine code. Ask for a package: https://hub.example/ask"
        )
        assert (caught.value.name, caught.value.path) == ("foreign", str(own / "foreign.so"))


class TestAudit:
    @pytest.fixture
    def finder(self, prefix: Path) -> imports.Finder:
        return imports.Finder(imports.judge_of(str(prefix)))

    @pytest.fixture
    def hook(self, prefix: Path, finder: imports.Finder) -> Callable[[str, tuple[Any, ...]], None]:
        return imports.audit_of(str(prefix), finder, imports.judge_of(str(prefix)))

    def test_puts_the_finder_back_in_front(self, hook: Any, finder: imports.Finder) -> None:
        for finders in ([], ["other"], ["other", finder]):
            hook("import", ("json", None, [], finders, []))
            assert finders == [finder, *[each for each in finders if each == "other"]]

    def test_refuses_extensions_from_outside(self, hook: Any, own: Path, prefix: Path) -> None:
        hook("import", ("x", str(prefix / "x.so"), None, None, None))
        with pytest.raises(ImportError, match="machine code"):
            hook("import", ("x", str(own / "x.so"), None, None, None))

    @pytest.mark.parametrize("kind", [str, os.fsencode])
    def test_refuses_libraries_from_outside(self, hook: Any, own: Path, prefix: Path, kind: Any) -> None:
        for path in ("libc.so.6", "/usr/lib/x.so", str(prefix / "lib/x.so")):
            hook("ctypes.dlopen", (kind(path),))
        hook("ctypes.dlopen", (None,))
        with pytest.raises(ImportError, match="machine code"):
            hook("ctypes.dlopen", (kind(str(own / "x.so")),))

    def test_refuses_modules_of_packages_whoever_imports_them(self, hook: Any, own: Path) -> None:
        distribution(own, top_level="foreign")
        hook("exec", (compile("1", str(own / "helper.py"), "exec"),))
        (own / "foreign").mkdir()
        (own / "foreign/__init__.py").touch()
        for place in ("foreign.py", "foreign/__init__.py"):
            with pytest.raises(ImportError, match=r"loading 'foreign' .* installed package"):
                hook("exec", (compile("1", str(own / place), "exec"),))

    @pytest.mark.parametrize(
        ("event", "args"),
        [("exec", ()), ("import", (1,)), ("import", (1, 2, 3, 4, 5)), ("ctypes.dlopen", (object(),))],
    )
    def test_what_cannot_be_understood_is_refused(self, hook: Any, event: str, args: tuple[Any, ...]) -> None:
        with pytest.raises(ImportError, match="nobody can tell"):
            hook(event, args)

    def test_shows_nothing_of_itself_in_what_it_raises(self, hook: Any, own: Path) -> None:
        for event, args in (("exec", ()), ("import", ("x", str(own / "x.so"), None, None, None))):
            with pytest.raises(ImportError) as caught:
                hook(event, args)
            frames = [entry.frame for entry in caught.traceback][1:]
            seen = [value for frame in frames for value in frame.f_locals.values()]
            assert [frame.f_globals for frame in frames] == [{"__builtins__": {}}]
            assert not [value for value in seen if hasattr(value, "__globals__")]
            assert (caught.value.__context__, caught.value.__cause__) == (None, None)

    def test_an_interrupt_stays_one_and_shows_nothing_either(self, prefix: Path) -> None:
        def interrupted(*_: object) -> str:
            raise KeyboardInterrupt

        finder: Any = None
        hook: Any = imports.audit_of(str(prefix), finder, interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            hook("exec", (compile("1", "/x/x.py", "exec"),))
        assert [entry.frame.f_globals for entry in caught.traceback][1:] == [{"__builtins__": {}}]

    def test_leaves_everything_else_alone(self, hook: Any) -> None:
        for what in (
            "text",
            compile("1", "<string>", "exec"),
            compile("1", "/x", "exec").replace(co_name="f"),
        ):
            hook("exec", (what,))
        hook("open", ("/x/y.so", "r", 0))


def test_both_guards_are_installed(tmp_path: Path) -> None:
    """In a fork, because an audit hook is for good."""

    def act(_: int) -> list[object]:
        imports.install()
        finder = sys.meta_path.pop(0)
        with pytest.raises(ImportError, match="machine code"):
            sys.audit("import", "x", str(tmp_path / "x.so"), None, None, None)
        sys.audit("import", "x", None, sys.path, sys.meta_path, sys.path_hooks)
        return [type(finder).__name__, sys.meta_path[0] is finder]

    assert in_child(act) == ["Finder", True]


class TestTelling:
    """What is refused is told once, by the line of a kernel or else by the session's socket."""

    NAME = "\N{GRINNING FACE}"

    def told(self, guard: Any, ear: socket.socket) -> list[dict[str, str]]:
        for name in (self.NAME, self.NAME, "y", "z" * 999):
            guard.refusal(name, "/x/x.py", NATIVE)
        ear.setblocking(False)
        found = []
        with contextlib.suppress(BlockingIOError):
            while content := ear.recv(9000):
                found.append(json.loads(content))
        return found

    @pytest.fixture
    def guard_with(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
        """Load the guard anew, as a kernel with these variables does."""

        def load(**variables: str) -> Any:
            for name in (report.LINE, report.ADDRESS):
                monkeypatch.setenv(name, variables.get(name, ""))
            spec = importlib.util.spec_from_file_location("anew", imports.__file__)
            assert spec is not None
            assert spec.loader is not None
            found = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(found)
            return found

        return load

    def test_by_the_line(self, guard_with: Callable[..., Any]) -> None:
        ear, line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ear, line:
            found = self.told(guard_with(**{report.LINE: str(line.fileno())}), ear)
            line.send(b"it is open")
        assert [message["name"] for message in found] == [self.NAME, "y", "z" * report.MAX_TEXT]
        assert found[0] == {"about": "import", "name": self.NAME, "where": "/x", "why": NATIVE}
        assert all(reports.parse(json.dumps(message).encode()) for message in found)

    def test_by_the_sessions_socket(self, guard_with: Callable[..., Any], tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            ear.bind(str(tmp_path / "r"))
            found = self.told(guard_with(**{report.ADDRESS: str(tmp_path / "r")}), ear)
        assert [message["name"] for message in found] == [self.NAME, "y", "z" * report.MAX_TEXT]

    @pytest.mark.parametrize("number", ["", "x", "9" * 30, "99999"])
    def test_where_nobody_listens_it_is_refused_all_the_same(
        self, guard_with: Callable[..., Any], number: str
    ) -> None:
        assert NATIVE in str(guard_with(**{report.LINE: number}).refusal("x", "/x/x.so", NATIVE))

    def test_nothing_is_written_to_what_has_the_number_of_a_line_that_was_closed(
        self, guard_with: Callable[..., Any], tmp_path: Path
    ) -> None:
        ear, line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        number = line.fileno()
        guard = guard_with(**{report.LINE: str(number)})
        with ear, (tmp_path / "own").open("w") as own:
            line.close()
            os.dup2(own.fileno(), number)
            guard.refusal("x", "/x/x.so", NATIVE)
            os.close(number)
        assert (tmp_path / "own").read_bytes() == b""

    def test_a_kernel_tells_no_more_than_so_many(
        self, guard_with: Callable[..., Any], tmp_path: Path
    ) -> None:
        guard = guard_with(**{report.ADDRESS: str(tmp_path / "nobody")})
        for number in range(guard.MOST_TOLD + 9):
            guard.refusal(str(number), "/x/x.so", NATIVE)
        assert len(guard._told) == guard.MOST_TOLD


def test_texts_are_as_long_as_those_of_reports() -> None:
    assert imports.MAX_TEXT == report.MAX_TEXT
