"""The page of the documentation that holds what came of every attempt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.attacks.attempt import Attempt, Outcome
from tests.attacks.corpus import ATTEMPTS, FAMILIES
from tests.attacks.session import LEVELS

Results = Mapping[str, Mapping[str, Outcome]]
"""Set-up, id, outcome."""

HEAD = """\
# Attempts against it

Each line is something that a user may do in a cell, in a terminal or before a kernel starts.
Tests run all of them as a user without rights against a real environment that belongs to root,
once for each level.

`none`
: Plain processes of the environment's Python: no wall, no hooks.

`advise`
: Hooks, and kernels that are started as the provisioner does, without a wall.

`enforce`
: The same in a session behind the wall of the hub, and each kernel behind one of its own.

`lockdown`
: The same, and programs, mounts, system calls and imports are confined too.
  Kernels start no second Python, and terminals have a wall of their own.
  This is what a site has that says `level: lockdown` and nothing else.

`strict`
: The same with `strict_memory`, which a site has to choose.

*reached*
: The attempt saw its goal. That may be as little as running own code.

*refused*
: It did not, and was told in our sentence.

*held*
: It did not.

*detected*
: The hooks told the session's server of it, which makes it an event:
  what kind of drift a look after the cell found (`foreign-package`, `shadowed-name`, `foreign-native`),
  that an import was refused (`denied-import`), or which operation was.
  At `none` there is nobody who tells.

*Changed* means that anything about any path of the environment was other than before:
its content, mode, time, owner, links or attributes.

The attempts to change an environment are real: on a copy that its user owns and may write to,
without a wall, they have to succeed, but for the few that no system allows or that miss a program.
With the wall alone such an owner still changes modes, times, attributes and access lists, never content:
BY_OWNERS.

What is reached with `enforce` runs in the user's own session or home and alters nothing that was approved.
What is reached in `lockdown` is plain code of the user's own,
and machine code that it wrote into memory (E11, E12, E30), which `strict_memory` refuses.
No file with foreign machine code loads, and no foreign package,
until a cell has interrupted the guard of imports in its work, or written over it in memory (C43, C44):
it shares a process with the cell, and nothing in there can keep it from that.
The look after the cell tells the server of the package.
Where a site says `strict_python: false`, packages of plain code load in a second Python
that looks for no guard (C32, C45); tests make these two attempts there as well.
{doc}`threat-model` says what follows from it.
Cells run in IPython without the messages of Jupyter around them, and conda is a double with the real plugin.
From F16 on a real hub starts the user's server, once for each level, and who holds its token asks over HTTP;
at `none` that hub knows nothing of the guard.
In lockdown packages of the user's own are not allowed (`guard.own_packages`).

"""

BY_OWNERS = ("C17", "D03", "D04", "D12", "D20", "D25", "D26", "D27", "D35", "D47", "F04")
"""Attempts that change something about an environment that the user owns, in spite of the wall."""

SENTENCE = "turned off for approved environments"
"""What every refusal of a package or a program has in it."""

NOT_APPROVED = "is not approved on"
"""What every refusal of a kernel has in it."""

NO_START = "This server cannot be guarded"
"""What a server says that does not start."""

SENTENCES = (SENTENCE, NOT_APPROVED, NO_START)
"""One of them is in every refusal of ours."""

COLUMNS = ("id", "attempt", *LEVELS, "detected", "environment changed")
COUNTS = ("family", "level", "attempts", "reached", "changed", "detected", "refused")


def page(results: Results) -> str:
    """Return the page."""
    parts = [HEAD.replace("BY_OWNERS", ", ".join(BY_OWNERS)), _table(COUNTS, list(_counts(results)))]
    for letter, name in FAMILIES.items():
        rows = [_row(attempt, results) for attempt in ATTEMPTS if attempt.family == letter]
        parts.append(f"\n## {letter}: {name}\n\n" + _table(COLUMNS, rows))
    return "".join(parts)


def changed_columns(text: str) -> dict[str, str]:
    """Return what a page says about changes, by the id of the attempt."""
    rows = [line.strip("|\n ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {row[0]: row[-1] for row in rows if row[0][1:].isdigit()}


def _counts(results: Results) -> Iterator[tuple[str, ...]]:
    families = {f"{letter}: {name}": letter for letter, name in FAMILIES.items()}
    for name, letters in {**families, "all": "".join(FAMILIES)}.items():
        ids = [attempt.id for attempt in ATTEMPTS if attempt.family in letters]
        for level in LEVELS:
            words = [_word(results[level][number]) for number in ids]
            changed = sum(results[level][number].changed for number in ids)
            detected = sum(results[level][number].detected for number in ids)
            counts = (len(ids), words.count("reached"), changed, detected, words.count("refused"))
            yield (name, level, *map(str, counts))


def _row(attempt: Attempt, results: Results) -> tuple[str, ...]:
    found = {level: results[level][attempt.id] for level in LEVELS}
    changed = ", ".join(level for level, outcome in found.items() if outcome.changed)
    told = dict.fromkeys(kind for outcome in found.values() for kind in outcome.told)
    return (attempt.id, attempt.what, *map(_word, found.values()), ", ".join(told), changed or "never")


def _word(outcome: Outcome) -> str:
    if outcome.reached:
        return "reached"
    return "refused" if any(sentence in outcome.said for sentence in SENTENCES) else "held"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("-" * len(name) for name in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
