from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from demo import cpython, elf
from demo.condapkg import PLACEHOLDER

GLIBC = r"(ld-linux|libc|libm|libdl|libpthread|librt|libutil|libgcc_s|libstdc\+\+)\b"


def test_finds_the_python_behind_a_virtual_environment() -> None:
    found = cpython.running()
    assert found.executable.name.startswith("python")
    assert not found.executable.is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix
    assert (found.library / "os.py").is_file()


def test_every_library_of_the_standard_library_is_packaged_or_glibcs() -> None:
    found = cpython.running()
    files = {**dict(cpython._walk(found)), "python": found.executable}
    needed = {
        soname
        for path in files.values()
        if elf.is_elf(path.read_bytes()[:4])
        for soname in elf.libraries(path)
        if not soname.startswith("libpython")
    }
    foreign = {soname for soname in needed if soname.split(".so")[0] not in cpython.NATIVES}
    assert [soname for soname in foreign if not re.match(GLIBC, soname)] == []


def test_leaves_out_what_no_kernel_needs_and_what_the_distribution_added() -> None:
    names = set(dict(cpython._walk(cpython.running())))
    parts = {part for name in names for part in name.split("/")}
    assert not parts & {"site-packages", "dist-packages", "test", "tkinter", "EXTERNALLY-MANAGED"}
    assert not any(name.endswith(".a") or "_testcapi" in name for name in names)
    assert {"os.py", "json/__init__.py", "pydoc_data/topics.py"} <= names


@pytest.fixture
def distribution(tmp_path: Path) -> cpython.Interpreter:
    """A library as Debian lays it out, with a symlink between the names of sysconfig's data."""
    values = {
        "prefix": "/usr",
        "LIBDIR": f"/usr/lib/{cpython.sysconfig.get_config_var('MULTIARCH')}",
        "DESTDIRS": "/usr /usr/lib/python3",
        "INSTALL": "/usr/bin/install -c",
        "TZPATH": "/usr/share/zoneinfo",
        "WHEEL_PKG_DIR": "/usr/share/python-wheels/",
        "HAVE_FORK": 1,
    }
    (tmp_path / "_sysconfigdata__a.py").write_text(f"build_time_vars = {values!r}\n")
    os.symlink("_sysconfigdata__a.py", tmp_path / "_sysconfigdata__b.py")
    os.symlink("/nowhere/sitecustomize.py", tmp_path / "broken.py")
    (tmp_path / "platform.py").write_text("# /usr/bin/env\n")
    return cpython.Interpreter("/usr", Path("/usr/bin/python3"), tmp_path, tmp_path / "lib-dynload")


def values_of(source: bytes) -> dict[str, object]:
    names: dict[str, dict[str, object]] = {}
    exec(source, names)
    return names["build_time_vars"]


def test_only_pythons_own_directories_move_away_from_usr(distribution: cpython.Interpreter) -> None:
    made = {file.path.split("/")[-1]: file for file in cpython._standard_library(distribution, {})}
    values = values_of(made["_sysconfigdata__a.py"].data)
    assert values["prefix"] == PLACEHOLDER
    assert values["LIBDIR"] == f"{PLACEHOLDER}/lib"
    assert values["DESTDIRS"] == f"{PLACEHOLDER} {PLACEHOLDER}/lib/python3"
    assert values["INSTALL"] == "/usr/bin/install -c"
    assert values["TZPATH"] == "/usr/share/zoneinfo"
    assert values["WHEEL_PKG_DIR"] == ""
    assert values["HAVE_FORK"] == 1
    assert made["_sysconfigdata__a.py"].prefix == "text"
    assert made["platform.py"].data == b"# /usr/bin/env\n"


def test_both_names_of_the_data_hold_it_and_a_broken_link_is_left_out(
    distribution: cpython.Interpreter,
) -> None:
    made = {file.path.split("/")[-1]: file for file in cpython._standard_library(distribution, {})}
    assert made["_sysconfigdata__b.py"].data == made["_sysconfigdata__a.py"].data
    assert "broken.py" not in made


def test_a_python_of_its_own_prefix_moves_wherever_the_prefix_stands(tmp_path: Path) -> None:
    values = {"CFLAGS": "-I/opt/py/include", "TZPATH": "/usr/share/zoneinfo"}
    (tmp_path / "_sysconfigdata__a.py").write_text(f"build_time_vars = {values!r}\n")
    (tmp_path / "module.py").write_text("where = '/opt/py/share'\n")
    own = cpython.Interpreter("/opt/py", Path("/opt/py/bin/python3"), tmp_path, tmp_path / "lib-dynload")
    made = {file.path.split("/")[-1]: file for file in cpython._standard_library(own, {})}
    assert values_of(made["_sysconfigdata__a.py"].data)["CFLAGS"] == f"-I{PLACEHOLDER}/include"
    assert made["module.py"].data == f"where = '{PLACEHOLDER}/share'\n".encode()
    assert not any(name.startswith("module.cpython") for name in made)


def test_versions_come_from_the_distribution_or_from_the_name() -> None:
    assert cpython._named(Path("/opt/lib/libsqlite3.so.0.8.6")) == "0.8.6"
    assert cpython._named(Path("/opt/lib/libsqlite3.so")) == ""
    assert cpython._version({"libthing.so.1": Path("/opt/lib/libthing.so.1.2")}) == "1.2"
    assert cpython._version({"libthing.so": Path("/opt/lib/libthing.so")}) == "0"


def test_without_a_package_manager_nothing_is_asked() -> None:
    assert cpython._ask("no-such-package-manager", "--version") == ""
