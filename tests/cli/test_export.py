from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from jupyter_envguard.spec import Spec
from tests.cli.conftest import MODULE, Filled, Run


def test_json_is_the_canonical_form_whose_hash_is_the_digest(filled: Filled, root: Path) -> None:
    words = [*MODULE, "export", "datasci@2026.11", "--format", "spec", "--site", str(filled.path)]
    done = subprocess.run(words, capture_output=True, cwd=root, check=True)
    assert f"sha256:{hashlib.sha256(done.stdout).hexdigest()}" == filled.new.spec


def test_explicit_is_the_default(filled: Filled, run: Run) -> None:
    out = run("export", "datasci@2026.11", "--site", filled.path).out
    assert "\n@EXPLICIT\n" in out
    assert "# pypi: riskpip==1.0" in out


def test_yaml_is_an_environment_file(filled: Filled, run: Run) -> None:
    document = yaml.safe_load(
        run("export", "datasci@2026.11", "--format", "environment-yaml", "--site", filled.path).out
    )
    assert document["name"] == "datasci"
    assert {"pip": ["riskpip==1.0"]} in document["dependencies"]


def test_a_package_without_an_address_is_warned_about(filled: Filled, run: Run) -> None:
    assert "riskpip" in run("export", "datasci@2026.11", "--site", filled.path).err


@pytest.mark.parametrize("form", ["explicit", "environment-yaml", "spec", "cyclonedx"])
def test_a_file_holds_the_same_as_stdout(filled: Filled, run: Run, tmp_path: Path, form: str) -> None:
    words = ["export", "datasci@2026.11", "--format", form, "--site", filled.path]
    assert run(*words, "-o", tmp_path / "f").code == 0
    assert (tmp_path / "f").read_text() == run(*words).out


def test_json_wraps_the_text_in_one_document(filled: Filled, run: Run) -> None:
    words = ["export", "datasci@2026.11", "--format", "spec", "--site", filled.path, "--json"]
    document = run(*words).json
    assert document["spec_digest"] == filled.new.spec
    assert Spec.from_json(__import__("json").loads(document["text"])).digest() == filled.new.spec


def test_a_device_is_not_replaced_by_a_file(filled: Filled, run: Run) -> None:
    done = run("export", "datasci@2026.11", "--site", filled.path, "-o", "/dev/null")
    assert done.refusal == (2, "invalid-argument")
    assert Path("/dev/null").is_char_device()


def test_a_folder_that_is_not_there_is_not_made(filled: Filled, run: Run, tmp_path: Path) -> None:
    done = run("export", "datasci@2026.11", "--site", filled.path, "-o", tmp_path / "no" / "f")
    assert done.refusal == (4, "file-not-found")
    assert not (tmp_path / "no").exists()


def test_a_link_is_followed_not_replaced(filled: Filled, run: Run, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("")
    (tmp_path / "link").symlink_to("real")
    run("export", "datasci@2026.11", "--site", filled.path, "-o", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text()


def test_a_missing_image_is_not_found(filled: Filled, run: Run) -> None:
    assert run("export", "datasci@2025.01", "--site", filled.path).refusal == (4, "image-missing")


def test_a_reader_that_stops_early_is_no_traceback(filled: Filled, root: Path) -> None:
    command = f"{sys.executable} -m jupyter_envguard.cli.main log --site {filled.path} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, cwd=root)
    assert done.stderr == b""


def test_evidence_is_a_file_that_needs_a_name(filled: Filled, run: Run, tmp_path: Path) -> None:
    words = ["export", "datasci@2026.11", "--format", "evidence", "--site", filled.path]
    refused = run(*words)
    assert refused.refusal == (2, "invalid-argument")
    assert f"datasci-2026.11-{filled.new.spec[7:19]}.evidence.zip" in refused.err
    assert run(*words, "-o", tmp_path / "e.zip").code == 0
    assert zipfile.is_zipfile(tmp_path / "e.zip")


def test_a_lock_names_what_it_leaves_out(filled: Filled, run: Run) -> None:
    done = run("export", "datasci@2026.11", "--format", "conda-lock", "--site", filled.path)
    assert yaml.safe_load(done.out)["version"] == 1
    assert "riskpip" in done.err


def test_says_whether_it_is_exact(filled: Filled, run: Run) -> None:
    document = run("export", "datasci@2026.11", "--site", filled.path, "--json").json
    assert document["exact"] is False
    assert document["file_name"].endswith(".explicit.txt")
