"""Progress of long work on stderr: a bar where a person watches, one line where not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jupyter_envguard.cli.terminal import Screen, escape

Progress = Callable[[int, int], None]


def _unseen(done: int, total: int) -> None:
    """Take progress that nobody watches."""
    del done, total


@contextmanager
def progress(screen: Screen, what: str) -> Iterator[Progress]:
    """Show how far `what` has come while the block runs; the value is called with (done, total)."""
    if not screen.err.isatty():
        if not screen.json:
            screen.err.write(f"{escape(what)} …\n")
        yield _unseen
        return
    # Imported here because rich costs more than most verbs do, and only a terminal needs it.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    bars = Bars(
        # No markup: `what` holds the name of a file that a stranger chose.
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        # A pass that is done hands over to the next, whose time is not known yet.
        TimeRemainingColumn(),
        TextColumn("left,"),
        # Sealing and the trial of the kernel come after the last byte: show that it lives.
        TimeElapsedColumn(),
        SpinnerColumn(),
        console=Console(file=screen.err, highlight=False),
        transient=True,
    )
    with bars:
        task = bars.add_task(escape(what), total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total or None)
