"""The files as which images are mounted: made, compared with the manifest, and only then named.

A form has a note beside it that says which file it is and what it holds. The note
comes last, so a form without one, or with one that speaks of another file, is made
again. On the way a form lies in folders that nobody looks at and that go with the
next attempt, whatever happened to this one.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_envguard.errors import Unavailable, Untrusted
from jupyter_envguard.files import explained, read_bounded, sync_folder, write_atomically
from jupyter_envguard.image import Finding, Image, Owner, VerifyMode, verify
from jupyter_envguard.spec import canonical_json
from jupyter_envguard.store import mounts, verity
from jupyter_envguard.store.bare import is_bare, read_small
from jupyter_envguard.store.folders import give, is_folder, listed, make_folder, sync_file, sync_file_system
from jupyter_envguard.store.layout import Layout, is_name
from jupyter_envguard.store.making import Making, Place
from jupyter_envguard.store.mounts import mount_at
from jupyter_envguard.store.objects import Objects, hash_of
from jupyter_envguard.store.shelf import Shelf
from jupyter_envguard.store.solid import FormDelivery, read_form
from jupyter_envguard.store.tiers import TIERS, Mounted

RECORD_BYTES = 4096
"""Size of the note beside a form."""

RECORD_SUFFIX = ".json"
VERSION = 4
"""Version of how forms are made; others are made again."""

BOOT = Path("/proc/sys/kernel/random/boot_id")
"""What Linux calls the time since the machine was started."""

MAKING = ("form", "names", "trial", "view", "under")
SCRATCH = (*MAKING, "grown")
"""How the names of folders end in which a form is made, mounted and compared, or a tree is made."""


@dataclass(frozen=True, slots=True)
class Form:
    """One file as which an image can be mounted, and what it was when it was made."""

    path: Path
    """Where it lies."""
    tier: Mounted
    """How it is mounted."""

    @property
    def record(self) -> Path:
        """The note beside it."""
        return self.path.with_name(self.path.name + RECORD_SUFFIX)

    def is_unchanged(self) -> bool:
        """Tell whether the file is the one that was made, by what nobody but root can set back.

        What was noted before the file was on the disk holds until the machine is started again.
        """
        noted = self._noted()
        try:
            return (
                noted.get("version") == VERSION
                and noted.get("boot") in ("", _boot())
                and noted.get("is") == _identity(self.path)
                and noted.get("verity") == verity.measure(self.path)
            )
        except OSError:
            return False

    def has_its_hash(self) -> bool:
        """Tell whether every byte of the file is as when it was made."""
        try:
            return bool(self._noted().get("sha256") == hash_of(self.path))
        except OSError:
            return False

    @property
    def sha256(self) -> str:
        """The hash that it had when it was made."""
        return str(self._noted().get("sha256"))

    @property
    def is_on_the_disk(self) -> bool:
        """Whether it is unchanged and would be so after a power cut."""
        return self.is_unchanged() and self._noted().get("boot") == ""

    def note(self, sha256: str, owner: Owner, *, is_on_the_disk: bool = True) -> None:
        """Write down that the file, which has the hash `sha256`, is the image."""
        noted = {
            "boot": "" if is_on_the_disk else _boot(),
            "is": _identity(self.path),
            "sha256": sha256,
            "verity": verity.measure(self.path),
            "version": VERSION,
        }
        write_atomically(self.record, canonical_json(noted))
        give(self.record, owner)

    def _noted(self) -> dict[str, Any]:
        try:
            found = json.loads(read_bounded(self.record, RECORD_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class Forms:
    """The forms of the images in the store that `layout` describes."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._shelf = Shelf(layout)

    def all(self) -> Iterator[tuple[str, Form]]:
        """Yield every form that was made, with the name of its image."""
        for path in listed(self._layout.forms):
            name, _, tier = path.name.partition(".")
            if tier in TIERS and self._shelf.is_published(name):
                yield name, Form(path, TIERS[tier])

    def of(self, image: Image, tier: Mounted) -> Form:
        """Return the form of `image` for `tier`, made or not."""
        return Form(self._layout.forms / f"{image.path.name}.{tier.name}", tier)

    def make(self, image: Image, form: Form, owner: Owner) -> None:
        """Make `form`, compare it with the manifest, and give it its name; needs the lock of the image.

        Raises `form-failed`, `image-damaged`, and `image-drifted` when what was made
        is not the image.
        """
        name, manifest = image.path.name, image.manifest
        small = read_small(manifest, image.meta) if is_bare(image.meta) else None
        with contextlib.ExitStack() as folders:
            scratch, trial, names, view, under = (
                folders.enter_context(self.scratch(name, what)) for what in MAKING
            )
            making = Making(
                tree=None if small is not None else image.path,
                manifest=manifest,
                objects=Objects(self._layout, owner),
                small=small or {},
                scratch=scratch,
                view=Place(view, self._layout.objects, under),
                owner=owner,
            )
            # its program may outlive a killed attempt, and then deletes its target by name: never this one
            target = scratch / f"{secrets.token_hex(8)}.{form.tier.name}"
            form.tier.make(making, target)
            target.chmod(0o444)
            give(target, owner)
            form.tier.mount(target, Place(trial, self._layout.objects, names))
            try:
                # the contents that an overlay shows are the objects, which have a check of their own
                mode: VerifyMode = "full" if form.tier.holds_everything else "stat"
                findings = verify(trial, manifest, mode, owner=owner[0])
            finally:
                mounts.unmount(trial, detach=True)
            if findings:
                raise drifted(form.tier.name, image, f"{findings[0].path}: {findings[0].detail}")
            sync_file_system(scratch)
            verity.enable(target)  # before it is hashed, so that what is noted is what stays
            digest = hash_of(target)
            target.rename(form.path)
            sync_folder(self._layout.forms)
            form.note(digest, owner)

    def land(self, image: str, delivery: FormDelivery, owner: Owner) -> None:
        """Give the form that was fetched for the image called `image` its name, before it is on the disk.

        All of it has arrived and been verified. Needs the lock of the image, which is not published yet.
        """
        form = Form(self._layout.forms / f"{image}.{delivery.form.kind}", TIERS[delivery.form.kind])
        delivery.path.chmod(0o444)
        give(delivery.path, owner)
        delivery.path.rename(form.path)
        form.note(delivery.form.sha256, owner, is_on_the_disk=False)

    def vouch(self, image: Image, form: Form, owner: Owner) -> None:
        """Read the fetched `form` of `image` again, and note that it is what the catalog attested.

        Raises `image-damaged` when it is not: then it is not to be mounted. Needs the lock of the image.
        """
        wanted = read_form(image.meta)
        try:
            found = hash_of(form.path)
        except FileNotFoundError:
            found = ""
        if found != wanted.sha256:
            raise Untrusted(
                "image-damaged",
                f"{form.path} is not the file that was fetched.",
                "Remove the image with jupyter envguard store scrub, and fetch it again.",
            )
        self.settle(form, wanted.sha256, owner)

    def differences(self, image: Image, *, full: bool) -> tuple[Finding, ...]:
        """Return how the file that `image` is differs from the attested one; `full` reads every byte."""
        wanted = read_form(image.meta)
        form = self.of(image, TIERS[wanted.kind])
        if not full and form.is_unchanged():
            return ()
        try:
            why = "" if hash_of(form.path) == wanted.sha256 else "It is not the file that was fetched."
        except OSError as error:
            why = f"It cannot be read: {error.strerror}."
        return (Finding(form.path.name, "changed", why),) if why else ()

    def settle(self, form: Form, sha256: str, owner: Owner) -> None:
        """Bring `form` to the disk, and note that it is there."""
        sync_file(form.path)
        verity.enable(form.path)
        sync_folder(self._layout.forms)
        form.note(sha256, owner)

    @contextlib.contextmanager
    def scratch(self, name: str, what: str) -> Iterator[Path]:
        """Yield an empty folder; what a dead process mounted there or left in it goes first."""
        folder = self._layout.staging / f"{name}.{what}"
        self._clear(folder)
        place = self._layout.root.stat()
        make_folder(folder, 0o700, (place.st_uid, place.st_gid) if os.geteuid() == 0 else None)
        try:
            yield folder
        finally:
            self._clear(folder)

    def sweep(self) -> int:
        """Unmount and delete what dead processes left on the way to a form; return how many things."""
        found = self._sweep_forms()
        with explained(f"sweep {self._layout.staging}"):
            for folder in listed(self._layout.staging):
                name, _, what = folder.name.partition(".")
                if what in SCRATCH and is_name(name):
                    with contextlib.suppress(Unavailable), self._shelf.lock(name, 0):
                        self._clear(folder)
                        found += 1
        return found

    def _sweep_forms(self) -> int:
        """Delete notes that are half written, and forms of images that are gone."""
        found = 0
        with explained(f"sweep {self._layout.forms}"):
            for path in listed(self._layout.forms):
                is_half = path.name.startswith(".")
                name = path.name.removeprefix(".").partition(".")[0]
                if is_name(name) and (is_half or not self._shelf.is_published(name)):
                    with contextlib.suppress(Unavailable), self._shelf.lock(name, 0):
                        if is_half or not self._shelf.is_published(name):
                            path.unlink(missing_ok=True)
                            found += 1
        return found

    def _clear(self, folder: Path) -> None:
        while mount_at(folder):
            mounts.unmount(folder, detach=True)
        if is_folder(folder):
            self._shelf.drop(folder)


def drifted(tier: str, image: Image, why: str) -> Untrusted:
    """Return the refusal of a form that is not the image."""
    return Untrusted(
        "image-drifted",
        f"The {tier} form of {image.path} is not the image: {why}",
        "Compare the image with jupyter envguard verify, and try again.",
    )


def _boot() -> str:
    """Return what Linux calls the time since the machine was started; never empty."""
    return BOOT.read_text().strip() or "unknown"


def _identity(path: Path) -> list[int]:
    """Return what tells this file from any other, and from itself after a change."""
    there = path.lstat()
    if not stat.S_ISREG(there.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return [there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns]
