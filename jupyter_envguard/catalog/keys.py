"""The private keys of a catalog: PEM files in a folder that only its owner can read.

Every `*.pem` file is a key; which roles it may sign is written in the root
metadata, never in its name. A new site gets one key a role, so that each can
later move to where it belongs: the root key to a safe, the targets key to the
people who approve.

The folder also keeps `root.json`, the root of trust, and `published`, the highest
version that was ever published from here: whoever can write the catalog can
neither give its author another root nor roll them back.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.exceptions import Error as SigningError
from securesystemslib.signer import CryptoSigner, Signer

from jupyter_envguard.errors import Unavailable, Untrusted
from jupyter_envguard.files import explain, explained, read_bounded, write_atomically

KEY_BYTES = 16 * 1024
"""Size of a PEM file."""
ROOT_BYTES = 512_000
"""Size of root metadata."""
EXPOSED = stat.S_IRWXG | stat.S_IRWXO


class Keys:
    """The keys in one folder. Nothing is read before it is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def generate(self, roles: Iterable[str]) -> Mapping[str, Signer]:
        """Return a signer for each of `roles`, made now unless its file is there already.

        Meant for a new site; an interrupted attempt can be repeated.
        """
        with explained(f"make the folder of keys {self._folder}"):
            if not self._folder.is_dir():
                self._folder.mkdir(mode=0o700, parents=True)
        return {role: self._made(self._folder / f"{role}.pem") for role in roles}

    def signers(self) -> Mapping[str, Signer]:
        """Return every signer in the folder by key id.

        Raises `keys-missing`, `keys-unreadable` or `keys-exposed`, naming the file.
        """
        with explained(f"read the folder of keys {self._folder}"):
            paths = sorted(self._folder.glob("*.pem")) if self._folder.is_dir() else []
        if not paths:
            raise Unavailable(
                "keys-missing",
                f"There are no keys in {self._folder}.",
                "Run this where the catalog's keys are kept.",
            )
        found = map(_load, paths)
        return {signer.public_key.keyid: signer for signer in found}

    def anchor(self) -> bytes:
        """Return the first root metadata of the site, from which all trust starts."""
        with explained(f"read the root of trust {self._folder / 'root.json'}"):
            return read_bounded(self._folder / "root.json", ROOT_BYTES)

    def pin(self, root: bytes) -> None:
        """Keep `root` as the first root metadata of the site."""
        with explained(f"write the root of trust {self._folder / 'root.json'}"):
            write_atomically(self._folder / "root.json", root, 0o600)

    def published(self) -> int:
        """Return the highest version ever published from here, 0 when none was."""
        path = self._folder / "published"
        try:
            return int(read_bounded(path, KEY_BYTES))
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise explain(error, f"read {path}") from error
        except ValueError as error:
            raise Unavailable(
                "keys-unreadable", f"{path} does not hold a version.", "Restore it from a backup."
            ) from error

    def remember(self, version: int) -> None:
        """Keep `version` as the highest ever published."""
        with explained(f"write {self._folder / 'published'}"):
            write_atomically(self._folder / "published", b"%d\n" % version, 0o600)

    def _made(self, path: Path) -> Signer:
        if not path.exists():
            with explained(f"write the key {path}"):
                write_atomically(path, CryptoSigner.generate_ed25519().private_bytes, 0o600)
        return _load(path)


def _load(path: Path) -> Signer:
    try:
        if path.stat().st_mode & EXPOSED:
            raise Untrusted(
                "keys-exposed",
                f"Others can read or change the key {path}.",
                f"Replace the key, or chmod 600 {path}.",
            )
        return CryptoSigner(load_pem_private_key(read_bounded(path, KEY_BYTES), None))
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm, SigningError) as error:
        raise Unavailable(
            "keys-unreadable",
            f"The key {path} cannot be used ({error}).",
            "Restore it, readable by you only.",
        ) from error
