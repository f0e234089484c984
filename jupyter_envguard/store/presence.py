"""Bring images to their path by mounting them, and take them from there.

An image with a tree is mounted over it: what happens to the mount, the image is
there. A bare one, of which only objects are here, is at its path while it is mounted,
or gets its tree where nothing can be mounted. Nobody has to stay for a mount; at the
start of a machine `mount_all` brings back what was there.

    presence = Presence(store)
    presence.present(image)          # whatever makes it usable; what kernels need
    presence.mount(image)            # the best tier that this machine can do
    presence.check(image)            # a moment, where nothing can have changed
    presence.unmount(image)
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from jupyter_envguard.errors import EnvGuardError, InvalidInput, Unavailable, did_you_mean
from jupyter_envguard.files import explained, sync_folder
from jupyter_envguard.image import AttestedForm, Finding, Image, Owner, read_pack
from jupyter_envguard.store import mounts
from jupyter_envguard.store.bare import SMALL, has_tree, is_bare, read_small
from jupyter_envguard.store.delivery import Delivery
from jupyter_envguard.store.folders import listed, make_folder, sync_file_system
from jupyter_envguard.store.forms import Form, Forms
from jupyter_envguard.store.gathering import Wanted
from jupyter_envguard.store.images import Store
from jupyter_envguard.store.leases import unleased
from jupyter_envguard.store.making import Place, lost
from jupyter_envguard.store.mounts import SOURCE, Mount, mount_at
from jupyter_envguard.store.objects import Objects
from jupyter_envguard.store.solid import is_solid
from jupyter_envguard.store.tiers import TIERS, Mounted, best, obstacle_to_fetched

UNMOUNTED = ("objects", "form")
"""What an image without a tree is while nothing is at its path."""

DYING = TIERS["squashfuse"].kinds
"""Types of mounts that end with a process, so that one has to ask whether they still answer."""


class Presence:
    """The mounts of the images in `store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._layout = store.layout
        self.forms = Forms(store.layout)

    def mounted(self, image: Image) -> Mount | None:
        """Return what is mounted at the path of `image`, or None when its tree is what one sees."""
        return mount_at(image.path)

    def tier_of(self, name: str) -> str:
        """Return the tier of the image called `name` as it is now: that of its mount, or `tree`.

        Of one that is `objects` or `form`, the `UNMOUNTED`, nothing is at its path.
        """
        found, meta = mount_at(self._layout.root / name), self._layout.meta / name
        if found is None:
            return "objects" if is_bare(meta) else "form" if is_solid(meta) else "tree"
        return next((tier.name for tier in TIERS.values() if found.kind in tier.kinds), found.kind)

    def is_usable(self, image: Image) -> bool:
        """Tell whether something is at the path of `image`: its tree, or what is mounted there."""
        return has_tree(image.meta) or self.mounted(image) is not None

    def present(self, image: Image) -> str:
        """Let `image` be usable at its path, and return as what it is there.

        What is usable stays as it is. An image without a tree is mounted, in the best
        form that this process can; where nothing can be mounted, or mounting fails, it
        gets its tree from the objects, if it is not one file. Raises `image-not-mounted`
        for users who may do neither, and `image-damaged` when something that it needs is gone.
        """
        name = image.path.name
        found = self.mounted(image)
        if has_tree(image.meta) or (found and (found.kind not in DYING or _answers(image.path))):
            return self.tier_of(name)
        try:
            if is_solid(image.meta):
                return self.mount(image)
            with explained(f"mount {image.path}"), self._working_on(image) as owner:
                chosen = best()
                if chosen is not None and is_bare(image.meta):
                    with contextlib.suppress(OSError, Unavailable):
                        return self._mount(image, chosen, owner)
                if is_bare(image.meta):
                    self._grow(image, owner)
        except Unavailable as error:
            stopped = error.code == "permission-denied" and os.geteuid() != 0  # a read-only disk stops root
            if not stopped and error.code != "tier-unavailable":
                raise
            raise not_mounted(image) from error
        return self.tier_of(name)

    def mount(self, image: Image, tier: str | None = None) -> str:
        """Mount `image` in the form `tier`, or the best that this machine can do; return which it is.

        What is mounted already stays. Raises `tier-unavailable` where this machine
        cannot, `form-failed`, and `image-drifted` when the form that was made is not
        the image: then nothing is mounted. An image that is one file is mounted as that
        and nothing else; raises `image-damaged` when the file is not the fetched one.
        """
        chosen = _choose(tier, only="erofs" if is_solid(image.meta) else "")
        with explained(f"mount {image.path}"), self._working_on(image) as owner:
            return self._mount(image, chosen, owner)

    def mount_all(self) -> dict[str, str | EnvGuardError]:
        """Mount every image that has a form or no tree; return the tier or the failure of each by name."""
        done: dict[str, str | EnvGuardError] = {}
        for name, form in self.forms.all():
            if not isinstance(done.get(name), str):
                done[name] = self._again(name, functools.partial(self.mount, tier=form.tier.name))
        return {**done, **self.present_all()}

    def present_all(self) -> dict[str, str | EnvGuardError]:
        """Let every image without a tree be usable; return the tier or the failure of each by name."""
        names = self._store.shelf.names()
        bare = [name for name in names if not has_tree(self._layout.meta / name)]
        return {name: self._again(name, self.present) for name in bare}

    def unmount(self, image: Image, *, forget: bool = False) -> bool:
        """Unmount `image` and return whether it was mounted; with `forget` its forms go as well.

        The form that an image consists of stays. Its tree is what one sees then, if it has one.
        Raises `image-in-use` while a kernel runs from it.
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
            if forget and not is_solid(image.meta):
                self._store.shelf.forget(name)
        return was_mounted

    def check(self, image: Image) -> tuple[Finding, ...]:
        """Return what is seen to differ from the manifest before a kernel starts, as fast as can be honest.

        What a file of root's holds that is unchanged since it was compared, and mounted
        read-only, cannot have changed and is not looked at: everything with EROFS and
        squashfs, names and small files with an overlay, whose objects are looked at.
        Elsewhere every path is. No content is read. Raises `image-not-mounted` for a
        bare image that is not.
        """
        if not self.is_usable(image):
            raise not_mounted(image)
        found = mount_at(image.path)
        form = self._form_of(image, found)
        settled = found is not None and form is not None and self._is_settled(found, form)
        findings = () if settled else self._store.verify(image, "stat")
        if form and not form.tier.holds_everything:
            return (*findings, *self._changed_objects(image))
        return findings

    def scrub(self, image: Image) -> tuple[Finding, ...]:
        """Return what differs in the forms of `image`, every byte read."""
        if is_solid(image.meta):
            return self.forms.differences(image, full=True)
        changed = [
            form for name, form in self.forms.all() if name == image.path.name and not form.has_its_hash()
        ]
        return tuple(
            Finding(form.path.name, "changed", "The file that is mounted is not as it was made.")
            for form in changed
        )

    def withdraw(self, name: str) -> None:
        """Take the mounts of the image called `name` away, in use or not; needs its lock."""
        while mount_at(self._layout.root / name):
            mounts.unmount(self._layout.root / name, detach=True)

    def takes_forms(self) -> bool:
        """Tell whether an image can be fetched as one file and mounted here: all in it belongs to root."""
        root = self._layout.root
        is_roots = root.lstat().st_uid == 0 if os.path.lexists(root) else True
        return is_roots and os.geteuid() == 0 and not obstacle_to_fetched()

    def settle(self, image: Image) -> None:
        """Bring what `Store.receive_form` has made to the disk; it may be mounted and in use meanwhile.

        When the disk fails, the image is taken away: nobody knows what is read of it later.
        """
        if not is_solid(image.meta):
            return
        name, form = image.path.name, self.forms.of(image, TIERS["erofs"])
        with explained(f"bring {form.path} to the disk"), self._working_on(image) as owner:
            if form.is_on_the_disk or not form.is_unchanged():
                return
            try:
                self.forms.settle(form, form.sha256, owner)
            except OSError:
                self.withdraw(name)
                self._store.shelf.clear(name)
                raise

    @contextlib.contextmanager
    def attestable(self, image: Image) -> Iterator[tuple[AttestedForm, Path]]:
        """Yield the one file as which other machines may mount `image`, and what is to be signed of it.

        It is made here, and mounted and compared with the manifest byte by byte before
        it has a name, or it is one that was, and is unchanged. It goes when the block
        ends unless it was there. Raises `tier-unavailable` where that cannot be done, and
        what `mount` raises.
        """
        chosen = _choose("erofs", only="erofs" if is_solid(image.meta) else "")
        if self._layout.root.lstat().st_uid != 0:
            raise Unavailable(
                "tier-unavailable",
                f"{self._layout.root} is not root's, so a form made there is of no use elsewhere.",
                "Publish where the store belongs to root.",
            )
        with explained(f"make a form of {image.path}"), self._working_on(image) as owner:
            form = self.forms.of(image, chosen)
            was_there = form.is_unchanged()
            if not was_there:
                self._renew(image, form, owner)
            try:
                yield AttestedForm("erofs", f"sha256:{form.sha256}", form.path.stat().st_size), form.path
            finally:
                if not was_there and not is_solid(image.meta):
                    form.record.unlink()
                    form.path.unlink()

    def _form_of(self, image: Image, found: Mount | None) -> Form | None:
        if found is None:
            return None
        tier = next((tier for tier in TIERS.values() if found.kind in tier.kinds), None)
        return Form(self._layout.forms / f"{image.path.name}.{tier.name}", tier) if tier else None

    def _is_settled(self, found: Mount, form: Form) -> bool:
        """Tell whether only root could have changed what is mounted, and the machine says that it did not."""
        is_ours = found.source == SOURCE or found.backing_file() == str(form.path)
        if not is_ours or not found.is_of_root() or not found.options >= {"ro", "nosuid", "nodev"}:
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
        for line in objects.changed(manifest.lines, manifest.header.seal.mtime):
            yield Finding(line.path, "changed", "Its object was written to, replaced or removed.")

    @contextlib.contextmanager
    def _working_on(self, image: Image) -> Iterator[Owner]:
        given = self._store.prepare()
        place = self._layout.root.stat()
        with self._store.shelf.lock(image.path.name, self._store.lock_seconds, given):
            yield given or (place.st_uid, place.st_gid)

    def _again(self, name: str, bring: Callable[[Image], str]) -> str | EnvGuardError:
        try:
            return bring(self._store.get(read_pack(self._layout.meta / name)))
        except EnvGuardError as error:
            return error

    def _mount(self, image: Image, chosen: Mounted, owner: Owner) -> str:
        """Mount `image` in the form `chosen` unless it is mounted; return as what it is there."""
        if mount_at(image.path):
            if _answers(image.path):
                return self.tier_of(image.path.name)
            mounts.unmount(image.path, detach=True)  # its process is dead
        form = self.forms.of(image, chosen)
        if not form.is_unchanged():
            self._renew(image, form, owner)
        with self.forms.scratch(image.path.name, "names") as scratch:
            chosen.mount(form.path, Place(image.path, self._layout.objects, scratch))
        return chosen.name

    def _renew(self, image: Image, form: Form, owner: Owner) -> None:
        """Make `form`, or read it again if the image consists of it."""
        if is_solid(image.meta):
            self.forms.vouch(image, form, owner)
        else:
            self.forms.make(image, form, owner)

    def _grow(self, image: Image, owner: Owner) -> None:
        """Give a bare image its tree; what a dead process has finished is taken as it is."""
        if not listed(image.path):
            manifest, objects = image.manifest, Objects(self._layout, owner)
            with (
                self.forms.scratch(image.path.name, "grown") as scratch,
                objects.adding(self._store.lock_seconds),
            ):
                tree = scratch / "tree"
                make_folder(tree, 0o700, owner)
                with contextlib.closing(Delivery(manifest, tree, objects, owner)) as delivery:
                    for sha256, content in read_small(manifest, image.meta).items():
                        delivery.put(Wanted(sha256, len(content)), (content,))
                    if missing := {wanted.sha256 for wanted in delivery.missing()}:
                        raise lost(next(line for line in manifest.lines if line.content in missing))
                    delivery.assemble()
                sync_file_system(tree)
                image.path.chmod(0o755)
                tree.rename(image.path)
        image.path.chmod(0o555)
        sync_folder(self._layout.root)
        (image.meta / SMALL).unlink()


def _choose(tier: str | None, only: str = "") -> Mounted:
    """Return the tier that was asked for, or the best; an image that is a form is `only` that."""
    if tier is not None and tier not in TIERS:
        hint = did_you_mean(tier, TIERS) or f"There are {', '.join(TIERS)}."
        raise InvalidInput("invalid-argument", f"There is no tier {tier!r}.", hint)
    if only and tier not in (None, only):
        message = f"The image is here as {only} and cannot be mounted as {tier}."
        raise InvalidInput("invalid-argument", message, "Name no tier.")
    if only:
        chosen: Mounted | None = TIERS[only]
        why = obstacle_to_fetched()
    else:
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


def not_mounted(image: Image) -> Unavailable:
    """Return the refusal of a bare image at whose path there is nothing."""
    return Unavailable(
        "image-not-mounted",
        f"The image is on this machine without a tree, and nothing is mounted at {image.path}.",
        "Run jupyter envguard store mount as root, at every start of the machine.",
    )
