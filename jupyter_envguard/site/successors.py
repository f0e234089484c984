"""The `successors` section of a site file: which kernel stands in for one that is not there.

successors:
  python3: datasci
  ds-2025: datasci@2026.05
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from yaml.nodes import MappingNode, Node, ScalarNode

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.site import reading
from jupyter_envguard.site.reading import Mistakes

KERNEL = re.compile(r"[A-Za-z0-9._%-]{1,100}\Z")
"""A kernel name as notebooks hold it."""
TARGET = re.compile(r"[a-z0-9._-]{1,64}(@[a-z0-9._-]{1,64})?\Z")
MOST = 200
"""Kernels that a site maps."""


def successors(node: Node, mistakes: Mistakes) -> Mapping[str, str]:
    """Return the mapping that a `successors` section describes: kernel names in lower case to targets."""
    if not isinstance(node, MappingNode) or len(node.value) > MOST:
        mistakes.add(node, f"Expected at most {MOST} kernel names, each with what stands in for it.")
        return MappingProxyType({})
    found: dict[str, str] = {}
    for key, value in node.value:
        name = key.value.lower() if isinstance(key, ScalarNode) and KERNEL.match(key.value) else ""
        target = reading.checked(value, _target, mistakes)
        if not name:
            mistakes.add(key, "This is not the name of a kernel.")
        elif name in found:
            mistakes.add(key, f"{name!r} is there twice.")
        elif target:
            found[name] = target
    return MappingProxyType(found)


def _target(text: str) -> str:
    if TARGET.match(text):
        return text
    raise InvalidInput(
        "invalid-argument", f"{text!r} is no environment.", "Write datasci, or datasci@2026.05."
    )
