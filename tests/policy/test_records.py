"""Rules that compare files with records, on what honest packs do and on what they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.inventory import Inventory, Kind, Member, Prefixed, RecordedFile
from tests.policy.inventories import (
    BUILD_PREFIX,
    PLACEHOLDER,
    SITE,
    calm,
    claim,
    found,
    from_pip,
    honest,
    sha256,
    with_claims,
    with_files,
    with_members,
    with_prefixes,
    without,
)

EMPTY = replace(honest(), members={}, records=())
MODULE = f"{SITE}/module.py"
BYTE_CODE = f"{SITE}/__pycache__/module.cpython-311.pyc"


def claimed(path: str, packaged: bytes, archived: bytes, **more: Any) -> Inventory:
    """Return a pack in which `path` was packaged with one content and archived with another."""
    return with_claims(with_files(honest(), {path: archived}), claim(path, packaged, **more))


def as_installed(inventory: Inventory, path: str) -> Inventory:
    """Return the pack as conda-pack makes it when conda's package cache is gone."""
    return with_prefixes(inventory, Prefixed(path, BUILD_PREFIX, "text"))


class TestChanged:
    rule = "fs.changed"

    @pytest.mark.parametrize("inventory", [EMPTY, honest()])
    def test_files_as_packaged_pass(self, inventory: Inventory) -> None:
        assert found(self.rule, inventory) == ()

    @calm
    @given(st.binary(max_size=20), st.binary(max_size=20))
    def test_any_other_content_is_refused(self, packaged: bytes, archived: bytes) -> None:
        assert bool(found(self.rule, claimed(MODULE, packaged, archived))) is (packaged != archived)

    def test_the_file_is_named(self) -> None:
        (finding,) = found(self.rule, claimed(MODULE, b"x = 1", b"x = 2"))
        assert finding.message == "1 file is not what the package's record says."
        assert finding.paths == (MODULE,)

    def test_a_file_with_a_prefix_may_be_as_installed(self) -> None:
        installed = b"/home/builder/envs/sci/lib"
        inventory = claimed(
            MODULE, b"/placehold", installed, placeholder=PLACEHOLDER, sha256_in_prefix=sha256(installed)
        )
        assert found(self.rule, inventory) == ()

    @pytest.mark.parametrize("mode", ["text", "binary"])
    def test_a_file_with_a_prefix_that_is_neither_is_refused(self, mode: str) -> None:
        prefixed = {"placeholder": PLACEHOLDER, "sha256_in_prefix": sha256(b"installed"), "mode": mode}
        assert found(self.rule, claimed("lib/libssl.so", b"packaged", b"edited", **prefixed))
        assert found(
            self.rule, as_installed(claimed("lib/libssl.so", b"p", b"edited", **prefixed), "lib/libssl.so")
        )

    @pytest.mark.parametrize(
        "more", [{"mode": "text", "placeholder": PLACEHOLDER}, {"kind": "unix_python_entry_point"}]
    )
    def test_the_first_line_of_scripts_may_be_rewritten(self, more: dict[str, str]) -> None:
        assert (
            found(self.rule, claimed("bin/tool", b"#!/opt/bin/python", b"#!/usr/bin/env python", **more))
            == ()
        )

    def test_a_program_in_bin_may_not(self) -> None:
        assert found(self.rule, claimed("bin/tool", b"\x7fELF", b"edited"))
        assert found(
            self.rule, claimed("bin/tool", b"\x7fELF", b"edited", mode="binary", placeholder=PLACEHOLDER)
        )

    def test_byte_code_is_made_anew(self) -> None:
        assert found(self.rule, claimed(BYTE_CODE, b"as packaged", b"as run", kind="pyc_file")) == ()

    def test_byte_code_without_its_source_is_code(self) -> None:
        assert found(self.rule, claimed(f"{SITE}/module.pyc", b"as packaged", b"edited"))

    def test_a_symbolic_link_stays_one(self) -> None:
        inventory = with_claims(honest(), claim("lib/libz.so", b"target", kind="softlink"))
        assert (
            found(self.rule, with_members(inventory, Member("lib/libz.so", Kind.SYMLINK, target="libz.so.1")))
            == ()
        )

    def test_a_zip_may_hold_a_copy_instead(self) -> None:
        assert found(self.rule, claimed("lib/libz.so", b"target", b"target", kind="softlink")) == ()
        assert found(self.rule, claimed("lib/libz.so", b"target", b"rewritten", kind="softlink")) == ()

    @pytest.mark.parametrize("kind", [Kind.SYMLINK, Kind.DIRECTORY])
    def test_a_file_that_became_something_else_is_refused(self, kind: Kind) -> None:
        inventory = with_claims(honest(), claim(MODULE, b"x"))
        assert found(self.rule, with_members(inventory, Member(MODULE, kind, target="other.py")))

    def test_a_folder_stays_one(self) -> None:
        inventory = with_claims(honest(), claim("var/cache", b"", kind="directory", sha256=""))
        assert found(self.rule, with_members(inventory, Member("var/cache", Kind.DIRECTORY))) == ()

    def test_a_hard_link_counts_as_its_file(self) -> None:
        inventory = with_claims(
            with_files(honest(), {MODULE: b"x"}), claim(MODULE, b"x"), claim("lib/again", b"x")
        )
        assert (
            found(self.rule, with_members(inventory, Member("lib/again", Kind.HARDLINK, target=MODULE))) == ()
        )

    def test_one_of_two_packages_that_claim_a_file_may_be_right(self) -> None:
        inventory = claimed(MODULE, b"mine", b"mine")
        assert found(self.rule, with_claims(inventory, claim(MODULE, b"theirs"))) == ()

    def test_noarch_files_are_compared_where_they_are_installed(self) -> None:
        packaged, bare = claim("site-packages/module.py", b"x"), RecordedFile(MODULE)
        inventory = with_claims(with_files(honest(), {MODULE: b"x"}), packaged, bare)
        assert found(self.rule, inventory) == ()
        assert found("fs.missing", inventory) == ()
        assert found("fs.extra-file", inventory) == ()
        (finding,) = found(self.rule, with_files(inventory, {MODULE: b"edited"}))
        assert finding.paths == (MODULE,)

    def test_without_a_hash_the_size_is_compared(self) -> None:
        assert found(self.rule, claimed(MODULE, b"x = 1", b"x = 2", sha256="")) == ()
        assert found(self.rule, claimed(MODULE, b"x = 1", b"x = 22", sha256=""))
        assert found(self.rule, claimed(MODULE, b"x = 1", b"x = 22", sha256="", size=0)) == ()
        assert (
            found(self.rule, claimed(MODULE, b"x = 1", b"x = 22", sha256="", placeholder=PLACEHOLDER)) == ()
        )

    def test_packed_for_one_place_prefixes_are_gone(self) -> None:
        inventory = claimed(MODULE, b"/placehold", b"/opt/envguard", placeholder=PLACEHOLDER)
        assert found(self.rule, inventory)
        assert found(self.rule, without(inventory, "bin/conda-unpack")) == ()

    def test_packed_for_one_place_other_files_are_compared(self) -> None:
        assert found(self.rule, without(claimed(MODULE, b"x", b"edited"), "bin/conda-unpack"))

    def test_packed_without_the_cache_an_old_record_says_nothing(self) -> None:
        inventory = claimed(MODULE, b"/placehold", b"/home/builder", placeholder=PLACEHOLDER)
        assert found(self.rule, as_installed(inventory, MODULE)) == ()

    def test_what_pip_recorded_is_compared_too(self) -> None:
        inventory = from_pip(honest(), "acme", {f"{SITE}/acme.py": b"x"})
        assert found(self.rule, inventory) == ()
        (finding,) = found(self.rule, with_files(inventory, {f"{SITE}/acme.py": b"edited"}))
        assert finding.paths == (f"{SITE}/acme.py",)

    def test_the_first_line_of_pips_scripts_may_be_rewritten(self) -> None:
        inventory = from_pip(honest(), "acme", {"bin/acme": b"#!/home/builder/bin/python"})
        assert found(self.rule, with_files(inventory, {"bin/acme": b"#!/usr/bin/env python"})) == ()

    def test_what_is_missing_is_another_rules_business(self) -> None:
        assert found(self.rule, with_claims(honest(), claim(MODULE, b"x"))) == ()
        assert found(self.rule, without(from_pip(honest(), "acme", {MODULE: b"x"}), MODULE)) == ()


class TestUnverified:
    rule = "fs.unverified"

    @pytest.mark.parametrize("inventory", [EMPTY, honest()])
    def test_compared_files_are_not_counted(self, inventory: Inventory) -> None:
        assert found(self.rule, inventory) == ()

    def test_the_others_are(self) -> None:
        scripts = with_claims(
            with_files(honest(), {"bin/one": b"", "bin/two": b""}),
            claim("bin/one", b"x", mode="text"),
            claim("bin/two", b"x", mode="text"),
        )
        (finding,) = found(self.rule, scripts)
        assert finding.severity == "info"
        assert finding.message.startswith("2 files are claimed by a package")


class TestMissing:
    rule = "fs.missing"

    @pytest.mark.parametrize("inventory", [EMPTY, honest()])
    def test_files_that_are_there_pass(self, inventory: Inventory) -> None:
        assert found(self.rule, inventory) == ()

    @pytest.mark.parametrize("kind", ["hardlink", "softlink", "unix_python_entry_point"])
    def test_one_that_is_not_is_refused(self, kind: str) -> None:
        (finding,) = found(self.rule, with_claims(honest(), claim(MODULE, b"x", kind=kind)))
        assert finding.paths == (MODULE,)

    @pytest.mark.parametrize(
        ("path", "kind"),
        [(BYTE_CODE, "pyc_file"), (BYTE_CODE, "hardlink"), (".nonadmin", "hardlink"), ("var", "directory")],
    )
    def test_what_packing_leaves_out_passes(self, path: str, kind: str) -> None:
        assert found(self.rule, with_claims(honest(), claim(path, b"x", kind=kind))) == ()


class TestExtraFile:
    rule = "fs.extra-file"

    @pytest.mark.parametrize("inventory", [EMPTY, honest()])
    def test_claimed_files_pass(self, inventory: Inventory) -> None:
        assert found(self.rule, inventory) == ()

    @pytest.mark.parametrize(
        "path",
        [
            *("bin/backdoor", MODULE, f"{SITE}/evil.pth", f"{SITE}/deep/er/x.so", f"{SITE}/sourceless.pyc"),
            *(
                "lib/libevil.so",
                "lib/libevil.so.1.2",
                "lib/python3.11/site.py",
                "lib/R/library/evil/R/evil.rdb",
                "lib/R/etc/Rprofile.site",
                "lib/python311.zip",
            ),
            *(
                "etc/conda/activate.d/evil.sh",
                "etc/ipython/ipython_config.py",
                "share/jupyter/kernels/x/kernel.json",
            ),
        ],
    )
    @pytest.mark.parametrize("kind", [Kind.FILE, Kind.SYMLINK, Kind.HARDLINK])
    def test_code_that_nobody_claims_is_refused(self, path: str, kind: Kind) -> None:
        (finding,) = found(self.rule, with_members(honest(), Member(path, kind, target="bin/python")))
        assert finding.paths == (path,)

    def test_what_pip_recorded_passes(self) -> None:
        assert found(self.rule, from_pip(honest(), "acme", {MODULE: b"x", "bin/acme": b"x"})) == ()

    def test_what_pip_did_not_record_is_refused(self) -> None:
        inventory = from_pip(honest(), "acme", {f"{SITE}/acme.py": b"x"})
        assert found(self.rule, with_files(inventory, {MODULE: b"x"}))

    @pytest.mark.parametrize(
        "path",
        [
            *(
                "bin/conda-unpack",
                "bin/conda_unpack_progress.py",
                "bin/activate",
                "bin/deactivate",
                "bin/activate.fish",
            ),
            *("conda-meta/history", "conda-meta/state", BYTE_CODE, "share/icons/icon-theme.cache"),
            "lib/python3.11/lib2to3/Grammar3.11.7.final.0.pickle",
        ],
    )
    def test_what_conda_and_conda_pack_leave_passes(self, path: str) -> None:
        assert found(self.rule, with_files(honest(), {path: b""})) == ()

    def test_folders_belong_to_nobody(self) -> None:
        assert found(self.rule, with_members(honest(), Member(f"{SITE}/empty.so", Kind.DIRECTORY))) == ()


class TestExtraData:
    rule = "fs.extra-data"

    @pytest.mark.parametrize("inventory", [EMPTY, honest()])
    def test_claimed_files_pass(self, inventory: Inventory) -> None:
        assert found(self.rule, inventory) == ()

    def test_data_that_nobody_claims_is_a_warning(self) -> None:
        (finding,) = found(self.rule, with_files(honest(), {"share/data.csv": b""}))
        assert (finding.severity, finding.paths) == ("warning", ("share/data.csv",))

    def test_code_is_another_rules_business(self) -> None:
        assert found(self.rule, with_files(honest(), {MODULE: b""})) == ()
