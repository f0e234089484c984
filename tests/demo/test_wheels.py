from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from demo import wheels
from demo.condapkg import PLACEHOLDER
from demo.cpython import SHORT, SITE_PACKAGES, SUBDIR, TAG
from tests.demo.test_condapkg import info, members

METADATA = """\
Metadata-Version: 2.4
Name: {name}
Version: 1.0
License-Expression: MIT
Requires-Python: >=3.9,!=3.9.1
Project-URL: Source, https://example.org/src
Requires-Dist: pyzmq[fast] >=25 ; python_version >= "3"
Requires-Dist: colorama ; sys_platform == "win32"
Requires-Dist: pytest ; extra == "test"
"""
ENTRY_POINTS = """\
[console_scripts]
thing = thing.cli:App.main [extra]
[other]
a = b:c
"""
KERNEL = {"argv": ["python", "-m", "thing", "{connection_file}"], "language": "thing"}


def make(folder: Path, name: str, tag: str, files: dict[str, str], metadata: str = METADATA) -> Path:
    path = folder / f"{name}-1.0-{tag}.whl"
    info = f"{name}-1.0.dist-info"
    entries = {
        f"{info}/METADATA": metadata.format(name=name),
        f"{info}/RECORD": "not,taken,over\n",
        f"{info}/licenses/LICENSE.txt": "Do as you like.",
        f"{info}/entry_points.txt": ENTRY_POINTS,
        **files,
    }
    with zipfile.ZipFile(path, "w") as archive:
        for entry, text in entries.items():
            archive.writestr(entry, text)
    return path


@pytest.fixture
def pure(tmp_path: Path) -> Path:
    files = {
        "thing/__init__.py": "x = 1\n",
        "thing-1.0.data/scripts/run-thing": "#!python\nprint(1)\n",
        "thing-1.0.data/data/share/jupyter/kernels/thing/kernel.json": json.dumps(KERNEL),
        "thing-1.0.data/purelib/more.py": "",
    }
    wheel = make(tmp_path, "thing", "py3-none-any", files)
    extra = 'Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: uvloop >=1; extra == "fast"\n'
    sibling = make(tmp_path, "pyzmq", "py3-none-any", {}, extra)
    return wheels.convert(tmp_path / "channel", {"pyzmq": sibling}, wheel)


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    files = {"thing/__init__.py": "x = 1\n", "thing/old.py": "print 'two'\n"}
    wheel = make(tmp_path, "thing", f"cp{TAG}-cp{TAG}-manylinux_2_17_x86_64", files)
    return wheels.convert(tmp_path / "channel", {}, wheel)


def test_a_pure_wheel_becomes_noarch(pure: Path) -> None:
    assert pure.parts[-2:] == ("noarch", "thing-1.0-pyh0_0.conda")
    assert info(pure, "link.json")["noarch"]["entry_points"] == ["thing = thing.cli:App.main"]
    assert set(members(pure, "pkg")) == {
        "python-scripts/run-thing",
        "share/jupyter/kernels/thing/kernel.json",
        "site-packages/more.py",
        "site-packages/thing/__init__.py",
        *(f"site-packages/thing-1.0.dist-info/{name}" for name in ("INSTALLER", "METADATA", "RECORD")),
        *(
            f"site-packages/thing-1.0.dist-info/{name}"
            for name in ("entry_points.txt", "licenses/LICENSE.txt")
        ),
    }


def test_dependencies_are_those_of_this_platform_with_extras_spelled_out(pure: Path) -> None:
    assert info(pure, "index.json")["depends"] == ["pyzmq >=25", "uvloop >=1", "python >=3.9"]


def test_kernel_and_scripts_start_the_python_of_the_environment(pure: Path) -> None:
    made = members(pure, "pkg")
    kernel = json.loads(made["share/jupyter/kernels/thing/kernel.json"][1])
    assert kernel["argv"] == [f"{PLACEHOLDER}/bin/python", *KERNEL["argv"][1:]]
    script, data = made["python-scripts/run-thing"]
    assert data.startswith(f"#!{PLACEHOLDER}/bin/python\n".encode())
    assert script.mode == 0o755


def test_record_is_written_anew(pure: Path) -> None:
    made = members(pure, "pkg")
    record = made["site-packages/thing-1.0.dist-info/RECORD"][1].decode()
    assert "thing/__init__.py,sha256=" in record
    assert "thing-1.0.dist-info/RECORD,," in record
    assert "python-scripts" not in record
    assert made["site-packages/thing-1.0.dist-info/INSTALLER"][1] == b"conda\n"


def test_about_names_licence_and_home(pure: Path) -> None:
    assert info(pure, "about.json")["home"] == "https://example.org/src"
    assert info(pure, "index.json")["license"] == "MIT"
    assert members(pure, "info")["info/licenses/LICENSE.txt"][1] == b"Do as you like."


def test_any_other_wheel_belongs_to_this_platform_and_python(binary: Path) -> None:
    assert binary.parts[-2:] == (SUBDIR, f"thing-1.0-py{TAG}h0_0.conda")
    depends = info(binary, "index.json")["depends"]
    assert depends[-1] == f"python_abi {SHORT}.* *_cp{TAG}"
    assert depends[-2].startswith(f"python >={SHORT},<3.")


def test_it_brings_byte_code_and_commands(binary: Path) -> None:
    made = members(binary, "pkg")
    assert f"{SITE_PACKAGES}/thing/__pycache__/__init__.cpython-{TAG}.pyc" in made
    assert f"{SITE_PACKAGES}/thing/__pycache__/old.cpython-{TAG}.pyc" not in made
    command = made["bin/thing"][1].decode()
    assert command.startswith(f"#!{PLACEHOLDER}/bin/python\n")
    assert "from thing.cli import App\n" in command
    assert "sys.exit(App.main())" in command


def test_a_wheel_without_a_stated_licence_needs_one_in_the_table(tmp_path: Path) -> None:
    wheel = make(
        tmp_path, "unheard_of", "py3-none-any", {}, "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    )
    with pytest.raises(KeyError, match="unheard-of"):
        wheels.convert(tmp_path / "channel", {}, wheel)


def test_the_words_of_pip_reach_the_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(RuntimeError, match="No matching distribution found for asttokens"):
        wheels.download(tmp_path)
