from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata

from jupyter_envguard.catalog.chain import METADATA_BYTES, read_chain
from jupyter_envguard.errors import EnvGuardError
from tests.catalogs import Place, entry, place


@pytest.fixture
def here(tmp_path: Path) -> Place:
    found = place(tmp_path)
    found.repository.publish([entry()], 1)
    return found


def swap(name: str, other: str) -> Callable[[Place], None]:
    return lambda here: here.metadata(name).write_bytes(here.metadata(other).read_bytes()) and None


def write(name: str, content: bytes) -> Callable[[Place], None]:
    return lambda here: here.metadata(name).write_bytes(content) and None


def stretch(here: Place) -> None:
    os.truncate(here.metadata("timestamp.json"), METADATA_BYTES + 1)


def unsign(here: Place) -> None:
    metadata = Metadata.from_file(str(here.metadata("2.snapshot.json")))
    metadata.signatures.clear()
    here.metadata("2.snapshot.json").write_bytes(metadata.to_bytes())


def corrupt(here: Place) -> None:
    path = next(path for path in (here.catalog / "targets").iterdir() if b"datasci" in path.read_bytes())
    path.write_bytes(path.read_bytes().replace(b"Data Science", b"Data science"))


def lose(here: Place) -> None:
    for path in (here.catalog / "targets").iterdir():
        path.unlink()


ATTACKS = {
    "one kind of metadata for another": (swap("timestamp.json", "2.targets.json"), "catalog-tampered"),
    "older metadata": (swap("2.snapshot.json", "1.snapshot.json"), "catalog-tampered"),
    "garbage": (write("2.targets.json", b"{"), "catalog-tampered"),
    "no metadata": (write("timestamp.json", b"{}"), "catalog-tampered"),
    "a root that is none": (write("2.root.json", b"{}"), "catalog-tampered"),
    "an older root as a newer one": (swap("2.root.json", "1.root.json"), "catalog-rollback"),
    "endless metadata": (stretch, "catalog-tampered"),
    "no signature": (unsign, "catalog-unsigned"),
    "another catalog": (corrupt, "catalog-tampered"),
    "no catalog": (lose, "catalog-unreachable"),
}


def test_leads_to_the_newest_catalog(here: Place) -> None:
    chain = read_chain(here.catalog, here.root)
    assert chain.catalog == here.client().load()
    assert chain.root.version == len(chain.roots) == 1


@pytest.mark.parametrize(("attack", "code"), list(ATTACKS.values()), ids=list(ATTACKS))
def test_refuses(here: Place, attack: Callable[[Place], None], code: str) -> None:
    attack(here)
    with pytest.raises(EnvGuardError) as caught:
        read_chain(here.catalog, here.root)
    assert caught.value.code == code
    assert str(here.catalog) in caught.value.message


def test_follows_a_renewed_root(here: Place, tmp_path: Path) -> None:
    root = Metadata.from_bytes(here.root)
    root.signed.version = 2
    keys = here.repository._keys.signers()
    root.sign(keys[root.signed.roles["root"].keyids[0]])
    here.metadata("2.root.json").write_bytes(root.to_bytes())
    assert [item.version for item in read_chain(here.catalog, here.root).roots] == [1, 2]
