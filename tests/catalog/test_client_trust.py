"""What the client believes: signatures, roots of trust and their rotation."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Targets

from jupyter_envguard.catalog import Client, State
from jupyter_envguard.catalog.repository import Lifetimes
from jupyter_envguard.errors import Untrusted
from tests.catalog.clients import edit
from tests.catalogs import Clock, Place, entry, place


class TestTrust:
    """Attacks, each refused with its own code."""

    def refused(self, client: Client) -> str:
        with pytest.raises(Untrusted) as caught:
            client.load()
        assert str(client.address) in caught.value.message or "clock" in caught.value.message
        return caught.value.code

    def test_an_edited_catalog(self, here: Place) -> None:
        here.repository.publish([entry(groups=())], 1)
        path = next(path for path in (here.catalog / "targets").iterdir() if b"datasci" in path.read_bytes())
        path.write_bytes(path.read_bytes().replace(b'"groups":[]', b'"groups":[ '))
        assert self.refused(here.client()) == "catalog-tampered"

    def test_a_longer_catalog(self, here: Place) -> None:
        path = next((here.catalog / "targets").iterdir())
        path.write_bytes(path.read_bytes() + b" ")
        assert self.refused(here.client()) == "catalog-tampered"

    def test_an_older_catalog_in_place_of_the_newest(self, here: Place) -> None:
        here.repository.publish([entry()], 1)
        one, two = sorted((here.catalog / "targets").iterdir(), key=lambda path: path.stat().st_size)
        two.write_bytes(one.read_bytes())
        assert self.refused(here.client()) == "catalog-tampered"

    def test_no_signature(self, here: Place) -> None:
        edit(here.metadata("timestamp.json"), lambda document: document["signatures"].clear())
        assert self.refused(here.client()) == "catalog-unsigned"

    def test_a_signature_over_something_else(self, here: Place) -> None:
        edit(here.metadata("timestamp.json"), lambda document: document["signed"].update(version=9))
        assert self.refused(here.client()) == "catalog-unsigned"

    def test_another_site(self, here: Place, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        other = place(tmp_path / "other")
        assert self.refused(Client(other.catalog, here.root)) == "catalog-unsigned"

    def test_a_replay(self, here: Place) -> None:
        client = here.client()
        old = here.metadata("timestamp.json").read_bytes()
        here.repository.publish([entry(state=State.REVOKED)], 1)
        client.load()
        here.metadata("timestamp.json").write_bytes(old)
        assert self.refused(client) == "catalog-rollback"

    def test_a_replay_after_the_state_was_wiped(self, here: Place) -> None:
        client = here.client()
        old = here.metadata("timestamp.json").read_bytes()
        here.repository.publish([entry(state=State.REVOKED)], 1)
        client.load()
        state = client._state
        assert state is not None
        for path in (state / "timestamp.json", state / "snapshot.json", state / "targets.json"):
            path.unlink()
        here.metadata("timestamp.json").write_bytes(old)
        assert self.refused(client) == "catalog-rollback"

    def test_a_replay_to_another_process_with_the_same_state(self, here: Place, tmp_path: Path) -> None:
        old = here.metadata("timestamp.json").read_bytes()
        here.repository.publish([entry(state=State.REVOKED)], 1)
        here.client(state=tmp_path / "state").load()
        here.metadata("timestamp.json").write_bytes(old)
        assert self.refused(here.client(state=tmp_path / "state")) == "catalog-rollback"

    def test_a_replay_to_a_new_node_that_was_told_the_least_version(self, here: Place) -> None:
        old = here.metadata("timestamp.json").read_bytes()
        here.repository.publish([], 1)
        here.metadata("timestamp.json").write_bytes(old)
        assert self.refused(here.client(minimum_version=2)) == "catalog-rollback"
        assert here.client().load().version == 1

    @pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
    def test_a_freeze(self, tmp_path: Path, role: str) -> None:
        here = place(tmp_path, lifetimes=Lifetimes(**{role: timedelta(seconds=-1)}))
        assert self.refused(here.client()) == "catalog-expired"

    def test_a_mix_of_versions(self, here: Place) -> None:
        here.repository.publish([entry()], 1)
        here.metadata("2.targets.json").write_bytes(here.metadata("1.targets.json").read_bytes())
        assert self.refused(here.client()) == "catalog-tampered"

    def test_a_swap_without_a_new_version(self, here: Place, tmp_path: Path) -> None:
        signed = Metadata[Targets].from_file(str(here.metadata("1.targets.json")))
        signed.signed.expires += timedelta(days=1)
        signed.sign(key_of(here, "targets"))
        here.metadata("1.targets.json").write_bytes(signed.to_bytes())
        assert self.refused(here.client()) == "catalog-tampered"

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 4000, b"{}"])
    def test_garbage(self, here: Place, content: bytes) -> None:
        here.metadata("timestamp.json").write_bytes(content)
        assert self.refused(here.client()) == "catalog-tampered"

    def test_endless_metadata(self, here: Place) -> None:
        with here.metadata("timestamp.json").open("ab") as file:
            file.truncate(1 << 40)
        assert self.refused(here.client()) == "catalog-tampered"

    def test_a_root_that_is_none(self, here: Place) -> None:
        assert self.refused(Client(here.catalog, b"{}")) == "catalog-tampered"

    def test_a_missing_root_of_trust(self, here: Place, tmp_path: Path) -> None:
        with pytest.raises(Untrusted, match=r"root\.json cannot be read: No such file") as caught:
            Client(here.catalog, tmp_path / "root.json").load()
        assert caught.value.code == "trust-missing"

    def test_a_file_that_is_no_root_of_trust_is_named_and_can_be_corrected(
        self, here: Place, tmp_path: Path
    ) -> None:
        path = tmp_path / "root.json"
        client = Client(here.catalog, path)
        for content in (b"{}", b"", here.metadata("timestamp.json").read_bytes()):
            path.write_bytes(content)
            with pytest.raises(Untrusted, match=r"root\.json does not hold a root of trust") as caught:
                client.load()
            assert caught.value.code == "trust-missing"
        path.write_bytes(here.root)
        assert client.load().version == 1

    def test_a_clock_that_is_behind_the_signatures(self, here: Place) -> None:
        clock = Clock()
        clock.move(days=-400)
        assert self.refused(here.client(clock=clock)) == "clock-behind"

    def test_a_clock_that_is_put_back(self, here: Place) -> None:
        clock = Clock()
        client = here.client(clock=clock)
        clock.move(days=10)
        client.current()
        clock.move(days=-9)
        with pytest.raises(Untrusted) as caught:
            client.current()
        assert caught.value.code == "clock-behind"

    def test_a_clock_that_is_a_little_behind_is_normal(self, here: Place) -> None:
        clock = Clock()
        clock.move(minutes=-4)
        assert here.client(clock=clock).load().version == 1

    def test_a_publication_from_the_future_does_no_lasting_harm(self, tmp_path: Path) -> None:
        clock = Clock()
        here = place(tmp_path, clock=clock)
        client = here.client()
        client.load()
        clock.move(days=9)
        here.repository.publish([], 1)
        assert self.refused(client) == "clock-behind"
        clock.move(days=-9)
        here.repository.publish([], 2)
        assert client.load().version == 3


def key_of(here: Place, role: str) -> CryptoSigner:
    """Return the site's key of a role, as an attacker who stole it would hold it."""
    root = Metadata[Root].from_bytes(here.root).signed
    signers = here.repository._keys.signers()
    found = signers[root.roles[role].keyids[0]]
    assert isinstance(found, CryptoSigner)
    return found


class TestRotation:
    """What a later part will do with keys; readers are ready for it."""

    def rotated(self, here: Place, *signers: CryptoSigner, **roles: CryptoSigner) -> None:
        root = Metadata[Root].from_bytes(here.root).signed
        root.version = 2
        for role, signer in roles.items():
            for keyid in list(root.roles[role].keyids):
                root.revoke_key(keyid, role)
            root.add_key(signer.public_key, role)
        metadata = Metadata(root)
        for signer in signers:
            metadata.sign(signer, append=True)
        here.metadata("2.root.json").write_bytes(metadata.to_bytes())

    def test_a_root_signed_by_itself_only_is_refused(self, here: Place) -> None:
        mine = CryptoSigner.generate_ed25519()
        self.rotated(here, mine, root=mine)
        with pytest.raises(Untrusted) as caught:
            here.client().load()
        assert caught.value.code == "catalog-unsigned"

    def test_a_root_signed_by_old_and_new_is_followed(self, here: Place) -> None:
        new = CryptoSigner.generate_ed25519()
        self.rotated(here, key_of(here, "root"), new, root=new)
        assert here.client().load().version == 1

    def test_a_revoked_key_signs_nothing_any_more(self, here: Place) -> None:
        self.rotated(here, key_of(here, "root"), targets=CryptoSigner.generate_ed25519())
        with pytest.raises(Untrusted) as caught:
            here.client().load()
        assert caught.value.code == "catalog-unsigned"

    def test_one_of_two_signatures_is_none(self, here: Place) -> None:
        root = Metadata[Root].from_bytes(here.root).signed
        root.version = 2
        root.add_key(CryptoSigner.generate_ed25519().public_key, "targets")
        root.roles["targets"].threshold = 2
        metadata = Metadata(root)
        metadata.sign(key_of(here, "root"))
        here.metadata("2.root.json").write_bytes(metadata.to_bytes())
        with pytest.raises(Untrusted, match="targets was signed by 1/2 keys") as caught:
            here.client().load()
        assert caught.value.code == "catalog-unsigned"
