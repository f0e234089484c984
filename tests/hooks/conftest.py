"""Machines with the files that hooks read, in a folder of the test, and one with a real conda."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard.hooks import card, links, trusted
from jupyter_envguard.image.markers import markers
from tests.hooks.machines import Machine
from tests.hooks.real_conda import Conda, make_channel, make_plugin, make_rules, version


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without any of the files, and a process that was told nothing."""
    found = Machine(tmp_path / "machine")
    monkeypatch.setattr(trusted, "ACL_FILE", str(found.acl))
    monkeypatch.setattr(trusted, "SESSIONS", str(found.session.parent))
    told = (card.SPECS, card.RELEASE, links.TOLD, links.PUBLIC, links.PREFIX, "CONDA_PREFIX", "VIRTUAL_ENV")
    for name in told:
        monkeypatch.delenv(name, raising=False)
    return found


@pytest.fixture(scope="module")
def conda_machine() -> Iterator[Conda]:
    """A machine with a real conda, an approved environment and one of one's own."""
    folder = Path(tempfile.mkdtemp(prefix="egconda"))
    folder.chmod(0o755)
    for name in ("home", "pkgs", "envs"):
        (folder / name).mkdir()
    make_plugin(folder)
    make_channel(folder)
    made = Conda(folder, version())
    for prefix in (made.approved, made.own):
        source = ("--offline", "--override-channels", "-c", made.channel)
        done = made.run("create", "-y", "-p", prefix, *source, "beta", CONDA_NO_PLUGINS="false")
        assert done.returncode == 0, done.stderr + done.stdout
    for path, content in markers(["conda-meta/history"]).items():
        (made.approved / path).write_bytes(content)
    make_rules(folder)
    yield made
    shutil.rmtree(folder)


@pytest.fixture
def conda(conda_machine: Conda) -> Iterator[Conda]:
    """The machine; whatever a test does, the approved environment has to stay as it is."""
    before = conda_machine.digest()
    yield conda_machine
    assert conda_machine.digest() == before
