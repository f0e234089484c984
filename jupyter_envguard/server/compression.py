"""Whether an answer goes over the wire compressed: where the client takes it and it is worth the while."""

from __future__ import annotations

import gzip
import re

FROM_BYTES = 1024
"""Size from which an answer is worth compressing."""

LEVEL = 4
"""Of gzip: a list of packages shrinks to a tenth in some milliseconds."""

PACKED = frozenset({"application/zip"})
"""Media types that are compressed already."""


def is_worth_it(content: bytes, media_type: str, accepted: str) -> bool:
    """Tell whether to compress `content` for a client that sends `Accept-Encoding: accepted`."""
    return media_type not in PACKED and len(content) >= FROM_BYTES and is_taken("gzip", accepted)


def compressed(content: bytes) -> bytes:
    """Return `content` as gzip; the same bytes for the same content."""
    return gzip.compress(content, LEVEL, mtime=0)


def is_taken(coding: str, accepted: str) -> bool:
    """Tell whether a client that sends `Accept-Encoding: accepted` takes what is coded so.

    >>> is_taken("gzip", "br, gzip;q=0.5"), is_taken("gzip", "gzip;q=0, *"), is_taken("gzip", "")
    (True, False, False)
    """
    weights = dict[str, bool]()
    for item in accepted.lower().split(","):
        name, _, weight = item.partition(";")
        weights[name.strip()] = re.fullmatch(r"q=0(\.0*)?", weight.replace(" ", "")) is None
    return weights.get(coding, weights.get("*", False))
