from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jupyter_envguard.catalog import Repository
from jupyter_envguard.site import load
from jupyter_envguard.spec import Spec
from tests.cli.conftest import Filled, Run


class TestList:
    def test_names_releases_states_and_who_may_use_them(self, filled: Filled, run: Run) -> None:
        lines = run("list", "--site", filled.path).out.splitlines()
        assert lines[0].split() == ["RELEASE", "STATE", "DISPLAY", "NAME", "FOR", "EXPIRES"]
        assert [line.split()[:2] for line in lines[1:]] == [
            ["datasci@2025.01", "revoked"],
            ["datasci@2026.05", "deprecated"],
            ["datasci@2026.11", "approved"],
        ]
        assert "@data-science ada" in lines[3]

    def test_json_holds_whole_entries_and_the_version(self, filled: Filled, run: Run) -> None:
        document = run("list", "--site", filled.path, "--json").json
        assert document["version"] == 2
        assert document["entries"] == [e.as_json() for e in (filled.away, filled.old, filled.new)]

    @pytest.mark.parametrize(
        ("words", "releases"),
        [
            (["datasci"], ["2025.01", "2026.05", "2026.11"]),
            (["other"], []),
            (["--state", "revoked"], ["2025.01"]),
        ],
    )
    def test_filters(self, filled: Filled, run: Run, words: list[str], releases: list[str]) -> None:
        found = run("list", *words, "--site", filled.path, "--json").json["entries"]
        assert [entry["release"] for entry in found] == releases

    @pytest.mark.parametrize(
        ("query", "releases"),
        [("acme>=2", ["2026.11"]), ("acme", ["2026.05", "2026.11"]), ("riskpip acme<2", []), ("no-such", [])],
    )
    def test_finds_releases_by_what_they_contain(
        self, filled: Filled, run: Run, query: str, releases: list[str]
    ) -> None:
        done = run("list", "--with", query, "--site", filled.path, "--json")
        assert [entry["release"] for entry in done.json["entries"]] == releases
        assert "nobody looked into them: datasci@2025.01" in done.err

    def test_a_query_that_is_none_is_refused(self, filled: Filled, run: Run) -> None:
        assert run("list", "--with", "acme>=", "--site", filled.path).refusal == (2, "invalid-argument")

    def test_tells_what_a_user_is_offered(self, filled: Filled, run: Run) -> None:
        offers = run("list", "--for", "ada", "--site", filled.path, "--json").json["offers"]
        assert [(offer["kernel"], offer["allowed"], offer["current"]) for offer in offers] == [
            ("datasci", True, True),
            ("datasci--2026.05", True, False),
            ("datasci--2025.01", False, False),
        ]

    def test_tells_why_a_user_is_not_offered_it(self, filled: Filled, run: Run) -> None:
        out = run("list", "--for", "bob", "--group", "students", "--site", filled.path).out
        assert "denied: datasci@2026.11 is not granted to bob." in out
        assert "It leaks\\nmemory" in out

    def test_a_group_of_the_user_counts(self, filled: Filled, run: Run) -> None:
        out = run("list", "--for", "bob", "--group", "data-science", "--site", filled.path).out
        assert "allowed (deprecated)" in out

    def test_groups_without_a_user_are_wrong(self, filled: Filled, run: Run) -> None:
        assert run("list", "--group", "x", "--site", filled.path).refusal == (2, "invalid-argument")

    def test_nothing_is_said_in_words(self, filled: Filled, run: Run) -> None:
        assert run("list", "other", "--site", filled.path).out == "No release.\n"


class TestShow:
    def test_prints_digests_approval_and_verdict(self, filled: Filled, run: Run) -> None:
        out = run("show", "datasci@2026.11", "--site", filled.path).out
        for text in (filled.new.pack, filled.new.spec, filled.new.manifest, "by boss", "passed", "approved"):
            assert text in out

    def test_says_when_the_image_is_elsewhere(self, filled: Filled, run: Run) -> None:
        done = run("show", "datasci@2025.01", "--site", filled.path)
        assert (done.code, "not on this machine" in done.out) == (0, True)

    def test_json_is_the_entry_and_the_image(self, filled: Filled, run: Run) -> None:
        document = run("show", "datasci@2026.11", "--site", filled.path, "--json").json
        assert document["entry"] == filled.new.as_json()
        assert Path(document["image"]).is_dir()

    def test_lists_packages(self, filled: Filled, run: Run) -> None:
        out = run("show", "datasci@2026.11", "--packages", "--site", filled.path).out
        assert out.splitlines()[-1].split()[:2] == ["same", "1.0"]

    def test_a_reason_cannot_pose_as_other_lines(self, filled: Filled, run: Run) -> None:
        assert "It leaks\\nmemory" in run("show", "datasci@2025.01", "--site", filled.path).out

    def test_json_with_packages_is_a_spec(self, filled: Filled, run: Run) -> None:
        document = run("show", "datasci@2026.11", "--packages", "--site", filled.path, "--json").json
        assert Spec.from_json(document["spec"]).digest() == filled.new.spec

    def test_packages_of_a_missing_image_are_not_found(self, filled: Filled, run: Run) -> None:
        done = run("show", "datasci@2025.01", "--packages", "--site", filled.path)
        assert done.refusal == (4, "image-missing")

    @pytest.mark.parametrize(
        ("name", "refusal"),
        [
            ("datasci@2026.12", (4, "release-unknown")),
            ("nothing@1", (4, "release-unknown")),
            ("datasci", (2, "invalid-name")),
            ("@", (2, "invalid-name")),
            ("Datasci@2026.11", (2, "invalid-name")),
            ("../x@1", (2, "invalid-name")),
            ("a\x1b@1", (2, "invalid-name")),
        ],
    )
    def test_a_wrong_name_is_refused(
        self, filled: Filled, run: Run, name: str, refusal: tuple[int, str]
    ) -> None:
        assert run("show", name, "--site", filled.path).refusal == refusal

    def test_a_near_miss_is_answered_with_what_was_meant(self, filled: Filled, run: Run) -> None:
        assert "Did you mean 'datasci@2026.1" in run("show", "datasci@2026.12", "--site", filled.path).err


class TestDiff:
    def test_rebuilt_packages_come_first(self, filled: Filled, run: Run) -> None:
        document = run("diff", "datasci@2026.05", "datasci@2026.11", "--site", filled.path, "--json").json
        assert [(c["kind"], c["name"]) for c in document["changes"]] == [
            ("rebuilt", "same"),
            ("upgraded", "acme"),
            ("added", "riskpip"),
        ]

    def test_reads_as_a_table(self, filled: Filled, run: Run) -> None:
        out = run("diff", "datasci@2026.05", "datasci@2026.11", "--site", filled.path).out
        assert "upgraded  acme" in out
        assert "1.0 (pip)" in out
        assert out.endswith("3 differences.\n")

    def test_reads_in_a_ticket_and_in_a_spreadsheet(self, filled: Filled, run: Run) -> None:
        words = ["diff", "datasci@2026.05", "datasci@2026.11", "--site", filled.path, "--format"]
        assert "| acme | upgraded | 1.0 " in run(*words, "markdown").out
        assert "acme,upgraded,1.0," in run(*words, "csv").out

    def test_a_release_is_the_same_as_itself(self, filled: Filled, run: Run) -> None:
        done = run("diff", "datasci@2026.05", "datasci@2026.05", "--site", filled.path)
        assert (done.code, done.out) == (0, "The packages are the same.\n")

    def test_a_missing_image_is_not_found(self, filled: Filled, run: Run) -> None:
        done = run("diff", "datasci@2026.05", "datasci@2025.01", "--site", filled.path)
        assert done.refusal == (4, "image-missing")


class TestRenew:
    def test_signs_again_and_leaves_the_entries_alone(self, site: Path, run: Run) -> None:
        past = datetime.now(UTC) - timedelta(days=20)
        here = load(site)
        Repository(here.catalog_folder(), here.require_keys(), clock=lambda: past).renew()
        before = run("list", "--site", site, "--json").json
        done = run("renew", "--site", site, "--json")
        assert done.code == 0
        assert done.json["expires"] > before["expires"]
        assert done.json["version"] == before["version"]

    def test_is_not_possible_without_keys(self, site: Path, run: Run) -> None:
        lines = [line for line in site.read_text().splitlines() if not line.startswith("keys:")]
        site.write_text("\n".join(lines))
        assert run("renew", "--site", site).refusal == (7, "keys-missing")
