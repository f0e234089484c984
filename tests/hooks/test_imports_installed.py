"""The guard of imports in the real Python of a real environment, and the ways around it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_envguard.kernels.launch import IMPORTS
from tests.hooks.distributions import distribution
from tests.sites import real_images

START = f"""\
import importlib.util as u
s = u.spec_from_file_location('g', {str(IMPORTS)!r})
m = u.module_from_spec(s)
s.loader.exec_module(m)
m.install()
del m, s, u
import sys
sys.path[:0] = ['t', '']
"""
REFUSED = "turned off for approved environments"
AROUND = {
    "the import statement": "import foreign",
    "the function": "import importlib; importlib.import_module('foreign')",
    "a package of one's own": "import mine.helper",
    "a namespace": "import spread.helper",
    "a folder named later": "import sys; sys.path.insert(0, 'late/site-packages'); import late",
    "the finder removed": "sys.meta_path.pop(0); import foreign",
    "the finder removed, then the function": (
        "import importlib; sys.meta_path.pop(0); importlib.import_module('foreign')"
    ),
    "other finders": "sys.meta_path = sys.meta_path[1:]; import foreign",
    "the finder blinded": (
        "f = sys.meta_path[0]; f.find_spec.__func__.__globals__['_installed_in'] = lambda root: ()\n"
        "f._judge = lambda *_: ''\nimport foreign"
    ),
    "a loader": (
        "from importlib.machinery import SourceFileLoader as L; L('f', 't/foreign/__init__.py').load_module()"
    ),
    "a script": "import runpy; runpy.run_path('t/foreign/__init__.py')",
    "a zip": "sys.path.insert(0, 'a.whl'); import zipped",
    "a folder looked for by other functions": (
        "import os, posixpath; posixpath._joinrealpath = lambda *_: (sys.base_prefix + '/x', True)\n"
        "os.fspath = os.fsdecode = lambda _: sys.base_prefix + '/x'\n"
        "for f in sys.meta_path: f._judge = lambda *_: ''\nimport foreign"
    ),
    "built-in functions replaced": (
        "import builtins; builtins.any = lambda *_: True; builtins.frozenset = lambda *_: ()\n"
        "for f in sys.meta_path: f._judge = lambda *_: ''\nimport foreign"
    ),
    "a path that answers for itself": (
        "class T(str):\n    def __getitem__(self, _): return '<'\n    def __eq__(self, _): return False\n"
        "    __hash__ = str.__hash__\n"
        "code = compile('print(\"loaded\")', T('t/foreign/__init__.py'), 'exec')\n"
        "exec(code.replace(co_name=T('<module>')))"
    ),
    "a list that is none": "sys.meta_path = type('L', (list,), {})(sys.meta_path); import foreign",
    "the guard looked for": "import gc; gc.get_objects()",
    "what refers to the finder": "import gc; gc.get_referrers(sys.meta_path[0])",
    "what a frame refers to": "import gc; gc.get_referents(sys._getframe())",
    "an approved name": "import importlib; sys.path.insert(0, 'shadow'); import IPython",
    "an extension": "import x",
    "an extension by its loader": (
        "from importlib.machinery import *\n"
        "spec = ModuleSpec('x', ExtensionFileLoader('x', 'x.so'), origin='x.so')\n"
        "ExtensionFileLoader('x', 'x.so').create_module(spec)"
    ),
    "a library": "import ctypes, os; ctypes.CDLL(os.path.abspath('x.so'))",
    "a library by a link into the system": "import ctypes; ctypes.CDLL('./link/../x.so')",
}
ALLOWED = {
    "a helper": "import helper",
    "text": "exec('print(\"loaded\")')",
    "the library of C": "import ctypes; ctypes.CDLL(None); ctypes.CDLL('libc.so.6'); print('loaded')",
    "what an object refers to": "import gc; gc.get_referents([1]); print('loaded')",
    "the environment": "import sqlite3, IPython, ssl, zmq; print('loaded')",
}


@pytest.mark.packs
class TestInstalled:
    """In the real Python of a real environment."""

    @pytest.fixture
    def said(self, tmp_path: Path) -> Callable[[str], str]:
        def said(code: str) -> str:
            command = [str(real_images()["minimal"].python), "-I", "-c", START + code]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
            return (done.stdout.strip() + done.stderr.strip()).splitlines()[-1]

        places = ("t/foreign/__init__.py", "late/site-packages/late.py", "helper.py", "mine/helper.py")
        for place in (*places, "mine/__init__.py", "spread/helper.py", "shadow/IPython/__init__.py"):
            path = tmp_path / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("print('loaded')\n")
        distribution(tmp_path / "t", top_level="foreign")
        (tmp_path / "x.so").write_bytes(b"")
        (tmp_path / "link").symlink_to("/usr/lib")
        with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
            archive.writestr("zipped.py", "print('loaded')\n")
        return said

    @pytest.mark.parametrize("way", AROUND)
    def test_what_is_foreign_does_not_load(self, said: Callable[[str], str], way: str) -> None:
        assert REFUSED in said(AROUND[way])

    @pytest.mark.parametrize("way", ["a package of one's own", "a namespace"])
    def test_own_packages_load_where_the_site_allows_them(
        self, said: Callable[[str], str], way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            sys.modules[__name__], "START", START.replace("install()", "install(packages=True)")
        )
        assert said(AROUND[way]) == "loaded"

    @pytest.mark.parametrize("way", ALLOWED)
    def test_what_is_not_loads(self, said: Callable[[str], str], way: str) -> None:
        assert said(ALLOWED[way]) == "loaded"
