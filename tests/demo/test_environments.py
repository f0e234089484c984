"""Unpacks what was built as its users do, with tar and conda-unpack, and starts its kernels."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

import demo
from demo import conda, environments
from demo.cpython import SHORT, SITE_PACKAGES
from demo.environments import Packs, build, default_cache
from demo.recipes import RECIPES

pytestmark = pytest.mark.packs

START_SECONDS = 60
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}
CELLS = {
    "minimal": ("python3", "import sys; print(sys.prefix)"),
    "datasci": ("python3", "import numpy, pandas; print(pandas.__version__, numpy.arange(4).sum())"),
    "datasci_next": (
        "python3",
        "import matplotlib as m; from matplotlib.pyplot import plot; print(m.__version__, plot([1])[0])",
    ),
    "pip_on_top": ("python3", "import humanize; print(humanize.intcomma(1234567))"),
    "tampered": ("python3", "import traitlets; print(traitlets.__version__)"),
    "calc": ("calc", "6 * 7"),
}

DISTRIBUTIONS = Path("/usr/bin", f"python{SHORT}")
"""The Python of the distribution, if it is of the version that runs this."""

Unpack = Callable[[str], Path]


@pytest.fixture(scope="module")
def unpacked(packs: Packs, tmp_path_factory: pytest.TempPathFactory) -> Unpack:
    """Unpack a pack where it was not built, once."""

    @cache
    def unpack(name: str) -> Path:
        prefix = tmp_path_factory.mktemp(name)
        subprocess.run(["tar", "-xzf", getattr(packs, name), "-C", prefix], check=True)
        command = [prefix / "bin/python", prefix / "bin/conda-unpack"]
        subprocess.run(command, check=True, env=ENVIRONMENT, cwd=prefix)
        return prefix

    return unpack


@pytest.fixture(scope="module")
def contents(packs: Packs) -> Callable[[str], dict[str, bytes]]:
    """Return the files of a pack, by path, as archived."""

    def read(name: str) -> dict[str, bytes]:
        with tarfile.open(getattr(packs, name)) as tar:
            return {member.name: _content(tar, member) for member in tar if member.isfile()}

    return read


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""


def records(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [
        json.loads(data)
        for name, data in files.items()
        if name.startswith("conda-meta/") and name[-5:] == ".json"
    ]


class _Manager(KernelManager):
    """Starts the kernel of one environment as its own kernel.json says."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return self.spec

    spec: KernelSpec


def run_cell(prefix: Path, kernel: str, code: str) -> str:
    """Return what a cell prints or what it comes to, or raise `AssertionError` with its error."""
    manager = _Manager(kernel_name=kernel)
    manager.spec = KernelSpec.from_resource_dir(str(prefix / "share/jupyter/kernels" / kernel))
    manager.start_kernel(env=ENVIRONMENT | {"HOME": str(prefix)}, stderr=subprocess.DEVNULL)
    client = manager.blocking_client()
    client.start_channels()
    answers: list[str] = []
    try:
        client.wait_for_ready(timeout=START_SECONDS)
        reply = client.execute_interactive(
            code,
            timeout=START_SECONDS,
            allow_stdin=False,
            output_hook=lambda message: answers.append(_text(message["content"])),
        )
        assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.cleanup_resources()
    return "".join(answers).strip()


def _text(content: dict[str, Any]) -> str:
    return str(content.get("text") or content.get("data", {}).get("text/plain", ""))


@pytest.mark.parametrize("name", RECIPES)
def test_its_kernel_runs_a_cell_elsewhere(unpacked: Unpack, name: str) -> None:
    answer = run_cell(unpacked(name), *CELLS[name])
    versions = dict(spec.split(" ==") for spec in RECIPES[name].specs if "==" in spec)
    expected = {
        "minimal": str(unpacked("minimal")),
        "datasci": f"{versions.get('pandas')} 6",
        "datasci_next": f"{versions.get('matplotlib')} Line2D(_child0)",
        "pip_on_top": "1,234,567",
        "tampered": "5.16.1",
        "calc": "42",
    }
    assert answer.splitlines()[0] == expected[name]  # Matplotlib shows a figure below


def test_the_kernel_of_another_language_explains_what_it_does_not_understand(unpacked: Unpack) -> None:
    with pytest.raises(AssertionError, match="import os is not an expression"):
        run_cell(unpacked("calc"), "calc", "import os")


def test_python_loads_nothing_from_the_machine_but_the_c_library(unpacked: Unpack) -> None:
    prefix = unpacked("minimal")
    code = """
import ssl, sqlite3, ctypes, lzma, bz2, zlib, readline, curses, uuid, decimal, hashlib
mapped = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
print("\\n".join(sorted(mapped)))
"""
    done = subprocess.run(
        [prefix / "bin/python", "-I", "-c", code], capture_output=True, text=True, check=True
    )
    foreign = [Path(path).name for path in done.stdout.split() if not path.startswith(str(prefix))]
    assert {name.split(".so")[0].split("-")[0] for name in foreign} <= {
        "libc",
        "libm",
        "ld",
        "libdl",
        "libpthread",
    }


def test_python_finds_packages_where_conda_puts_them(unpacked: Unpack) -> None:
    prefix = unpacked("minimal")
    code = "import sys, sysconfig as s; print(sys.path[-1], s.get_path('purelib'), s.get_path('scripts'))"
    done = subprocess.run(
        [prefix / "bin/python", "-I", "-c", code], capture_output=True, text=True, check=True
    )
    packages = str(prefix / SITE_PACKAGES)
    assert done.stdout.split() == [packages, packages, str(prefix / "bin")]


def test_pip_installs_where_python_looks(unpacked: Unpack, packs: Packs) -> None:
    prefix, wheelhouse = unpacked("datasci"), next(default_cache().glob("wheels-*"))
    pip = [prefix / "bin/python", "-I", "-m", "pip", "--isolated", "--disable-pip-version-check", "-q"]
    options = ["--no-index", "--no-deps", "--root-user-action=ignore", "--find-links", wheelhouse]
    subprocess.run([*pip, "install", *options, "humanize"], check=True)
    assert (prefix / SITE_PACKAGES / "humanize/__init__.py").is_file()


@pytest.mark.parametrize("name", RECIPES)
def test_no_path_of_the_building_machine_is_left(unpacked: Unpack, name: str, packs: Packs) -> None:
    building = str(getattr(packs, name).parent / ".work").encode()
    expected = {"bin/conda-unpack"} if RECIPES[name].pip else set()  # what pip wrote has no placeholder
    holding = {
        str(path.relative_to(unpacked(name)))
        for path in unpacked(name).rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and path.suffix != ".pyc"
        and building in path.read_bytes()
    }
    assert holding == expected


@pytest.mark.parametrize("name", RECIPES)
def test_records_say_where_each_package_is_from_and_what_it_holds(
    contents: Callable[[str], dict[str, bytes]], name: str
) -> None:
    files = contents(name)
    found = records(files)
    names = {record["name"] for record in found}
    changed = []
    for record in found:
        package = Path(record["url"].removeprefix("file://"))
        assert hashlib.sha256(package.read_bytes()).hexdigest() == record["sha256"]
        assert record["license"] not in ("", "UNKNOWN")
        assert {depends.split()[0] for depends in record["depends"]} <= names
        for row in record["paths_data"]["paths"]:
            plain = row["path_type"] == "hardlink" and "prefix_placeholder" not in row
            if plain and hashlib.sha256(files[row["_path"]]).hexdigest() != row["sha256"]:
                changed.append(row["_path"])
    assert changed == ([f"{SITE_PACKAGES}/{RECIPES[name].edit}"] if RECIPES[name].edit else [])


def test_records_say_what_was_asked_for(contents: Callable[[str], dict[str, bytes]]) -> None:
    files = contents("datasci")
    asked = {record["name"]: record.get("requested_specs") for record in records(files)}
    assert asked["pandas"] == ["pandas ==3.0.6"]
    assert not asked["python-dateutil"]
    history = files["conda-meta/history"].decode()
    specs = json.loads(history.split("# update specs: ")[1])
    assert "pandas==3.0.6" in specs
    assert history.count("\n+file://") == len(asked)


def test_python_carries_prefixes_as_conda_packages_do(contents: Callable[[str], dict[str, bytes]]) -> None:
    rows = [row for record in records(contents("minimal")) for row in record["paths_data"]["paths"]]
    modes = {row["_path"]: row["file_mode"] for row in rows if "prefix_placeholder" in row}
    assert set(modes.values()) == {"text", "binary"}
    assert modes["share/jupyter/kernels/python3/kernel.json"] == "text"
    assert any(path.startswith(f"lib/python{SHORT}/_sysconfigdata") for path in modes)


def test_the_releases_of_datasci_differ_in_two_packages(contents: Callable[[str], dict[str, bytes]]) -> None:
    old, new = (
        {(record["name"], record["version"]) for record in records(contents(name))}
        for name in ("datasci", "datasci_next")
    )
    assert {name for name, _ in old ^ new} == {"matplotlib", "pandas"}


def test_what_pip_put_on_top_is_in_no_record(contents: Callable[[str], dict[str, bytes]]) -> None:
    files = contents("pip_on_top")
    (installer,) = [path for path in files if "/humanize-" in path and path.endswith("/INSTALLER")]
    assert files[installer] == b"pip\n"
    assert "humanize" not in {record["name"] for record in records(files)}


def test_the_tampered_pack_differs_from_minimal_in_one_byte(
    contents: Callable[[str], dict[str, bytes]],
) -> None:
    minimal, tampered = contents("minimal"), contents("tampered")
    assert set(minimal) == set(tampered)
    # byte code depends on what else the compiling process has seen, so it may differ from run to run
    sources = [path for path in minimal if not path.endswith(".pyc")]
    (path,) = [path for path in sources if minimal[path] != tampered[path]]
    pairs = zip(minimal[path], tampered[path], strict=True)
    assert sum(before != after for before, after in pairs) == 1


def _forms() -> list[Any]:
    missing = shutil.which("mksquashfs", path="/usr/bin:/usr/sbin:/sbin") is None
    squashfs = pytest.mark.skipif(missing, reason="mksquashfs is missing (squashfs-tools)")
    return [
        pytest.param(form, marks=squashfs if form == "squashfs" else ())
        for form in conda.FORMATS
        if form != "tar.gz"
    ]


@pytest.mark.parametrize("form", _forms())
def test_every_format_is_made_on_demand_and_kept(form: str) -> None:
    path = build("calc", default_cache(), form)
    magic = {
        "tar.zst": b"\x28\xb5\x2f\xfd",
        "tar.bz2": b"BZh",
        "tar.xz": b"\xfd7zXZ",
        "zip": b"PK",
        "squashfs": b"hsqs",
    }
    assert path.read_bytes().startswith(magic.get(form, b""))
    made = path.stat().st_mtime_ns
    assert build("calc", default_cache(), form).stat().st_mtime_ns == made
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(
    sys.base_prefix == "/usr" or not DISTRIBUTIONS.exists(),
    reason="this is the distribution's Python, or it has none of this version",
)
def test_the_distributions_own_python_makes_an_environment_too(root: Path, tmp_path: Path) -> None:
    folder = Path(sys.executable).parent
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "ENVGUARD_CACHE": str(default_cache()),
    }
    command = [DISTRIBUTIONS, "-m", "demo.environments", "minimal"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    subprocess.run(["tar", "-xzf", done.stdout.split()[-1], "-C", tmp_path], check=True)
    subprocess.run([tmp_path / "bin/python", tmp_path / "bin/conda-unpack"], check=True, env=ENVIRONMENT)
    code = "import sys, ipykernel; print(sys.prefix, ipykernel.__file__)"
    expected = tmp_path / SITE_PACKAGES / "ipykernel/__init__.py"
    assert run_cell(tmp_path, "python3", code) == f"{tmp_path} {expected}"


def test_labels_name_environment_and_release(packs: Packs) -> None:
    assert packs.labels["datasci_next"] == "datasci@2026.11"
    assert packs.datasci_next.name == "datasci-2026.11.tar.gz"


def test_refuses_what_it_cannot_make(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="nothing"):
        build("nothing", tmp_path)
    with pytest.raises(ValueError, match=r"rar is not one of tar\.gz"):
        build("minimal", tmp_path, "rar")
    assert list(tmp_path.iterdir()) == []


def test_the_key_covers_every_module_that_shapes_a_pack() -> None:
    folder = Path(demo.__path__[0])
    imported = {
        alias.name if node.module == "demo" else node.module.removeprefix("demo.")
        for source in environments.SOURCES
        for node in ast.walk(ast.parse((folder / source).read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "demo"
        for alias in node.names
    }
    assert {f"{name}.py" for name in imported} <= set(environments.SOURCES)


def test_the_command_prints_what_it_made(packs: Packs, capsys: pytest.CaptureFixture[str]) -> None:
    assert environments.main(["--out", str(default_cache()), "minimal"]) == 0
    assert str(packs.minimal) in capsys.readouterr().out
