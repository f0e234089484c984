"""All rules together: the table, the default policy, real packs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.environments import Packs
from jupyter_envguard.errors import NotFound
from jupyter_envguard.pack import open_pack
from jupyter_envguard.policy import (
    DEFAULT,
    RULES,
    SEVERITIES,
    Finding,
    Host,
    Passed,
    Policy,
    evaluate,
    explain,
    finding,
)
from jupyter_envguard.spec import Spec
from tests.policy.inventories import HOST, calm, honest, judged, with_files

DOCUMENTS = (
    "lib/python3.11/site-packages/x-1.dist-info/direct_url.json",
    "share/jupyter/kernels/x/kernel.json",
    "conda-meta/state",
    "etc/conda/env_vars.d/x.json",
    "lib/python3.11/site-packages/x.pth",
)


class TestRules:
    def test_ids_are_a_group_and_a_subject(self) -> None:
        assert all(re.fullmatch(r"[a-z]+\.[a-z-]+", name) for name in RULES)

    def test_every_rule_says_why_and_what_to_do(self) -> None:
        for rule in RULES.values():
            assert rule.severity in SEVERITIES
            assert rule.why.endswith(".")
            assert rule.fix.endswith(".")

    def test_the_first_rules_are_all_there(self) -> None:
        assert {
            *(
                "kernel.missing-ipykernel",
                "kernel.argv-not-in-env",
                "kernel.env-dangerous",
                "kernel.fails-to-start",
            ),
            *("kernel.import-fails", "kernel.python-eol", "plat.foreign", "py.editable", "py.pth-exec"),
            *("py.sitecustomize", "py.user-site-enabled", "pip.mixed", "pip.shadows-conda", "pip.unhashed"),
            *("pip.vcs-or-url", "pin.hash-missing", "pin.duplicate-record", "pin.conda-meta-name-mismatch"),
            *(
                "fs.setuid",
                "fs.world-writable",
                "fs.build-prefix-left",
                "fs.changed",
                "fs.missing",
                "fs.extra-file",
            ),
            *(
                "fs.placeholder-left",
                "fs.foreign-paths",
                "fs.secrets",
                "act.scripts",
                "act.env-vars",
                "chan.not-allowed",
                "lic.unknown",
            ),
        } <= RULES.keys()

    def test_no_rule_can_be_added_at_run_time(self) -> None:
        with pytest.raises(TypeError):
            RULES["x.y"] = RULES["fs.changed"]  # type: ignore[index]


class TestDefault:
    def test_holds_every_rule(self) -> None:
        assert set(DEFAULT.rules) == set(RULES)

    def test_an_honest_pack_has_no_finding(self) -> None:
        assert evaluate(honest(), DEFAULT, HOST) == Passed()

    def test_an_empty_pack_is_refused(self) -> None:
        empty = replace(
            honest(),
            members={},
            sha256={},
            texts={},
            machines={},
            records=(),
            spec=Spec("linux-64", ()),
            build_prefix="",
        )
        assert judged(empty) == ["kernel.missing-ipykernel"]

    def test_every_reason_is_given_not_only_the_first(self) -> None:
        site = "lib/python3.11/site-packages"
        bad = with_files(honest(), {f"{site}/__editable__.x.pth": b"import evil\n/home/me\n", ".netrc": b""})
        assert {"py.editable", "py.pth-exec", "py.pth-outside", "fs.extra-file", "fs.secrets"} <= set(
            judged(bad)
        )

    @calm
    @given(st.dictionaries(st.text(min_size=1), st.binary()), st.text())
    def test_no_pack_breaks_a_rule(self, files: dict[str, bytes], prefix: str) -> None:
        strange = replace(with_files(honest(), files), build_prefix=prefix)
        assert "policy.rule-failed" not in judged(strange)

    @calm
    @given(
        st.sampled_from(DOCUMENTS),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.sampled_from(["argv", "env", "dir_info", "x"]), inner)
            ),
        ),
    )
    def test_no_document_breaks_a_rule(self, path: str, document: object) -> None:
        strange = with_files(honest(), {path: json.dumps(document).encode()})
        assert "policy.rule-failed" not in judged(strange)

    def test_equal_packs_have_equal_verdicts(self) -> None:
        assert evaluate(honest(), DEFAULT, HOST) == evaluate(honest(), DEFAULT, HOST)


@pytest.mark.packs
class TestRealPacks:
    @staticmethod
    def judged(path: Path) -> dict[str, Finding]:
        with open_pack(path) as pack:
            verdict = evaluate(pack.inventory(), DEFAULT, Host.here())
        return {finding.rule: finding for finding in verdict.findings}

    @pytest.mark.parametrize("name", ["minimal", "datasci", "calc"])
    def test_an_honest_one_has_nothing_against_it(self, packs: Packs, name: str) -> None:
        assert self.judged(getattr(packs, name)).keys() <= {"fs.unverified", "fs.foreign-paths"}

    def test_one_with_pip_on_top_is_warned_about(self, packs: Packs) -> None:
        assert self.judged(packs.pip_on_top).keys() - {"fs.foreign-paths"} == {
            "fs.unverified",
            "pip.mixed",
            "pip.unhashed",
        }

    def test_a_tampered_one_is_refused_for_the_one_file(self, packs: Packs) -> None:
        found = self.judged(packs.tampered)
        assert found.keys() - {"fs.foreign-paths"} == {"fs.changed", "fs.unverified"}
        assert len(found["fs.changed"].paths) == 1


class TestFinding:
    def test_a_finding_from_outside_has_the_rules_severity_and_fix(self) -> None:
        found = finding("kernel.import-fails", "numpy does not import.", ("b", "a"))
        assert (found.severity, found.paths) == ("error", ("a", "b"))
        assert found.fix == RULES["kernel.import-fails"].fix

    def test_the_policy_says_how_grave_it_is(self) -> None:
        policy = Policy(rules=("fs.changed",), severities={"kernel.import-fails": "info"})
        assert finding("kernel.import-fails", "m", (), policy).severity == "info"

    def test_an_unknown_rule_has_no_findings(self) -> None:
        with pytest.raises(NotFound) as caught:
            finding("kernel.import-fail", "m")
        assert (caught.value.code, caught.value.hint) == (
            "rule-unknown",
            "Did you mean 'kernel.import-fails'?",
        )


class TestExplain:
    def test_says_what_why_and_what_to_do(self) -> None:
        text = explain("fs.changed")
        assert text.startswith("fs.changed (error)\n\nA file that is not")
        assert "To repair it: Install the package again" in text

    def test_an_unknown_rule_is_not_explained(self) -> None:
        with pytest.raises(NotFound, match="no policy rule 'nope'"):
            explain("nope")
