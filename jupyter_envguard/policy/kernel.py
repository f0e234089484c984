"""Rules about the kernel: that there is one, and that nothing but the environment decides what it runs."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from jupyter_envguard.inventory import Kind
from jupyter_envguard.policy.core import Problem, Rule
from jupyter_envguard.policy.facts import Facts

DANGEROUS = re.compile(
    r"(LD_|DYLD_|PYTHON|JUPYTER|JPY_|IPYTHON|CONDA|BASH_|PERL5|RUBY|NODE_|R_(PROFILE|ENVIRON|LIBS)|JULIA_(LOAD|DEPOT))"
    r"|(ENV|IFS|PATH|HOME|SHELLOPTS|GCONV_PATH|MPLBACKEND|GI_TYPELIB_PATH|GTK_PATH)\Z"
)
"""Variables that choose what code a program loads."""

KERNEL_FOLDER = re.compile(r"share(?:/jupyter(?:/kernels(?:/[^/]+)?)?)?\Z")
"""Folders in which Jupyter, and so this policy, looks for kernelspecs."""

END_OF_LIFE = MappingProxyType(
    {
        "3.8": datetime.date(2024, 10, 7),
        "3.9": datetime.date(2025, 10, 31),
        "3.10": datetime.date(2026, 10, 31),
        "3.11": datetime.date(2027, 10, 31),
        "3.12": datetime.date(2028, 10, 31),
        "3.13": datetime.date(2029, 10, 31),
        "3.14": datetime.date(2030, 10, 31),
    }
)
"""The last day on which a Python gets security fixes (peps 569, 596, 619, 664, 693, 719, 745)."""

OLDEST_KNOWN = (3, 8)
"""Pythons before it were out of support when this was written."""


def missing_kernel(facts: Facts) -> Iterator[Problem]:
    """Report a pack in which nothing can be started as a kernel."""
    launchers = (
        path for path in facts.inventory.members if path.endswith("/site-packages/ipykernel_launcher.py")
    )
    if facts.has("bin/python") and any(launchers):
        return
    if any(document and facts.has(facts.inside(_program(document))) for document in facts.kernels.values()):
        return
    found = [name for name in ("python", "ipykernel") if facts.inventory.spec.find(name)]
    has = f"it has {' and '.join(found)}, but " if found else ""
    yield Problem(
        f"Nothing in the pack can run as a kernel: {has}neither ipykernel nor a usable kernelspec is there."
    )


def broken_kernelspec(facts: Facts) -> Iterator[Problem]:
    """Report each kernel.json that is no kernelspec, and folders of kernels that are links."""
    for path, member in facts.inventory.members.items():
        if member.kind is Kind.SYMLINK and KERNEL_FOLDER.match(path):
            yield Problem(
                f"{path} is a symbolic link, and Jupyter would look for kernels behind it.", (path,)
            )
    for path, document in facts.kernels.items():
        if document is None:
            yield Problem(f"{path} is not a JSON object.", (path,))
        elif not _program(document) or not isinstance(document.get("language"), str):
            yield Problem(f"{path} names no command or no language.", (path,))


def program_outside(facts: Facts) -> Iterator[Problem]:
    """Report each kernel whose program is not a file of the environment."""
    for path, program in _programs(facts):
        inside = facts.inside(program)
        if not inside:
            yield Problem(f"The kernel in {path} would start {program!r}, which lies outside.", (path,))
        elif not facts.has(inside):
            yield Problem(f"The kernel in {path} would start {program!r}, which is not in the pack.", (path,))


def dangerous_variables(facts: Facts) -> Iterator[Problem]:
    """Report each kernel.json that sets a variable which chooses what code is loaded."""
    for path, document in facts.kernels.items():
        declared = document.get("env") if document else None
        if isinstance(declared, dict) and (names := sorted(filter(DANGEROUS.match, declared))):
            yield Problem(f"The kernel in {path} sets {', '.join(names)}.", (path,))


def user_site(facts: Facts) -> Iterator[Problem]:
    """Report kernels in Python, other than ipykernel, that read packages from the user's home."""
    for path, program in _programs(facts):
        words = facts.kernels[path]["argv"]
        is_python = re.match(r"python[0-9.]*\Z", program.rpartition("/")[2])
        if is_python and "ipykernel_launcher" not in words and not {"-I", "-s"}.intersection(words):
            yield Problem(f"The kernel in {path} starts Python without -I or -s.", (path,))


def python_end_of_life(facts: Facts) -> Iterator[Problem]:
    """Report a Python that gets no security fixes any more."""
    version = facts.inventory.python_version
    match = re.match(r"(\d+)\.(\d+)", version)
    if not match:
        return
    series = match[0]
    last = END_OF_LIFE.get(series)
    if last is not None and facts.host.today > last:
        yield Problem(f"Python {version} has had no security fixes since {last.isoformat()}.")
    elif (int(match[1]), int(match[2])) < OLDEST_KNOWN:
        yield Problem(f"Python {version} has had no security fixes for years.")


def _programs(facts: Facts) -> Iterator[tuple[str, str]]:
    for path, document in facts.kernels.items():
        if document and (program := _program(document)):
            yield path, program


def _program(document: dict[str, Any]) -> str:
    """Return the first word of a kernelspec's command, empty unless the command is a list of words."""
    argv = document.get("argv")
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        return ""
    return str(argv[0])


RULES = (
    Rule(
        "kernel.missing-ipykernel",
        "error",
        "An environment is offered as a kernel, so something in it must speak Jupyter's protocol.",
        "Add ipykernel (or the kernel of another language) to the environment and pack it again.",
        missing_kernel,
    ),
    Rule(
        "kernel.spec-invalid",
        "error",
        "A kernelspec that cannot be read cannot be started, and Jupyter would show it nevertheless.",
        "Repair or remove the kernel.json and pack the environment again.",
        broken_kernelspec,
    ),
    Rule(
        "kernel.argv-not-in-env",
        "error",
        "The environment is what was approved; a kernel that starts a program from elsewhere is not it.",
        "Make the kernelspec name a program of the environment and pack it again.",
        program_outside,
    ),
    Rule(
        "kernel.env-dangerous",
        "error",
        "Variables such as LD_PRELOAD, PYTHONPATH or PATH load code from places that nobody approved.",
        "Remove the variables from the env of the kernel.json and pack the environment again.",
        dangerous_variables,
    ),
    Rule(
        "kernel.fails-to-start",
        "error",
        "A kernel that does not start, or does not answer, strands everyone who chooses it.",
        "Start the kernel by hand in the unpacked environment; its last lines are in the finding.",
        None,
    ),
    Rule(
        "kernel.import-fails",
        "error",
        "A package that somebody asked for and that cannot be imported is as good as missing.",
        "Import the module by hand in the unpacked environment; often a system library is missing.",
        None,
    ),
    Rule(
        "kernel.imports-untried",
        "info",
        "The test of a new environment has a limit of modules and of time; the rest was not looked at.",
        "Try the modules in the approved kernel before you approve.",
        None,
    ),
    Rule(
        "kernel.not-isolated",
        "info",
        "The kernel was tried on a machine that cannot keep it from everything, so it may have reached out.",
        "Import packs on a machine with a newer kernel; `jupyter envguard doctor` names what is missing.",
        None,
    ),
    Rule(
        "py.user-site-enabled",
        "warning",
        "Without -I or -s Python also imports packages from the user's home, which nobody approved.",
        "Add -s after python in the kernelspec's argv; kernels are started isolated in any case.",
        user_site,
    ),
    Rule(
        "kernel.python-eol",
        "warning",
        "A Python past its end of life gets no security fixes.",
        "Build the environment with a supported Python.",
        python_end_of_life,
    ),
)
