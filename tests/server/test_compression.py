"""Answers of a real server to a client that takes gzip, as tornado's does, and to one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_envguard.server import compression
from tests.browser import large
from tests.server.conftest import Fetch
from tests.sites import SiteBuilder

RELEASE = "envguard/api/environments/datasci/releases/2026.05"

CODED = "X-Consumed-Content-Encoding"
"""Where tornado's client says what it has unpacked."""


@pytest.fixture
def wide(site: SiteBuilder, tmp_path: Path) -> SiteBuilder:
    """A site with one environment of some size."""
    site.offer(site.image(large.write(tmp_path, 60)), "datasci", "2026.05")
    return site


@pytest.mark.parametrize(
    "path", [f"{RELEASE}/{end}" for end in ("packages", "spec", "explicit", "exports/csv")]
)
def test_what_is_large_is_compressed_for_who_takes_it(fetch: Fetch, wide: SiteBuilder, path: str):
    packed, plain = fetch(path), fetch(path, decompress_response=False)
    assert (packed.headers.get(CODED), plain.headers.get("Content-Encoding")) == ("gzip", None)
    assert packed.response.body == plain.response.body
    # One address, two forms: what is kept of one must not be taken for the other.
    assert packed.headers["Etag"] != plain.headers["Etag"]
    assert "Accept-Encoding" in packed.headers["Vary"].split(", ")
    assert packed.headers["Vary"] == plain.headers["Vary"]


def test_what_is_there_already_is_not_sent_again(fetch: Fetch, wide: SiteBuilder):
    tag = fetch(f"{RELEASE}/packages").headers["Etag"]
    again = fetch(f"{RELEASE}/packages", headers={"If-None-Match": tag})
    assert (again.status, again.response.body) == (304, b"")
    other = fetch(f"{RELEASE}/packages", headers={"If-None-Match": tag}, decompress_response=False)
    assert other.status == 200


def test_an_answer_is_kept_for_one_person_alone(fetch: Fetch, wide: SiteBuilder):
    kept = fetch(f"{RELEASE}/packages", params={"digest": wide.catalog.entries[0].spec})
    assert kept.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert {"Authorization", "Cookie"} <= set(kept.headers["Vary"].split(", "))


def test_what_was_revoked_is_refused_whatever_somebody_has_kept(fetch: Fetch, wide: SiteBuilder):
    digest = {"digest": wide.catalog.entries[0].spec}
    tag = fetch(f"{RELEASE}/packages", params=digest).headers["Etag"]
    wide.revoke("datasci", "2026.05")
    reply = fetch(f"{RELEASE}/packages", params=digest, headers={"If-None-Match": tag})
    assert (reply.status, reply.json["code"]) == (403, "revoked")
    assert "immutable" not in reply.headers.get("Cache-Control", "")


def test_what_repeats_the_question_is_not_compressed(fetch: Fetch, wide: SiteBuilder):
    reply = fetch("envguard/api/search", params={"q": "arrow"})
    assert len(reply.json["matches"]) == 1
    reply = fetch("envguard/api/search", params={"q": "a"})
    assert len(reply.response.body) > compression.FROM_BYTES
    assert CODED not in reply.headers


def test_what_is_small_or_packed_already_is_left_alone(fetch: Fetch, wide: SiteBuilder):
    for path in ("envguard/api/me", f"{RELEASE}/exports/evidence"):
        assert CODED not in fetch(path).headers


@pytest.mark.parametrize(
    ("accepted", "is_taken"),
    [
        ("", False),
        ("gzip", True),
        ("br, GZIP ; q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0.1", True),
        ("*;q=0", False),
        ("identity", False),
        ("x-gzip, gzipped", False),
        (",;,=;q=", False),
    ],
)
def test_reads_what_a_client_takes(accepted: str, is_taken: bool):
    assert compression.is_taken("gzip", accepted) is is_taken
