"""Bring images to their path by mounting them, and take them from there.

A form is made from the tree of an image, compared with the manifest where nobody
sees it, and only then published, by a rename. It is mounted over the tree: what
happens to the mount, the image is there. Nobody has to stay for it; at the start
of a machine `mount_all` brings back what was there.

    presence = Presence(store)
    presence.mount(image)            # the best tier that this machine can do
    presence.check(image)            # a moment, where nothing can have changed
    presence.unmount(image)
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jupyter_envguard.errors import EnvGuardError, InvalidInput, Unavailable, Untrusted, did_you_mean
from jupyter_envguard.files import explained, read_bounded, sync_folder, write_atomically
from jupyter_envguard.image import Finding, Image, Owner, read_pack, verify
from jupyter_envguard.spec import canonical_json
from jupyter_envguard.store import mounts
from jupyter_envguard.store.folders import give, is_folder, listed, make_folder, sync_file_system
from jupyter_envguard.store.images import Store
from jupyter_envguard.store.layout import is_name
from jupyter_envguard.store.leases import unleased
from jupyter_envguard.store.mounts import SOURCE, Mount, mount_at
from jupyter_envguard.store.objects import SHARED_BYTES, Objects, hash_of
from jupyter_envguard.store.tiers import TIERS, Making, Mounted, Place, best

RECORD_BYTES = 4096
"""Size of the note beside a form."""

RECORD_SUFFIX = ".json"
SCRATCH = ("form", "names", "skeleton", "trial")
"""How the names of folders end in which a form is made, mounted and compared."""


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
        """Tell whether the file is the one that was made, by what nobody but root can set back."""
        try:
            return bool(json.loads(read_bounded(self.record, RECORD_BYTES))["is"] == _identity(self.path))
        except (OSError, ValueError, LookupError, TypeError):
            return False

    def has_its_hash(self) -> bool:
        """Tell whether every byte of the file is as when it was made."""
        try:
            return bool(json.loads(read_bounded(self.record, RECORD_BYTES))["sha256"] == hash_of(self.path))
        except (OSError, ValueError, LookupError, TypeError):
            return False


class Presence:
    """The mounts of the images in `store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._layout = store.layout

    def mounted(self, image: Image) -> Mount | None:
        """Return what is mounted at the path of `image`, or None when its tree is what one sees."""
        return mount_at(image.path)

    def tier_of(self, name: str) -> str:
        """Return the tier of the image called `name` as it is now: that of its mount, or `tree`."""
        found = mount_at(self._layout.root / name)
        if found is None:
            return "tree"
        return next((tier.name for tier in TIERS.values() if found.kind in tier.kinds), found.kind)

    def forms(self) -> Iterator[tuple[str, Form]]:
        """Yield every form that was made, with the name of its image."""
        for path in listed(self._layout.forms):
            name, _, tier = path.name.partition(".")
            if tier in TIERS and self._store.shelf.is_published(name):
                yield name, Form(path, TIERS[tier])

    def mount(self, image: Image, tier: str | None = None) -> str:
        """Mount `image` in the form `tier`, or the best that this machine can do; return which it is.

        What is mounted already stays. Raises `tier-unavailable` where this machine
        cannot, `form-failed`, and `image-drifted` when the form that was made is not
        the image: then nothing is mounted.
        """
        chosen = _choose(tier)
        with explained(f"mount {image.path}"), self._working_on(image) as owner:
            found = mount_at(image.path)
            if found and _answers(image.path):
                return self.tier_of(image.path.name)
            if found:  # its process is dead
                mounts.unmount(image.path, detach=True)
            form = Form(self._layout.forms / f"{image.path.name}.{chosen.name}", chosen)
            if not form.is_unchanged():
                self._make(image, form, owner)
            with self._scratch(image.path.name, "names") as scratch:
                chosen.mount(form.path, Place(image.path, self._layout.objects, scratch))
        return chosen.name

    def mount_all(self) -> dict[str, str | EnvGuardError]:
        """Mount every image that has a form; return the tier or the failure of each by name."""
        done: dict[str, str | EnvGuardError] = {}
        for name, form in self.forms():
            if isinstance(done.get(name), str):
                continue
            try:
                image = self._store.get(read_pack(self._layout.meta / name))
                done[name] = self.mount(image, form.tier.name)
            except EnvGuardError as error:
                done[name] = error
        return done

    def unmount(self, image: Image, *, forget: bool = False) -> bool:
        """Unmount `image` and return whether it was mounted; with `forget` its forms go as well.

        Its tree is what one sees then. Raises `image-in-use` while a kernel runs from it.
        """
        name = image.path.name
        with explained(f"unmount {image.path}"), self._working_on(image), unleased(image.meta, name):
            was_mounted = False
            while mount_at(image.path):
                try:
                    mounts.unmount(image.path)
                except OSError as error:
                    if error.errno != errno.EBUSY:
                        raise
                    raise Unavailable(
                        "locked", f"{image.path} is in use.", "Try again when nobody works in it."
                    ) from error
                was_mounted = True
            if forget:
                self._store.shelf.forget(name)
        return was_mounted

    def check(self, image: Image) -> tuple[Finding, ...]:
        """Return what is seen to differ from the manifest before a kernel starts, as fast as can be honest.

        What a file of root's holds that is unchanged since it was compared, and mounted
        read-only, cannot have changed and is not looked at: everything with EROFS and
        squashfs, names and small files with an overlay, whose objects are looked at.
        Elsewhere every path is. No content is read.
        """
        found = mount_at(image.path)
        form = self._form_of(image, found)
        settled = found is not None and form is not None and self._is_settled(found, form)
        findings = () if settled else self._store.verify(image, "stat")
        if form and not form.tier.holds_everything:
            return (*findings, *self._changed_objects(image))
        return findings

    def scrub(self, image: Image) -> tuple[Finding, ...]:
        """Return what differs in the forms of `image`, every byte read."""
        changed = [form for name, form in self.forms() if name == image.path.name and not form.has_its_hash()]
        return tuple(
            Finding(form.path.name, "changed", "The file that is mounted is not as it was made.")
            for form in changed
        )

    def sweep(self) -> int:
        """Unmount and delete what dead processes left on the way to a form; return how many folders."""
        found = 0
        with explained(f"sweep {self._layout.staging}"):
            for folder in listed(self._layout.staging):
                name, _, what = folder.name.partition(".")
                if what in SCRATCH and is_name(name):
                    with contextlib.suppress(Unavailable), self._store.shelf.lock(name, 0):
                        self._clear(folder)
                        found += 1
        return found

    def withdraw(self, name: str) -> None:
        """Take the mounts of the image called `name` away, in use or not; needs its lock."""
        while mount_at(self._layout.root / name):
            mounts.unmount(self._layout.root / name, detach=True)

    def _form_of(self, image: Image, found: Mount | None) -> Form | None:
        if found is None:
            return None
        tier = next((tier for tier in TIERS.values() if found.kind in tier.kinds), None)
        return Form(self._layout.forms / f"{image.path.name}.{tier.name}", tier) if tier else None

    def _is_settled(self, found: Mount, form: Form) -> bool:
        """Tell whether only root could have changed what is mounted, and the machine says that it did not."""
        is_ours = found.source == SOURCE or found.backing_file() == str(form.path)
        if not is_ours or not found.options >= {"ro", "nosuid", "nodev"}:
            return False
        owners = {
            form.path.lstat().st_uid,
            self._layout.forms.lstat().st_uid,
            self._layout.root.lstat().st_uid,
        }
        return owners == {0} and form.is_unchanged()

    def _changed_objects(self, image: Image) -> Iterator[Finding]:
        manifest = image.manifest
        root = self._layout.root.lstat()
        objects = Objects(self._layout, (root.st_uid, root.st_gid))
        for line in manifest.lines:
            if (
                line.kind == "f"
                and line.size >= SHARED_BYTES
                and not objects.has(line, manifest.header.seal.mtime)
            ):
                yield Finding(line.path, "changed", "Its object was written to, replaced or removed.")

    @contextlib.contextmanager
    def _working_on(self, image: Image) -> Iterator[Owner]:
        given = self._store.prepare()
        place = self._layout.root.stat()
        with self._store.shelf.lock(image.path.name, self._store.lock_seconds, given):
            yield given or (place.st_uid, place.st_gid)

    def _make(self, image: Image, form: Form, owner: Owner) -> None:
        """Make `form`, compare it with the manifest, and give it its name."""
        with (
            self._scratch(image.path.name, "form") as scratch,
            self._scratch(image.path.name, "trial") as trial,
        ):
            target = scratch / form.path.name
            manifest, objects = image.manifest, Objects(self._layout, owner)
            with self._scratch(image.path.name, "skeleton") as skeleton:
                form.tier.make(Making(image.path, manifest, objects, skeleton, owner), target)
            target.chmod(0o444)
            give(target, owner)
            with self._scratch(image.path.name, "names") as names:
                form.tier.mount(target, Place(trial, self._layout.objects, names))
            try:
                findings = verify(trial, manifest, "full", owner=owner[0])
            finally:
                mounts.unmount(trial, detach=True)
            if findings:
                raise Untrusted(
                    "image-drifted",
                    f"The {form.tier.name} form of {image.path} is not the image: {findings[0].path}: "
                    f"{findings[0].detail}",
                    "Compare the image with jupyter envguard verify, and try again.",
                )
            sync_file_system(scratch)
            digest = hash_of(target)
            target.rename(form.path)
            sync_folder(self._layout.forms)
            # last: a form without its record is made again
            write_atomically(form.record, canonical_json({"is": _identity(form.path), "sha256": digest}))
            give(form.record, owner)

    @contextlib.contextmanager
    def _scratch(self, name: str, what: str) -> Iterator[Path]:
        """Yield an empty folder; what a dead process mounted there or left in it goes first."""
        folder = self._layout.staging / f"{name}.{what}"
        self._clear(folder)
        place = self._layout.root.stat()
        make_folder(folder, 0o700, (place.st_uid, place.st_gid) if os.geteuid() == 0 else None)
        try:
            yield folder
        finally:
            self._clear(folder)

    def _clear(self, folder: Path) -> None:
        while mount_at(folder):
            mounts.unmount(folder, detach=True)
        if is_folder(folder):
            self._store.shelf.drop(folder)


def _choose(tier: str | None) -> Mounted:
    if tier is not None and tier not in TIERS:
        hint = did_you_mean(tier, TIERS) or f"There are {', '.join(TIERS)}."
        raise InvalidInput("invalid-argument", f"There is no tier {tier!r}.", hint)
    chosen = best() if tier is None else TIERS[tier]
    why = "" if chosen is None else chosen.obstacle()
    if chosen is None or why:
        raise Unavailable(
            "tier-unavailable",
            f"This machine cannot mount {'images' if chosen is None else f'the tier {chosen.name}: {why}'}.",
            "Run as root; jupyter envguard doctor says what each tier needs. Images work without.",
        )
    return chosen


def _answers(path: Path) -> bool:
    try:
        os.listdir(path)  # noqa: PTH208 - whether it can be listed is the question
    except OSError:
        return False
    return True


def _identity(path: Path) -> list[int]:
    """Return what tells this file from any other, and from itself after a change."""
    there = path.lstat()
    if not stat.S_ISREG(there.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return [there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns]
