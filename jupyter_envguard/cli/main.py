"""The entry point: arguments in, one answer or one refusal out, and an exit code.

This is the border of the process. Below it everything fails with an
`EnvGuardError`; here that becomes a line, a hint and an exit code, and whatever
nobody foresaw becomes `internal-error` without a traceback on the screen.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jupyter_envguard.cli.exits import Exit, exit_for
from jupyter_envguard.cli.parser import parse
from jupyter_envguard.cli.terminal import Screen
from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.files import explain

if TYPE_CHECKING:
    from jupyter_envguard.cli.verbs import Answer

log = logging.getLogger("jupyter_envguard")
_NOWHERE = logging.NullHandler()

STDOUT, STDERR = 1, 2
"""Numbers of the standard streams; the last of them is the last number that they take."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    _open_what_is_closed()
    screen = Screen.of_process(json="--json" in words)
    # Without a handler logging writes warnings and tracebacks to stderr by itself.
    logging.getLogger().addHandler(_NOWHERE)
    try:
        code = _run(words, screen)
        screen.out.flush()
    except BrokenPipeError:
        _close_quietly(screen)
        return Exit.BROKEN_PIPE
    except KeyboardInterrupt:
        screen.err.write("interrupted\n")
        return Exit.INTERRUPTED
    except OSError:  # the answer or the refusal cannot be written, and so neither can this
        _close_quietly(screen)
        return Exit.UNAVAILABLE
    return code


def _run(words: Sequence[str], screen: Screen) -> int:
    """Run the verb that `words` ask for; turn every failure into a refusal on `screen`."""
    try:
        arguments = parse(words)
        if arguments.debug:
            _log_to(arguments.debug)
        # Imported late: `--help` and a wrong argument need nothing of it.
        from jupyter_envguard.cli.context import Context
        from jupyter_envguard.cli.verbs import load

        answer = load(arguments.verb).run(arguments, Context(arguments.site, screen))
        return _give(answer, screen)
    except SystemExit as left:  # argparse leaves after --help and --version
        return int(left.code or 0)
    except BrokenPipeError:
        raise
    except EnvGuardError as error:
        refusal = error
    except OSError as error:
        refusal = explain(error, f"read or write {error.filename or 'a file'}")
    except Exception:  # the border of the process
        log.exception("unforeseen failure")
        refusal = EnvGuardError(
            "internal-error",
            "Something failed that nobody foresaw.",
            "Run the command again with --debug FILE and report what FILE says.",
        )
    log.debug("refused", exc_info=refusal)
    screen.refuse(refusal.as_json())
    return exit_for(refusal)


def _give(answer: Answer, screen: Screen) -> int:
    """Show `answer`; where it is a no, the reason follows, in the same JSON document if there is one."""
    if answer.exact and not screen.json:
        screen.exact(answer.exact)
        return Exit.OK
    if answer.refusal is None:
        screen.answer(answer.document, answer.lines)
        return Exit.OK
    refusal = answer.refusal.as_json()
    screen.answer({**refusal, **answer.document}, answer.lines)
    if not screen.json:
        screen.refuse(refusal)
    return exit_for(answer.refusal)


def _log_to(path: str) -> None:
    """Append everything that this process logs to `path`."""
    try:
        handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InvalidInput(
            "invalid-argument",
            f"--debug: {path} cannot be written: {error.strerror}.",
            "Choose another file.",
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)


def _open_what_is_closed() -> None:
    """Point closed standard streams at nothing, or the next file opened would be what others print into."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdout = sys.stdout or os.fdopen(STDOUT, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(STDERR, "w", encoding="utf-8", closefd=False)


def _close_quietly(screen: Screen) -> None:
    """Point both streams at nothing, so that the interpreter's last flush does not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (screen.out, screen.err):
        os.dup2(nowhere, stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
