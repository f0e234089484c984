"""`verify NOTEBOOK.ipynb`: which release made a notebook's outputs, and whether it still is what it was."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_envguard.catalog import Catalog
from jupyter_envguard.cli.context import Context
from jupyter_envguard.cli.exits import exit_for
from jupyter_envguard.cli.terminal import escape
from jupyter_envguard.cli.verbs import Answer
from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.files import explained, read_bounded
from jupyter_envguard.stamp import Comparison, Notebook, compare

SUFFIX = ".ipynb"
NOTEBOOK_BYTES = 128 * 1024 * 1024
"""Size of a notebook."""


@dataclass(frozen=True, slots=True)
class Verified:
    """One notebook and what was found."""

    file: str
    """The file, as it was named."""
    notebook: Notebook
    """What it says."""
    comparison: Comparison
    """How that stands to the catalog."""

    @property
    def refusal(self) -> EnvGuardError | None:
        """What speaks against it."""
        return self.comparison.refusal

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        found = self.comparison
        return {
            "file": self.file,
            "status": found.status,
            "kernel": self.notebook.kernel,
            "stamp": asdict(self.notebook.stamp) if self.notebook.stamp else None,
            "state": str(found.entry.state) if found.entry else None,
            "now": found.now.id if found.now else None,
            "error": found.refusal.as_json() if found.refusal else None,
        }

    def line(self) -> str:
        """Return the same for people."""
        said = self.notebook.stamp.id if self.notebook.stamp else "-"
        now = (
            f" (now {self.comparison.now.id})"
            if self.comparison.status == "other-release" and self.comparison.now
            else ""
        )
        return f"{self.comparison.status:<13} {escape(self.file)}: {said}{now}"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One notebook that nothing can be said about."""

    file: str
    """The file, as it was named."""
    refusal: EnvGuardError
    """Why."""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form, with the members of the others."""
        empty = dict.fromkeys(("kernel", "stamp", "state", "now"))
        return {"file": self.file, "status": "unreadable", **empty, "error": self.refusal.as_json()}

    def line(self) -> str:
        """Return the same for people."""
        return f"{'unreadable':<13} {escape(self.file)}: {escape(self.refusal.message)}"


def are_notebooks(words: list[str]) -> bool:
    """Tell whether `words` name notebooks; raise `invalid-argument` when only some of them do."""
    found = {word.lower().endswith(SUFFIX) for word in words}
    if len(found) > 1:
        raise InvalidInput(
            "invalid-argument", "Releases and notebooks are verified apart.", "Name only one of both kinds."
        )
    return found == {True}


def verify(arguments: Namespace, context: Context) -> Answer:
    """Compare the stamps of notebooks with the catalog; one that cannot be read hides no other."""
    catalog = context.catalog(context.site())
    now = datetime.now(UTC)
    found = [_verified(file, catalog, now) for file in arguments.what]
    refusals = [one.refusal for one in found if one.refusal]
    return Answer(
        {"notebooks": [one.as_json() for one in found]},
        [one.line() for one in found],
        refusal=_gravest(refusals),
    )


def _verified(file: str, catalog: Catalog, now: datetime) -> Verified | Unreadable:
    try:
        with explained(f"read {file}"):
            content = read_bounded(Path(file), NOTEBOOK_BYTES)
        notebook = Notebook.from_bytes(content)
    except EnvGuardError as error:
        return Unreadable(file, error)
    return Verified(file, notebook, compare(notebook, catalog, now))


def _gravest(refusals: list[EnvGuardError]) -> EnvGuardError | None:
    """Return the refusal that decides the exit code: a stamp that lies before one that is old or missing."""
    return max(refusals, key=lambda error: (exit_for(error), error.code), default=None)
