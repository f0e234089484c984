from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Targets, Timestamp

from jupyter_envguard.catalog.document import CATALOG_BYTES
from jupyter_envguard.catalog.names import format_time
from jupyter_envguard.catalog.verification import ISSUED, TARGET, fetcher_for, verify
from jupyter_envguard.errors import EnvGuardError
from tests.catalogs import Place, place

NOW = datetime.now(UTC)
TODAY = format_time(NOW)


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return place(tmp_path)


def issue(here: Place, content: bytes | None, *, length: int | None = None, issued: Any = TODAY) -> None:
    """Publish `content` as version 2 with the site's own keys: what a careless other program could do."""
    expires = NOW + timedelta(days=1)
    targets = Targets(2, expires=expires)
    if content is not None:
        target = TargetFile.from_data(TARGET, content, ["sha256"])
        (here.catalog / "targets" / target.get_prefixed_paths()[0]).write_bytes(content)
        target.length = length or target.length
        targets.targets[TARGET] = target
    signed = here.repository._signed
    root = here.repository._chain().root
    here.metadata("2.targets.json").write_bytes(signed(targets, root))
    snapshot = Snapshot(2, expires=expires, meta={"targets.json": MetaFile(2)})
    here.metadata("2.snapshot.json").write_bytes(signed(snapshot, root))
    fields = {} if issued is None else {ISSUED: issued}
    timestamp = Timestamp(2, expires=expires, snapshot_meta=MetaFile(2), unrecognized_fields=fields)
    here.metadata("timestamp.json").write_bytes(signed(timestamp, root))


def refused(here: Place, state: Path) -> str:
    state.mkdir()
    address = str(here.catalog)
    with pytest.raises(EnvGuardError) as caught:
        verify(address, fetcher_for(address, 1, 1), here.root, state)
    return caught.value.code


def test_knows_how_old_the_signatures_are(here: Place, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    address = str(here.catalog)
    found = verify(address, fetcher_for(address, 1, 1), here.root, tmp_path / "state")
    signed = Metadata[Timestamp].from_file(str(here.metadata("timestamp.json"))).signed
    assert (found.version, found.issued) == (1, signed.expires - timedelta(days=30))
    assert found.catalog.expires == signed.expires


def test_a_catalog_that_is_signed_but_unreadable_is_refused(here: Place, tmp_path: Path) -> None:
    issue(here, b"{}")
    assert refused(here, tmp_path / "state") == "catalog-invalid"


def test_a_catalog_of_another_version_is_refused(here: Place, tmp_path: Path) -> None:
    issue(here, here.repository.load().canonical())
    assert refused(here, tmp_path / "state") == "catalog-tampered"


def test_a_repository_without_a_catalog_is_refused(here: Place, tmp_path: Path) -> None:
    issue(here, None)
    assert refused(here, tmp_path / "state") == "catalog-tampered"


def test_a_catalog_that_is_too_large_is_not_downloaded(here: Place, tmp_path: Path) -> None:
    issue(here, b"{}", length=CATALOG_BYTES + 1)
    assert refused(here, tmp_path / "state") == "catalog-tampered"


@pytest.mark.parametrize("issued", [None, "yesterday", 7])
def test_signatures_without_a_date_are_refused(here: Place, tmp_path: Path, issued: object) -> None:
    content = here.repository.load().canonical().replace(b'"version":1', b'"version":2')
    issue(here, content, issued=issued)
    assert refused(here, tmp_path / "state") == "catalog-tampered"
