"""The hub is set up in one line, and refuses what would undo it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.spawner import SimpleLocalProcessSpawner, SpawnException
from traitlets.config import Config

from jupyter_envguard.hub import configure
from jupyter_envguard.hub.configure import TOKEN_SCOPES
from jupyter_envguard.hub.contradictions import KEPT_VARIABLES, check_spawner
from jupyter_envguard.hub.plan import plan_for
from jupyter_envguard.site import load
from jupyter_envguard.store import Presence, Store
from tests.images import plain
from tests.stores import add, as_bare, root_only


def configured(site: Path, c: Config | None = None) -> Config:
    c = c if c is not None else Config()
    configure(c, site=site)
    return c


def spawner(c: Config, groups: tuple[str, ...] = (), **changes: Any) -> SimpleNamespace:
    """Return the traits that the check reads, as the configuration sets them."""
    values = {
        name: c.Spawner[name] for name in ("disable_user_config", "cmd", "args", "environment", "env_keep")
    }
    known = [SimpleNamespace(name=group, roles=[]) for group in groups]
    user = SimpleNamespace(name="no-such-account", groups=known, roles=[])
    return SimpleNamespace(**{"user": user, **values, **changes})


class TestWhatIsSet:
    def test_user_configuration_is_off_and_python_is_isolated(self, site: Path) -> None:
        c = configured(site)
        assert c.Spawner.disable_user_config is True
        assert c.Spawner.cmd[-4:] == [sys.executable, "-I", "-m", "jupyterhub.singleuser"]

    def test_the_server_without_its_wall_contradicts(self, site: Path) -> None:
        c = Config()
        c.Spawner.cmd = [sys.executable, "-I", "-m", "jupyterhub.singleuser"]
        with pytest.raises(SystemExit, match="must be started by"):
            configured(site, c)

    def test_what_the_plan_tells_the_server_is_told(self, site: Path) -> None:
        assert set(plan_for(load(site), sys.executable).arguments) <= set(configured(site).Spawner.args)

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

    def test_what_is_set_on_the_spawner_that_is_used_is_added_to_there(self, site: Path) -> None:
        c = Config()
        c.JupyterHub.spawner_class = "simple"
        c.Spawner.environment = {"LOST": "as traitlets has it"}
        c.SimpleLocalProcessSpawner.environment = {"TEAM": "north"}
        c.SimpleLocalProcessSpawner.args = ["--debug"]
        configured(site, c)
        made = SimpleLocalProcessSpawner(config=c, user=None)
        assert made.environment["TEAM"] == "north"
        assert "JUPYTER_PREFER_ENV_PATH" in made.environment
        assert "LOST" not in made.environment
        assert made.args[0] == "--debug"
        assert check_spawner(made, plan_for(load(site), sys.executable)) == ()

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

    async def test_the_groups_of_the_user_choose_the_wall_each_time(self, site: Path) -> None:
        with site.open("a") as file:
            file.write("guard: {groups: {students: {level: lockdown}, staff: {level: advise}}}\n")
        c = configured(site)
        found = spawner(c, groups=("students",))
        await c.Spawner.pre_spawn_hook(found)
        assert "--lockdown" in found.cmd
        found.user.groups[0].name = "staff"
        await c.Spawner.pre_spawn_hook(found)
        assert found.cmd == [sys.executable, "-I", "-m", "jupyterhub.singleuser"]
        found.user.groups.clear()
        await c.Spawner.pre_spawn_hook(found)
        assert found.cmd == c.Spawner.cmd

    @root_only
    async def test_images_without_a_tree_are_made_usable(self, site: Path, tmp_path: Path) -> None:
        store = Store(load(site).store_root)
        image = as_bare(store, add(store, plain().write(tmp_path, "tar")))
        presence = Presence(store)
        await configured(site).Spawner.pre_spawn_hook(spawner(configured(site)))
        try:
            assert presence.is_usable(image)
            assert store.verify(image) == ()
        finally:
            presence.unmount(image)

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
