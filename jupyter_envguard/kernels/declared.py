"""What a pack says that its kernel can do: the language it speaks, the modules somebody asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from jupyter_envguard.inventory import Inventory
from jupyter_envguard.policy import DEFAULT, Host
from jupyter_envguard.policy.facts import Facts

LAUNCHER = re.compile(r"lib/python[^/]+/site-packages/ipykernel_launcher\.py\Z")

MODULE = re.compile(
    r"lib/python[^/]+/site-packages/([A-Za-z]\w*)(?:/__init__\.py|\.py|(?:\.[\w-]+)?\.so)\Z", re.ASCII
)
"""A file that makes a top-level module, public by its name."""

NEVER_MEANT = frozenset(
    {
        "benchmarks",
        "conftest",
        "doc",
        "docs",
        "example",
        "examples",
        "scripts",
        "setup",
        "test",
        "tests",
        "tools",
    }
)
"""Top-level names that packages leave in site-packages by mistake."""


def kernel_language(inventory: Inventory) -> str:
    """Return Python where the pack has ipykernel, else the language of its first kernel, else Python."""
    if any(map(LAUNCHER.match, inventory.members)):
        return "python"
    kernels = _facts(inventory).kernels
    for path in sorted(kernels):
        language = (kernels[path] or {}).get("language")
        if isinstance(language, str) and language:
            return language
    return "python"


def declared_modules(inventory: Inventory) -> tuple[str, ...]:
    """Return the top-level modules of the packages that somebody asked for, sorted by name.

    What only the solver or pip brought along is not asked for.
    """
    asked = {package.name for package in inventory.spec.packages if package.requested}
    found = set(_modules(_files(inventory, asked)))
    return tuple(sorted(found - NEVER_MEANT))


def _files(inventory: Inventory, asked: set[str]) -> Iterator[str]:
    for record in inventory.records:
        if record.name in asked:
            yield from (file.path for file in record.files)
    for distribution in _facts(inventory).distributions:
        if not distribution.by_conda and distribution.name in asked:
            yield from distribution.files


def _modules(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if match := MODULE.match(path):
            yield match[1]


def _facts(inventory: Inventory) -> Facts:
    return Facts(inventory, DEFAULT, Host.here())
