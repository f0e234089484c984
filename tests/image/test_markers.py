from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from jupyter_envguard.image.markers import MESSAGE, TRANSLATED, markers, standard_libraries
from tests.sites import real_images


def test_conda_finds_a_frozen_environment_with_a_message() -> None:
    assert json.loads(markers([])["conda-meta/frozen"]) == {"message": MESSAGE}


def test_pip_finds_an_externally_managed_environment_as_it_reads_it() -> None:
    written = markers(["lib/python3.11/os.py"])["lib/python3.11/EXTERNALLY-MANAGED"]
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(written.decode())
    assert parser["externally-managed"]["Error"] == MESSAGE
    assert {name: parser["externally-managed"][f"Error-{name}"] for name in TRANSLATED} == TRANSLATED


def test_an_environment_without_python_has_no_sign_for_pip() -> None:
    assert set(markers(["bin/R"])) == {"conda-meta/frozen"}


def test_history_is_emptied_where_there_is_one() -> None:
    assert markers(["conda-meta/history"])["conda-meta/history"] == b""


def test_a_library_is_where_os_lies() -> None:
    paths = ["lib/python3.13t/os.py", "lib/python3.9/os.py", "lib/python3.11/x/os.py", "lib/pypy/os.py"]
    assert standard_libraries(paths) == ("lib/python3.13t", "lib/python3.9")


@pytest.mark.packs
class TestRealTools:
    """What people read who try, in a real environment."""

    def test_pip_says_our_sentence_and_installs_nothing(self) -> None:
        command = [real_images()["datasci"].python, "-m", "pip", "install", "--no-index", "x"]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "400"})
        assert done.returncode != 0
        assert MESSAGE in " ".join(done.stderr.split())

    @pytest.mark.skipif(not shutil.which("localedef"), reason="no localedef on the path")
    @pytest.mark.parametrize(("locale", "language"), [("de_DE", "de"), ("fr_FR", "fr")])
    def test_pip_says_it_in_the_users_language(self, tmp_path: Path, locale: str, language: str) -> None:
        made = ["localedef", "-i", locale, "-f", "UTF-8", str(tmp_path / f"{locale}.UTF-8")]
        if subprocess.run(made, capture_output=True).returncode:
            pytest.skip(f"this machine has no source of the locale {locale}")
        command = [real_images()["datasci"].python, "-m", "pip", "install", "--no-index", "x"]
        speaks = {"LOCPATH": str(tmp_path), "LC_ALL": f"{locale}.UTF-8", "COLUMNS": "400"}
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **speaks})
        assert done.returncode != 0
        assert " ".join(TRANSLATED[language].split()) in " ".join(done.stderr.split())

    def test_uv_says_our_sentence_and_installs_nothing(self) -> None:
        python = str(real_images()["datasci"].python)
        command = [find_uv_bin(), "pip", "install", "--offline", "--python", python, "x"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode != 0
        assert MESSAGE in " ".join(done.stderr.replace("│", " ").split())
