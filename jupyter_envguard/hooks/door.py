"""The front door of a package tool: asked with what was typed, before the tool itself is started.

    python -I -S -c "…; from hooks.door import main; sys.exit(main())" /usr/bin/pip install x

A shell script of the tool's name (`jupyter_envguard.doors`) asks, because pip, uv, mamba, pixi
and npm know no plugins. It exits with 77 and one line where the rules refuse, and with 0 where
they do not or nothing is asked that they could be about. The script then starts the tool.
"""

from __future__ import annotations

import os
import sys

from . import report, rules
from .commands import changes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .commands import Change

EXIT_CODE = 77
"""EX_NOPERM of sysexits.h."""


def main(words: Sequence[str] = ()) -> int:
    """Return 77 after saying why `words` (the program by its path, and its arguments) are refused, else 0."""
    try:
        return _asked(words or sys.argv[1:])
    except Exception:  # noqa: BLE001 - the border of the process: who cannot be asked is in nobody's way
        return 0


def _asked(words: Sequence[str]) -> int:
    found = [(change, _ruling(change, words[0])) for change in changes_of(words, rules.grammar())]
    refused = [pair for pair in found if not pair[1].allowed][:1]
    for change, ruling in refused or found:
        if ruling.effect != "allow":
            report.report_change(ruling.effect, change.operation, ruling.rule, ruling.place, change.line)
    for change, ruling in refused:
        sys.stderr.write(f"envguard: {_sentence(change, ruling)}\n")
    return EXIT_CODE if refused else 0


def _ruling(change: Change, program: str) -> rules.Ruling:
    from . import targets

    # What is changed where nothing else is named is where the tool lies, not this Python.
    sys.prefix = os.path.dirname(os.path.dirname(os.path.abspath(program)))
    prefix = targets.target_of(change)
    own = os.environ.get("CONDA_PREFIX", "")
    same = bool(own) and os.path.realpath(own) == os.path.realpath(prefix)
    name = os.environ.get("ENVGUARD_RELEASE", "") if same else ""
    return rules.decide(change.operation, change.command, prefix, targets.requirements_in(change), name)


def _sentence(change: Change, ruling: rules.Ruling) -> str:
    from . import card, targets

    found = card.already(targets.packages_in(change))
    return " ".join(filter(None, (ruling.message, *found, ruling.hint)))
