"""Rules about the machine: that the environment was made for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jupyter_envguard.policy.core import Problem, Rule
from jupyter_envguard.policy.facts import Facts

MACHINES = {"linux-64": "x86_64", "linux-aarch64": "aarch64"}
"""The machine in the header of programs for each platform."""

INTERPRETER = re.compile(r"bin/(?:python[0-9.]*|R|julia|node|java)\Z|lib/R/bin/exec/R\Z|lib/libpython[^/]*\Z")
"""Programs without which nothing runs."""


def foreign(facts: Facts) -> Iterator[Problem]:
    """Report a pack, a package or an interpreter that was made for another kind of machine."""
    wanted, spec = facts.host.platform, facts.inventory.spec
    if spec.platform != wanted:
        yield Problem(
            f"The pack is for {spec.platform or 'an unknown platform'}, the machines here are {wanted}."
        )
    for subdir in sorted({package.subdir for package in spec.packages if package.manager == "conda"}):
        if subdir not in ("noarch", spec.platform, wanted):
            names = [package.name for package in spec.packages if package.subdir == subdir]
            yield Problem(
                f"{', '.join(names[:10])} from {subdir or 'an unknown platform'} cannot run on {wanted}."
            )
    programs = tuple(path for path in _foreign_files(facts) if INTERPRETER.match(path))
    if programs:
        machine = facts.inventory.machines[programs[0]]
        yield Problem(f"{programs[0]} is a program for {machine}, the machines here are {wanted}.", programs)


def foreign_file(facts: Facts) -> Iterator[Problem]:
    """Report other files for another kind of machine, which honest packages carry too."""
    files = tuple(path for path in _foreign_files(facts) if not INTERPRETER.match(path))
    if files:
        yield Problem(f"{len(files)} programs or libraries are for another kind of machine.", files)


def _foreign_files(facts: Facts) -> Iterator[str]:
    machine = MACHINES.get(facts.host.platform)
    return (path for path, found in facts.inventory.machines.items() if found != machine)


RULES = (
    Rule(
        "plat.foreign",
        "error",
        "Programs for another kind of machine do not start.",
        "Make the environment on, or for, the platform of these machines and pack it again.",
        foreign,
    ),
    Rule(
        "plat.foreign-file",
        "info",
        "Debuggers and graphics packages bring such files for other machines; elsewhere they are a mistake.",
        "Nothing, when the package is known to bring them.",
        foreign_file,
    ),
)
