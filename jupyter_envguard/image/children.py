"""Child processes that handle what a stranger wrote, and can reach as little as possible.

A child runs one script that imports only the standard library, in the plain
interpreter behind a virtual environment, without variables, site-packages or
user site. Where the machine has Landlock, it reads Python and the folders that
it is given, writes only where it is told, and has no network.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import IO, cast

from jupyter_envguard import confine
from jupyter_envguard.errors import Unavailable

PIPE_BYTES = 1024 * 1024
"""Size of pipes to and from a child: the most that an unprivileged process gets by default."""

Owner = tuple[int, int]
"""Uid and gid."""


class Child:
    """A running script, with pipes on its standard streams.

    `read` and `write` name the folders that it may use, without a symbolic link
    in their paths; `owner` is whom it runs as when that is not this user, which
    only root can ask for. Raises `image-unpack-failed` when it cannot be started.
    """

    def __init__(
        self,
        script: str,
        *arguments: str,
        read: tuple[str, ...] = (),
        write: tuple[str, ...] = (),
        owner: Owner | None = None,
    ) -> None:
        command = _command(os.path.realpath(script), arguments, read, write)
        uid, gid = owner or (None, None)
        try:
            self.process = subprocess.Popen(
                command,
                bufsize=PIPE_BYTES,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env={},
                umask=0,
                pipesize=PIPE_BYTES,
                user=uid,
                group=gid,
                extra_groups=None if owner is None else [],
            )
        except OSError as error:
            who = os.geteuid() if uid is None else uid
            raise Unavailable(
                "image-unpack-failed",
                f"{command[0]} cannot be started as uid {who}: {error.strerror}.",
                "Let the owner of the store reach the Python that EnvGuard runs with.",
            ) from error
        self.input = cast(IO[bytes], self.process.stdin)
        self.output = cast(IO[bytes], self.process.stdout)
        self.errors = cast(IO[bytes], self.process.stderr)

    def end(self) -> None:
        """End the process if it still runs, and wait until it is gone; may be called twice."""
        self.process.kill()
        self.finish()
        self.process.wait()
        self.output.close()
        self.errors.close()

    def finish(self) -> None:
        """Tell the process that no more input comes."""
        with contextlib.suppress(BrokenPipeError):
            self.input.close()


def _command(
    script: str, arguments: tuple[str, ...], read: tuple[str, ...], write: tuple[str, ...]
) -> list[str]:
    command = [os.path.realpath(sys.executable), "-I", "-S", "-B", script, *arguments]
    if not confine.available().files:
        return command
    folder = os.path.dirname(script)  # noqa: PTH120 - a string is what both ends want
    python = confine.system_paths(*confine.SYSTEM_PROGRAMS, sys.base_prefix)
    return confine.command(confine.Confinement(read=(*read, folder), execute=python, write=write), command)
