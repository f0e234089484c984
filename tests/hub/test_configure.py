"""The hub is set up in one line, and refuses what would undo it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.spawner import SpawnException
from traitlets.config import Config

from jupyter_envguard import wall
from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.hub import configure
from jupyter_envguard.hub.configure import (
    KEPT_VARIABLES,
    MANAGER,
    PROVISIONER,
    TOKEN_SCOPES,
    check_spawner,
    refuse,
)
from jupyter_envguard.hub.configure import _plan as plan_for
from jupyter_envguard.site import load


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Write the smallest site file that can be used."""
    path = tmp_path / "site.yaml"
    names = ("store", "catalog", "spool")
    for name in names:
        (tmp_path / name).mkdir()
    path.write_text(
        "version: 1\nname: Test\nstore: store\ncatalog: catalog\n"
        "trust: root.json\nlog: log.sqlite\nspool: spool\n"
    )
    return path


def configured(site: Path, c: Config | None = None) -> Config:
    c = c if c is not None else Config()
    configure(c, site=site)
    return c


def spawner(c: Config, **changes: Any) -> SimpleNamespace:
    """Return the traits that the check reads, as the configuration sets them."""
    values = {
        name: c.Spawner[name] for name in ("disable_user_config", "cmd", "args", "environment", "env_keep")
    }
    return SimpleNamespace(**{**values, **changes})


class TestWhatIsSet:
    def test_user_configuration_is_off_and_python_is_isolated(self, site: Path) -> None:
        c = configured(site)
        assert c.Spawner.disable_user_config is True
        assert c.Spawner.cmd[-4:] == [sys.executable, "-I", "-m", "jupyterhub.singleuser"]

    def test_the_wall_is_put_before_the_server(self, site: Path) -> None:
        command = configured(site).Spawner.cmd
        before = wall.command(sys.executable)
        assert command[: len(before)] == before
        assert f"--write={site.parent}/spool" in command
        assert f"--protect={site.parent}/store" in command
        assert "--required" not in command
        assert command[-5] == "--"

    def test_a_wall_that_is_required_is_said_to_be(self, site: Path) -> None:
        with site.open("a") as file:
            file.write("guard: {mode: required, write: [/projects]}\n")
        command = configured(site).Spawner.cmd
        assert {"--required", "--write=/projects"} < set(command)

    def test_a_site_that_only_advises_has_no_wall(self, site: Path) -> None:
        with site.open("a") as file:
            file.write("guard: {level: advise}\n")
        assert configured(site).Spawner.cmd == [sys.executable, "-I", "-m", "jupyterhub.singleuser"]

    def test_the_server_without_its_wall_contradicts(self, site: Path) -> None:
        c = Config()
        c.Spawner.cmd = [sys.executable, "-I", "-m", "jupyterhub.singleuser"]
        with pytest.raises(SystemExit, match="must be started by"):
            configured(site, c)

    def test_the_site_and_the_manager_are_given_on_the_command_line(self, site: Path) -> None:
        arguments = configured(site).Spawner.args
        assert f"--ServerApp.kernel_spec_manager_class={MANAGER}" in arguments
        assert f"--EnvGuardKernelSpecManager.site={site}" in arguments
        assert f"--KernelProvisionerFactory.default_provisioner_name={PROVISIONER}" in arguments

    def test_little_of_the_hubs_environment_reaches_the_server(self, site: Path) -> None:
        c = configured(site)
        assert c.Spawner.env_keep == list(KEPT_VARIABLES)
        assert c.Spawner.environment["PATH"].startswith(str(Path(sys.executable).parent))

    def test_the_token_may_read_the_groups_of_its_own_user(self, site: Path) -> None:
        assert set(configured(site).Spawner.server_token_scopes) == TOKEN_SCOPES

    def test_what_the_admin_set_is_kept(self, site: Path) -> None:
        c = Config()
        c.Spawner.args = ["--allow-root"]
        c.Spawner.environment = {"HTTP_PROXY": "http://proxy"}
        c.Spawner.server_token_scopes = ["access:services!service=announcements"]
        c.Spawner.env_keep = ["LANG"]
        configured(site, c)
        assert c.Spawner.args[0] == "--allow-root"
        assert c.Spawner.environment["HTTP_PROXY"] == "http://proxy"
        assert "access:services!service=announcements" in c.Spawner.server_token_scopes
        assert c.Spawner.env_keep == ["LANG"]

    def test_what_the_admin_only_adds_is_kept_too(self, site: Path) -> None:
        c = Config()
        c.Spawner.args.append("--debug")
        c.Spawner.env_keep.append("TEAM")
        c.Spawner.environment.update({"SITE": "north"})
        c.Spawner.server_token_scopes.extend(["shares!user"])
        configured(site, c)
        assert c.Spawner.args[0] == "--debug"
        assert c.Spawner.env_keep == [*KEPT_VARIABLES, "TEAM"]
        assert c.Spawner.environment["SITE"] == "north"
        assert set(c.Spawner.server_token_scopes) == TOKEN_SCOPES | {"shares!user"}
        assert check_spawner(spawner(c), plan_for(load(site), sys.executable)) == ()

    def test_scopes_that_are_worked_out_for_each_user_are_left_alone(self, site: Path) -> None:
        c = Config()
        c.Spawner.server_token_scopes = scopes = lambda spawner: []
        assert configured(site, c).Spawner.server_token_scopes is scopes

    def test_another_interpreter_can_run_the_servers(self, site: Path) -> None:
        c = Config()
        configure(c, site=str(site), python="/opt/conda/bin/python")
        assert c.Spawner.cmd[0] == "/opt/conda/bin/python"
        assert c.Spawner.environment["PATH"].startswith("/opt/conda/bin:")

    def test_configuring_twice_changes_nothing(self, site: Path) -> None:
        c = configured(site)
        before = (list(c.Spawner.args), dict(c.Spawner.environment))
        c.Spawner.pop("pre_spawn_hook")
        configured(site, c)
        assert (c.Spawner.args, c.Spawner.environment) == before


class TestContradictions:
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

    def test_nothing_to_refuse_is_no_error(self) -> None:
        refuse(())
        with pytest.raises(InvalidInput):
            refuse(("x",))


class TestBeforeEachSpawn:
    async def test_a_spawner_as_configured_may_start(self, site: Path) -> None:
        c = configured(site)
        await c.Spawner.pre_spawn_hook(spawner(c))

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"disable_user_config": False}, "users' own configuration"),
            ({"cmd": ["jupyterhub-singleuser"]}, "must be started by"),
            ({"args": []}, "is missing"),
            ({"environment": {"PYTHONSTARTUP": "x"}}, "PYTHONSTARTUP"),
            ({"env_keep": ["LD_LIBRARY_PATH"]}, "LD_LIBRARY_PATH"),
        ],
    )
    async def test_a_spawner_that_was_changed_later_may_not(
        self, site: Path, changes: dict[str, Any], reason: str
    ) -> None:
        c = configured(site)
        with pytest.raises(SpawnException) as caught:
            await c.Spawner.pre_spawn_hook(spawner(c, **changes))
        assert reason in str(caught.value)

    async def test_the_admins_own_hook_runs_first_and_is_checked_too(self, site: Path) -> None:
        c = Config()
        seen: list[str] = []

        async def earlier(spawner: Any) -> None:
            seen.append("ran")
            spawner.args = []

        c.Spawner.pre_spawn_hook = earlier
        configured(site, c)
        with pytest.raises(SpawnException):
            await c.Spawner.pre_spawn_hook(spawner(c))
        assert seen == ["ran"]

    def test_reasons_are_not_repeated(self, site: Path) -> None:
        c = configured(site)
        plan = plan_for(load(site), sys.executable)
        found = check_spawner(spawner(c, cmd=["x"], args=[]), plan)
        assert len(found) == len(set(found)) == 1 + len(plan.arguments)


def test_a_real_hub_prints_the_reason_and_no_traceback(site: Path, tmp_path: Path) -> None:
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(
        "from jupyter_envguard.hub import configure\n"
        "c = get_config()\n"
        "c.Spawner.disable_user_config = False\n"
        f"configure(c, site={str(site)!r})\n"
    )
    command = [sys.executable, "-m", "jupyterhub", "-f", str(config)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "error[hub-contradiction]" in done.stderr
    assert "Traceback" not in done.stderr
