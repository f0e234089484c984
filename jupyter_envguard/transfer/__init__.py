"""How images get from machine to machine: published once, fetched by what is missing.

>>> published = Share(Path("/srv/envguard")).publish(image)              # doctest: +SKIP
>>> fetch(store, source_at("https://hub/envguard"), entry_digests)       # doctest: +SKIP

A share is plain files, so a folder, a network file system or any web server that
knows ranges will do:

    releases/<64 hex digits>.zst    what a release consists of: its documents, and where its contents lie
    blobs/<64 hex digits>           contents, compressed in frames that are read one by one
    forms/<64>.<64 hex digits>      a release as one file to be mounted, if the catalog attests one

All are named by what is in them or what they are about, and written under another
name first, so there is nothing to lock and a file that is written twice is the same
file. Nothing on a share is trusted: the signed catalog has the digests of a release,
the manifest has the hash of every content and the catalog that of a form, and all of
them are checked before anything counts.
"""

from jupyter_envguard.transfer.fetch import Digests, Fetched, fetch
from jupyter_envguard.transfer.forms import fetch_form
from jupyter_envguard.transfer.pruning import Pruned, prune
from jupyter_envguard.transfer.share import Published, Share
from jupyter_envguard.transfer.sources import Source, source_at

__all__ = [
    "Digests",
    "Fetched",
    "Pruned",
    "Published",
    "Share",
    "Source",
    "fetch",
    "fetch_form",
    "prune",
    "source_at",
]
