"""What the API says, without HTTP; `test_handlers` checks the shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError, Unavailable
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.subject import Subject, Subjects
from jupyter_envguard.server import presenter
from jupyter_envguard.server.contents import Contents
from tests.sites import SiteBuilder


@pytest.fixture
def guard(site: SiteBuilder) -> Guard:
    return Guard(site.path, Subjects(lambda: Subject("ada", frozenset({"b", "a"}), "hub")))


def test_me_lists_groups_in_order(guard: Guard):
    assert presenter.me(guard).content == {"user": "ada", "groups": ["a", "b"], "source": "hub"}


def test_an_image_that_is_not_here_counts_no_packages(
    guard: Guard, site: SiteBuilder, images: tuple[Image, Image]
):
    site.offer(images[0], "datasci", "1", pack="sha256:" + "0" * 64)
    (shown,) = presenter.environments(guard).content["environments"]
    assert shown["packages"] == 0


def test_a_problem_of_the_site_is_no_fault_of_who_asks(tmp_path: Path):
    guard = Guard(tmp_path / "none.yaml", Subjects(lambda: Subject("ada", frozenset(), "hub")))
    for ask in (presenter.environments, presenter.me):
        with pytest.raises(Unavailable) as caught:
            ask(guard)
        assert caught.value.code == "file-not-found"


def test_an_answer_is_pinned_only_by_its_digest(guard: Guard, site: SiteBuilder, images: tuple[Image, Image]):
    site.offer(images[0], "datasci", "1")
    contents = Contents()
    loose = presenter.packages(guard, contents, "datasci", "1")
    pinned = presenter.packages(guard, contents, "datasci", "1", images[0].spec_digest)
    assert (loose.is_pinned, pinned.is_pinned) == (False, True)
    assert loose.digest == pinned.digest == images[0].spec_digest
    with pytest.raises(EnvGuardError, match="not sha256:1"):
        presenter.packages(guard, contents, "datasci", "1", "sha256:1")
