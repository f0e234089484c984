"""Evidence: one archive with what was approved, who signed it, and how to check both without us.

    README.txt      what this is and how to check it
    check.py        checks it, with python-tuf and nothing of ours
    release.json    the release as the catalog has it: digests, approval, state
    spec.json       its packages, in the bytes that were hashed
    catalog.json    the catalog, in the bytes that were signed
    tuf/            the signatures: root, timestamp, snapshot, targets, and earlier roots
    SHA256SUMS      of all of these

The same release under the same signatures gives the same bytes: nothing is
compressed, and every member has the same time.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from importlib.resources import files

from jupyter_envguard.formats.exported import Exported

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can tell."""
MODE = 0o100644 << 16

README = """\
Evidence about {id}

  spec      {spec}
  manifest  {manifest}
  pack      {pack}

release.json says who approved these digests, when and why. It is one entry of
catalog.json, which is signed in the manner of The Update Framework: tuf/root.json
names the keys, tuf/timestamp.json, tuf/snapshot.json and tuf/targets.json lead from
them to the digest of catalog.json.

To check it, get root.json (the root of trust) from somewhere else than this
archive, by a way that you trust, and run

  python -m pip install tuf
  python check.py root.json

It says what it has checked, step by step, and ends with 0 if all of it holds.
By hand:

  1. sha256sum spec.json gives the digest of the spec above.
  2. The entry {id} in catalog.json is release.json, and names these digests.
  3. sha256sum catalog.json is in tuf/targets.json.
  4. The signatures in tuf/ are those of the keys in your root.json.

Signatures expire so that nobody can hold back news; evidence of what was signed
does not, so check.py tells expired signatures and does not refuse them.
"""


def evidence(exported: Exported) -> bytes:
    """Return the archive about `exported`, whose `signed` holds catalog, entry and signatures."""
    said = {"spec": exported.digest, "manifest": exported.manifest, "pack": exported.pack}
    members = {
        "README.txt": README.format(id=exported.id, **said).encode(),
        "check.py": files("jupyter_envguard.formats").joinpath("resources", "check.txt").read_bytes(),
        "spec.json": exported.spec.canonical(),
        **exported.signed,
    }
    sums = [f"{hashlib.sha256(members[name]).hexdigest()}  {name}\n" for name in sorted(members)]
    return archived({**members, "SHA256SUMS": "".join(sums).encode()})


def archived(members: dict[str, bytes]) -> bytes:
    """Return a zip of `members`, the same bytes for the same members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            member = zipfile.ZipInfo(name, EARLIEST)
            member.external_attr, member.create_system = MODE, 3
            archive.writestr(member, members[name])
    return target.getvalue()
