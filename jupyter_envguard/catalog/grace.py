"""Grace: until when a release may still start although it was revoked.

A revocation without grace holds at once. With it, starts go on with a warning until
the instant that was signed, and then end by themselves:

>>> from datetime import UTC, datetime
>>> asked("36h", datetime(2026, 11, 27, 6, tzinfo=UTC))
'2026-11-28T18:00:00Z'

Whatever is no such instant, or lies further ahead than anybody should wait, is none.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from jupyter_envguard.catalog import names
from jupyter_envguard.errors import InvalidInput

LONGEST_GRACE = timedelta(days=90)
"""From the revocation; what may go on for longer should be deprecated with an end instead."""
DURATION = re.compile(r"([1-9][0-9]{0,3})([hd])\Z", re.ASCII)
HOURS = {"h": 1, "d": 24}


def asked(text: str, now: datetime) -> str:
    """Return the end of the grace that a person asks for at `now`: `36h`, `7d`, or an instant.

    Raises `invalid-argument` for anything else, and for what is over or too far ahead.
    """
    found = DURATION.match(text)
    end = text
    if found:
        end = names.format_time(now + timedelta(hours=int(found[1]) * HOURS[found[2]]))
    if credible(end, names.format_time(now)) is None:
        raise InvalidInput(
            "invalid-argument",
            f"{text[:40]!r} is no grace.",
            f"Write it like 36h, 7d or 2026-11-27T18:00:00Z, at most {LONGEST_GRACE.days} days ahead.",
        )
    return end


def credible(end: object, revoked: str) -> str | None:
    """Return `end` if a release revoked at `revoked` may have grace until then, else None."""
    try:
        lasts = names.parse_time(end) - names.parse_time(revoked)
    except InvalidInput:
        return None
    return str(end) if timedelta(0) < lasts <= LONGEST_GRACE else None
