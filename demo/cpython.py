"""Packages the running CPython and the native libraries it needs as conda packages.

Any CPython will do: one built by pyenv, a relocatable one from uv, or the
distribution's own. What differs (where the library lies, how it is linked, what
the distribution has patched) ends here; the package looks like conda's own, with
`lib/python3.x/site-packages` and placeholders where the prefix belongs.
"""

from __future__ import annotations

import os
import platform
import pprint
import re
import runpy
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import debian, elf
from demo.bytecode import compiled
from demo.condapkg import PLACEHOLDER, File, Package, write

SUBDIR = {"x86_64": "linux-64", "aarch64": "linux-aarch64"}.get(
    platform.machine(), f"linux-{platform.machine()}"
)
"""The conda platform that this machine builds for."""
SHORT = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Python's version as directories have it, such as `3.11`."""
TAG = f"{sys.version_info.major}{sys.version_info.minor}"
"""Python's version as build strings have it, such as `311`."""
LIBRARY = f"lib/python{SHORT}"
"""Where the standard library goes in an environment."""
SITE_PACKAGES = f"{LIBRARY}/site-packages"
"""Where packages go in an environment."""


@dataclass(frozen=True, slots=True)
class Native:
    """A native library that becomes a conda package of its own."""

    package: str
    """Name of the conda package."""
    license: str
    """SPDX expression."""


NATIVES: Mapping[str, Native] = {
    "libbz2": Native("bzip2", "bzip2-1.0.6"),
    "libcrypt": Native("libxcrypt", "LGPL-2.1-or-later"),
    "libcrypto": Native("openssl", "Apache-2.0"),
    "libexpat": Native("libexpat", "MIT"),
    "libffi": Native("libffi", "MIT"),
    "liblzma": Native("xz", "0BSD"),
    "libmpdec": Native("mpdecimal", "BSD-2-Clause"),
    "libncursesw": Native("ncurses", "X11"),
    "libpanelw": Native("ncurses", "X11"),
    "libreadline": Native("readline", "GPL-3.0-only"),
    "libsqlite3": Native("sqlite", "blessing"),
    "libssl": Native("openssl", "Apache-2.0"),
    "libtinfo": Native("ncurses", "X11"),
    "libuuid": Native("libuuid", "BSD-3-Clause"),
    "libz": Native("zlib", "Zlib"),
    "libzstd": Native("zstd", "BSD-3-Clause"),
}
"""Libraries by the first part of their soname; whatever else a module needs is glibc's."""

LEFT_OUT = {
    *("__pycache__", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tests"),
    *("tkinter", "turtle.py", "turtledemo"),
    *debian.SKIPPED,
}
"""Parts of the standard library that no kernel needs, and what belongs to the distribution."""
_LEFT_OUT = re.compile(
    r"(_tkinter|_test|_ctypes_test|_xxtest|xxlimited|xxsubtype|ossaudiodev|nis|spwd|_dbm|_gdbm)[.\w-]*\.so$"
    r"|config-[\w.-]+$|build-details\.json$"
)
_SYSTEM_PREFIXES = frozenset({"/usr", "/usr/local"})
_DIRECTORIES = frozenset(
    {
        *("prefix", "exec_prefix", "BINDIR", "BINLIBDEST", "CONFINCLUDEDIR", "CONFINCLUDEPY", "DESTDIRS"),
        *("DESTLIB", "DESTSHARED", "INCLDIRSTOMAKE", "INCLUDEDIR", "INCLUDEPY", "LIBDEST", "LIBDIR", "LIBPC"),
        *("LIBPL", "MACHDESTLIB", "MANDIR", "SCRIPTDIR", "datarootdir"),
    }
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Where the parts of the running CPython lie."""

    base: str
    """The prefix it was built for or found itself in."""
    executable: Path
    """The program."""
    library: Path
    """Directory of the standard library."""
    extensions: Path
    """Directory of the standard library's extension modules."""


def running() -> Interpreter:
    """Return the CPython that runs this, also from within a virtual environment."""
    library = Path(os.__file__).parent
    executable = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    extensions = next(
        (Path(path) for path in sys.path if path.endswith("/lib-dynload")), library / "lib-dynload"
    )
    return Interpreter(sys.base_prefix, executable, library, extensions)


def build(channel: Path) -> list[Path]:
    """Write `python`, `python_abi` and the native libraries below `channel`; return the packages."""
    interpreter = running()
    natives: dict[str, dict[str, Path]] = {}
    files = [*_program(interpreter, natives), *_standard_library(interpreter, natives)]
    versions = {package: _version(sonames) for package, sonames in sorted(natives.items())}
    made = [_write_native(channel, package, versions[package], natives[package]) for package in versions]
    depends = (*(f"{name} >={version}" for name, version in versions.items()), "tzdata")
    licence = next((path for path in _licences(interpreter) if path.is_file()), None)
    python = Package(
        name="python",
        version=platform.python_version(),
        build="h0_0_cpython",
        license="PSF-2.0",
        subdir=SUBDIR,
        depends=depends,
        constrains=(f"python_abi {SHORT}.* *_cp{TAG}",),
        summary="General purpose programming language",
        home="https://www.python.org/",
        licenses={"LICENSE": licence.read_bytes()} if licence else {},
    )
    abi = Package(
        name="python_abi",
        version=SHORT,
        build=f"0_cp{TAG}",
        license="BSD-3-Clause",
        subdir="noarch",
        noarch="generic",
        constrains=(f"python {SHORT}.* *_cpython",),
        summary="Metapackage to select the implementation of Python",
    )
    return [*made, write(channel, python, files), write(channel, abi, [])]


def _licences(interpreter: Interpreter) -> Iterator[Path]:
    yield interpreter.library / "LICENSE.txt"
    yield Path(interpreter.base, "share/doc", f"python{SHORT}", "copyright")


def _program(interpreter: Interpreter, natives: dict[str, dict[str, Path]]) -> Iterator[File]:
    """Yield `bin/` and the shared library.

    The program finds its libraries through `$ORIGIN`: conda-unpack rewrites all
    prefixes but that of the Python it is run by.
    """
    name = f"python{SHORT}"
    yield File(f"bin/{name}", _part(interpreter.executable, "$ORIGIN/../lib"), 0o755)
    yield File("bin/python3", link=name)
    yield File("bin/python", link=name)
    yield _text("bin/pydoc3", f"#!{PLACEHOLDER}/bin/{name}\nimport pydoc\n\npydoc.cli()\n", 0o755)
    yield File(f"{SITE_PACKAGES}/README.txt", b"Packages that are not part of Python are installed here.\n")
    needed = elf.libraries(interpreter.executable)
    _collect(needed, natives)
    for soname, path in needed.items():
        if soname.startswith("libpython"):
            _collect(elf.libraries(path), natives)
            yield File(f"lib/{soname}", _part(path, "$ORIGIN"), 0o755)
            yield File(f"lib/libpython{SHORT}.so", link=soname)


def _part(path: Path, runpath: str) -> bytes:
    return elf.relocatable(debian.undo_program(path.read_bytes()), runpath)


def _standard_library(interpreter: Interpreter, natives: dict[str, dict[str, Path]]) -> Iterator[File]:
    for relative, path in _walk(interpreter):
        data = path.read_bytes()
        mode = stat.S_IMODE(path.stat().st_mode) & 0o755
        target = f"{LIBRARY}/{relative}"
        if elf.is_elf(data):
            if _collect(elf.libraries(path), natives):
                yield File(target, elf.relocatable(data, f"{PLACEHOLDER}/lib"), mode, prefix="binary")
            else:
                yield File(target, data, mode)
            continue
        if relative.endswith(".py"):
            data = _source(interpreter, relative, data)
        if PLACEHOLDER.encode() in data:  # installers change it, so byte code would be stale
            yield File(target, data, mode, prefix="text")
            continue
        yield File(target, data, mode)
        if relative.endswith(".py"):
            yield from compiled(target, data)


def _walk(interpreter: Interpreter) -> Iterator[tuple[str, Path]]:
    seen: set[str] = set()
    for top, below in ((interpreter.library, ""), (interpreter.extensions, "lib-dynload/")):
        for folder, folders, names in os.walk(top):
            folders[:] = sorted(name for name in folders if not _is_left_out(name))
            for name in sorted(names):
                path = Path(folder, name)
                relative = below + str(path.relative_to(top))
                if not _is_left_out(name) and relative not in seen and path.is_file():
                    seen.add(relative)
                    yield relative, path


def _is_left_out(name: str) -> bool:
    return name in LEFT_OUT or _LEFT_OUT.match(name) is not None


def _source(interpreter: Interpreter, relative: str, data: bytes) -> bytes:
    """Return a module with placeholders for where it was, and without what Debian has changed."""
    if relative.startswith("_sysconfigdata_"):
        return _sysconfigdata(interpreter, interpreter.library / relative)
    data = debian.undo_source(relative, data)
    if interpreter.base in _SYSTEM_PREFIXES:  # `/usr` also stands for things that stay where they are
        return data
    return data.replace(interpreter.base.encode(), PLACEHOLDER.encode())


def _sysconfigdata(interpreter: Interpreter, path: Path) -> bytes:
    """Return the values that `sysconfig` reads, with placeholders for this CPython's own directories."""
    values: dict[str, Any] = dict(runpy.run_path(str(path))["build_time_vars"])
    base, own = interpreter.base, interpreter.base not in _SYSTEM_PREFIXES
    multiarch = re.escape(f"/{sysconfig.get_config_var('MULTIARCH')}")
    for key, value in values.items():
        if not isinstance(value, str):
            continue
        if own:
            values[key] = value.replace(base, PLACEHOLDER)
        elif key in _DIRECTORIES:
            value = re.sub(rf"(?<![^\s]){re.escape(base)}(?=[/\s]|$)", PLACEHOLDER, value)
            values[key] = re.sub(rf"(/lib){multiarch}(?=[/\s]|$)", r"\1", value)
    if "WHEEL_PKG_DIR" in values:  # where Debian keeps the wheels of ensurepip, which is left out
        values["WHEEL_PKG_DIR"] = ""
    text = pprint.pformat(values, width=110)
    return f"# Generated from the CPython that this package was made of\nbuild_time_vars = {text}\n".encode()


def _collect(needed: Mapping[str, Path], natives: dict[str, dict[str, Path]]) -> bool:
    """Add the libraries among `needed` that we package to `natives`; return whether there were any."""
    found = False
    for soname, path in needed.items():
        native = NATIVES.get(soname.split(".so")[0])
        if native:
            natives.setdefault(native.package, {})[soname] = path.resolve()
            found = True
    return found


def _write_native(channel: Path, package: str, version: str, sonames: Mapping[str, Path]) -> Path:
    licence = next(native.license for native in NATIVES.values() if native.package == package)
    texts = [text for path in sonames.values() if (text := _copyright(path))]
    files = []
    for soname, path in sonames.items():
        data = elf.relocatable(path.read_bytes(), f"{PLACEHOLDER}/lib")
        files.append(File(f"lib/{path.name}", data, 0o755, prefix="binary"))
        if soname != path.name:
            files.append(File(f"lib/{soname}", link=path.name))
    described = Package(
        name=package,
        version=version,
        build="h0_0",
        license=licence,
        subdir=SUBDIR,
        summary=f"{package} as this machine's distribution has it",
        licenses={"copyright": texts[0]} if texts else {},
    )
    return write(channel, described, files)


def _version(sonames: Mapping[str, Path]) -> str:
    """Return the version that the distribution states for the libraries, or what their file names tell."""
    found = [version for path in sonames.values() for version in (_packaged(path), _named(path)) if version]
    return found[0] if found else "0"


def _named(path: Path) -> str:
    match = re.search(r"\.so\.(\d+(?:\.\d+)*)$", path.name)
    return match[1] if match else ""


def _packaged(path: Path) -> str:
    owner = _owner(path)
    if not owner:
        return ""
    stated = _ask("dpkg-query", "-W", "-f", "${Version}", owner)
    match = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", stated)  # "1:1.2.13.dfsg-1" is 1.2.13
    return match[1] if match else ""


def _copyright(path: Path) -> bytes:
    file = Path("/usr/share/doc", _owner(path).split(":")[0] or "none", "copyright")
    return file.read_bytes() if file.is_file() else b""


def _owner(path: Path) -> str:
    """Return the Debian package that holds `path`, empty elsewhere."""
    places = (str(path), str(path).removeprefix("/usr"), f"/usr{path}")  # /lib and /usr/lib are one place
    answers = (_ask("dpkg", "-S", place) for place in places)
    return next((answer.split(": ")[0] for answer in answers if answer), "")


def _ask(*command: str) -> str:
    if not shutil.which(command[0]):
        return ""
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _text(path: str, text: str, mode: int) -> File:
    return File(path, text.encode(), mode, prefix="text")
