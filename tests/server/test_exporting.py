"""Exports of a real server, as a browser or curl gets them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from jupyter_envguard.formats.registry import FORMATS
from jupyter_envguard.image import Image
from tests.server.conftest import Fetch
from tests.sites import SiteBuilder

RELEASE = "envguard/api/environments/datasci/releases/2026.11"
PATH = "/envguard/api/environments/{name}/releases/{release}/exports"


def test_every_format_is_listed_and_is_there(fetch: Fetch, offered: SiteBuilder, conforms: Any):
    listed = conforms(fetch(f"{RELEASE}/exports"), PATH)["exports"]
    assert [form["format"] for form in listed] == [*FORMATS]
    for form in listed:
        reply = fetch(f"{RELEASE}/exports/{form['format']}")
        assert (reply.status, reply.headers["Content-Type"]) == (200, form["media_type"])
        assert reply.headers["Content-Disposition"] == f'attachment; filename="{form["file_name"]}"'
        assert reply.response.body


@pytest.mark.parametrize("form", [name for name, form in FORMATS.items() if not form.wants_signed])
def test_what_a_digest_names_may_be_kept_for_ever(
    fetch: Fetch, offered: SiteBuilder, images: tuple[Image, Image], form: str
):
    pinned = fetch(f"{RELEASE}/exports/{form}", params={"digest": images[1].spec_digest})
    assert "immutable" in pinned.headers["Cache-Control"]
    other = fetch(f"{RELEASE}/exports/{form}", params={"digest": images[0].spec_digest})
    assert (other.status, other.json["code"]) == (409, "digest-mismatch")


def test_evidence_changes_with_the_signatures(
    fetch: Fetch, offered: SiteBuilder, images: tuple[Image, Image]
):
    def look() -> tuple[str, dict[str, Any]]:
        reply = fetch(f"{RELEASE}/exports/evidence", params={"digest": images[1].spec_digest})
        assert reply.headers["Cache-Control"] == "private, no-cache"
        with zipfile.ZipFile(io.BytesIO(reply.response.body)) as archive:
            return reply.headers["Etag"], json.loads(archive.read("catalog.json"))

    before = look()
    assert look() == before
    offered.change("datasci", "2026.05", description="Another.")
    after = look()
    assert before[0] != after[0]
    assert after[1]["version"] == before[1]["version"] + 1


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{RELEASE}/exports/pdf", 400, "invalid-argument"),
        (f"{RELEASE}/exports/..%2f..%2fetc", 400, "invalid-argument"),
        ("envguard/api/environments/datasci/releases/9/exports/csv", 404, "release-unknown"),
        ("envguard/api/environments/secret/releases/1/exports/evidence", 403, "not-granted"),
        ("envguard/api/environments/secret/releases/1/exports", 403, "not-granted"),
    ],
)
def test_nothing_else_is_given_away(
    fetch: Fetch, offered: SiteBuilder, conforms: Any, path: str, status: int, code: str
):
    reply = fetch(path)
    template = PATH if path.endswith("/exports") else PATH + "/{form}"
    assert (reply.status, conforms(reply, template)["code"]) == (status, code)
