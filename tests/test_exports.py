from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_envguard.catalog import Entry, State
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.exports import described, export
from jupyter_envguard.formats.registry import FORMATS
from jupyter_envguard.image import AttestedForm
from jupyter_envguard.spec import Package, Spec
from tests.catalogs import Place, digest, entry, place

SPEC = Spec("linux-64", (Package(name="numpy", version="2.2.6"),))


@pytest.fixture
def released(tmp_path: Path) -> tuple[Place, Entry]:
    """A catalog with one release."""
    made, one = place(tmp_path), entry(spec=SPEC.digest())
    made.repository.publish([one], made.repository.load().version)
    return made, one


def unpack(content: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


LATER = """
import datetime, runpy, sys
import tuf.api.metadata

class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(2099, 1, 1, tzinfo=tz)

datetime.datetime = Later
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a program as if it were the year 2099."""


def bumped(content: bytes) -> bytes:
    """Return signed metadata of the next version, with the old signature."""
    document = json.loads(content)
    document["signed"]["version"] += 1
    return json.dumps(document).encode()


def check(folder: Path, root: Path, *how: str) -> tuple[int, str]:
    """Run the check of the archive, as an auditor does."""
    command = [sys.executable, *how, folder / "check.py", root]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    return done.returncode, done.stdout + done.stderr


def trusted(made: Place) -> Path:
    path = made.folder / "trusted.json"
    path.write_bytes(made.root)
    return path


def test_a_file_carries_the_digest_in_its_name(released: tuple[Place, Entry]) -> None:
    made, one = released
    found = export(one, SPEC, "csv", made.client())
    assert found.file_name == f"datasci-2026.05-{SPEC.digest()[7:19]}.csv"
    assert found.content.startswith(b"name,version")


def test_a_format_that_is_none_is_refused(released: tuple[Place, Entry]) -> None:
    made, one = released
    with pytest.raises(EnvGuardError) as refused:
        export(one, SPEC, "pdf", made.client())
    assert refused.value.code == "invalid-argument"


def test_every_format_is_described() -> None:
    found = described(entry(spec=SPEC.digest()), SPEC)
    assert [form["format"] for form in found] == [*FORMATS]
    assert not any(form["exact"] for form in found)


class TestEvidence:
    def test_can_be_checked_without_us(self, released: tuple[Place, Entry], tmp_path: Path) -> None:
        made, one = released
        folder = unpack(export(one, SPEC, "evidence", made.client()).content, tmp_path / "e")
        code, said = check(folder, trusted(made))
        assert code == 0, said
        assert "boss approved it on 2026-11-01T08:00:00Z: looks good" in said
        assert json.loads((folder / "release.json").read_text()) == one.as_json()

    def test_says_which_form_was_attested(self, released: tuple[Place, Entry], tmp_path: Path) -> None:
        made, one = released
        one = replace(one, form=AttestedForm("erofs", digest("form"), 4096))
        made.repository.publish([one], made.repository.load().version)
        folder = unpack(export(one, SPEC, "evidence", made.client()).content, tmp_path / "e")
        code, said = check(folder, trusted(made))
        assert code == 0, said
        assert json.loads((folder / "release.json").read_text())["form"] == one.as_json()["form"]

    def test_is_the_same_bytes_until_the_catalog_changes(self, released: tuple[Place, Entry]) -> None:
        made, one = released
        before = export(one, SPEC, "evidence", made.client()).content
        assert export(one, SPEC, "evidence", made.client()).content == before
        made.repository.publish([one, entry("other")], made.repository.load().version)
        assert export(one, SPEC, "evidence", made.client()).content != before

    @pytest.mark.parametrize(
        ("file", "change"),
        [
            ("spec.json", b"{}"),
            ("release.json", b'{"name": "datasci", "release": "2026.05", "state": "approved"}'),
            ("catalog.json", b"{}"),
            ("tuf/targets.json", None),
            ("tuf/timestamp.json", None),
        ],
    )
    def test_nothing_can_be_changed_unseen(
        self, released: tuple[Place, Entry], tmp_path: Path, file: str, change: bytes | None
    ) -> None:
        made, one = released
        folder = unpack(export(one, SPEC, "evidence", made.client()).content, tmp_path / "e")
        path = folder / file
        path.write_bytes(change or bumped(path.read_bytes()))
        assert check(folder, trusted(made))[0] != 0

    def test_the_keys_of_somebody_else_are_not_believed(
        self, released: tuple[Place, Entry], tmp_path: Path
    ) -> None:
        made, one = released
        folder = unpack(export(one, SPEC, "evidence", made.client()).content, tmp_path / "e")
        (tmp_path / "mallory").mkdir()
        assert check(folder, trusted(place(tmp_path / "mallory")))[0] != 0

    def test_a_release_that_nobody_approved_is_no_evidence(self, tmp_path: Path) -> None:
        made = place(tmp_path)
        one = entry(spec=SPEC.digest(), state=State.IN_REVIEW, approval=None)
        made.repository.publish([one], made.repository.load().version)
        folder = unpack(export(one, SPEC, "evidence", made.client()).content, tmp_path / "e")
        code, said = check(folder, trusted(made))
        assert code != 0
        assert "nobody has approved it" in said

    def test_signatures_that_expired_are_told(self, released: tuple[Place, Entry], tmp_path: Path) -> None:
        made, one = released
        folder = unpack(export(one, SPEC, "evidence", made.client()).content, tmp_path / "e")
        code, said = check(folder, trusted(made), "-c", LATER)
        assert code == 0, said
        assert said.count("which expired on") == 4
