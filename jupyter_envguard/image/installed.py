"""An image on this machine, and the documents that lie beside it, not in it.

`Documents.write` writes them before an image is published, `read_image` reads
them back; the manifest and the spec are bound to the record by their digests,
and the record's manifest digest is what the catalog has to confirm.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_envguard.errors import InvalidInput, Untrusted
from jupyter_envguard.files import explained, read_bounded
from jupyter_envguard.image.manifest import Manifest
from jupyter_envguard.inventory import Inventory
from jupyter_envguard.spec import Spec, canonical_json, check_digest, sha256_digest

DOCUMENT_BYTES = 256 * 1024 * 1024
"""Bytes of a document; the manifest of 500,000 paths needs 80 MiB."""

MANIFEST, SPEC, RECORD = "manifest", "spec.json", "pack.json"


@dataclass(frozen=True, slots=True)
class Image:
    """An environment on this machine, ready to run at the path for which it was made."""

    path: Path
    """Its prefix: where it lies and what its files carry."""
    pack: str
    """Digest of the pack."""
    manifest_digest: str
    """Digest of the manifest, which has to be the approved one."""
    spec_digest: str
    """Digest of the spec."""
    meta: Path
    """Folder of the documents about it, which is not in it."""

    @property
    def python(self) -> Path:
        """The environment's interpreter; it need not have one."""
        return self.path / "bin" / "python"

    @property
    def manifest(self) -> Manifest:
        """The manifest; raises `image-damaged` when it is not the one that was recorded."""
        return _manifest(self.meta / MANIFEST, self.manifest_digest)

    def spec(self) -> Spec:
        """Return the spec; raise `image-damaged` when it is not the one that was recorded."""
        return Spec.from_json(json.loads(_document(self.meta / SPEC, self.spec_digest)))

    def documents(self) -> Documents:
        """Return everything that lies beside it; raise `image-damaged` when that does not fit together."""
        return Documents.parse({name: _read(self.meta / name) for name in (RECORD, MANIFEST, SPEC)})


@dataclass(frozen=True, slots=True)
class Documents:
    """What lies beside an image: enough to make it again from contents by hash."""

    manifest: Manifest
    """Every path of it."""
    lines: bytes
    """The manifest in canonical form, which takes a moment to make."""
    spec: bytes
    """Its spec, in canonical form."""
    record: bytes
    """Where it came from, and the digests that bind all of this together."""

    @classmethod
    def of(cls, inventory: Inventory, manifest: Manifest) -> Documents:
        """Return the documents of an image that was just made from a pack."""
        lines, spec = manifest.canonical(), inventory.spec.canonical()
        digests = {"manifest": sha256_digest(lines), "pack": inventory.digest, "spec": sha256_digest(spec)}
        record = canonical_json(digests | {"format": inventory.format, "size": inventory.size})
        return cls(manifest, lines, spec, record)

    @classmethod
    def parse(cls, contents: Mapping[str, bytes]) -> Documents:
        """Return the documents with these contents by name; raise `image-damaged` unless they fit together.

        Whether they are those of a release is for the catalog to say: compare `pack`
        and the digests of manifest and spec with its entry.
        """
        pack, _, spec = digests_of(contents)
        found = Manifest.parse(contents[MANIFEST])
        if (found.header.pack, found.header.spec) != (pack, spec):
            raise _damaged(Path(RECORD))
        return cls(found, contents[MANIFEST], contents[SPEC], contents[RECORD])

    @property
    def pack(self) -> str:
        """Digest of the pack."""
        return self.manifest.header.pack

    def contents(self) -> dict[str, bytes]:
        """Return the contents by name."""
        return {MANIFEST: self.lines, SPEC: self.spec, RECORD: self.record}

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Write them to `folder`, and return the paths."""
        return write_documents(self.contents(), folder)


def digests_of(contents: Mapping[str, bytes]) -> tuple[str, str, str]:
    """Return the digests of pack, manifest and spec; raise `image-damaged` unless these documents have them.

    No path of the manifest is read: who knows that its digest is the approved one
    knows what it says.
    """
    for name in (RECORD, MANIFEST, SPEC):
        if name not in contents:
            raise _damaged(Path(name))
    pack, manifest, spec = _digests(contents[RECORD], Path(RECORD))
    for name, digest in ((MANIFEST, manifest), (SPEC, spec)):
        if sha256_digest(contents[name]) != digest:
            raise _damaged(Path(name))
    return pack, manifest, spec


def write_documents(contents: Mapping[str, bytes], folder: Path) -> tuple[Path, ...]:
    """Write the documents with these contents to `folder`, and return the paths."""
    for name in (RECORD, MANIFEST, SPEC):
        (folder / name).write_bytes(contents[name])
        (folder / name).chmod(0o444)
    return tuple(folder / name for name in (RECORD, MANIFEST, SPEC))


def is_recorded(meta: Path) -> bool:
    """Tell whether documents were written to the folder."""
    return (meta / RECORD).is_file()


def read_image(path: Path, meta: Path, pack_digest: str) -> Image:
    """Return the image at `path`; raise `image-damaged` when its record is not that of the pack."""
    record = meta / RECORD
    pack, manifest, spec = _digests(_read(record), record)
    if pack != pack_digest:
        raise _damaged(record)
    return Image(path, pack, manifest, spec, meta)


def _digests(content: bytes, where: Path) -> tuple[str, str, str]:
    try:
        found = json.loads(content)
        pack, manifest, spec = (check_digest(found[key]) for key in ("pack", "manifest", "spec"))
    except (ValueError, LookupError, TypeError, RecursionError, InvalidInput) as error:
        raise _damaged(where) from error
    return pack, manifest, spec


def read_pack(meta: Path) -> str:
    """Return the digest of the pack that `meta` is about; raise `image-damaged` for a bad record."""
    record = meta / RECORD
    return _digests(_read(record), record)[0]


def read_manifest(meta: Path) -> Manifest:
    """Return the manifest in the folder `meta`; raise `image-damaged` when it is not the recorded one."""
    record = meta / RECORD
    return _manifest(meta / MANIFEST, _digests(_read(record), record)[1])


@functools.lru_cache(maxsize=2)
def _manifest(path: Path, digest: str) -> Manifest:
    """Return the manifest at `path`; kept, because reading 50,000 lines would slow a kernel's start."""
    return Manifest.parse(_document(path, digest))


def _document(path: Path, digest: str) -> bytes:
    content = _read(path)
    if sha256_digest(content) != digest:
        raise _damaged(path)
    return content


def _read(path: Path) -> bytes:
    with explained(f"read {path}"):
        return read_bounded(path, DOCUMENT_BYTES)


def _damaged(path: Path) -> Untrusted:
    return Untrusted(
        "image-damaged",
        f"{path} is not what was recorded when the image was made.",
        "Remove the image and import its pack again.",
    )
