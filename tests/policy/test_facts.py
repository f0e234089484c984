"""The indexes that rules share."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.inventory import Inventory, Kind, Member, Prefixed
from jupyter_envguard.policy import DEFAULT
from jupyter_envguard.policy.facts import Facts, canonical_name, parsed_object
from tests.policy.inventories import (
    BUILD_PREFIX,
    HOST,
    PLACEHOLDER,
    SITE,
    calm,
    claim,
    from_pip,
    honest,
    sha256,
    with_claims,
    with_files,
    with_members,
    with_prefixes,
)


def facts(inventory: Inventory) -> Facts:
    return Facts(inventory, DEFAULT, HOST)


class TestClaims:
    def test_there_are_none_without_records(self) -> None:
        assert facts(replace(honest(), records=())).claims == {}

    def test_two_packages_may_claim_one_path(self) -> None:
        again = claim(f"{SITE}/ipykernel_launcher.py", b"x")
        assert len(facts(with_claims(honest(), again)).claims[again.path]) == 2

    @pytest.mark.parametrize(
        ("recorded", "installed"),
        [
            ("site-packages/six.py", f"{SITE}/six.py"),
            ("python-scripts/tool", "bin/tool"),
            ("share/site-packages/x", "share/site-packages/x"),
        ],
    )
    def test_conda_records_noarch_files_as_they_were_packaged(self, recorded: str, installed: str) -> None:
        claims = facts(with_claims(honest(), claim(recorded, b"x"))).claims
        assert claims[installed] == (claim(installed, b"x"),)
        assert recorded == installed or recorded not in claims


class TestSite:
    def test_is_where_packages_lie(self) -> None:
        assert facts(honest()).site == SITE

    def test_is_where_python_would_look_when_there_is_none(self) -> None:
        assert facts(replace(honest(), members={})).site == SITE

    def test_a_python_without_lock_has_another(self) -> None:
        free = f"lib/python3.13t/site-packages/{'six.py'}"
        assert (
            facts(with_files(replace(honest(), members={}), {free: b""})).site
            == "lib/python3.13t/site-packages"
        )

    def test_of_two_pythons_the_recorded_one_counts(self) -> None:
        assert facts(with_files(honest(), {"lib/python3.10/site-packages/six.py": b""})).site == SITE


class TestDistributions:
    def test_there_are_none_without_dist_info(self) -> None:
        assert facts(honest()).distributions == ()

    def test_one_that_pip_installed(self) -> None:
        (found,) = facts(from_pip(honest(), "Acme_Risk", {f"{SITE}/acme.py": b"x"})).distributions
        assert (found.folder, found.name, found.by_conda) == (
            f"{SITE}/Acme_Risk-1.0.dist-info",
            "acme-risk",
            False,
        )
        assert found.files[f"{SITE}/acme.py"] == sha256(b"x")
        assert found.files[f"{found.folder}/RECORD"] == ""

    def test_one_that_conda_installed(self) -> None:
        metadata = f"{SITE}/acme-1.0.dist-info/METADATA"
        inventory = with_claims(with_files(honest(), {metadata: b""}), claim(metadata, b""))
        (found,) = facts(inventory).distributions
        assert found.by_conda

    def test_a_vendored_one_is_none(self) -> None:
        inside = f"{SITE}/setuptools/_vendor/more-1.0.dist-info/METADATA"
        assert facts(with_files(honest(), {inside: b""})).distributions == ()

    def test_one_outside_of_site_packages_is_none(self) -> None:
        assert facts(with_files(honest(), {"share/x-1.0.dist-info/METADATA": b""})).distributions == ()

    def test_scripts_lie_beside_the_library(self) -> None:
        found = facts(from_pip(honest(), "acme", {"bin/acme": b"x"}))
        assert found.pip_files["bin/acme"] == sha256(b"x")

    @pytest.mark.parametrize(
        ("row", "expected"),
        [
            ("", {}),
            (",,", {}),
            ("acme.py", {f"{SITE}/acme.py": ""}),
            ("acme.py,md5=abc,3", {f"{SITE}/acme.py": ""}),
            ("acme.py,sha256=&&&,3", {f"{SITE}/acme.py": ""}),
            ("acme.py,sha256=a,3", {f"{SITE}/acme.py": ""}),
            ("/etc/passwd,,", {}),
            ("../../../../etc/passwd,,", {}),
            ('"with, comma.py",,', {f"{SITE}/with, comma.py": ""}),
            ("x" * 200_000 + ",,", {}),
        ],
    )
    def test_a_strange_record_is_read_as_far_as_it_goes(self, row: str, expected: dict[str, str]) -> None:
        record = f"{SITE}/acme-1.0.dist-info/RECORD"
        assert facts(with_files(honest(), {record: row.encode()})).pip_files == expected

    @calm
    @given(st.binary())
    def test_no_record_breaks_the_reader(self, content: bytes) -> None:
        record = f"{SITE}/acme-1.0.dist-info/RECORD"
        claimed = facts(with_files(honest(), {record: content})).pip_files
        assert not any(path.startswith(("/", "..")) for path in claimed)


class TestInside:
    @pytest.mark.parametrize(
        ("program", "expected"),
        [
            ("python", "bin/python"),
            (f"{BUILD_PREFIX}/bin/python", "bin/python"),
            (f"{PLACEHOLDER}/bin/R", "bin/R"),
            ("{prefix}/bin/R", "bin/R"),
            (f"{BUILD_PREFIX}/bin/../lib/R", "lib/R"),
            (f"{BUILD_PREFIX}/../../bin/sh", ""),
            (f"{BUILD_PREFIX}/..", ""),
            (f"{BUILD_PREFIX}-other/bin/python", ""),
            ("/usr/bin/python3", ""),
            ("bin/python", ""),
            ("../python", ""),
            ("", "bin/"),
        ],
    )
    def test_says_what_of_the_environment_a_program_is(self, program: str, expected: str) -> None:
        known = with_prefixes(honest(), Prefixed("bin/R", PLACEHOLDER, "text"))
        assert facts(known).inside(program) == expected

    def test_without_a_known_prefix_no_absolute_path_is_inside(self) -> None:
        assert facts(replace(honest(), build_prefix="")).inside("/bin/python") == ""

    def test_the_longest_prefix_decides(self) -> None:
        nested = with_prefixes(honest(), Prefixed("x", f"{BUILD_PREFIX}/nested", "text"))
        assert facts(nested).inside(f"{BUILD_PREFIX}/nested/bin/R") == "bin/R"


class TestFiles:
    def test_a_folder_is_not_had(self) -> None:
        inventory = with_members(honest(), Member("share", Kind.DIRECTORY))
        assert not facts(inventory).has("share")
        assert not facts(inventory).has("gone")
        assert facts(inventory).has("bin/python")

    def test_a_hard_link_has_the_hash_of_its_file(self) -> None:
        inventory = with_members(
            with_files(honest(), {"a": b"x"}),
            Member("b", Kind.HARDLINK, target="a"),
            Member("c", Kind.HARDLINK, target="b"),
        )
        assert facts(inventory).sha256("c") == sha256(b"x")

    def test_a_folder_has_no_hash(self) -> None:
        assert facts(with_members(honest(), Member("share", Kind.DIRECTORY))).sha256("share") == ""

    def test_text_is_read_whatever_its_bytes(self) -> None:
        assert (
            facts(with_files(honest(), {"x": b"\xef\xbb\xbfa\xff"})).text("x") == "a\N{REPLACEMENT CHARACTER}"
        )

    def test_text_that_was_not_captured_is_empty(self) -> None:
        assert facts(honest()).text("gone") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", None), ("[]", None), ("{", None), ("[" * 100_000, None), ("{}", {}), ('{"a": 1}', {"a": 1})],
)
def test_only_a_json_object_is_one(text: str, expected: object) -> None:
    assert parsed_object(text) == expected


def test_names_are_written_as_pep_503_writes_them() -> None:
    assert canonical_name("Ruamel.Yaml__clib") == "ruamel-yaml-clib"
