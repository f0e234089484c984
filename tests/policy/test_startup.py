"""Rules about activation and installation scripts."""

from __future__ import annotations

import json

import pytest

from tests.policy.inventories import found, honest, with_files


class TestScripts:
    rule = "act.scripts"

    def test_none_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    def test_scripts_are_a_warning_with_their_paths(self) -> None:
        paths = ("etc/conda/activate.d/gdal.sh", "etc/conda/deactivate.d/gdal.sh")
        (finding,) = found(self.rule, with_files(honest(), dict.fromkeys(paths, b"")))
        assert (finding.severity, finding.paths) == ("warning", paths)

    def test_other_files_of_conda_pass(self) -> None:
        assert found(self.rule, with_files(honest(), {"etc/conda/test-files/x/1/run.py": b""})) == ()


class TestVariables:
    rule = "act.env-vars"

    def test_none_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    @pytest.mark.parametrize(
        "content", [b"", b"[]", b"{}", b'{"env_vars": []}', b'{"env_vars": {"GDAL_DATA": "x"}}']
    )
    def test_harmless_state_passes(self, content: bytes) -> None:
        assert found(self.rule, with_files(honest(), {"conda-meta/state": content})) == ()

    @pytest.mark.parametrize("name", ["PYTHONPATH", "LD_PRELOAD", "LD_LIBRARY_PATH"])
    def test_a_variable_that_chooses_code_is_refused(self, name: str) -> None:
        state = json.dumps({"version": 1, "env_vars": {name: "/x"}}).encode()
        (finding,) = found(self.rule, with_files(honest(), {"conda-meta/state": state}))
        assert finding.message == f"conda-meta/state sets {name}."

    def test_a_package_may_not_set_one_either(self) -> None:
        path = "etc/conda/env_vars.d/evil.json"
        (finding,) = found(self.rule, with_files(honest(), {path: b'{"LD_PRELOAD": "x"}'}))
        assert finding.paths == (path,)

    def test_a_declaration_that_is_no_object_sets_nothing(self) -> None:
        assert found(self.rule, with_files(honest(), {"etc/conda/env_vars.d/x.json": b"[]"})) == ()


class TestLinkScripts:
    rule = "link.post-link"

    def test_none_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    @pytest.mark.parametrize("kind", ["post-link", "pre-unlink", "pre-link"])
    def test_scripts_are_mentioned(self, kind: str) -> None:
        (finding,) = found(self.rule, with_files(honest(), {f"bin/.thing-{kind}.sh": b""}))
        assert finding.severity == "info"
