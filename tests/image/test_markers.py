from __future__ import annotations

import configparser
import json

from jupyter_envguard.image.markers import MESSAGE, markers, standard_libraries


def test_conda_finds_a_frozen_environment_with_a_message() -> None:
    assert json.loads(markers([])["conda-meta/frozen"]) == {"message": MESSAGE}


def test_pip_finds_an_externally_managed_environment_as_it_reads_it() -> None:
    written = markers(["lib/python3.11/os.py"])["lib/python3.11/EXTERNALLY-MANAGED"]
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(written.decode())
    assert parser["externally-managed"]["Error"] == MESSAGE


def test_an_environment_without_python_has_no_sign_for_pip() -> None:
    assert set(markers(["bin/R"])) == {"conda-meta/frozen"}


def test_history_is_emptied_where_there_is_one() -> None:
    assert markers(["conda-meta/history"])["conda-meta/history"] == b""


def test_a_library_is_where_os_lies() -> None:
    paths = ["lib/python3.13t/os.py", "lib/python3.9/os.py", "lib/python3.11/x/os.py", "lib/pypy/os.py"]
    assert standard_libraries(paths) == ("lib/python3.13t", "lib/python3.9")
