from __future__ import annotations

import hashlib
import io
import zipfile

from jupyter_envguard.formats.evidence import archived, evidence
from tests.formats.releases import exported

SIGNED = {"release.json": b"{}", "catalog.json": b"[]", "tuf/root.json": b"r"}


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_holds_what_an_auditor_needs() -> None:
    found = members(evidence(exported(signed=SIGNED)))
    assert list(found) == sorted({*SIGNED, "README.txt", "SHA256SUMS", "check.py", "spec.json"})
    assert f"sha256:{hashlib.sha256(found['spec.json']).hexdigest()}" == exported().digest
    assert exported().manifest in found["README.txt"].decode()


def test_sums_are_those_of_the_members() -> None:
    found = members(evidence(exported(signed=SIGNED)))
    sums = dict(reversed(line.split("  ")) for line in found["SHA256SUMS"].decode().splitlines())
    assert sums == {name: hashlib.sha256(found[name]).hexdigest() for name in found if name != "SHA256SUMS"}


def test_the_same_release_is_the_same_bytes() -> None:
    one = evidence(exported(signed=SIGNED))
    assert one == evidence(exported(signed=dict(reversed(SIGNED.items()))))
    assert one != evidence(exported(signed={**SIGNED, "catalog.json": b"[1]"}))


def test_has_one_form_for_ever() -> None:
    digest = hashlib.sha256(archived({"b": b"2", "a": b"1"})).hexdigest()
    assert digest == "abba080c92582d63232654caf7e671fcc0b40992dd809e155abd224886238e9c"
