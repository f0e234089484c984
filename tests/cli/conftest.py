"""Running the command in this process and in one of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.catalog import Entry, Repository, State, Statement
from jupyter_envguard.cli.main import main
from jupyter_envguard.pack import open_pack
from jupyter_envguard.site import Site, load
from jupyter_envguard.store import Store
from tests.catalogs import WHEN, entry
from tests.packs import SITE_PACKAGES, PackBuilder

MODULE = [sys.executable, "-m", "jupyter_envguard.cli.main"]


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def refusal(self) -> tuple[int, str]:
        """Exit code and error code, from JSON or from the line on stderr."""
        if self.out.startswith("{"):
            return self.code, self.json["code"]
        return self.code, self.err.split("error[", 1)[1].split("]", 1)[0]


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process."""

    def command(*words: object) -> Ran:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Ran(int(code), *capsys.readouterr())

    return command


@pytest.fixture
def spawn(root: Path) -> Run:
    """Run the command in a process of its own."""

    def command(*words: object, **options: Any) -> Ran:
        variables = {**os.environ, "PYTHONPATH": str(root), **options.pop("env", {})}
        done = subprocess.run(
            [*MODULE, *map(str, words)], capture_output=True, text=True, env=variables, timeout=120, **options
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return command


@pytest.fixture
def site(tmp_path: Path, run: Run) -> Path:
    """A new site, as `init` makes it; the path of its site.yaml."""
    made = run("init", tmp_path / "lab", "--json")
    assert made.code == 0, made.err
    return Path(made.json["site"])


@dataclass(frozen=True)
class Filled:
    """A site with three releases, two of them with an image."""

    path: Path
    site: Site
    old: Entry
    new: Entry
    away: Entry


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short path, because the packs of tests reserve little room for a prefix."""
    folder = Path(tempfile.mkdtemp(prefix="eg"))
    folder.chmod(0o755)
    yield folder
    remove(folder)


@dataclass(frozen=True)
class Snapshot:
    """A folder that can be put back as it was: at the same path, because images are bound to theirs."""

    folder: Path
    copy: Path

    @classmethod
    def of(cls, folder: Path) -> Snapshot:
        copy = folder.with_name(f"{folder.name}.copy")
        subprocess.run(["cp", "-a", folder, copy], check=True)
        return cls(folder, copy)

    def restore(self) -> None:
        remove(self.folder)
        subprocess.run(["cp", "-a", self.copy, self.folder], check=True)


def remove(folder: Path) -> None:
    """Remove a folder, sealed images in it included."""
    for inside, _, _ in os.walk(folder):
        os.chmod(inside, 0o755)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def filled() -> Iterator[Filled]:
    """A site that all tests of a module share."""
    with short_folder() as folder:
        yield fill(folder)


@pytest.fixture(scope="module")
def template() -> Iterator[tuple[Filled, Snapshot]]:
    """A site like `filled`, and how to repair it."""
    with short_folder() as folder:
        (folder / "x").mkdir()
        yield fill(folder / "x"), Snapshot.of(folder / "x")


@pytest.fixture
def own(template: tuple[Filled, Snapshot]) -> Filled:
    """A site like `filled` that one test may break."""
    site, snapshot = template
    snapshot.restore()
    return site


def fill(folder: Path) -> Filled:
    """Return a site whose catalog and store were filled below the command line."""
    assert main(["init", str(folder / "lab"), "--store", str(folder / "s"), "--json"]) == 0
    site = load(folder / "lab" / "site.yaml")
    store = Store(site.store_root)
    entries = []
    for release, change in (("2026.05", "1.0"), ("2026.11", "2.0")):
        pack = PackBuilder.honest().record("acme", change)
        pack.file(f"{SITE_PACKAGES}/ipykernel_launcher.py")
        pack.record("same", build="1" if release == "2026.11" else "0")
        if release == "2026.11":
            pack.dist_info("riskpip")
        entries.append(_sealed(store, pack.write(folder, name=release), release))
    away = entry(
        "datasci", "2025.01", state=State.REVOKED, changed=Statement("boss", WHEN, "It leaks\nmemory")
    )
    repository = Repository(site.catalog_folder(), site.require_keys())
    repository.publish([*entries, away], repository.load().version)
    return Filled(site.path, site, *entries, away)


def _sealed(store: Store, path: Path, release: str) -> Entry:
    with open_pack(path) as pack:
        image = store.add(pack)
        spec = pack.inventory().spec.digest()
    state = State.DEPRECATED if release == "2026.05" else State.APPROVED
    return entry(
        "datasci",
        release,
        state=state,
        pack=image.pack,
        spec=spec,
        manifest=image.manifest_digest,
        users=("ada",),
    )


@dataclass(frozen=True)
class Lab:
    """A site on which small packs pass, and packs for it."""

    path: Path
    site: Site
    packs: Path

    def pack(self, change: str = "1.0", name: str = "datasci", suffix: str = "tar.gz") -> Path:
        """Return a pack whose digest differs by `change`."""
        return PackBuilder.honest().record("acme", change).write(self.packs, suffix, name=f"{name}-{change}")


def laboratory(folder: Path) -> Lab:
    """Return a new site in `folder` whose policy asks one rule, one that needs no running kernel."""
    assert main(["init", str(folder / "lab"), "--store", str(folder / "s"), "--json"]) == 0
    path = folder / "lab" / "site.yaml"
    path.write_text(path.read_text().replace("rules: default", "rules: [kernel.missing-ipykernel]"))
    (folder / "packs").mkdir()
    return Lab(path, load(path), folder / "packs")


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A new site on which small packs pass."""
    with short_folder() as folder:
        yield laboratory(folder)
