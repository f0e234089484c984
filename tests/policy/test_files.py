"""Rules about modes, prefixes and secrets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_envguard.inventory import Kind, Member
from tests.policy.inventories import (
    BUILD_PREFIX,
    SITE,
    claim,
    found,
    from_pip,
    honest,
    with_claims,
    with_files,
)
from tests.policy.inventories import with_members as having

EMPTY = replace(honest(), members={}, texts={})


class TestSetuid:
    rule = "fs.setuid"

    @pytest.mark.parametrize("inventory", [EMPTY, honest()])
    def test_usual_modes_pass(self, inventory: object) -> None:
        assert found(self.rule, inventory) == ()  # type: ignore[arg-type]

    @pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6711])
    def test_a_file_that_runs_as_somebody_else_is_refused(self, mode: int) -> None:
        (finding,) = found(self.rule, having(honest(), Member("bin/su", Kind.FILE, mode=mode)))
        assert finding.paths == ("bin/su",)


class TestWorldWritable:
    rule = "fs.world-writable"

    @pytest.mark.parametrize("mode", [0o644, 0o755, 0o664, 0o775, 0o400])
    def test_usual_modes_pass(self, mode: int) -> None:
        assert found(self.rule, having(honest(), Member("x", Kind.FILE, mode=mode))) == ()

    @pytest.mark.parametrize("kind", [Kind.FILE, Kind.DIRECTORY, Kind.HARDLINK])
    def test_what_everybody_may_change_is_refused(self, kind: Kind) -> None:
        (finding,) = found(self.rule, having(honest(), Member("x", kind, mode=0o777, target="y")))
        assert finding.paths == ("x",)

    def test_the_mode_of_a_symbolic_link_says_nothing(self) -> None:
        assert found(self.rule, having(honest(), Member("x", Kind.SYMLINK, mode=0o777, target="y"))) == ()


class TestPlaceholder:
    rule = "fs.placeholder-left"

    def test_nothing_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    def test_one_that_nobody_recorded_is_a_warning(self) -> None:
        path = "/home/conda/_h_env_placehold_placehold/lib"
        (finding,) = found(self.rule, replace(honest(), placeholders={"lib/a.so": path}))
        assert (finding.severity, finding.paths) == ("warning", ("lib/a.so",))
        assert "/home/conda/_h_env_placehold" in finding.message


class TestForeignPaths:
    rule = "fs.foreign-paths"

    def test_nothing_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    def test_those_of_people_are_told(self) -> None:
        (finding,) = found(self.rule, replace(honest(), foreign={"lib/a.so": "/home/ada/lib"}))
        assert (finding.severity, finding.paths) == ("info", ("lib/a.so",))
        assert "/home/ada/lib" in finding.message


class TestBuildPrefix:
    rule = "fs.build-prefix-left"

    def test_nothing_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    def test_a_left_over_prefix_is_refused(self) -> None:
        (finding,) = found(self.rule, replace(honest(), leaks={"lib/libssl.so.3": BUILD_PREFIX}))
        assert BUILD_PREFIX in finding.message
        assert finding.paths == ("lib/libssl.so.3",)

    @pytest.mark.parametrize(
        "path",
        [
            *("conda-meta/history", "conda-meta/zlib-1-0.json", f"{SITE}/__pycache__/x.cpython-311.pyc"),
            *(f"{SITE}/acme-1.0.dist-info/direct_url.json", "lib/x.pyc"),
        ],
    )
    def test_notes_and_byte_code_may_name_it(self, path: str) -> None:
        assert found(self.rule, replace(honest(), leaks={path: BUILD_PREFIX})) == ()


class TestSecrets:
    rule = "fs.secrets"

    @pytest.mark.parametrize("inventory", [EMPTY, honest()])
    def test_nothing_passes(self, inventory: object) -> None:
        assert found(self.rule, inventory) == ()  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "path",
        [".netrc", "home/.ssh/id_rsa", "share/.aws/credentials", ".pypirc", "x/.env", ".git-credentials"],
    )
    def test_a_file_for_secrets_is_refused(self, path: str) -> None:
        findings = found(self.rule, with_files(honest(), {path: b""}))
        assert [finding.paths for finding in findings] == [(path,)]

    @pytest.mark.parametrize("path", ["id_rsa.pub", "my.netrc.py", "share/credentials", "x/.envrc"])
    def test_others_pass(self, path: str) -> None:
        assert found(self.rule, with_files(honest(), {path: b""})) == ()

    def test_a_test_key_that_a_package_brings_passes(self) -> None:
        path = f"{SITE}/thing/tests/id_rsa"
        key = b"-----BEGIN RSA PRIVATE KEY-----"
        assert found(self.rule, with_claims(with_files(honest(), {path: key}), claim(path, key))) == ()
        assert found(self.rule, from_pip(honest(), "thing", {path: key})) == ()

    @pytest.mark.parametrize(
        "text",
        [
            b"# cmd: conda install -c https://me:secret@host/channel zlib",
            b"channels:\n- https://host/t/tk-1234/channel\n",
            b"-----BEGIN PRIVATE KEY-----",
            b"-----BEGIN OPENSSH PRIVATE KEY-----",
        ],
    )
    def test_a_secret_in_a_text_is_refused_and_not_repeated(self, text: bytes) -> None:
        (finding,) = found(self.rule, with_files(honest(), {"conda-meta/history": text}))
        assert finding.message == "conda-meta/history holds a password, key or token."

    @pytest.mark.parametrize(
        "name", ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "OPENAI_API_KEY", "token"]
    )
    def test_a_variable_for_secrets_is_refused(self, name: str) -> None:
        state = f'{{"env_vars": {{"{name}": "x"}}}}'.encode()
        findings = found(self.rule, with_files(honest(), {"conda-meta/state": state}))
        assert [finding.message for finding in findings] == [f"conda-meta/state sets {name}."]

    @pytest.mark.parametrize("name", ["TOKENIZERS_PARALLELISM", "GDAL_DATA", "KEYBOARD"])
    def test_other_variables_pass(self, name: str) -> None:
        state = f'{{"env_vars": {{"{name}": "x"}}}}'.encode()
        assert found(self.rule, with_files(honest(), {"conda-meta/state": state})) == ()
