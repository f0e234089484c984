from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.facts import approved_spec, facts_of
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.store import Store
from tests.sites import SiteBuilder


class TestFacts:
    def test_counts_packages_without_parsing(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        entry = site.offer(images[0], "datasci", "2026.05")
        assert guard.facts(entry).packages == len(guard.spec(entry).packages) == 2

    def test_remembers(self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]):
        entry = site.offer(images[0], "datasci", "2026.05")
        assert guard.facts(entry) is guard.facts(entry)

    def test_of_a_spec_that_is_not_the_approved_one_nothing_is_told(
        self, guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
    ):
        entry = site.offer(images[0], "datasci", "2026.05", spec=f"sha256:{'0' * 64}")
        assert guard.facts(entry).packages == 0
        with pytest.raises(EnvGuardError) as caught:
            facts_of(Store(site.store.root), entry)
        assert caught.value.code == "spec-drifted"

    def test_what_is_at_its_path_is_final(self, site: SiteBuilder, images: tuple[Image, Image]):
        entry = site.offer(images[0], "datasci", "2026.05")
        facts, is_final = facts_of(site.store, entry)
        assert (facts.packages, is_final) == (2, True)


def test_a_pipe_in_the_place_of_a_spec_holds_nobody_up(
    site: SiteBuilder, images: tuple[Image, Image], tmp_path: Path
):
    entry = site.offer(images[0], "datasci", "2026.05")
    os.mkfifo(tmp_path / "spec.json")
    with pytest.raises(EnvGuardError) as caught:
        approved_spec(replace(images[0], meta=tmp_path), entry)
    assert caught.value.code == "invalid-argument"
