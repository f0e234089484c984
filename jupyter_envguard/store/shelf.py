"""How images get to their place and away from it: whole, and in one step.

Renaming an image to its place is the commit. Before it, nobody sees anything; after
it, everything is there and on the disk. What is taken away goes to the trash, again
by renaming, and is deleted from there at leisure. Every method that changes
something needs the lock of the name that it is about.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from jupyter_envguard.files import locked, sync_folder
from jupyter_envguard.image import Owner, is_recorded
from jupyter_envguard.store.folders import delete, give, is_folder, listed, make_folder
from jupyter_envguard.store.layout import Layout, is_name
from jupyter_envguard.store.solid import is_solid


class Shelf:
    """The images of the store that `layout` describes, as folders with names."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def names(self) -> tuple[str, ...]:
        """Return the names of all images that are published, sorted."""
        found = (path.name for path in listed(self._layout.meta) if is_name(path.name))
        return tuple(name for name in found if self.is_published(name))

    def is_published(self, name: str) -> bool:
        """Tell whether the image called `name` is there, whole."""
        return is_folder(self._layout.root / name) and is_recorded(self._layout.meta / name)

    def leftovers(self) -> list[str]:
        """Return the names with traces in the store that are not published."""
        places = (self._layout.staging, self._layout.meta, self._layout.root)
        names = {path.name.removeprefix(".") for folder in places for path in listed(folder)}
        return sorted(name for name in names if is_name(name) and not self.is_published(name))

    @contextlib.contextmanager
    def lock(self, name: str, seconds: float, owner: Owner | None = None) -> Iterator[None]:
        """Hold the lock of `name`, which belongs to `owner`, for the duration of a `with` block."""
        path = self._layout.locks / name
        with locked(path, seconds):
            give(path, owner)
            yield

    @contextlib.contextmanager
    def staged(self, name: str, owner: Owner | None) -> Iterator[Path]:
        """Yield a new folder for what will be `name`: `tree` and `meta` in it; nothing stays of it."""
        staging = self._layout.staging / name
        try:
            for folder in (staging, staging / "tree", staging / "meta"):
                make_folder(folder, 0o700, owner)
            yield staging
        finally:
            with contextlib.suppress(OSError):  # what stays is swept; the failure in hand is the news
                self.drop(staging)

    def publish(self, staging: Path, name: str) -> None:
        """Move what was staged to its place; the last rename is the commit.

        A folder that its owner may not write to cannot be moved to another folder,
        but can be renamed where it is. So the tree is moved first, under a name
        that nobody looks for, then made read-only, then renamed.
        """
        hidden = self._layout.root / f".{name}"
        (staging / "meta").chmod(0o755)
        (staging / "meta").rename(self._layout.meta / name)
        sync_folder(self._layout.meta)
        (staging / "tree").rename(hidden)
        hidden.chmod(0o555)
        sync_folder(hidden)
        hidden.rename(self._layout.root / name)
        sync_folder(self._layout.root)

    def clear(self, name: str) -> int:
        """Take away every trace of `name`, the image first; return how many there were."""
        image, hidden = self._layout.root / name, self._layout.root / f".{name}"
        found = self.retire(hidden)
        if is_folder(image):
            image.rename(hidden)
        self.forget(name)
        places = (hidden, self._layout.meta / name, self._layout.staging / name)
        return found + sum(map(self.retire, places))

    def forget(self, name: str) -> None:
        """Delete the forms of the image called `name`, none of which is mounted."""
        for path in self._forms_of(name):
            path.unlink()

    def _forms_of(self, name: str) -> list[Path]:
        return [path for path in listed(self._layout.forms) if path.name.startswith(f"{name}.")]

    def set_aside(self, name: str) -> Path:
        """Move the image called `name` and its documents to the quarantine; return where they are now."""
        aside = self._layout.quarantine / f"{name}.{secrets.token_hex(8)}"
        aside.mkdir(0o700)
        if is_solid(self._layout.meta / name):
            for path in self._forms_of(name):
                path.rename(aside / path.name)
        self.forget(name)
        image, hidden = self._layout.root / name, self._layout.root / f".{name}"
        image.rename(hidden)
        hidden.chmod(0o700)
        hidden.rename(aside / "tree")
        (self._layout.meta / name).rename(aside / "meta")
        for folder in (self._layout.root, self._layout.meta, self._layout.quarantine):
            sync_folder(folder)
        return aside

    def retire(self, path: Path) -> int:
        """Move the folder `path` to the trash, whatever is in it and whoever still writes there."""
        if not is_folder(path):
            return 0
        path.chmod(0o700)
        path.rename(self._layout.trash / f"{path.name.removeprefix('.')}.{secrets.token_hex(8)}")
        return 1

    def drop(self, folder: Path) -> None:
        """Delete `folder` by way of the trash, so that the rest of it is nobody's if this process dies."""
        dropped = self._layout.trash / f"{folder.name}.{secrets.token_hex(8)}"
        folder.rename(dropped)
        delete(dropped)

    def empty_trash(self, after_each: Callable[[], None] = lambda: None) -> int:
        """Delete what is in the trash; what resists stays; `after_each` is as `delete` has it."""
        found = 0
        for path in listed(self._layout.trash):
            with contextlib.suppress(OSError):
                delete(path, after_each)
                found += 1
        return found
