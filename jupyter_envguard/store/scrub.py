"""Read everything again, slowly, and set aside what is not what it was.

A start of a kernel looks at names, sizes and times; only this reads every byte. Each
object is read once, however many images share it. An image with a difference goes to
the quarantine with a list of what was found, so that it starts nowhere, evidence
stays, and importing or fetching it again makes it whole. Where the machine has
fs-verity, Linux guards every object from here on.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from jupyter_envguard.errors import EnvGuardError, Unavailable
from jupyter_envguard.files import explained
from jupyter_envguard.image import Finding, Image, read_image, read_pack
from jupyter_envguard.image.verify import Hashes
from jupyter_envguard.spec import canonical_json
from jupyter_envguard.store import verity
from jupyter_envguard.store.folders import is_folder
from jupyter_envguard.store.images import Store
from jupyter_envguard.store.objects import Objects, hash_of
from jupyter_envguard.store.presence import Presence
from jupyter_envguard.store.solid import is_solid

FINDINGS = "findings.json"


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in the store that is not what it was."""

    name: str
    """Name of the image, or of the object."""
    pack: str
    """Digest of the image's pack; empty for an object and where nobody can tell."""
    findings: tuple[Finding, ...]
    """What differs."""
    aside: Path | None
    """Where it is now; None when it was left where it is."""


def scrub(
    store: Store, *, leave: bool = False, after_each: Callable[[], None] = lambda: None
) -> Iterator[Damage]:
    """Yield all damage, after setting it aside unless `leave`; `after_each` is called now and then.

    Raises `permission-denied` for anybody but the owner of the store and root.
    """
    with explained(f"scrub {store.root}"):
        if not is_folder(store.layout.meta):
            return
        store.prepare()
        hashes: dict[tuple[int, int], str] = {}
        yield from _objects(store, leave, after_each, hashes)
        for name in store.shelf.names():
            yield from _image(store, name, leave, hashes)
            after_each()


def _objects(
    store: Store, leave: bool, after_each: Callable[[], None], hashes: dict[tuple[int, int], str]
) -> Iterator[Damage]:
    objects = Objects(store.layout)
    for path, there in objects.all():
        try:
            verity.enable(path)  # where Linux can, nobody changes it after we have read it
            found = hash_of(path)
        except FileNotFoundError:  # collected in the meantime
            continue
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            found = ""  # a bad disk, or what fs-verity says of changed bytes
        if found == path.name.removesuffix(".x"):
            hashes[there.st_dev, there.st_ino] = found
        else:
            why = f"Its content has the hash {found}." if found else "It cannot be read."
            finding = Finding(path.name, "changed", why)
            yield Damage(path.name, "", (finding,), None if leave else objects.set_aside(path))
        after_each()


def _image(store: Store, name: str, leave: bool, hashes: Hashes) -> Iterator[Damage]:
    findings, pack = _findings(store, name, hashes)
    if findings:
        yield Damage(name, pack, findings, None if leave else _set_aside(store, name, findings))


def _set_aside(store: Store, name: str, findings: tuple[Finding, ...]) -> Path | None:
    """Move the image called `name` to the quarantine; return where it is, or None if somebody works on it."""
    try:
        with store.shelf.lock(name, 0):
            Presence(store).withdraw(name)
            aside = store.shelf.set_aside(name)
    except Unavailable as error:
        if error.code != "locked":
            raise
        return None
    (aside / FINDINGS).write_bytes(canonical_json([asdict(finding) for finding in findings]))
    return aside


def _findings(store: Store, name: str, hashes: Hashes) -> tuple[tuple[Finding, ...], str]:
    pack = ""
    try:
        pack = read_pack(store.layout.meta / name)
        image: Image = read_image(store.root / name, store.layout.meta / name, pack)
        image.spec()
        forms = Presence(store).scrub(image)
        if forms and is_solid(image.meta):  # Linux reads no further in a file system that was changed
            return forms, pack
        return (*store.verify(image, "full", hashes=hashes), *forms), pack
    except EnvGuardError as error:  # what cannot be read is damaged as well
        return (Finding(".", "changed", error.message),), pack
