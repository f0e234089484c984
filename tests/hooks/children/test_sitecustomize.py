"""Pythons of a real environment, started as a kernel in lockdown starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_envguard.hooks.children import OWN_PACKAGES, sitecustomize
from jupyter_envguard.kernels.launch import CHILDREN, for_children
from tests.sites import real_images

REFUSED = "turned off for approved environments"

pytestmark = pytest.mark.packs


def said(folder: Path, *words: str, **variables: str) -> str:
    """Return all that a Python says that is started in `folder`."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **for_children(), **variables}
    command = [str(real_images()["minimal"].python), *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/__init__.py").write_text("print('loaded')\n")
    (tmp_path / "helper.py").write_text("print('helped')\n")
    return tmp_path


def test_imports_are_guarded(folder: Path) -> None:
    assert REFUSED in said(folder, "-c", "import mine")
    assert said(folder, "-c", "import helper") == "helped\n"
    assert said(folder, "helper.py") == "helped\n"


def test_so_are_those_of_what_is_started_in_turn(folder: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import mine'])"
    assert REFUSED in said(folder, "-c", code)


def test_packages_load_where_the_site_allows_them(folder: Path) -> None:
    assert said(folder, "-c", "import mine", **{OWN_PACKAGES: "1"}) == "loaded\n"


def test_packages_of_a_virtual_environment_do_not(folder: Path) -> None:
    said(folder, "-m", "venv", "--without-pip", "v")
    (site,) = folder.glob("v/lib/*/site-packages")
    (site / "own.py").write_text("print('loaded')\n")
    environment = {"PATH": "/usr/bin:/bin", **for_children()}
    done = subprocess.run([folder / "v/bin/python", "-c", "import own"], env=environment, capture_output=True)
    assert REFUSED.encode() in done.stderr


def test_the_folder_holds_nothing_else_that_could_be_imported(folder: Path) -> None:
    assert str(CHILDREN) not in said(folder, "-c", "import sys; print(sys.path)")
    assert Path(sitecustomize.GUARD) == CHILDREN.parent / "imports.py"
    assert sitecustomize.OWN_PACKAGES == OWN_PACKAGES


def test_the_environments_own_module_of_the_name_is_imported_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(folder, "-c", "import sitecustomize as s; print(s.FOLDER)") == f"{CHILDREN}\n"
    monkeypatch.setattr(sys, "path", [str(CHILDREN), str(folder), *sys.path])
    (folder / "sitecustomize.py").write_text("whose = 'own'\n")
    monkeypatch.setattr(sitecustomize, "__name__", "sitecustomize")
    monkeypatch.setitem(sys.modules, "sitecustomize", sitecustomize)
    sitecustomize.make_way()
    assert sys.modules["sitecustomize"].whose == "own"
    assert str(CHILDREN) not in sys.path


def test_one_that_is_broken_is_said_and_ours_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    (folder / "sitecustomize.py").write_text("import no_such_module\n")
    monkeypatch.setattr(sitecustomize, "__name__", "sitecustomize")
    monkeypatch.setitem(sys.modules, "sitecustomize", sitecustomize)
    with pytest.raises(ImportError, match="no_such_module"):
        sitecustomize.make_way()
    assert sys.modules["sitecustomize"] is sitecustomize


def test_without_the_guard_it_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitecustomize, "GUARD", os.fspath(folder / "none"))
    with pytest.raises(ImportError, match="is missing"):
        sitecustomize.guard()
