from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from jupyter_envguard.catalog import keys
from jupyter_envguard.catalog.keys import Keys
from jupyter_envguard.errors import EnvGuardError, Unavailable, Untrusted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Keys(tmp_path / "keys").generate(["root", "targets"])
    return tmp_path / "keys"


def test_keys_are_made_for_their_owner_only(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "root.pem": 0o600,
        "targets.pem": 0o600,
    }


def test_each_role_gets_a_key_of_its_own(folder: Path) -> None:
    assert len(Keys(folder).signers()) == 2


def test_a_second_attempt_keeps_the_keys_of_the_first(folder: Path) -> None:
    before = (folder / "root.pem").read_bytes()
    Keys(folder).generate(["root", "targets", "snapshot"])
    assert (folder / "root.pem").read_bytes() == before
    assert len(Keys(folder).signers()) == 3


def test_the_name_of_a_file_says_nothing(folder: Path) -> None:
    before = set(Keys(folder).signers())
    (folder / "root.pem").rename(folder / "anything.pem")
    assert set(Keys(folder).signers()) == before


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_no_keys_are_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unavailable, match="no keys in") as caught:
        Keys(tmp_path / name).signers()
    assert caught.value.code == "keys-missing"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_reach_is_refused(folder: Path, mode: int) -> None:
    (folder / "root.pem").chmod(mode)
    with pytest.raises(Untrusted, match=r"root\.pem") as caught:
        Keys(folder).signers()
    assert caught.value.code == "keys-exposed"


def _encrypted(content: bytes) -> bytes:
    key = load_pem_private_key(content, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


def _exchange(_content: bytes) -> bytes:
    return X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "damage",
    [lambda content: b"", lambda content: content[:60], lambda content: content * 400, _encrypted, _exchange],
    ids=["empty", "cut", "huge", "encrypted", "for something else"],
)
def test_a_damaged_key_is_named(folder: Path, damage: object) -> None:
    path = folder / "targets.pem"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(Unavailable, match=r"targets\.pem cannot be used") as caught:
        Keys(folder).signers()
    assert caught.value.code == "keys-unreadable"


def test_a_pipe_in_place_of_a_key_is_no_key(folder: Path) -> None:
    (folder / "root.pem").unlink()
    os.mkfifo(folder / "root.pem", 0o600)
    with pytest.raises(Unavailable, match="not a regular file"):
        Keys(folder).signers()


def test_nothing_was_published_at_first(folder: Path) -> None:
    assert Keys(folder).published() == 0


def test_what_was_published_is_remembered(folder: Path) -> None:
    Keys(folder).remember(7)
    assert Keys(folder).published() == 7


def test_a_damaged_memory_is_an_error(folder: Path) -> None:
    (folder / "published").write_text("seven")
    with pytest.raises(Unavailable, match="does not hold a version"):
        Keys(folder).published()


def test_a_memory_that_may_not_be_read_is_not_called_damaged(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, limit: int) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(keys, "read_bounded", refuse)
    with pytest.raises(Unavailable) as caught:
        Keys(folder).published()
    assert caught.value.code == "permission-denied"


def test_the_root_of_trust_is_kept(folder: Path) -> None:
    Keys(folder).pin(b"{}")
    assert Keys(folder).anchor() == b"{}"


def test_keys_cannot_be_made_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvGuardError, match="make the folder of keys"):
        Keys(tmp_path / "file" / "keys").generate(["root"])
