"""Records for people; and those that the machine's kernel has of walls, which are in no log of ours."""

from __future__ import annotations

import os
import stat
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from jupyter_envguard.audit import Record, Trust
from jupyter_envguard.audit.event import format_time
from jupyter_envguard.audit.refusals import LINE_LENGTH, refusals
from jupyter_envguard.cli.terminal import columns
from jupyter_envguard.cli.verbs import Answer
from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.files import explained

STANDARD_INPUT = "-"
"""In place of a file's name."""

LINE_CHARACTERS = LINE_LENGTH + 2
"""Read at once: more than a line may have, so that a piece of a longer one is no line."""


def record_lines(records: list[Record]) -> list[str]:
    """Return a table of `records`."""
    rows = [
        (
            record.time,
            record.event.actor.name or "-",
            record.event.type,
            record.event.outcome + (f" ({record.event.reason})" if record.event.reason else ""),
            record.event.release or "-",
            record.source.trust,
            _detail(record),
        )
        for record in records
    ]
    return (
        columns(rows, ("TIME", "WHO", "WHAT", "OUTCOME", "RELEASE", "SOURCE", "DETAIL"))
        if rows
        else ["No event."]
    )


def _detail(record: Record) -> str:
    """Return what says most about an event: the words of a person, else what was asked for."""
    detail = record.event.detail
    telling = ("reason", "message", "command", "kernel_name", "pack", "asked", "subject")
    return str(next((detail[key] for key in telling if detail.get(key)), ""))


def refused(arguments: Namespace) -> Answer:
    """Return what walls have refused, as the machine's kernel has logged it in the file that is named.

    Lines are believed to be the kernel's when only root can have written them: in a file
    of root's, or on the standard input of a program that root has started.
    """
    if arguments.verify or arguments.release or arguments.type or arguments.outcome:
        raise InvalidInput(
            "invalid-argument",
            "--landlock goes with --user, --since, --until and --last only.",
            "What the machine's kernel logs is about no release, and has one type and outcome.",
        )
    with explained(f"read {arguments.landlock}"), _opened(arguments.landlock) as (file, trust):
        found = [record for record in refusals(_bounded(file), trust) if _is_wanted(record, arguments)]
    shown = found[-arguments.last :] if arguments.last else found
    document = {"records": [record.as_json() for record in shown]}
    return Answer(document, record_lines(shown))


@contextmanager
def _opened(name: str) -> Iterator[tuple[TextIO, Trust]]:
    if name == STANDARD_INPUT:
        with open(sys.stdin.fileno(), encoding="utf-8", errors="replace", closefd=False) as file:
            yield file, "kernel-attested" if os.geteuid() == 0 else "self-reported"
        return
    with Path(name).open(encoding="utf-8", errors="replace") as file:
        status = os.fstat(file.fileno())
        is_roots = status.st_uid == 0 and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        yield file, "kernel-attested" if is_roots else "self-reported"


def _bounded(file: TextIO) -> Iterator[str]:
    """Yield lines; one without an end comes in pieces, of which none is a line that counts."""
    while line := file.readline(LINE_CHARACTERS):
        yield line.rstrip("\n")


def _is_wanted(record: Record, arguments: Namespace) -> bool:
    since = format_time(arguments.since) if arguments.since else ""
    until = format_time(arguments.until) if arguments.until else "9"
    return since <= record.time < until and arguments.user in ("", record.event.actor.name)
