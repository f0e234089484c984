from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.admission.imports import (
    PackDenied,
    Proposal,
    check_image,
    language_of,
    passed,
    rules_of,
    similar,
    tried,
)
from jupyter_envguard.catalog import Catalog, State
from jupyter_envguard.errors import Conflict, Unavailable, Untrusted
from jupyter_envguard.image import Image
from jupyter_envguard.inventory import Inventory
from jupyter_envguard.policy import Failed, Finding, Passed, Policy
from jupyter_envguard.spec import Package, Spec
from tests.catalogs import WHEN, digest, entry

STARTS = Policy(rules=("kernel.fails-to-start", "pip.mixed"))


def found(rule: str, severity: Any = "error") -> Finding:
    return Finding(rule, severity, f"{rule} is wrong.", f"Repair {rule}.")


def inventory(*packages: str, **kernels: object) -> Inventory:
    texts = {
        f"share/jupyter/kernels/{name}/kernel.json": json.dumps(value).encode()
        for name, value in kernels.items()
    }
    spec = Spec("linux-64", tuple(Package(name=name, version="1") for name in packages))
    return Inventory(digest("x"), 1, "tar", {}, {}, spec, (), texts=texts)


def image(**changes: str) -> Image:
    made = entry()
    whole = Image(Path("/opt/x"), made.pack, made.manifest, made.spec, Path("/opt/.meta/x"))
    return replace(whole, **changes)


class TestProposal:
    def test_lists_subjects_once_in_order(self) -> None:
        assert Proposal(name="a", release="1", groups=["b", "a", "b"]).groups == ("a", "b")

    def test_is_the_same_as_what_it_says_nothing_against(self) -> None:
        Proposal(name="datasci", release="2026.05").check_same(entry(), entry().pack)

    @pytest.mark.parametrize(
        "said",
        [
            {"display_name": "x"},
            {"description": "x"},
            {"language": "R"},
            {"groups": []},
            {"users": ["x"]},
            {"expires": "2099-01-01T00:00:00Z"},
            {"logo": "<svg/>"},
        ],
        ids=str,
    )
    def test_is_not_the_same_as_what_says_otherwise(self, said: dict[str, Any]) -> None:
        with pytest.raises(Conflict, match=f"another {next(iter(said)).replace('_', ' ')}"):
            Proposal(name="datasci", release="2026.05", **said).check_same(entry(), entry().pack)

    @pytest.mark.parametrize("state", [State.DRAFT, State.IN_REVIEW, State.APPROVED, State.DEPRECATED])
    def test_may_come_again(self, state: State) -> None:
        Proposal(name="datasci", release="2026.05").check_same(entry(state=state), entry().pack)


class TestSimilar:
    def test_is_what_may_be_used_of_the_same_name_and_the_newest_first(self) -> None:
        entries = (
            entry(name="other", pack=digest("a"), imported_at="2026-03-01T00:00:00Z"),
            entry(release="1", pack=digest("b"), imported_at="2026-01-01T00:00:00Z"),
            entry(release="2", pack=digest("c"), imported_at="2026-02-01T00:00:00Z"),
            entry(release="3", pack=digest("d"), state=State.REVOKED),
            entry(release="4", pack=digest("e"), state=State.IN_REVIEW),
        )
        catalog = Catalog(1, WHEN, datetime(2099, 1, 1, tzinfo=UTC), entries)
        wanted = [(each.pack, each.manifest) for each in (entries[2], entries[1], entries[0])]
        assert list(similar(catalog, "datasci").items()) == wanted


class TestTried:
    def test_keeps_what_was_found_before(self) -> None:
        so_far = Passed((found("pip.mixed", "warning"),))
        verdict = tried(STARTS, lambda *_: (found("kernel.fails-to-start"),), image(), inventory(), so_far)
        assert isinstance(verdict, Failed)
        assert [finding.rule for finding in verdict.findings] == ["kernel.fails-to-start", "pip.mixed"]

    def test_counts_only_rules_that_the_policy_names(self) -> None:
        assert tried(STARTS, lambda *_: (found("kernel.import-fails"),), image(), inventory(), Passed())

    def test_starts_nothing_that_no_rule_asks_for(self) -> None:
        policy = Policy(rules=("pip.mixed", "no.such-rule"))
        assert tried(policy, pytest.fail, image(), inventory(), Passed()) == Passed()

    def test_needs_something_that_starts_it(self) -> None:
        with pytest.raises(Unavailable, match=r"kernel\.fails-to-start"):
            tried(STARTS, None, image(), inventory(), Passed())


class TestPassed:
    def test_returns_a_yes(self) -> None:
        verdict = Passed((found("pip.mixed", "warning"),))
        assert passed(verdict, "pack") is verdict

    def test_shows_the_first_findings_and_carries_all(self) -> None:
        findings = (*(found(f"r.{n}") for n in range(5)), found("w", "warning"))
        with pytest.raises(PackDenied) as caught:
            passed(Failed(findings), "x.tar.gz")
        assert caught.value.message == (
            "The policy does not allow x.tar.gz: "
            "[r.0] r.0 is wrong. [r.1] r.1 is wrong. [r.2] r.2 is wrong. And 2 more."
        )
        assert caught.value.hint == "Repair r.0."
        assert caught.value.findings == findings

    def test_does_not_count_when_it_shows_all(self) -> None:
        with pytest.raises(PackDenied, match=r"wrong\.$"):
            passed(Failed((found("r"),)), "x")


def test_rules_are_listed_once_each() -> None:
    findings = [found("b", "warning"), found("a", "warning"), found("b", "warning"), found("c")]
    assert rules_of(findings, "warning") == ("a", "b")
    assert len(rules_of([found(f"r{n}") for n in range(100)], "error")) == 64


@pytest.mark.parametrize("what", ["pack", "manifest_digest", "spec_digest"])
def test_an_image_is_compared_in_every_digest(what: str) -> None:
    check_image(image(), entry())
    with pytest.raises(Untrusted) as caught:
        check_image(image(**{what: digest("other")}), entry())
    assert caught.value.code == "image-drifted"


class TestLanguage:
    def test_is_python_where_ipykernel_is(self) -> None:
        assert language_of(inventory("ipykernel", ir={"language": "R"})) == "python"

    def test_is_that_of_the_first_kernel(self) -> None:
        assert language_of(inventory(b={"language": "R"}, a={"language": "julia"})) == "julia"

    @pytest.mark.parametrize("document", [[], {}, {"language": 7}, "x"])
    def test_skips_what_says_none(self, document: object) -> None:
        assert language_of(inventory(a=document, b={"language": "R"})) == "R"

    def test_is_python_when_nothing_says_otherwise(self) -> None:
        assert language_of(inventory()) == "python"
