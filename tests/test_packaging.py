"""What is built, what lands where, and what must never ship."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

LAB = "jupyter_envguard-{version}.data/data/share/jupyter/labextensions/jupyter-envguard/"
ETC = "jupyter_envguard-{version}.data/data/etc/jupyter/"
EPOCH = "1764201600"


def run(
    command: list[str | Path], cwd: Path, *, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PIP_NO_INDEX": "1", "PYTHONWARNINGS": "", **environment},
        capture_output=True,
        text=True,
    )
    if check and done.returncode:
        raise AssertionError(f"{command} failed:\n{done.stdout}\n{done.stderr}")
    return done


def build(
    source: Path, kind: str, into: Path, *, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", into, "."]
    return run(command, source, check=check, SOURCE_DATE_EPOCH=EPOCH, **environment)


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def install_as(installed: Path, target: Path) -> None:
    """Let `target` be a copy of what npm has `installed`; a link to it would be emptied by `npm ci`."""

    def link(source: str, copy: str) -> None:
        try:
            os.link(source, copy, follow_symlinks=False)
        except OSError:  # another file system
            shutil.copy2(source, copy, follow_symlinks=False)

    shutil.copytree(installed, target, symlinks=True, copy_function=link)
    done = target / ".package-lock.json"
    content = done.read_bytes()
    done.unlink()
    done.write_bytes(content)  # newer than the copied lock, as after an install


@pytest.fixture(scope="session")
def backend(root: Path) -> ModuleType:
    """The build backend, with a true bundle in `dist/`."""
    specification = importlib.util.spec_from_file_location(
        "build_backend", root / "labextension/build_backend.py"
    )
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    module.bundle()
    return module


@pytest.fixture(scope="session")
def version(root: Path) -> str:
    found = re.search(r'^version = "(.+)"$', (root / "pyproject.toml").read_text(), re.MULTILINE)
    assert found
    return found[1]


@pytest.fixture(scope="session")
def snapshot(root: Path, backend: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a checkout has it, with a true bundle; nothing is built in here."""
    assert not backend.problem()
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = [Path(name) for name in run(command, root).stdout.splitlines()]
    bundle = [path.relative_to(root) for path in (root / "labextension/dist").rglob("*") if path.is_file()]
    folder = tmp_path_factory.mktemp("snapshot")
    for name in [*listed, *bundle]:
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)
    return folder


@pytest.fixture
def copy(snapshot: Path, tmp_path: Path) -> Path:
    """A copy of the project, to be changed by the test."""
    return shutil.copytree(snapshot, tmp_path / "source")


@pytest.fixture(scope="session")
def no_node(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which there is no npm."""
    return str(tmp_path_factory.mktemp("empty-bin"))


@pytest.fixture(scope="session")
def wheel(snapshot: Path, no_node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built once; the bundle is true already, so no npm is needed."""
    folder = tmp_path_factory.mktemp("wheel")
    build(shutil.copytree(snapshot, folder / "source"), "wheel", folder, PATH=no_node)
    return only(folder, "*.whl")


@pytest.fixture(scope="session")
def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class TestWheel:
    def test_holds_one_production_bundle(self, contents: dict[str, bytes], version: str) -> None:
        lab = LAB.format(version=version)
        static = [name.removeprefix(lab) for name in contents if name.startswith(lab + "static/")]
        assert len([name for name in static if "remoteEntry" in name]) == 1
        assert not [name for name in contents if name.endswith(".map")]
        licences = json.loads(contents[lab + "static/third-party-licenses.json"])
        assert all(package["licenseId"] for package in licences["packages"])

    def test_loads_the_bundle_that_it_holds(self, contents: dict[str, bytes], version: str) -> None:
        lab = LAB.format(version=version)
        described = json.loads(contents[lab + "package.json"])
        assert described["version"] == version
        assert lab + described["jupyterlab"]["_build"]["load"] in contents

    def test_says_from_which_sources_the_bundle_was_made(
        self, contents: dict[str, bytes], version: str, backend: ModuleType
    ) -> None:
        record = json.loads(contents[LAB.format(version=version) + "build.json"])
        assert record == {"mode": "production", "sources": backend.digest_of_sources()}

    def test_switches_the_server_extension_on(self, contents: dict[str, bytes], version: str) -> None:
        name = ETC.format(version=version) + "jupyter_server_config.d/jupyter_envguard.json"
        extensions = json.loads(contents[name])["ServerApp"]["jpserver_extensions"]
        assert extensions == {"jupyter_envguard": True}

    def test_tells_jupyterlab_how_to_uninstall(self, contents: dict[str, bytes], version: str) -> None:
        assert (
            json.loads(contents[LAB.format(version=version) + "install.json"])["packageManager"] == "python"
        )

    def test_places_the_badge_in_the_toolbar(self, contents: dict[str, bytes], version: str) -> None:
        schema = LAB.format(version=version) + "schemas/jupyter-envguard/badge.json"
        assert "Notebook" in json.loads(contents[schema])["jupyter.lab.toolbars"]

    def test_holds_every_file_of_the_package_and_no_other_package(
        self, contents: dict[str, bytes], root: Path
    ) -> None:
        tracked = set(run(["git", "ls-files", "jupyter_envguard"], root).stdout.splitlines())
        shipped = {name for name in contents if ".data/" not in name and ".dist-info/" not in name}
        assert tracked - shipped == set()
        assert {name.split("/")[0] for name in shipped} == {"jupyter_envguard"}

    def test_is_small(self, wheel: Path) -> None:
        assert wheel.stat().st_size < 1_000_000

    def test_is_the_same_bytes_whenever_and_wherever_it_is_built(
        self, wheel: Path, snapshot: Path, no_node: str, tmp_path: Path
    ) -> None:
        source = shutil.copytree(snapshot, tmp_path / "elsewhere", copy_function=shutil.copyfile)
        build(source, "wheel", tmp_path, PATH=no_node)
        one, two = (
            hashlib.sha256(path.read_bytes()).hexdigest() for path in (wheel, only(tmp_path, "*.whl"))
        )
        assert one == two


class TestBundle:
    """A build without npm, so that nothing can be put right behind our backs."""

    def refused(self, copy: Path, no_node: str) -> str:
        done = build(copy, "wheel", copy.parent, check=False, PATH=no_node)
        assert done.returncode != 0
        assert not list(copy.parent.glob("*.whl"))
        assert "install Node.js" in done.stdout + done.stderr
        return done.stdout + done.stderr

    def test_that_is_missing_is_refused(self, copy: Path, no_node: str) -> None:
        shutil.rmtree(copy / "labextension/dist")
        assert "has no complete bundle" in self.refused(copy, no_node)

    def test_that_lost_its_entry_is_refused(self, copy: Path, no_node: str) -> None:
        only(copy / "labextension/dist/static", "remoteEntry*.js").unlink()
        assert "(0 remoteEntry files)" in self.refused(copy, no_node)

    def test_that_holds_two_builds_is_refused(self, copy: Path, no_node: str) -> None:
        (copy / "labextension/dist/static/remoteEntry.0123456789abcdef.js").touch()
        assert "(2 remoteEntry files)" in self.refused(copy, no_node)

    def test_for_development_is_refused(self, copy: Path, no_node: str) -> None:
        (copy / "labextension/dist/static/1.js.map").touch()
        assert "development build" in self.refused(copy, no_node)

    def test_whose_description_names_another_entry_is_refused(self, copy: Path, no_node: str) -> None:
        entry = only(copy / "labextension/dist/static", "remoteEntry*.js")
        entry.rename(entry.with_name("remoteEntry.0123456789abcdef.js"))
        assert "which is not there" in self.refused(copy, no_node)

    @pytest.mark.parametrize(
        "name", ["src/index.ts", "style/base.css", "schema/badge.json", "package-lock.json"]
    )
    def test_that_is_older_than_its_sources_is_refused(self, copy: Path, no_node: str, name: str) -> None:
        with (copy / "labextension" / name).open("a") as source:
            source.write("\n")
        assert "it is stale" in self.refused(copy, no_node)

    def test_that_lacks_a_new_source_is_refused(self, copy: Path, no_node: str) -> None:
        (copy / "labextension/src/extra.ts").write_text("export {};\n")
        assert "it is stale" in self.refused(copy, no_node)

    def test_that_lacks_its_record_is_refused(self, copy: Path, no_node: str) -> None:
        (copy / "labextension/dist/build.json").unlink()
        assert "it is stale" in self.refused(copy, no_node)

    def test_is_made_anew_where_there_is_npm(self, root: Path, copy: Path, version: str) -> None:
        install_as(root / "labextension/node_modules", copy / "labextension/node_modules")
        source = copy / "labextension/src/plugins/environments.ts"
        was = source.read_text()
        source.write_text(was.replace("Refresh Approved Environments", "Something New"))
        build(copy, "wheel", copy.parent)
        with zipfile.ZipFile(only(copy.parent, "*.whl")) as archive:
            scripts = [archive.read(name) for name in archive.namelist() if name.endswith(".js")]
        assert any(b"Something New" in script for script in scripts)
        assert not any(b"Refresh Approved Environments" in script for script in scripts)

    def test_that_cannot_be_built_is_refused(self, root: Path, copy: Path) -> None:
        install_as(root / "labextension/node_modules", copy / "labextension/node_modules")
        (copy / "labextension/src/index.ts").write_text("export default 1 as string;\n")
        done = build(copy, "wheel", copy.parent, check=False)
        assert "`npm run build:prod` failed" in done.stdout + done.stderr
        assert not list(copy.parent.glob("*.whl"))


@pytest.fixture(scope="session")
def unpacked(snapshot: Path, no_node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an sdist holds."""
    folder = tmp_path_factory.mktemp("sdist")
    build(shutil.copytree(snapshot, folder / "source"), "sdist", folder, PATH=no_node)
    (folder / "unpacked").mkdir()
    subprocess.run(["tar", "-xzf", only(folder, "*.tar.gz"), "-C", folder / "unpacked"], check=True)
    return only(folder / "unpacked", "*")


class TestSdist:
    def test_installs_the_same_files_without_node(
        self, unpacked: Path, contents: dict[str, bytes], no_node: str, tmp_path: Path
    ) -> None:
        source = shutil.copytree(unpacked, tmp_path / "source")
        build(source, "wheel", tmp_path, PATH=no_node)
        with zipfile.ZipFile(only(tmp_path, "*.whl")) as archive:
            assert set(archive.namelist()) == set(contents)
            changed = [name for name in contents if archive.read(name) != contents[name]]
        assert changed == []

    def test_carries_what_is_needed_to_run_the_tests(self, unpacked: Path) -> None:
        for name in ("tests/test_packaging.py", "labextension/tests/api.spec.ts", "Makefile", "CHANGELOG.md"):
            assert (unpacked / name).is_file()

    def test_carries_nothing_that_was_made_on_the_way(self, unpacked: Path) -> None:
        names = {path.name for path in unpacked.rglob("*")}
        assert names.isdisjoint({"build", "node_modules", "lib", "__pycache__", ".build.lock"})


class TestInstall:
    """In an environment of its own, which borrows everything but this project."""

    @pytest.fixture
    def python(self, tmp_path: Path) -> Iterator[Path]:
        folder = tmp_path / "venv"
        venv.create(folder, symlinks=True, with_pip=False)
        packages = only(folder, "lib/python*/site-packages")
        (packages / "borrowed.pth").write_text(str(Path(pytest.__file__).parents[1]) + "\n")
        yield folder / "bin/python"

    def install(self, python: Path, *what: str | Path) -> None:
        options = ["--no-deps", "--no-build-isolation", "--ignore-installed", "--quiet"]
        prefix = python.parent.parent
        run([sys.executable, "-m", "pip", "install", *options, "--prefix", prefix, *what], prefix)

    def extensions(self, python: Path) -> tuple[str, str]:
        home = python.parent.parent / "home"
        home.mkdir()
        said = [
            run([python, "-m", *command, "list"], home, HOME=str(home), JUPYTER_CONFIG_DIR=str(home))
            for command in (["jupyterlab.labextensions"], ["jupyter_server.extension.serverextension"])
        ]
        lab, server = (re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr) for done in said)
        return lab, server

    def assert_enabled(self, python: Path, version: str) -> None:
        lab, server = self.extensions(python)
        assert f"jupyter-envguard v{version} enabled OK" in lab
        assert re.search(r"jupyter_envguard enabled\n", server)
        assert re.search(rf"jupyter_envguard {re.escape(version)} OK", server)

    def test_of_the_wheel_enables_both_extensions(self, python: Path, wheel: Path, version: str) -> None:
        self.install(python, wheel)
        self.assert_enabled(python, version)

    def test_of_the_working_tree_enables_both_extensions(
        self, python: Path, copy: Path, version: str
    ) -> None:
        self.install(python, "--editable", copy)
        self.assert_enabled(python, version)
        where = run([python, "-c", "import jupyter_envguard; print(jupyter_envguard.__file__)"], copy.parent)
        assert where.stdout.strip() == str(copy / "jupyter_envguard/__init__.py")

    def test_of_nothing_enables_nothing(self, python: Path) -> None:
        lab, server = self.extensions(python)
        assert "envguard" not in lab + server
