"""From the members of a pack to a sealed tree: relocated, compiled, read-only, written down.

`build` makes the tree and its `Manifest`, `verify` compares the two later. Where
trees live, and how they get there without anybody seeing half of one, is the
business of `store`.
"""

from jupyter_envguard.image.attested import AttestedForm
from jupyter_envguard.image.children import Owner
from jupyter_envguard.image.installed import (
    Documents,
    Image,
    digests_of,
    is_recorded,
    read_image,
    read_manifest,
    read_pack,
    write_documents,
)
from jupyter_envguard.image.manifest import Header, Line, Manifest, Seal, read_header
from jupyter_envguard.image.seal import build
from jupyter_envguard.image.verify import Finding, VerifyMode, verify

__all__ = [
    "AttestedForm",
    "Documents",
    "Finding",
    "Header",
    "Image",
    "Line",
    "Manifest",
    "Owner",
    "Seal",
    "VerifyMode",
    "build",
    "digests_of",
    "is_recorded",
    "read_header",
    "read_image",
    "read_manifest",
    "read_pack",
    "verify",
    "write_documents",
]
