"""The plugin and the files of `hooks install` in a real conda, as tests that are root can have them.

`/etc` is the machine's with ours on top, in a mount namespace of its own; root can also be somebody else.
"""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
from pathlib import Path

import pytest

from jupyter_envguard.cli.hooks import FILES
from jupyter_envguard.image.markers import MESSAGE
from tests.hooks.real_conda import CONDA, DENIED, Conda

pytestmark = [pytest.mark.conda, pytest.mark.skipif(not CONDA, reason="no conda on the path")]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to put files into /etc, in a namespace of its own")
class TestFinalKeys:
    """The file of `hooks install` where conda looks for it."""

    @pytest.fixture
    def final(self, conda_machine: Conda) -> Conda:
        place = conda_machine.folder / "root/etc"
        for file in FILES:
            (conda_machine.folder / "root" / file.place).parent.mkdir(parents=True, exist_ok=True)
            (conda_machine.folder / "root" / file.place).write_bytes(file.content())

        class Final(Conda):
            def start(self, command: list[str], **variables: object) -> subprocess.CompletedProcess[str]:
                mount = (
                    f"mount -t overlay overlay -o lowerdir={place}:/etc /etc && exec {shlex.join(command)}"
                )
                return Conda.start(self, ["unshare", "-m", "sh", "-c", mount], **variables)

        made = Final(conda_machine.folder, conda_machine.version)
        if made.start(["true"]).returncode:
            pytest.skip("this machine lets nobody make a mount namespace")
        return made

    @pytest.mark.parametrize(
        ("words", "variables"),
        [
            ([], {}),
            (["--no-plugins"], {}),
            ([], {"CONDA_NO_PLUGINS": "true"}),
            ([], {"CONDA_PROTECT_FROZEN_ENVS": "0"}),
            ([], {"CONDARC": "{home}/mine.yml"}),
            ([], {"CONDA_ROOT": "{home}/root"}),
        ],
    )
    def test_no_option_variable_or_file_of_a_user_turns_the_plugin_off(
        self, final: Conda, words: list[str], variables: dict[str, str]
    ) -> None:
        before = final.digest()
        text = "no_plugins: true\nprotect_frozen_envs: false\n"
        for place in ("mine.yml", ".condarc", "root/.condarc"):
            path = final.folder / "home" / place
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        try:
            given = {name: value.format(home=final.folder / "home") for name, value in variables.items()}
            done = final.run(*words, "install", "-y", "--offline", "-p", final.approved, "alpha", **given)
        finally:
            for place in ("mine.yml", ".condarc", "root/.condarc"):
                (final.folder / "home" / place).unlink()
        assert (done.returncode, done.stdout.strip()) == (77, ""), done.stderr
        assert DENIED.format("conda install") in done.stderr
        assert final.digest() == before

    def test_overriding_frozen_does_not_help(self, final: Conda) -> None:
        if final.version < (25, 5):
            pytest.skip("this conda knows no frozen environments")
        done = final.run("install", "-y", "--override-frozen", "-p", final.approved, "alpha")
        assert done.returncode == 77

    def test_where_the_plugin_is_shadowed_the_mark_says_it(self, final: Conda) -> None:
        """A10: a plugin that was shadowed is gone; then the text of `conda-meta/frozen` is what is left."""
        if final.version < (25, 5):
            pytest.skip("this conda knows no frozen environments")
        before = final.digest()
        shadow = final.folder / "shadow/jupyter_envguard/hooks"
        shadow.mkdir(parents=True, exist_ok=True)
        for path in (shadow.parent / "__init__.py", shadow / "__init__.py", shadow / "conda.py"):
            path.touch()
        path = f"{final.folder}/shadow:{final.folder}/site"
        done = final.install(final.approved, "--override-frozen", PYTHONPATH=path)
        assert done.returncode != 0
        assert MESSAGE in " ".join(done.stderr.split())
        assert final.digest() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
class TestSomebodyElse:
    """Who does not own the files, as nobody in a session owns those of the store."""

    NOBODY = pwd.getpwnam("nobody").pw_uid

    def install(self, conda: Conda, prefix: Path, **variables: object) -> subprocess.CompletedProcess[str]:
        cache = conda.folder / "cache"
        cache.mkdir(exist_ok=True)
        cache.chmod(0o777)
        words = [
            "install",
            "-y",
            "--offline",
            "--override-channels",
            "-c",
            conda.channel,
            "-p",
            prefix,
            "alpha",
        ]
        command = [str(CONDA), *map(str, words)]
        done = conda.start(command, as_user=self.NOBODY, CONDA_PKGS_DIRS=cache, **variables)
        assert done.returncode != 0
        return done

    def test_is_refused_by_the_plugin(self, conda: Conda) -> None:
        assert DENIED.format("conda install") in self.install(conda, conda.approved).stderr

    def test_without_the_plugin_reads_what_conda_says_of_itself(self, conda: Conda) -> None:
        """A10: conda looks at the right to write before it looks at the mark, whose text is not shown."""
        shadow = conda.folder / "empty/jupyter_envguard"
        shadow.mkdir(parents=True, exist_ok=True)
        (shadow / "__init__.py").touch()
        path = f"{conda.folder}/empty:{conda.folder}/site"
        said = self.install(conda, conda.approved, PYTHONPATH=path).stderr
        assert "EnvironmentNotWritableError" in said
        assert MESSAGE not in said

    def test_is_told_whom_to_ask_where_conda_refuses_by_itself(self, conda: Conda) -> None:
        if conda.version < (26, 7):
            pytest.skip(f"conda {conda.version} asks nobody for hints")
        rules = conda.folder / "etc/acl.json"
        rules.rename(rules.with_suffix(".away"))
        try:
            said = self.install(conda, conda.own, JUPYTERHUB_PUBLIC_URL="https://hub/user/ada/").stderr
        finally:
            rules.with_suffix(".away").rename(rules)
        assert "EnvironmentNotWritableError" in said
        assert "Ask for a package: https://hub/user/ada/lab?envguard-request=" in said
