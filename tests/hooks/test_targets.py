from __future__ import annotations

import sys
from pathlib import Path

import pytest

from jupyter_envguard.acl.commandline import table
from jupyter_envguard.hooks import targets
from jupyter_envguard.hooks.commands import Change, changes_in
from jupyter_envguard.hooks.targets import packages_in, requirements_in, target_of


def change(line: str) -> Change:
    *_, found = changes_in(line, table())
    return found


@pytest.mark.parametrize(
    ("line", "packages"),
    [
        (
            "pip install -q 'a>=1' b[extra]==2 https://example.org/x.whl ./local -e . c@https://x/y",
            ["a", "b", "c"],
        ),
        ("pip install -r requirements.txt -i https://x/simple d", ["d"]),
        ("conda install -y -c conda-forge forge::d=1.0 'e>2'", ["d", "e"]),
        ("conda create -n mine --file x.txt", []),
        ("npm install --prefix here left-pad @scope/name", ["left-pad"]),
        ("pixi add -e test a_b", ["a_b"]),
        ("uv pip install --python x a.b '.' '-' '' '~'", ["a.b"]),
        ("python -m pip install -U x", ["x"]),
        ("micromamba install -n base x", ["x"]),
    ],
)
def test_packages_are_named_without_what_belongs_to_them(line: str, packages: list[str]) -> None:
    assert packages_in(change(line)) == packages


def test_requirements_keep_their_versions() -> None:
    line = "conda install -c conda-forge 'forge::xgboost>=2' 'numpy 1.26.*'"
    assert requirements_in(change(line)) == ["xgboost>=2", "numpy 1.26.*"]


class TestTargets:
    @pytest.fixture(autouse=True)
    def prefix(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(sys, "prefix", "/opt/e")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("PATH", str(tmp_path / "venv/bin"))
        monkeypatch.delenv("CONDA_PREFIX", raising=False)
        monkeypatch.delenv("VIRTUAL_ENV", raising=False)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("pip install x", "/opt/e"),
            ("pip install --user x", "/opt/e"),
            ("conda install x", "/opt/e"),
            ("conda install --prefix=/y x", "/y"),
            ("mamba install -p /y x", "/y"),
            ("conda install -p/y x", "/y"),
            ("conda install -n mine x", "~/.conda/envs/mine"),
            ("pip install -t ~/here x", "~/here"),
            ("pip install --target here x", "~/here"),
            ("/opt/e/bin/pip install x", "/opt/e/bin/pip"),
            ("uv pip install x", "/opt/e"),
            ("uv add x", "~"),
            ("npm install x", "~"),
            ("pixi add x", "~"),
        ],
    )
    def test_are_where_the_tool_would_look(self, prefix: Path, line: str, expected: str) -> None:
        assert target_of(change(line)) == expected.replace("~", str(prefix))

    def test_of_an_active_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CONDA_PREFIX", "/c")
        monkeypatch.setenv("VIRTUAL_ENV", "/v")
        assert target_of(change("conda install x")) == "/c"
        assert target_of(change("uv pip install x")) == "/v"
        monkeypatch.delenv("VIRTUAL_ENV")
        assert target_of(change("uv pip install x")) == "/c"

    def test_of_what_npm_installs_for_everybody(self, prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("NPM_CONFIG_PREFIX", "npm_config_prefix"):
            monkeypatch.delenv(name, raising=False)
        assert target_of(change("npm -g install x")) == "/opt/e"
        npm = prefix / "node/bin/npm"
        npm.parent.mkdir(parents=True)
        npm.touch(0o755)
        assert target_of(change(f"{npm} install -g x")) == f"{prefix}/node"
        monkeypatch.setenv("PATH", str(npm.parent))
        assert target_of(change("npm install -g x")) == f"{prefix}/node"
        (prefix / ".npmrc").write_text("registry=https://x\n prefix = ${HOME}/mine\n")
        assert target_of(change("npm install -g x")) == f"{prefix}/mine"
        monkeypatch.setenv("NPM_CONFIG_PREFIX", "~/other")
        assert target_of(change("npm install -g x")) == f"{prefix}/other"
        assert target_of(change("npm install -g --prefix /y x")) == "/y"

    def test_of_programs_in_a_virtual_environment(self, prefix: Path) -> None:
        (prefix / "venv/bin").mkdir(parents=True)
        for name in ("pip", "python"):
            (prefix / "venv/bin" / name).touch(0o755)
        assert target_of(change("pip install x")) == "/opt/e"
        (prefix / "venv/pyvenv.cfg").touch()
        assert target_of(change("pip install x")) == f"{prefix}/venv"
        assert target_of(change("venv/bin/python -m pip install x")) == f"{prefix}/venv"
        assert target_of(change("uv pip install --python venv/bin/python x")) == f"{prefix}/venv"

    def test_of_the_kernels_own_python(self) -> None:
        assert targets._prefix_of_program("missing") == "/opt/e"
