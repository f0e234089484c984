"""A site with old and new, large and small, withdrawn and mixed environments."""

from __future__ import annotations

from pathlib import Path

from demo.environments import Packs
from jupyter_envguard.catalog import State
from tests.browser import earth, large
from tests.sites import SiteBuilder

SCIENTISTS = {"groups": ("data-science",), "display_name": "Data Science"}


def fill(site: SiteBuilder, packs: Packs, folder: Path) -> None:
    """Offer them at `site`; packs that are made for it are written into `folder`."""
    about = "NumPy, pandas and Matplotlib"
    old = {"state": State.DEPRECATED, "successor": "datasci@2026.11", "expires": "2027-01-31T00:00:00Z"}
    science, minimal = site.image(packs.datasci), site.image(packs.minimal)
    site.offer(science, "datasci", "2026.05", description=about, **SCIENTISTS, **old)
    site.offer(science, "datasci", "2026.11", description=about, **SCIENTISTS)
    site.offer(minimal, "minimal", "2026.11", display_name="Minimal Python")
    for release, pack in zip(("2026.05", "2026.11"), earth.write(folder), strict=True):
        site.offer(site.image(pack), "earth", release, display_name="Earth Observation")
    mixed = {"groups": ("data-science",), "display_name": "Humanize on top"}
    site.offer(site.image(packs.pip_on_top), "humane", "2026.11", **mixed)
    site.offer(site.image(large.write(folder)), "large", "2026.11", display_name="Three Thousand")
    calc = {"groups": ("data-science",), "display_name": "Calculator", "successor": "datasci@2026.11"}
    site.offer(minimal, "calc", "1", **calc)
    site.revoke("calc", "1")
