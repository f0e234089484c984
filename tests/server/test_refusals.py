"""Starting kernels over HTTP: what is refused, how it is said, and what really runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.image import Image
from tests.packs import SITE_PACKAGES, PackBuilder
from tests.server.conftest import Fetch
from tests.servers import session
from tests.sites import REQUEST_URL, SiteBuilder, short_folder

FOREIGN = [
    "python3",
    "PYTHON3",
    "python",
    "evil",
    "evil2",
    "Evil",
    "..",
    "../evil",
    "datasci/../evil",
    "/etc/passwd",
    "datasci\0",
    "datasci--9",
    "ö",
    "x" * 5000,
]

KERNEL_IDS = [
    5,
    [],
    {},
    True,
    "",
    "x",
    "None",
    "../x",
    "a/b",
    "\0",
    "\ud800",
    "é-1-1-1-1",
    "a-b-c-d-" + "e" * 300,
]


class TestForeignKernels:
    @pytest.fixture(autouse=True)
    def _offer(self, planted: Path, site: SiteBuilder, images: tuple[Image, Image]) -> None:
        site.offer(images[0], "datasci", "2026.05")

    def test_none_is_listed(self, fetch: Fetch):
        answer = fetch("api/kernelspecs").json
        assert list(answer["kernelspecs"]) == ["datasci"]
        assert answer["default"] == "datasci"

    @pytest.mark.parametrize("name", FOREIGN)
    def test_none_starts(self, fetch: Fetch, planted: Path, name: str):
        replies = (
            fetch("api/kernels", "POST", {"name": name}),
            fetch("api/sessions", "POST", session({"name": name})),
        )
        for reply in replies:
            assert reply.status == 403
            assert reply.json["code"] == "kernel-not-approved"
            assert reply.json["hint"] in reply.json["message"]
            assert "datasci" in reply.json["hint"]
            assert REQUEST_URL in reply.json["hint"]
        assert fetch("api/kernels").json == []
        assert fetch("api/sessions").json == []
        assert not planted.exists()

    @pytest.mark.parametrize("name", ["python3", "evil", "PYTHON3"])
    def test_none_is_described(self, fetch: Fetch, name: str):
        reply = fetch(f"api/kernelspecs/{name}")
        assert (reply.status, reply.json["code"]) == (404, "kernel-not-approved")

    def test_no_refusal_is_lost(self, fetch: Fetch, site: SiteBuilder):
        fetch("api/kernels", "POST", {"name": "evil"})
        fetch("api/sessions", "POST", session({"name": "python3"}))
        events = [record.event for record in site.events()]
        assert [(e.type, e.reason, e.detail["kernel_name"]) for e in events] == [
            ("kernel.denied", "kernel-not-approved", "evil"),
            ("kernel.denied", "kernel-not-approved", "python3"),
        ]

    @pytest.mark.parametrize("name", [5, None, [], {}, True, ""])
    def test_a_name_that_is_no_text_is_a_bad_request(self, fetch: Fetch, name: object):
        if name is not None:
            reply = fetch("api/kernels", "POST", {"name": name})
            assert (reply.status, reply.json["code"]) == (400, "invalid-argument")
            reply = fetch("api/sessions", "POST", session({"name": name}))
            assert (reply.status, reply.json["code"]) == (400, "invalid-argument")

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("api/kernels", []),
            ("api/kernels", "5"),
            ("api/kernels", b"\xff\xfe"),
            ("api/kernels", {"name": "datasci", "path": ["a"]}),
            *(("api/kernels", {"name": "datasci", "kernel_id": wanted}) for wanted in KERNEL_IDS),
            ("api/sessions", b"\xff\xfe"),
            *(("api/sessions", session({"name": "datasci", "id": wanted})) for wanted in KERNEL_IDS),
            ("api/sessions", session([])),
            ("api/sessions", session("evil")),
            ("api/sessions", session({}, path=5)),
            ("api/sessions", session({}) | {"type": []}),
        ],
    )
    def test_a_body_that_cannot_be_meant_is_a_bad_request(self, fetch: Fetch, path: str, body: object):
        reply = fetch(path, "POST", body)
        assert (reply.status, reply.json["code"]) == (400, "invalid-argument")

    def test_a_body_that_is_no_json_is_jupyters_business(self, fetch: Fetch):
        assert fetch("api/kernels", "POST", "{").status == 400

    def test_who_is_not_logged_in_learns_nothing(self, fetch: Fetch):
        for method, path, body in (
            ("POST", "api/kernels", {"name": "evil"}),
            ("POST", "api/sessions", session({"name": "evil"})),
            ("GET", "api/kernelspecs", None),
            ("GET", "kernelspecs/datasci/logo-svg.svg", None),
        ):
            reply = fetch(path, method, body, headers={"Authorization": ""}, follow_redirects=False)
            assert reply.status in (302, 403)
            assert b"datasci" not in reply.response.body or reply.status == 302
            assert b"kernel-not-approved" not in reply.response.body


class TestWithoutAnApprovedKernel:
    def test_a_start_is_refused_with_a_reason(self, fetch: Fetch, site: SiteBuilder):
        for reply in (
            fetch("api/kernels", "POST", {}),
            fetch("api/kernels", "POST", ""),
            fetch("api/sessions", "POST", session({})),
        ):
            assert (reply.status, reply.json["code"]) == (403, "no-kernel-approved")

    def test_the_listing_is_empty_and_names_no_default(self, fetch: Fetch):
        answer = fetch("api/kernelspecs").json
        assert answer == {"default": "no-approved-kernel", "kernelspecs": {}}

    def test_a_catalog_that_cannot_be_trusted_is_said(
        self, fetch: Fetch, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "2026.05")
        assert list(fetch("api/kernelspecs").json["kernelspecs"]) == ["datasci"]
        for path in (site.folder / "catalog/metadata").iterdir():
            path.write_bytes(b"{}")
        assert fetch("api/kernelspecs").json["kernelspecs"] == {}
        reply = fetch("api/kernels", "POST", {"name": "datasci"})
        assert reply.status == 403
        assert reply.json["code"].startswith("catalog-")


class TestCatalogChanges:
    def test_a_revocation_hides_and_refuses_at_once(
        self, fetch: Fetch, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "2026.05")
        site.offer(images[1], "minimal", "1")
        assert list(fetch("api/kernelspecs").json["kernelspecs"]) == ["datasci", "minimal"]
        site.revoke("datasci", "2026.05")
        answer = fetch("api/kernelspecs").json
        assert (list(answer["kernelspecs"]), answer["default"]) == (["minimal"], "minimal")
        reply = fetch("api/kernels", "POST", {"name": "datasci"})
        assert (reply.status, reply.json["code"]) == (403, "revoked")
        assert "CVE-2026-1" in reply.json["message"]

    def test_an_approval_appears_at_once(self, fetch: Fetch, site: SiteBuilder, images: tuple[Image, Image]):
        assert fetch("api/kernelspecs").json["kernelspecs"] == {}
        site.offer(images[0], "datasci", "2026.05")
        assert list(fetch("api/kernelspecs").json["kernelspecs"]) == ["datasci"]

    def test_an_older_release_is_told_from_the_current_one(
        self, fetch: Fetch, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "2026.05")
        site.offer(images[1], "datasci", "2026.11")
        specs = fetch("api/kernelspecs").json["kernelspecs"]
        assert {name: spec["spec"]["display_name"] for name, spec in specs.items()} == {
            "datasci": "Data Science",
            "datasci--2026.05": "Data Science (2026.05)",
        }


class TestSpecs:
    @pytest.fixture(autouse=True)
    def _offer(self, site: SiteBuilder, images: tuple[Image, Image]) -> None:
        site.offer(images[0], "datasci", "2026.05")

    def test_metadata_tells_release_and_digests(self, fetch: Fetch, images: tuple[Image, Image]):
        metadata = fetch("api/kernelspecs").json["kernelspecs"]["datasci"]["spec"]["metadata"]
        columns = {key: metadata[key] for key in ("Environment", "Release", "State", "Packages")}
        assert columns == {"Environment": "datasci", "Release": "2026.05", "State": "Approved", "Packages": 3}
        assert metadata["envguard"]["digests"]["manifest"] == images[0].manifest_digest
        assert metadata["kernel_provisioner"] == {"provisioner_name": "envguard-provisioner"}

    def test_a_kernel_is_described_in_any_case(self, fetch: Fetch, images: tuple[Image, Image]):
        spec = fetch("api/kernelspecs/DATASCI").json["spec"]
        assert spec["argv"][:2] == [f"{images[0].path}/bin/python", "-I"]

    def test_each_has_a_logo_that_is_only_drawn(self, fetch: Fetch, jp_base_url: str):
        address = fetch("api/kernelspecs").json["kernelspecs"]["datasci"]["resources"]["logo-svg"]
        reply = fetch(address.removeprefix(jp_base_url))
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "image/svg+xml"
        assert "sandbox" in reply.headers["Content-Security-Policy"]
        assert b">DS<" in reply.response.body
        again = fetch(address.removeprefix(jp_base_url), headers={"If-None-Match": reply.headers["Etag"]})
        assert again.status == 304

    def test_a_logo_of_an_unknown_kernel_is_refused(self, fetch: Fetch):
        assert fetch("kernelspecs/evil/logo-svg.svg").json["code"] == "kernel-not-approved"

    def test_no_other_file_is_served(self, fetch: Fetch):
        for name in ("kernel.json", "kernel.js", "../__init__.py", "..%2F__init__.py", "/etc/passwd"):
            assert fetch(f"kernelspecs/datasci/{name}").status in (403, 404)


@pytest.fixture
def spoilt(tmp_path: Path, site: SiteBuilder) -> Any:
    """A release whose image was changed after it was approved."""
    with short_folder() as folder:
        own = SiteBuilder(folder / "site", folder / "s")
        image = own.image(PackBuilder.honest().file(f"{SITE_PACKAGES}/ipykernel_launcher.py").write(folder))
        site.path.write_text(site.path.read_text().replace(str(site.store.root), str(own.store.root)))
        site.offer(image, "datasci", "2026.05")
        (image.path / SITE_PACKAGES / "evil.py").touch()
        yield image


class TestSpoiltImage:
    def test_is_refused_by_every_way_to_start(self, spoilt: Image, fetch: Fetch, site: SiteBuilder):
        for reply in (
            fetch("api/kernels", "POST", {"name": "datasci"}),
            fetch("api/sessions", "POST", session({"name": "datasci"})),
        ):
            assert (reply.status, reply.json["code"]) == (403, "image-drifted")
            assert "evil.py" in reply.json["message"]
        assert [r.event.reason for r in site.events()] == ["image-drifted"] * 2

    def test_what_cannot_be_executed_is_refused_in_words(
        self, site: SiteBuilder, images: tuple[Image, Image], fetch: Fetch
    ):
        site.offer(images[0], "datasci", "2026.05")  # its bin/python is no program that this machine runs
        reply = fetch("api/kernels", "POST", {"name": "datasci"})
        assert reply.status == 403
        assert reply.json["code"] == "io-error"
        outcomes = [(r.event.type, r.event.outcome) for r in site.events()]
        assert outcomes == [("kernel.start", "allowed"), ("kernel.start", "error")]
