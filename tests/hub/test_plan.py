"""What servers are started with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jupyter_envguard.hub.plan import MANAGER, PROVISIONER, plan_for
from jupyter_envguard.hub.wall import in_front
from jupyter_envguard.site import load


def test_python_is_isolated_behind_the_wall(site: Path) -> None:
    command = plan_for(load(site), sys.executable).command
    assert command == (
        *in_front(load(site), load(site).guard, sys.executable),
        sys.executable,
        "-I",
        "-m",
        "jupyterhub.singleuser",
    )


def test_the_site_and_the_manager_are_given_on_the_command_line(site: Path) -> None:
    arguments = plan_for(load(site), sys.executable).arguments
    assert f"--ServerApp.kernel_spec_manager_class={MANAGER}" in arguments
    assert f"--EnvGuardKernelSpecManager.site={site}" in arguments
    assert f"--KernelProvisionerFactory.default_provisioner_name={PROVISIONER}" in arguments


def test_another_interpreter_comes_first_on_the_path(site: Path) -> None:
    plan = plan_for(load(site), "/opt/conda/bin/python")
    assert plan.environment["PATH"].startswith("/opt/conda/bin:")


def test_each_level_has_a_command_of_its_own(site: Path) -> None:
    with site.open("a") as file:
        file.write("guard: {groups: {students: {level: lockdown}, staff: {level: advise}}}\n")
    plan = plan_for(load(site), sys.executable)
    assert plan.command_for(()) == plan.command
    assert "--lockdown" in plan.command_for(("students", "staff"))
    assert plan.command_for(("staff",)) == (sys.executable, "-I", "-m", "jupyterhub.singleuser")
    assert "--lockdown" not in plan.command


def test_modules_in_the_folder_where_the_server_starts_are_not_its_own(site: Path, tmp_path: Path) -> None:
    for name in ("jupyterhub", "jupyter_client", "jupyter_server"):
        (tmp_path / f"{name}.py").write_text("open('loaded', 'w')\n")
    *_, python, isolated, module, server = plan_for(load(site), sys.executable).command
    command = [python, isolated, module, server, "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "loaded").exists()
    without = [python, module, server, "--version"]
    subprocess.run(without, cwd=tmp_path, capture_output=True, timeout=120)
    assert (tmp_path / "loaded").exists()
