"""Rules about pinning and origins."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from jupyter_envguard.spec import Package, Spec
from tests.policy.inventories import (
    HASH,
    IPYKERNEL,
    PYTHON,
    SITE,
    claim,
    found,
    from_pip,
    honest,
    record,
    with_claims,
    with_files,
    with_packages,
)

ACME = Package(name="acme", version="1.0", manager="pypi", sha256=HASH, license="MIT")
EMPTY = replace(honest(), spec=Spec("linux-64", ()), records=())


class TestMissingHash:
    rule = "pin.hash-missing"

    @pytest.mark.parametrize("inventory", [honest(), EMPTY])
    def test_recorded_hashes_pass(self, inventory: object) -> None:
        assert found(self.rule, inventory) == ()  # type: ignore[arg-type]

    def test_a_record_without_is_refused(self) -> None:
        bare = replace(PYTHON, name="zlib", sha256="", md5="b" * 32)
        (finding,) = found(self.rule, with_packages(honest(), bare))
        assert finding.severity == "error"
        assert finding.message == "1 package is recorded without a SHA-256: zlib."

    def test_many_are_counted_and_some_named(self) -> None:
        many = [replace(PYTHON, name=f"p{number:02}", sha256="") for number in range(12)]
        (finding,) = found(self.rule, with_packages(honest(), *many))
        assert finding.message.startswith("12 packages are recorded without a SHA-256: p00, p01, ")
        assert finding.message.endswith("p09 and 2 more.")

    def test_pip_has_a_rule_of_its_own(self) -> None:
        assert found(self.rule, with_packages(honest(), replace(ACME, sha256=""))) == ()


class TestMissingPipHash:
    rule = "pip.unhashed"

    def test_no_pip_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    def test_a_known_hash_passes(self) -> None:
        assert found(self.rule, with_packages(honest(), ACME)) == ()

    def test_an_unknown_one_is_a_warning(self) -> None:
        (finding,) = found(self.rule, with_packages(honest(), replace(ACME, sha256="")))
        assert (finding.severity, finding.message) == (
            "warning",
            "1 package is installed by pip without a recorded hash: acme.",
        )


class TestDuplicateRecord:
    rule = "pin.duplicate-record"

    @pytest.mark.parametrize("inventory", [honest(), EMPTY])
    def test_one_record_each_passes(self, inventory: object) -> None:
        assert found(self.rule, inventory) == ()  # type: ignore[arg-type]

    def test_two_of_one_package_are_refused(self) -> None:
        older = record(replace(PYTHON, version="3.11.6"))
        (finding,) = found(self.rule, replace(honest(), records=(*honest().records, older)))
        assert finding.message == "python has 2 records in conda-meta."
        assert len(finding.paths) == 2


class TestMisnamedRecord:
    rule = "pin.conda-meta-name-mismatch"

    @pytest.mark.parametrize("inventory", [honest(), EMPTY])
    def test_honest_names_pass(self, inventory: object) -> None:
        assert found(self.rule, inventory) == ()  # type: ignore[arg-type]

    @pytest.mark.parametrize("change", [{"name": "pythom"}, {"version": "3.11.8"}, {"build": "h1_0"}])
    def test_a_contradiction_is_refused(self, change: dict[str, str]) -> None:
        kernel, python = honest().records
        (finding,) = found(self.rule, replace(honest(), records=(kernel, replace(python, **change))))
        assert finding.paths == (python.path,)


class TestMixed:
    rule = "pip.mixed"

    @pytest.mark.parametrize("inventory", [honest(), EMPTY])
    def test_conda_alone_passes(self, inventory: object) -> None:
        assert found(self.rule, inventory) == ()  # type: ignore[arg-type]

    def test_pip_alone_is_not_mixed(self) -> None:
        assert found(self.rule, replace(honest(), spec=Spec("linux-64", (ACME,)))) == ()

    def test_pip_on_top_is_a_warning(self) -> None:
        (finding,) = found(self.rule, with_packages(honest(), ACME))
        assert finding.severity == "warning"
        assert "acme" in finding.message


class TestShadowed:
    rule = "pip.shadows-conda"

    @pytest.mark.parametrize("inventory", [honest(), EMPTY])
    def test_one_manager_each_passes(self, inventory: object) -> None:
        assert found(self.rule, inventory) == ()  # type: ignore[arg-type]

    def test_pip_beside_conda_passes(self) -> None:
        assert (
            found(self.rule, with_packages(from_pip(honest(), "acme", {f"{SITE}/acme.py": b""}), ACME)) == ()
        )

    def test_one_name_from_both_is_refused_however_it_is_written(self) -> None:
        conda = replace(PYTHON, name="ruamel.yaml")
        pip = replace(ACME, name="ruamel-yaml")
        (finding,) = found(self.rule, with_packages(honest(), conda, pip))
        assert finding.message.startswith("ruamel-yaml was installed by both")

    def test_the_name_that_python_knows_counts_too(self) -> None:
        metadata = f"{SITE}/torch-2.0.dist-info/METADATA"
        inventory = with_claims(with_files(honest(), {metadata: b""}), claim(metadata, b""))
        inventory = with_packages(inventory, replace(PYTHON, name="pytorch"), replace(ACME, name="torch"))
        (finding,) = found(self.rule, inventory)
        assert finding.message.startswith("torch was installed by both")

    def test_files_of_both_are_refused(self) -> None:
        inventory = from_pip(honest(), "acme", {f"{SITE}/ipykernel_launcher.py": b"mine"})
        (finding,) = found(self.rule, inventory)
        assert finding.paths == (f"{SITE}/ipykernel_launcher.py",)


class TestDirectOrigin:
    rule = "pip.vcs-or-url"

    def origin(self, document: object) -> list[str]:
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        return [
            finding.message
            for finding in found(self.rule, from_pip(honest(), "acme", {}, direct_url=content))
        ]

    def test_an_index_leaves_no_trace(self) -> None:
        assert found(self.rule, from_pip(honest(), "acme", {})) == ()

    @pytest.mark.parametrize("info", [{"hashes": {"sha256": HASH}}, {"hash": f"sha256={HASH}"}])
    def test_an_archive_with_its_hash_passes(self, info: object) -> None:
        assert self.origin({"url": "file:///w/acme.whl", "archive_info": info}) == []

    @pytest.mark.parametrize("info", [{}, None, "sha256", {"hashes": {}}])
    def test_an_archive_without_is_refused(self, info: object) -> None:
        (message,) = self.origin({"url": "https://me:secret@host/acme.whl", "archive_info": info})
        assert message == "acme was installed from an archive without a hash, https://host/acme.whl."

    def test_a_repository_is_refused(self) -> None:
        (message,) = self.origin(
            {"url": "https://host/acme.git", "vcs_info": {"vcs": "git", "commit_id": "0" * 40}}
        )
        assert message == "acme was installed from a repository, https://host/acme.git."

    def test_a_folder_is_refused(self) -> None:
        (message,) = self.origin({"url": "file:///home/me/acme", "dir_info": {}})
        assert message == "acme was installed from a folder, file:///home/me/acme."

    @pytest.mark.parametrize("content", [b"", b"[]", b"\xff"])
    def test_what_cannot_be_read_is_refused(self, content: bytes) -> None:
        assert self.origin(content) == ["acme was installed from somewhere unreadable."]

    def test_what_conda_built_in_a_folder_passes(self) -> None:
        folder = f"{SITE}/acme-1.0.dist-info"
        written = {
            f"{folder}/METADATA": b"",
            f"{folder}/direct_url.json": b'{"dir_info": {}, "url": "file:///w"}',
        }
        inventory = with_claims(
            with_files(honest(), written), *(claim(path, text) for path, text in written.items())
        )
        assert found(self.rule, inventory) == ()


class TestForeignChannel:
    rule = "chan.not-allowed"

    def with_channel(self, channel: str) -> object:
        return with_packages(honest(), replace(PYTHON, name="zlib", channel=channel))

    def test_everything_passes_when_nothing_is_listed(self) -> None:
        assert found(self.rule, self.with_channel("https://evil.example/channel")) == ()  # type: ignore[arg-type]

    @pytest.mark.parametrize("written", ["conda-forge", "https://conda.anaconda.org/conda-forge/"])
    @pytest.mark.parametrize("channel", ["conda-forge", "https://conda.anaconda.org/conda-forge"])
    def test_a_name_and_its_address_are_one(self, written: str, channel: str) -> None:
        inventory = replace(honest(), spec=Spec("linux-64", (replace(PYTHON, channel=channel),)))
        assert found(self.rule, inventory, allowed_channels=(written,)) == ()

    @pytest.mark.parametrize(
        "channel", ["https://evil.example/conda-forge", "conda-forge-2", "", "file:///conda-forge"]
    )
    def test_another_channel_is_refused(self, channel: str) -> None:
        inventory = replace(honest(), spec=Spec("linux-64", (replace(PYTHON, channel=channel),)))
        (finding,) = found(self.rule, inventory, allowed_channels=("conda-forge",))
        assert "1 package is from" in finding.message
        assert (channel or "an unknown channel") in finding.message

    def test_pip_has_no_channel(self) -> None:
        inventory = replace(honest(), spec=Spec("linux-64", (ACME,)))
        assert found(self.rule, inventory, allowed_channels=("conda-forge",)) == ()


class TestCredentials:
    rule = "chan.credentials-in-url"

    @pytest.mark.parametrize(
        "url",
        [
            *("", "https://conda.anaconda.org/conda-forge/linux-64/zlib.conda", "file:///channel/t/x"),
            *("https://host:8443/channel/zlib.conda", "https://me@host/channel", "s3://bucket/t"),
        ],
    )
    def test_an_address_without_secrets_passes(self, url: str) -> None:
        assert found(self.rule, with_packages(honest(), replace(IPYKERNEL, name="zlib", url=url))) == ()

    @pytest.mark.parametrize(
        "url", ["https://me:secret@host/channel", "https://host/t/tk-1234/channel", "HTTPS://me:pw@HOST/"]
    )
    @pytest.mark.parametrize("field", ["url", "channel"])
    def test_a_password_or_token_is_refused_and_not_repeated(self, field: str, url: str) -> None:
        package = replace(IPYKERNEL, name="zlib", **{field: url})
        (finding,) = found(self.rule, with_packages(honest(), package))
        assert finding.message == "The address holds a password or token for zlib."


class TestUnknownLicense:
    rule = "lic.unknown"

    @pytest.mark.parametrize("inventory", [honest(), EMPTY])
    def test_stated_licences_pass(self, inventory: object) -> None:
        assert found(self.rule, inventory) == ()  # type: ignore[arg-type]

    @pytest.mark.parametrize("text", ["", "  "])
    def test_an_unstated_one_is_mentioned(self, text: str) -> None:
        (finding,) = found(self.rule, with_packages(honest(), replace(ACME, license=text)))
        assert (finding.severity, finding.message) == ("info", "1 package is without a stated licence: acme.")
