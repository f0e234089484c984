"""The files that are read whole are those that act at start or describe what is installed."""

from __future__ import annotations

import pytest

from jupyter_envguard.pack.texts import hides, is_wanted, is_welcome

SITE = "lib/python3.11/site-packages"


@pytest.mark.parametrize(
    "path",
    [
        f"{SITE}/evil.pth",
        f"{SITE}/x-1.dist-info/METADATA",
        f"{SITE}/x-1.dist-info/INSTALLER",
        f"{SITE}/x-1.dist-info/RECORD",
        f"{SITE}/x-1.dist-info/WHEEL",
        f"{SITE}/x-1.dist-info/direct_url.json",
        f"{SITE}/x-1.dist-info/entry_points.txt",
        f"{SITE}/x.egg-link",
        f"{SITE}/sitecustomize.py",
        f"{SITE}/usercustomize.py",
        "lib/python3/dist-packages/a.pth",
        "lib/python3.11/sitecustomize.py",
        "lib/python3.11/EXTERNALLY-MANAGED",
        "EXTERNALLY-MANAGED",
        "share/jupyter/kernels/ir/kernel.json",
        "conda-meta/history",
        "conda-meta/state",
        "conda-meta/frozen",
        "etc/conda/activate.d/x.sh",
        "etc/conda/env_vars.d/deep/er.json",
        "pyvenv.cfg",
    ],
)
def test_is_wanted(path: str) -> None:
    assert is_wanted(path)


@pytest.mark.parametrize(
    "path",
    [
        "share/weights.pth",
        f"{SITE}/x-1.dist-info/licenses/LICENSE",
        f"{SITE}/x-1.dist-info/METADATA/x",
        "share/jupyter/kernels/kernel.json",
        "share/jupyter/kernels/a/b/kernel.json",
        "conda-meta/numpy-1-0.json",
        "other/conda-meta/history",
        "etc/conda",
        "lib/pyvenv.cfg",
        f"{SITE}/not-sitecustomize.py",
    ],
)
def test_is_not_wanted(path: str) -> None:
    assert not is_wanted(path)


def test_path_files_elsewhere_are_welcome() -> None:
    assert is_welcome("share/weights.pth")
    assert not is_welcome("share/weights.bin")


@pytest.mark.parametrize(
    ("path", "reached"),
    [
        ("lib", "share"),
        ("bin", "sbin"),
        ("lib/python3.11", "share/python3.11"),
        ("lib/python3.11/site-packages", "lib/python3.11/dist-packages"),
        ("lib/python3.13t/site-packages", "x"),
        ("share/jupyter/kernels", "x"),
        ("conda-meta", "x"),
        ("etc/conda", "x"),
    ],
)
def test_links_that_give_start_up_files_another_path_hide_them(path: str, reached: str) -> None:
    assert hides(path, reached)


@pytest.mark.parametrize(
    ("path", "reached"),
    [("lib/python3.1", "lib/python3.11"), ("lib64", "lib"), ("share/jupyter/kernels/a", "x"), ("lib/x", "y")],
)
def test_other_links_hide_nothing(path: str, reached: str) -> None:
    assert not hides(path, reached)
