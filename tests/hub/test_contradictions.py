"""What would undo the guard is named, all of it, and nothing is changed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.spawner import LocalProcessSpawner
from traitlets.config import Config

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.hub import configure
from jupyter_envguard.hub.contradictions import check_spawner, refuse, unsafe_class
from jupyter_envguard.hub.plan import plan_for
from jupyter_envguard.site import load


class TestInTheConfiguration:
    @pytest.mark.parametrize(
        ("section", "trait", "value", "reason"),
        [
            ("Spawner", "disable_user_config", False, "users' own configuration must stay off"),
            ("Spawner", "cmd", "jupyterhub-singleuser", "-I -m jupyterhub.singleuser"),
            ("Spawner", "cmd", ["jupyter-labhub"], "-I -m jupyterhub.singleuser"),
            ("Spawner", "args", ["--ServerApp.kernel_spec_manager_class=x.Y"], "contradicts"),
            ("Spawner", "args", ["--EnvGuardKernelSpecManager.site=/tmp/mine.yaml"], "contradicts"),
            ("Spawner", "args", ["--GatewayClient.url=http://x"], "another kernel manager"),
            ("Spawner", "environment", {"JUPYTER_GATEWAY_URL": "http://x"}, "JUPYTER_GATEWAY_URL"),
            ("Spawner", "environment", {"LD_PRELOAD": "/tmp/x.so"}, "LD_PRELOAD"),
            ("Spawner", "environment", {"PYTHONPATH": "/tmp"}, "PYTHONPATH"),
            ("Spawner", "env_keep", ["PATH", "JUPYTER_CONFIG_DIR"], "JUPYTER_CONFIG_DIR"),
            ("SimpleLocalProcessSpawner", "args", [], "set it on c.Spawner"),
            ("SystemdSpawner", "environment", {"JUPYTER_PATH": "/x"}, "JUPYTER_PATH"),
            ("JupyterHub", "spawner_class", "batchspawner.SlurmSpawner", "replace the command"),
        ],
    )
    def test_the_hub_does_not_start_and_says_why(
        self, site: Path, section: str, trait: str, value: Any, reason: str
    ) -> None:
        c = Config()
        c[section][trait] = value
        before = c.copy()
        with pytest.raises(SystemExit) as caught:
            configure(c, site=site)
        assert "error[hub-contradiction]" in str(caught.value)
        assert f"{section}.{trait}" in str(caught.value)
        assert reason in str(caught.value)
        assert "hint: " in str(caught.value)
        assert c[section] == before[section]

    def test_what_is_only_added_is_looked_at_too(self, site: Path) -> None:
        c = Config()
        c.Spawner.env_keep.append("PYTHONPATH")
        c.Spawner.environment.update({"LD_PRELOAD": "x.so"})
        with pytest.raises(
            SystemExit, match=r"variable PYTHONPATH .* variable LD_PRELOAD|LD_PRELOAD .* PYTHONPATH"
        ):
            configure(c, site=site)

    @pytest.mark.parametrize(("name", "value"), [("args", "--debug"), ("args", None), ("environment", [])])
    def test_a_setting_of_the_wrong_kind_is_named(self, site: Path, name: str, value: object) -> None:
        c = Config()
        c.Spawner[name] = value
        with pytest.raises(SystemExit, match=rf"c\.Spawner\.{name}: .* is not a (list|dict)"):
            configure(c, site=site)

    def test_all_reasons_are_given_at_once(self, site: Path) -> None:
        c = Config()
        c.Spawner.disable_user_config = False
        c.Spawner.env_keep = ["PYTHONPATH"]
        with pytest.raises(SystemExit, match=r"(?s)disable_user_config.*PYTHONPATH"):
            configure(c, site=site)

    def test_a_site_that_cannot_be_read_stops_the_hub(self, tmp_path: Path) -> None:
        with pytest.raises(SystemExit, match=r"site\.yaml"):
            configure(Config(), site=tmp_path / "site.yaml")


def test_nothing_to_refuse_is_no_error() -> None:
    refuse(())
    with pytest.raises(InvalidInput):
        refuse(("x",))


def test_reasons_are_not_repeated(site: Path) -> None:
    plan = plan_for(load(site), sys.executable)
    about_to_start = SimpleNamespace(
        disable_user_config=True, cmd=["x"], args=[], environment={}, env_keep=[]
    )
    found = check_spawner(about_to_start, plan)
    assert len(found) == len(set(found)) == 1 + len(plan.arguments)


def test_a_class_made_from_a_spawner_that_is_refused_is_refused_too() -> None:
    unsafe = type("SlurmSpawner", (), {"__module__": "batchspawner.batchspawner"})
    assert "replace the command" in unsafe_class(type("MySpawner", (unsafe,), {}))[0]
    assert unsafe_class(LocalProcessSpawner) == ()
