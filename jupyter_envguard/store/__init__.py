"""The images on this machine: added whole or not at all, found by the digest of their pack.

>>> store = Store(Path("/opt/envguard"))
>>> image = store.add(pack)                       # doctest: +SKIP
>>> store.get(inventory.digest).python            # doctest: +SKIP
PosixPath('/opt/envguard/3f0c…/bin/python')

`Store` is the one interface to images. Below its root lie

    <32 hex digits>/           an image: the environment itself, read-only
    .meta/<32 hex digits>/     manifest, spec.json, pack.json and lease of that image
    .objects/ab/<sha256>       contents of files, to which images hold links
    .forms/                    images as one file each, to be mounted over the folder
    .staging/ .locks/ .trash/  work of processes that add and remove
    .quarantine/               what was tampered with
    .kept/                     what ended attempts leave for the next: byte code, parts of a form

The name of an image is its prefix, so it is known before the image is. A lock for
each name lets one process at a time add or remove it, and falls when the process
dies; whatever a dead process left is then nobody's, and goes when the name is next
worked on. Readers take no lock and need no right to write.
"""

from jupyter_envguard.image import Image
from jupyter_envguard.store.delivery import Delivery
from jupyter_envguard.store.gathering import Gathering, Wanted
from jupyter_envguard.store.images import Store
from jupyter_envguard.store.layout import Weakness
from jupyter_envguard.store.leases import leased, take_lease
from jupyter_envguard.store.objects import SHARED_BYTES
from jupyter_envguard.store.presence import Presence
from jupyter_envguard.store.solid import FormDelivery

__all__ = [
    "SHARED_BYTES",
    "Delivery",
    "FormDelivery",
    "Gathering",
    "Image",
    "Presence",
    "Store",
    "Wanted",
    "Weakness",
    "leased",
    "take_lease",
]
