"""The page of the documentation that holds what came of every attempt."""

from __future__ import annotations

from collections.abc import Mapping

from tests.attacks.attempt import Attempt, Outcome
from tests.attacks.corpus import ATTEMPTS, FAMILIES

Results = Mapping[str, Mapping[str, Outcome]]
"""Set-up, id, outcome."""

HEAD = """\
# Attempts against it

Each line is something that a user may do in a cell, in a terminal or before a kernel starts.
Tests run all of them as a user without rights against a real environment that belongs to root, twice.

`open`
: a plain process of the environment's Python, without a wall and without hooks.

`enforce`
: a session behind the wall of the hub, and in it a kernel that is started as the provisioner does.

*reached*
: The attempt saw its goal. That may be as little as running own code.

*refused*
: It did not, and was told in our sentence.

*held*
: It did not.

*Changed* means that anything about any path of the environment was other than before:
its content, mode, time, owner, links or attributes.

The attempts to change an environment are real: on a copy that its user owns and may write to,
without a wall, they have to succeed, but for the few that no system allows or that miss a program.
With the wall alone such an owner still changes modes, times, attributes and access lists, never content:
BY_OWNERS.

What is reached with `enforce` runs in the user's own session or home and alters nothing that was approved;
{doc}`threat-model` says what follows from it.
Cells run in IPython without the messages of Jupyter around them, conda is a double with the real plugin,
and attempts over HTTP are made by the tests of the server, not by these.

"""

BY_OWNERS = ("C17", "D03", "D04", "D12", "D20", "D25", "D26", "D27", "D35", "D47", "F04")
"""Attempts that change something about an environment that the user owns, in spite of the wall."""

SENTENCE = "turned off for approved environments"
"""What every refusal of ours has in it."""

COLUMNS = ("id", "attempt", "open", "enforce", "environment changed: open", "environment changed: enforce")


def page(results: Results) -> str:
    """Return the page."""
    parts = [HEAD.replace("BY_OWNERS", ", ".join(BY_OWNERS)), _counts(results)]
    for letter, name in FAMILIES.items():
        rows = [_row(attempt, results) for attempt in ATTEMPTS if attempt.family == letter]
        parts.append(f"\n## {letter}: {name}\n\n" + _table(COLUMNS, rows))
    return "".join(parts)


def changed_columns(text: str) -> dict[str, tuple[str, str]]:
    """Return what a page says about changes, by the id of the attempt."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {row[0]: (row[-2], row[-1]) for row in rows if row[0][1:].isdigit()}


def _counts(results: Results) -> str:
    rows = []
    for letter, name in FAMILIES.items():
        ids = [attempt.id for attempt in ATTEMPTS if attempt.family == letter]
        rows.append((f"{letter}: {name}", str(len(ids)), *_numbers(results, ids)))
    rows.append(("all", str(len(ATTEMPTS)), *_numbers(results, [attempt.id for attempt in ATTEMPTS])))
    return _table(("family", "attempts", *COLUMNS[2:]), rows)


def _numbers(results: Results, names: list[str]) -> tuple[str, ...]:
    found = [[results[setting][name] for name in names] for setting in ("open", "enforce")]
    reached = [str(sum(outcome.reached for outcome in outcomes)) for outcomes in found]
    return (*reached, *(str(sum(outcome.changed for outcome in outcomes)) for outcomes in found))


def _row(attempt: Attempt, results: Results) -> tuple[str, ...]:
    found = [results[setting][attempt.id] for setting in ("open", "enforce")]
    reached = [_word(outcome) for outcome in found]
    return (attempt.id, attempt.what, *reached, *("yes" if outcome.changed else "no" for outcome in found))


def _word(outcome: Outcome) -> str:
    if outcome.reached:
        return "reached"
    return "refused" if SENTENCE in outcome.said else "held"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("-" * len(name) for name in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
