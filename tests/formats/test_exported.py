from __future__ import annotations

from tests.formats.releases import exported


def test_a_file_is_named_after_the_release_and_its_digest() -> None:
    it = exported()
    assert it.id == "datasci@2026.11"
    assert it.file_name("csv") == f"datasci-2026.11-{it.digest[7:19]}.csv"
    assert it.digest == f"sha256:{it.bare_digest}"
