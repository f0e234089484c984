"""What systemdspawner would really have systemd start."""

from __future__ import annotations

import getpass
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.spawner import SpawnException
from systemdspawner import SystemdSpawner, systemd
from traitlets.config import Config

from jupyter_envguard.hub import configure
from jupyter_envguard.hub.spawners.places import Wanted, wanted_for
from jupyter_envguard.hub.spawners.systemd import equivalents, prepare
from jupyter_envguard.site import load
from tests.hub.users import spawner_for

ME = getpass.getuser()


class MySpawner(SystemdSpawner):
    """A subclass, as sites write them."""


def config(site: Path, spawner: Any = "systemd", **settings: Any) -> Config:
    c = Config()
    c.JupyterHub.spawner_class = spawner
    for name, value in settings.items():
        c.SystemdSpawner[name] = value
    configure(c, site=site)
    return c


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put programs on the path that write down what systemdspawner runs; no systemd manages this machine."""
    programs, told = tmp_path / "bin", tmp_path / "told"
    programs.mkdir()
    starts = f'#!/bin/sh\nprintf "%s\\0" "$@" > {told}\n'
    asks = (
        f"#!/bin/sh\ncase $1 in is-active) test -e {told};; is-failed) false;; *) echo systemd 252;;\nesac\n"
    )
    for name, text in (("systemd-run", starts), ("systemctl", asks)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(systemd, "RUN_ROOT", str(tmp_path))
    return told


async def started(
    c: Config, told: Path, spawner_class: type = SystemdSpawner
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the properties and the command of the unit that is really started for this user."""
    with spawner_for(ME, spawner_class, c) as spawner:
        await spawner.run_pre_spawn_hook()
        await spawner.start()
    words = told.read_text().split("\0")[:-1]
    properties: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--property="):
            name, _, value = word.removeprefix("--property=").partition("=")
            properties.setdefault(name, []).append(value)
    return properties, words[words.index(sys.executable) :]


class TestUnit:
    async def test_has_the_walls_properties(self, site: Path, run: Path) -> None:
        properties, _ = await started(config(site), run)
        for name in ("PrivateTmp", "NoNewPrivileges", "RestrictNamespaces", "RestrictSUIDSGID"):
            assert properties[name] == ["yes"]
        assert properties["ProtectSystem"] == ["strict"]

    async def test_may_read_what_the_site_needs_and_write_home_and_spool(self, site: Path, run: Path) -> None:
        properties, _ = await started(config(site), run)
        folder = site.parent
        readable = {f"-{folder}/{name}" for name in ("site.yaml", "root.json", "store", "catalog")}
        assert set(properties["ReadOnlyDirectories"]) == readable
        assert properties["ReadWriteDirectories"] == [f"-{folder}/spool", f"-{pwd.getpwnam(ME).pw_dir}"]

    async def test_cannot_see_the_log_of_decisions_nor_the_keys(self, site: Path, run: Path) -> None:
        with site.open("a") as file:
            file.write("keys: keys\n")
        properties, _ = await started(config(site), run)
        assert properties["InaccessiblePaths"] == [f"-{site.parent}/keys -{site.parent}/log.sqlite"]

    async def test_runs_the_server_behind_the_wall(self, site: Path, run: Path) -> None:
        c = config(site)
        _, command = await started(c, run)
        assert command[: len(c.Spawner.cmd)] == c.Spawner.cmd
        assert f"--EnvGuardKernelSpecManager.site={site}" in command

    async def test_is_the_same_for_a_class_made_from_the_spawner(self, site: Path, run: Path) -> None:
        properties, _ = await started(config(site, MySpawner), run, MySpawner)
        assert properties["ProtectSystem"] == ["strict"]

    async def test_keeps_what_the_admin_set(self, site: Path, run: Path) -> None:
        c = config(
            site,
            readonly_paths=["/usr/share"],
            readwrite_paths=["/projects"],
            unit_extra_properties={
                "CPUWeight": "20",
                "InaccessiblePaths": "/srv/secret",
                "PrivateTmp": "true",
            },
        )
        properties, _ = await started(c, run)
        assert properties["ReadOnlyDirectories"][0] == "/usr/share"
        assert properties["ReadWriteDirectories"][0] == "/projects"
        assert properties["CPUWeight"] == ["20"]
        assert properties["InaccessiblePaths"][0].startswith("/srv/secret -")

    async def test_what_the_admin_only_adds_is_kept_too(self, site: Path, run: Path) -> None:
        c = Config()
        c.JupyterHub.spawner_class = "systemdspawner.SystemdSpawner"
        c.SystemdSpawner.readonly_paths.append("/usr/share")
        c.SystemdSpawner.unit_extra_properties.update({"CPUWeight": "20"})
        configure(c, site=site)
        properties, _ = await started(c, run)
        assert properties["ReadOnlyDirectories"][0] == "/usr/share"
        assert properties["CPUWeight"] == ["20"]

    async def test_a_second_start_is_like_the_first(self, site: Path, run: Path) -> None:
        with spawner_for(ME, SystemdSpawner, config(site)) as spawner:
            told = []
            for _ in range(2):
                await spawner.run_pre_spawn_hook()
                await spawner.start()
                properties = [word for word in run.read_text().split("\0") if word.startswith("--property=")]
                told.append(properties)
                run.unlink()
        assert told[0] == told[1]

    async def test_a_user_of_the_moment_has_a_home_from_systemd(self, site: Path, run: Path) -> None:
        properties, _ = await started(config(site, dynamic_users=True), run)
        assert properties["DynamicUser"] == ["yes"]
        assert properties["ReadWriteDirectories"] == [f"-{site.parent}/spool"]

    async def test_a_site_that_only_advises_changes_nothing(self, site: Path, run: Path) -> None:
        with site.open("a") as file:
            file.write("guard: {level: advise}\n")
        properties, _ = await started(config(site), run)
        assert "ProtectSystem" not in properties

    @pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
    async def test_systemd_itself_understands_every_property(
        self, site: Path, run: Path, tmp_path: Path
    ) -> None:
        properties, _ = await started(config(site), run)
        properties |= {name: [value] for name, value in lockdown(site).items()}
        lines = [f"{name}={value}" for name, values in properties.items() for value in values]
        unit = tmp_path / "session.service"
        unit.write_text("\n".join(["[Service]", "ExecStart=/bin/true", *lines, ""]))
        verify = ["systemd-analyze", "verify", "--man=no", str(unit)]
        done = subprocess.run(verify, capture_output=True, text=True)
        assert [line for line in done.stderr.splitlines() if "session.service" in line] == []

    @pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
    def test_a_property_that_systemd_does_not_know_would_be_seen(self, tmp_path: Path) -> None:
        unit = tmp_path / "session.service"
        unit.write_text("[Service]\nExecStart=/bin/true\nNoExexPaths=/tmp\n")
        verify = ["systemd-analyze", "verify", "--man=no", str(unit)]
        done = subprocess.run(verify, capture_output=True, text=True)
        assert "NoExexPaths" in done.stderr


def lockdown(site: Path) -> dict[str, str]:
    wanted = wanted_for(load(site), sys.executable, ("x",))
    strict = Wanted("lockdown", wanted.read, wanted.write, wanted.hidden, wanted.programs, wanted.command)
    extra: dict[str, str] = equivalents({}, strict).settings["unit_extra_properties"]
    return extra


class TestLockdown:
    def test_runs_nothing_from_where_everybody_writes(self, site: Path) -> None:
        found = lockdown(site)
        assert found["NoExecPaths"] == f"-/tmp -/var/tmp -/dev/shm -{site.parent}/spool"
        assert found["ExecPaths"] == f"-{site.parent}/store -{Path(sys.executable).parent.parent}"

    def test_writes_no_memory_that_it_runs_where_the_site_says_so(self, site: Path) -> None:
        assert "MemoryDenyWriteExecute" not in lockdown(site)
        with site.open("a") as file:
            file.write("guard: {level: lockdown, strict_memory: true}\n")
        wanted = wanted_for(load(site), sys.executable, ("x",))
        found = equivalents({"unit_extra_properties": {"MemoryDenyWriteExecute": "no"}}, wanted)
        assert found.settings["unit_extra_properties"]["MemoryDenyWriteExecute"] == "yes"
        assert "MemoryDenyWriteExecute=no contradicts yes" in found.contradictions[0]

    async def test_runs_nothing_from_home(self, site: Path) -> None:
        wanted = wanted_for(load(site), sys.executable, ("x",))
        strict = Wanted("lockdown", wanted.read, wanted.write, wanted.hidden, wanted.programs, wanted.command)
        with spawner_for(ME, SystemdSpawner, Config()) as spawner:
            await prepare(spawner, strict)
            assert spawner.unit_extra_properties["NoExecPaths"] == f"-{pwd.getpwnam(ME).pw_dir}"


class TestContradictions:
    @pytest.mark.parametrize(
        ("settings", "reason"),
        [
            ({"isolate_tmp": False}, "isolate_tmp: False contradicts True"),
            ({"disable_user_sudo": False}, "disable_user_sudo: False contradicts True"),
            ({"unit_extra_properties": {"NoNewPrivileges": "no"}}, "NoNewPrivileges=no contradicts yes"),
            ({"unit_extra_properties": {"ProtectSystem": "full"}}, "ProtectSystem=full contradicts strict"),
            ({"unit_extra_properties": {"ReadOnlyDirectories": "/x"}}, "use readonly_paths"),
            ({"unit_extra_properties": {"InaccessiblePaths": ["/x"]}}, "is not a text"),
            ({"unit_extra_properties": {"AmbientCapabilities": "CAP_SYS_ADMIN"}}, "rights of root"),
        ],
    )
    def test_the_hub_does_not_start_and_says_why(
        self, site: Path, settings: dict[str, Any], reason: str
    ) -> None:
        with pytest.raises(SystemExit, match=r"error\[hub-contradiction\]") as caught:
            config(site, **settings)
        assert f"c.SystemdSpawner.{next(iter(settings))}" in str(caught.value)
        assert reason in str(caught.value)

    def test_a_place_of_the_site_cannot_be_made_writable(self, site: Path) -> None:
        with pytest.raises(SystemExit, match=r"readwrite_paths: .*/store/x would be writable"):
            config(site, readwrite_paths=[f"{site.parent}/store/x"])

    async def test_a_line_after_configure_does_not_undo_it(self, site: Path) -> None:
        c = config(site)
        c.SystemdSpawner.isolate_tmp = False
        with (
            spawner_for(ME, SystemdSpawner, c) as spawner,
            pytest.raises(SpawnException, match="isolate_tmp"),
        ):
            await spawner.run_pre_spawn_hook()
