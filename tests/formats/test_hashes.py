from __future__ import annotations

import pytest

from jupyter_envguard.formats.hashes import hashes_of
from jupyter_envguard.spec import Package


def test_names_both() -> None:
    package = Package(name="a", version="1", md5="0" * 32, sha256="f" * 64)
    assert list(hashes_of(package).items()) == [("md5", "0" * 32), ("sha256", "f" * 64)]


@pytest.mark.parametrize("text", ["", "0" * 63, "F" * 64, "0" * 64 + "\n", "0" * 63 + "\n", "\nhttps://evil"])
def test_what_is_no_hash_is_none(text: str) -> None:
    assert hashes_of(Package(name="a", version="1", sha256=text, md5=text[:31])) == {}
