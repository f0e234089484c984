"""How refusals are worded: the hints that repeat, and the refusals that several containers share."""

from __future__ import annotations

from jupyter_envguard.errors import PackRefused

HOSTILE = "Do not use this pack: conda-pack does not write such a thing. Ask whoever made it."
REPACK = "Pack the environment again with conda-pack."
COPY_AGAIN = "Copy the pack again, or pack the environment again; compare the checksums."


def quoted(text: str | bytes) -> str:
    """Return `text` for an error message: escaped, in quotes, and never long."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    return ascii(text if len(text) <= 120 else f"{text[:80]}...{text[-30:]}")


def damaged(what: str) -> PackRefused:
    """Return the refusal of data that do not decode or do not match their checksum."""
    return PackRefused("pack-corrupt", f"The pack is damaged: {what}.", COPY_AGAIN)


def truncated(what: str) -> PackRefused:
    """Return the refusal of a pack that ends too early."""
    return PackRefused("pack-truncated", f"The pack ends in the middle of {what}.", COPY_AGAIN)


def trailing(what: str) -> PackRefused:
    """Return the refusal of a pack with something after its end."""
    return PackRefused("pack-trailing-data", f"There is {what} after the end of the pack.", HOSTILE)


def changed(what: str) -> PackRefused:
    """Return the refusal of a pack that is no longer what it was."""
    return PackRefused(
        "pack-changed", f"The pack changed: {what}.", "Put the pack where nobody writes and start again."
    )


def unsupported(compression: str) -> PackRefused:
    """Return the refusal of a pack whose compression cannot be read here."""
    return PackRefused(
        "pack-compression-unsupported",
        f"The pack is compressed with {compression}, which is not supported.",
        "Pack the environment again with conda-pack's default compression.",
    )
