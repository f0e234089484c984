"""A site to make decisions in: with keys, a log, and packs that are good, bad or in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.admission import Admission, Smoke
from jupyter_envguard.audit import Actor, Event, Log, Query, Record
from jupyter_envguard.catalog import Catalog, Entry
from jupyter_envguard.errors import (
    EnvGuardError,
)
from jupyter_envguard.policy import Finding, Policy, finding
from jupyter_envguard.site import Site, load
from jupyter_envguard.store import Store
from tests.packs import SITE_PACKAGES, PackBuilder
from tests.sites import SiteBuilder

ADA = Actor("ada", 1000)
EVE = Actor("eve", 1001)
POLICY = Policy(rules=("kernel.missing-ipykernel", "act.scripts", "py.pth-exec", "kernel.fails-to-start"))


def works(*_arguments: Any) -> tuple[Finding, ...]:
    """Find nothing wrong with a kernel."""
    return ()


def fails(*_arguments: Any) -> tuple[Finding, ...]:
    """Find that a kernel does not start."""
    return (finding("kernel.fails-to-start", "The kernel fell over."),)


class Office:
    """One site; `at` is a person at work there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.builder = SiteBuilder(folder / "site")
        self.site = replace(load(self.builder.path), policy=POLICY)
        self.store = Store(self.site.store_root)
        with Log(self.site.log) as log:
            log.append(Event(type="site.init", outcome="allowed", actor=ADA))

    def at(
        self, actor: Actor = ADA, *, smoke: Smoke | None = works, site: Site | None = None, **more: Any
    ) -> Admission:
        return Admission(site or self.site, actor=actor, smoke=smoke, **more)

    def pack(self, name: str = "pack", change: Callable[[PackBuilder], object] = lambda pack: None) -> Path:
        """Return a pack that the policy allows, unless `change` spoils it."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        pack = PackBuilder.honest()
        pack.file(f"share/{name}.txt", name.encode())
        change(pack)
        return pack.write(folder, "tar.gz")

    def released(self, release: str = "1", **said: Any) -> Entry:
        """Import a pack of its own and approve it."""
        path = self.pack(f"release-{release}")
        with self.at() as admission:
            admission.import_pack(path, "datasci", release, **said)
            return admission.approve("datasci", release, "fine")

    @property
    def catalog(self) -> Catalog:
        return self.builder.repository.load()

    def events(self) -> list[Record]:
        """Return what the log holds after the site was made."""
        return list(Log(self.site.log).read(Query()))[1:]

    def told(self) -> list[tuple[str, str, str]]:
        """Return the events as type, outcome and reason."""
        return [(record.event.type, record.event.outcome, record.event.reason) for record in self.events()]

    def images(self) -> int:
        root = self.site.store_root
        return len([path for path in root.iterdir() if len(path.name) == 32]) if root.exists() else 0


def with_script(pack: PackBuilder) -> None:
    """Add what the policy warns of."""
    pack.file("etc/conda/activate.d/x.sh", b"export X=1\n")


def with_pth(pack: PackBuilder) -> None:
    """Add what the policy forbids."""
    pack.file(f"{SITE_PACKAGES}/evil.pth", b"import os; os.system('x')\n")


def refused(act: Any, code: str) -> EnvGuardError:
    with pytest.raises(EnvGuardError) as caught:
        act()
    assert caught.value.code == code
    return caught.value
