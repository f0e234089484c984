"""What notebooks get that name a kernel, from a real server."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_envguard.image import Image
from tests.server.conftest import Fetch
from tests.sites import SiteBuilder

PATH = "/envguard/api/resolve"


@pytest.fixture
def resolve(fetch: Fetch, offered: SiteBuilder, conforms: Any) -> Any:
    def ask(kernel: str, digest: str = "") -> Any:
        return conforms(fetch("envguard/api/resolve", params={"kernel": kernel, "digest": digest}), PATH)

    return ask


@pytest.mark.parametrize(
    ("kernel", "status", "release"),
    [
        ("datasci", "current", "2026.11"),
        ("DataSci", "current", "2026.11"),
        ("datasci--2026.11", "current", "2026.11"),
        ("datasci--2026.05", "available", "2026.05"),
        ("python3", "successor", "2026.11"),
        ("datasci--2019", "gone", None),
        ("secret", "gone", None),
        ("../x", "gone", None),
    ],
)
def test_says_what_to_start(resolve: Any, kernel: str, status: str, release: str | None):
    answer = resolve(kernel)
    assert answer["status"] == status
    assert (answer["environment"] or {}).get("release") == release
    assert (answer["reason"] is None) is (status in ("current", "available"))


def test_a_revoked_release_leads_on(resolve: Any, offered: SiteBuilder):
    offered.revoke("datasci", "2026.05")
    answer = resolve("datasci--2026.05")
    assert (answer["status"], answer["environment"]["release"]) == ("successor", "2026.11")
    assert answer["reason"]["code"] == "revoked"
    assert "Start the kernel 'datasci' (datasci@2026.11) instead." in answer["reason"]["hint"]


def test_a_stamp_finds_the_release_that_made_the_outputs(resolve: Any, images: tuple[Image, Image]):
    answer = resolve("datasci", images[0].manifest_digest)
    assert (answer["environment"]["release"], answer["stamped"]["release"]) == ("2026.11", "2026.05")
    answer = resolve("lost", images[0].manifest_digest)
    assert (answer["status"], answer["environment"]["release"]) == ("successor", "2026.05")


def test_a_stamp_of_what_may_not_start_is_none(
    resolve: Any, offered: SiteBuilder, images: tuple[Image, Image]
):
    offered.revoke("datasci", "2026.05")
    assert resolve("datasci", images[0].manifest_digest)["stamped"] is None


@pytest.mark.parametrize("kernel", ["", "  ", "x" * 201])
def test_a_kernel_has_to_be_named(fetch: Fetch, offered: SiteBuilder, conforms: Any, kernel: str):
    reply = fetch("envguard/api/resolve", params={"kernel": kernel})
    assert (reply.status, conforms(reply, PATH)["code"]) == (400, "invalid-argument")


class TestWithAMapping:
    @pytest.fixture
    def server_options(self, site: SiteBuilder) -> dict[str, Any]:
        site.write("successors: {ds-2025: datasci@2026.05}")
        return {"EnvGuardApp": {"site": str(site.path)}}

    def test_the_site_says_what_stands_in(self, resolve: Any, fetch: Fetch):
        answer = resolve("ds-2025")
        assert (answer["status"], answer["environment"]["kernel_name"]) == ("successor", "datasci--2026.05")
        refused = fetch("api/kernels", "POST", {"name": "ds-2025"})
        assert "Start the kernel 'datasci--2026.05'" in refused.json["message"]
