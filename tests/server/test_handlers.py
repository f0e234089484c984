"""The REST API of a real server, checked against its own description."""

from __future__ import annotations

import hashlib
import inspect
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openapi_spec_validator import validate

from jupyter_envguard.catalog import State, Statement, names
from jupyter_envguard.errors import CODES
from jupyter_envguard.image import Image
from jupyter_envguard.server import handlers, kernels, refusals
from jupyter_envguard.server.base import EnvGuardHandler
from tests.server.conftest import DESCRIPTION, Fetch, path_of
from tests.sites import SiteBuilder

RELEASE = "envguard/api/environments/datasci/releases/2026.05"


class TestDescription:
    def test_is_a_valid_openapi_document(self, described: dict[str, Any]):
        validate(described, base_uri=DESCRIPTION.as_uri())

    def test_names_every_path_and_verb_and_no_other(self, described: dict[str, Any]):
        implemented = {
            (re.sub(r"\(\?P<(\w+)>.*?\)", r"{\1}", pattern), verb)
            for pattern, handler, _ in [*handlers.HANDLERS, *kernels.HANDLERS]
            for verb in ("get", "post", "put", "patch", "delete")
            if verb in vars(handler)
        }
        promised = {
            (path, verb)
            for path, item in described["paths"].items()
            for verb in ("get", "post", "put", "patch", "delete")
            if verb in item
        }
        assert implemented == promised

    def test_no_path_looks_like_one_of_jupyters_own(self, described: dict[str, Any]):
        # Galata answers for these wherever they end an address, and takes what it finds there for its own.
        jupyters = r"/api/(config|contents|kernels|sessions|settings|terminals|translations|workspaces)\b"
        assert [path for path in described["paths"] if re.search(jupyters, path)] == []

    def test_names_every_parameter(self, described: dict[str, Any]):
        for path, item in described["paths"].items():
            references = [p.get("$ref", "").rpartition("/")[2] for p in item.get("parameters", [])]
            assert [name for name in references if name != "digest"] == re.findall(r"{(\w+)}", path)

    @pytest.mark.parametrize(
        "handler", [handler for _, handler, _ in handlers.HANDLERS + kernels.HANDLERS + refusals.HANDLERS]
    )
    def test_every_verb_is_authenticated_and_authorised_explicitly(self, handler: type[EnvGuardHandler]):
        verbs = [verb for verb in ("get", "post", "put", "patch", "delete") if verb in vars(handler)]
        assert verbs
        for verb in verbs:
            source = inspect.getsource(inspect.unwrap(getattr(handler, verb)))
            assert re.match(
                r'\s*@web\.authenticated\n\s*@authorized\("(read|write)", resource="\w+"\)\n', source
            ), source


def test_every_answer_is_one_that_its_schema_describes(
    fetch: Fetch, offered: SiteBuilder, described: dict[str, Any]
):
    offered.revoke("datasci", "2026.05")
    body = {"kind": "package", "subject": "xgboost", "reason": "Gradient boosting for the study."}
    current = "environments/datasci/releases/2026.11"
    made = {
        "POST": [("requests", {"body": body})],
        "GET": [
            *((path, {}) for path in ("environments", "environments/datasci", "me", "running", "requests")),
            *((current + below, {}) for below in ("", "/spec", "/packages", "/explicit", "/exports")),
            (f"{current}/exports/csv", {}),
            (f"{current}/diff", {"params": {"to": "datasci@2026.11"}}),
            ("search", {"params": {"q": "numpy"}}),
            ("resolve", {"params": {"kernel": "datasci--2026.05"}}),
        ],
    }
    asked = set[tuple[str, str]]()
    for method, calls in made.items():
        for address, options in calls:
            path = f"envguard/api/{address}"
            assert fetch(path, method, **options).status in (200, 201)  # `fetch` looks at the rest.
            asked.add((path_of(path, described), method.lower()))
    elsewhere = {("/envguard/api/running/{kernel_id}", "get"), ("/envguard/api/events", "get")}
    verbs = ("get", "post", "put", "patch", "delete")
    assert asked | elsewhere == {
        (path, verb) for path, item in described["paths"].items() for verb in verbs if verb in item
    }


def test_kernel_specifications_say_of_their_release_what_the_schema_describes(
    fetch: Fetch, offered: SiteBuilder, described_as: Any
):
    offered.change("datasci", "2026.05", state=State.DEPRECATED, successor="datasci@2026.11")
    listed = fetch("api/kernelspecs").json["kernelspecs"]
    assert set(listed) == {"datasci", "datasci--2026.05"}
    for model in listed.values():
        described_as("kernelspec.json", model["spec"]["metadata"]["envguard"])


class TestEnvironments:
    PATH = "/envguard/api/environments"

    def test_nothing_is_offered_by_an_empty_catalog(self, fetch: Fetch, site: SiteBuilder, conforms: Any):
        answer = conforms(fetch("envguard/api/environments"), self.PATH)
        assert (answer["environments"], answer["unavailable"]) == ([], [])

    def test_lists_releases_the_current_one_first(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        answer = conforms(fetch("envguard/api/environments"), self.PATH)
        found = [
            (e["kernel_name"], e["release"], e["current"], e["packages"]) for e in answer["environments"]
        ]
        assert found == [("datasci", "2026.11", True, 3), ("datasci--2026.05", "2026.05", False, 3)]
        assert answer["catalog"]["version"] == offered.catalog.version
        assert answer["environments"][0]["approval"]["who"] == "boss"

    def test_says_nothing_of_what_is_for_others(self, fetch: Fetch, offered: SiteBuilder):
        assert b"secret" not in fetch("envguard/api/environments").response.body

    def test_says_what_is_not_to_be_had_any_more(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        offered.revoke("datasci", "2026.05")
        (missed,) = conforms(fetch("envguard/api/environments"), self.PATH)["unavailable"]
        assert (missed["release"], missed["reasons"][0]["code"]) == ("2026.05", "revoked")
        assert (missed["contact"], missed["successor"]) == ("", None)

    def test_says_nothing_of_what_was_never_approved(
        self, fetch: Fetch, site: SiteBuilder, images: tuple[Image, Image]
    ):
        site.offer(images[0], "datasci", "1", state=State.IN_REVIEW, approval=None)
        answer = fetch("envguard/api/environments").json
        assert (answer["environments"], answer["unavailable"]) == ([], [])

    def test_warns_of_what_is_on_its_way_out(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        offered.change("datasci", "2026.05", state=State.DEPRECATED, successor="datasci@2026.11")
        answer = conforms(fetch("envguard/api/environments"), self.PATH)
        (older,) = (e for e in answer["environments"] if e["release"] == "2026.05")
        assert [reason["code"] for reason in older["warnings"]] == ["deprecated"]

    def test_what_was_revoked_with_grace_may_still_start_and_says_until_when(
        self, fetch: Fetch, offered: SiteBuilder, conforms: Any
    ):
        said = Statement("boss", names.format_time(datetime.now(UTC)), "CVE-2026-1")
        grace = names.format_time(datetime.now(UTC) + timedelta(days=7))
        offered.change("datasci", "2026.05", state=State.REVOKED, changed=said, grace=grace)
        answer = conforms(fetch("envguard/api/environments"), self.PATH)
        (older,) = (e for e in answer["environments"] if e["release"] == "2026.05")
        assert older["revocation"] == {**said.as_json(), "grace": grace}
        assert [reason["code"] for reason in older["warnings"]] == ["revoked"]
        assert answer["unavailable"] == []

    def test_an_unchanged_answer_is_not_sent_again(self, fetch: Fetch, offered: SiteBuilder):
        tag = fetch("envguard/api/environments").headers["Etag"]
        assert fetch("envguard/api/environments", headers={"If-None-Match": tag}).status == 304
        offered.revoke("datasci", "2026.05")
        assert fetch("envguard/api/environments", headers={"If-None-Match": tag}).status == 200

    def test_a_catalog_that_cannot_be_trusted_is_an_answer(
        self, fetch: Fetch, offered: SiteBuilder, conforms: Any
    ):
        for path in (offered.folder / "catalog/metadata").iterdir():
            path.write_bytes(b"{}")
        reply = fetch("envguard/api/environments")
        assert (reply.status, conforms(reply, self.PATH)["code"]) == (503, "catalog-tampered")


class TestWithAContact:
    @pytest.fixture
    def server_options(self, site: SiteBuilder) -> dict[str, Any]:
        site.write("contact: ada@example.org")
        return {"EnvGuardApp": {"site": str(site.path)}}

    def test_says_whom_to_ask(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        offered.revoke("datasci", "2026.05")
        (missed,) = conforms(fetch("envguard/api/environments"), "/envguard/api/environments")["unavailable"]
        assert missed["contact"] == "ada@example.org"


class TestEnvironment:
    PATH = "/envguard/api/environments/{name}"

    def test_lists_the_releases_of_one(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        answer = conforms(fetch("envguard/api/environments/datasci"), self.PATH)
        assert [e["release"] for e in answer["environments"]] == ["2026.11", "2026.05"]

    @pytest.mark.parametrize("name", ["nothing", "secret", "..", "%2e%2e", "a b", "<script>"])
    def test_one_that_is_not_for_this_user_is_unknown(
        self, fetch: Fetch, offered: SiteBuilder, conforms: Any, name: str
    ):
        reply = fetch(f"envguard/api/environments/{name}")
        assert (reply.status, conforms(reply, self.PATH)["code"]) == (404, "release-unknown")


class TestRelease:
    PATH = "/envguard/api/environments/{name}/releases/{release}"

    def test_shows_one(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        answer = conforms(fetch(RELEASE), self.PATH)
        assert (answer["name"], answer["release"]) == ("datasci", "2026.05")

    def test_one_that_is_unknown(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        reply = fetch("envguard/api/environments/datasci/releases/9")
        assert (reply.status, conforms(reply, self.PATH)["code"]) == (404, "release-unknown")

    @pytest.mark.parametrize("below", ["", "/spec", "/packages", "/explicit", "/diff"])
    def test_one_that_is_refused_says_why(
        self, fetch: Fetch, offered: SiteBuilder, conforms: Any, below: str
    ):
        offered.revoke("datasci", "2026.05")
        for path, code in (
            (RELEASE, "revoked"),
            ("envguard/api/environments/secret/releases/1", "not-granted"),
        ):
            reply = fetch(path + below, params={"to": "datasci@2026.11"})
            assert (reply.status, conforms(reply, self.PATH + below)["code"]) == (403, code)


class TestContents:
    PATH = "/envguard/api/environments/{name}/releases/{release}/"

    def test_the_spec_hashes_to_its_digest(
        self, fetch: Fetch, offered: SiteBuilder, images: tuple[Image, Image], conforms: Any
    ):
        reply = fetch(f"{RELEASE}/spec", decompress_response=False)
        conforms(reply, self.PATH + "spec")
        digest = "sha256:" + hashlib.sha256(reply.response.body).hexdigest()
        assert digest == images[0].spec_digest
        assert reply.headers["Etag"] == f'"{digest}"'

    def test_packages_are_listed_with_their_digest(
        self, fetch: Fetch, offered: SiteBuilder, images: tuple[Image, Image], conforms: Any
    ):
        answer = conforms(fetch(f"{RELEASE}/packages"), self.PATH + "packages")
        assert [package["name"] for package in answer["packages"]] == ["ipykernel", "numpy", "python"]
        assert (answer["environment"], answer["release"]) == ("datasci", "2026.05")
        assert answer["spec"] == images[0].spec_digest

    def test_explicit_is_a_file_for_conda(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        text = conforms(fetch(f"{RELEASE}/explicit"), self.PATH + "explicit")
        assert text.startswith("# datasci@2026.05\n")
        assert "@EXPLICIT\n" in text

    @pytest.mark.parametrize("what", ["spec", "packages", "explicit"])
    def test_what_a_digest_names_may_be_kept_for_ever(
        self, fetch: Fetch, offered: SiteBuilder, images: tuple[Image, Image], what: str, conforms: Any
    ):
        pinned = fetch(f"{RELEASE}/{what}", params={"digest": images[0].spec_digest})
        assert "immutable" in pinned.headers["Cache-Control"]
        loose = fetch(f"{RELEASE}/{what}", headers={"If-None-Match": pinned.headers["Etag"]})
        assert (loose.status, loose.headers["Cache-Control"]) == (304, "private, no-cache")
        other = fetch(f"{RELEASE}/{what}", params={"digest": images[1].spec_digest})
        assert (other.status, conforms(other, self.PATH + what)["code"]) == (409, "digest-mismatch")

    def test_a_spec_that_is_not_the_approved_one_is_not_shown(
        self, fetch: Fetch, site: SiteBuilder, images: tuple[Image, Image], conforms: Any
    ):
        site.offer(images[0], "datasci", "2026.05", spec="sha256:" + "0" * 64)
        reply = fetch(f"{RELEASE}/spec")
        assert (reply.status, conforms(reply, self.PATH + "spec")["code"]) == (503, "spec-drifted")

    def test_compares_two_releases(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        answer = conforms(fetch(f"{RELEASE}/diff", params={"to": "datasci@2026.11"}), self.PATH + "diff")
        assert [(item["name"], item["kind"]) for item in answer["changes"]] == [("numpy", "upgraded")]
        assert (answer["from"]["release"], answer["to"]["release"]) == ("2026.05", "2026.11")

    def test_compares_for_a_ticket(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        to = {"to": "datasci@2026.11", "format": "markdown"}
        text = conforms(fetch(f"{RELEASE}/diff", params=to), self.PATH + "diff")
        assert "| numpy | upgraded | 1 py311\\_0 | 2 py311\\_0 |" in text

    def test_compares_for_a_spreadsheet(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        reply = fetch(f"{RELEASE}/diff", params={"to": "datasci@2026.11", "format": "csv"})
        assert "numpy,upgraded,1,py311_0,2,py311_0" in conforms(reply, self.PATH + "diff")

    def test_a_form_that_is_none_is_refused(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        reply = fetch(f"{RELEASE}/diff", params={"to": "datasci@2026.11", "format": "markdon"})
        assert (reply.status, reply.json["hint"]) == (400, "Did you mean 'markdown'?")

    def test_a_release_does_not_differ_from_itself(self, fetch: Fetch, offered: SiteBuilder):
        assert fetch(f"{RELEASE}/diff", params={"to": "datasci@2026.05"}).json["changes"] == []

    @pytest.mark.parametrize(
        ("to", "status", "code"),
        [
            ("", 400, "invalid-argument"),
            ("2026.11", 400, "invalid-name"),
            ("datasci@../x", 400, "invalid-name"),
            ("datasci@9", 404, "release-unknown"),
            ("secret@1", 403, "not-granted"),
        ],
    )
    def test_cannot_compare_with_what_there_is_not(
        self, fetch: Fetch, offered: SiteBuilder, conforms: Any, to: str, status: int, code: str
    ):
        reply = fetch(f"{RELEASE}/diff", params={"to": to})
        assert (reply.status, conforms(reply, self.PATH + "diff")["code"]) == (status, code)


class TestSearch:
    PATH = "/envguard/api/search"

    def find(self, fetch: Fetch, conforms: Any, query: str) -> Any:
        return conforms(fetch("envguard/api/search", params={"q": query}), self.PATH)

    def test_finds_a_package_where_it_is(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        answer = self.find(fetch, conforms, "numpy>=2")
        (match,) = answer["matches"]
        assert (match["kernel_name"], match["release"]) == ("datasci", "2026.11")
        numpy = {"name": "numpy", "version": "2", "build": "py311_0", "manager": "conda"}
        assert match["packages"] == [numpy]

    def test_a_word_may_name_the_environment(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        answer = self.find(fetch, conforms, "datasci")
        assert [(m["release"], m["packages"]) for m in answer["matches"]] == [
            ("2026.11", []),
            ("2026.05", []),
        ]

    def test_finds_nothing_that_is_for_others(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        assert self.find(fetch, conforms, "secret")["matches"] == []
        offered.revoke("datasci", "2026.11")
        assert self.find(fetch, conforms, "numpy>=2")["matches"] == []

    def test_offers_names_that_come_close(self, fetch: Fetch, offered: SiteBuilder, conforms: Any):
        assert self.find(fetch, conforms, "kernel>=1")["suggestions"] == ["ipykernel"]

    @pytest.mark.parametrize("query", ["", " ", "numpy>=", "numpy[version='1']", "a\nb", "x" * 201])
    def test_refuses_nonsense_with_a_hint(
        self, fetch: Fetch, offered: SiteBuilder, conforms: Any, query: str
    ):
        reply = fetch("envguard/api/search", params={"q": query})
        refusal = conforms(reply, self.PATH)
        assert (reply.status, refusal["code"]) == (400, "invalid-argument")
        assert refusal["hint"]


def test_me_is_who_the_guard_knows(fetch: Fetch, conforms: Any):
    answer = conforms(fetch("envguard/api/me"), "/envguard/api/me")
    assert answer["source"] == "system"
    assert answer["groups"] == sorted(answer["groups"])


@pytest.mark.parametrize(
    "path", ["environments", "environments/datasci", "me", "environments/datasci/releases/1/spec"]
)
def test_who_is_not_logged_in_learns_nothing(fetch: Fetch, offered: SiteBuilder, path: str):
    reply = fetch(f"envguard/api/{path}", headers={"Authorization": ""}, follow_redirects=False)
    assert reply.status == 403
    assert b"datasci" not in reply.response.body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_may_be_started_cannot_be_changed(fetch: Fetch, offered: SiteBuilder, method: str):
    body = None if method == "DELETE" else {}
    assert fetch("envguard/api/environments", method, body).status in (404, 405)


def test_every_code_that_is_answered_is_listed(fetch: Fetch, offered: SiteBuilder):
    for path in ("environments/x", "environments/secret/releases/1", f"{RELEASE.partition('api/')[2]}/diff"):
        assert fetch(f"envguard/api/{path}").json["code"] in CODES
