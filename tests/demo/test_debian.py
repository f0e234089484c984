from __future__ import annotations

import ast

import pytest

from demo import debian

SYSCONFIG = b"""\
SCHEMES = {"deb_system": "{base}/lib/python3/dist-packages"}


def _get_preferred_schemes():
    if True:
        return {"prefix": "posix_local"}


def get_default_scheme():
    return _get_preferred_schemes()["prefix"]
"""


def test_another_python_passes_through() -> None:
    for path in ("site.py", "sysconfig.py", "distutils/sysconfig.py", "os.py"):
        assert debian.undo_source(path, b"site-packages\n") == b"site-packages\n"
    assert debian.undo_program(b"\x7fELF site-packages") == b"\x7fELF site-packages"


def test_a_program_keeps_its_length() -> None:
    program = b"\x7fELF\0\0dist-packages\0\0"
    assert debian.undo_program(program) == b"\x7fELF\0\0site-packages\0\0"


def test_site_looks_into_site_packages() -> None:
    source = b'path = os.path.join(prefix, "dist-packages")\n'
    assert debian.undo_source("site.py", source) == b'path = os.path.join(prefix, "site-packages")\n'


@pytest.mark.parametrize("path", ["sysconfig.py", "sysconfig/__init__.py"])
def test_sysconfig_prefers_the_usual_scheme(path: str) -> None:
    source = debian.undo_source(path, SYSCONFIG)
    names: dict[str, object] = {}
    exec(compile(ast.parse(source), path, "exec"), names)
    assert names["get_default_scheme"]() == "posix_prefix"  # type: ignore[operator]


def test_distutils_installs_beside_the_standard_library() -> None:
    source = b'return os.path.join(prefix, "lib", "python3", "dist-packages")\n'
    expected = b'return os.path.join(libpython, "site-packages")\n'
    assert debian.undo_source("distutils/sysconfig.py", source) == expected


def test_other_modules_may_speak_of_dist_packages() -> None:
    assert debian.undo_source("pydoc.py", b"# dist-packages\n") == b"# dist-packages\n"


def test_a_function_that_debian_moved_is_an_error() -> None:
    with pytest.raises(ValueError, match="_get_preferred_schemes"):
        debian.undo_source("sysconfig.py", b"# dist-packages\n")
