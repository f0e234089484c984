"""Releases as files for other tools, over HTTP: every export is an address that a browser can save."""

from __future__ import annotations

from dataclasses import replace

from jupyter_envguard.exports import described, export
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.server.contents import Contents
from jupyter_envguard.server.presenter import Answer, addressed, offer_of


def exports(guard: Guard, contents: Contents, name: str, label: str) -> Answer:
    """Return the formats that a release can be exported in."""
    entry = offer_of(guard, name, label).entry
    return Answer({"exports": described(entry, contents.spec(guard, entry))})


def export_file(
    guard: Guard, contents: Contents, name: str, label: str, form: str, digest: str = ""
) -> Answer:
    """Return a release as a file in the format `form`; raises `invalid-argument` for one that there is not.

    What tells of signatures changes with them, so no digest of the spec names it.
    """
    offer = offer_of(guard, name, label)
    found = export(offer.entry, contents.spec(guard, offer.entry), form, guard.sources.client)
    answer = addressed(found.content, offer, digest, found.about.media_type)
    if found.about.wants_signed:
        answer = replace(answer, digest="", is_pinned=False)
    return replace(answer, file_name=found.file_name)
