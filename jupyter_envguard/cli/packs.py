"""`inspect`: what is in a pack, without a site and without a judgement."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jupyter_envguard.cli.context import Context
from jupyter_envguard.cli.progress import progress
from jupyter_envguard.cli.tables import packages
from jupyter_envguard.cli.terminal import columns, count, file_size
from jupyter_envguard.cli.verbs import Answer, Verb
from jupyter_envguard.inventory import Inventory
from jupyter_envguard.pack import open_pack


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `inspect`."""
    parser.add_argument("pack", metavar="PACK", help="the packed environment")
    parser.add_argument("--packages", action="store_true", help="list every package as well")


def inspect(arguments: Namespace, context: Context) -> Answer:
    """Show what is in a pack; nothing is executed, written or judged."""
    with (
        open_pack(Path(arguments.pack)) as pack,
        progress(context.screen, f"Reading {pack.path.name}") as told,
    ):
        inventory = pack.inventory(told)
    lines = [*_inspected(inventory)]
    if arguments.packages:
        lines += ["", *packages(inventory.spec)]
    return Answer({"pack": arguments.pack, **facts(inventory)}, lines)


def facts(inventory: Inventory) -> dict[str, Any]:
    """Return what is known about a pack as JSON, enough to judge it with other tools."""
    return {
        "digest": inventory.digest,
        "format": inventory.format,
        "size": inventory.size,
        "members": dict(_kinds(inventory)),
        "unpacked_size": _unpacked(inventory),
        "build_prefix": inventory.build_prefix,
        "python": inventory.python_version,
        "kernels": inventory.kernel_specs(),
        "machines": dict(Counter(inventory.machines.values())),
        "leaks": dict(inventory.leaks),
        "spec_digest": inventory.spec.digest(),
        "spec": inventory.spec.as_json(),
    }


def _kinds(inventory: Inventory) -> Counter[str]:
    return Counter(str(member.kind) for member in inventory.members.values())


def _unpacked(inventory: Inventory) -> int:
    return sum(member.size for member in inventory.members.values())


def _inspected(inventory: Inventory) -> Iterator[str]:
    managers = Counter(package.manager for package in inventory.spec.packages)
    rows = {
        "pack": inventory.digest,
        "format": f"{inventory.format}, {file_size(inventory.size)}",
        "holds": f"{count(len(inventory.members), 'path')}, {file_size(_unpacked(inventory))}",
        "built in": inventory.build_prefix,
        "platform": inventory.spec.platform,
        "python": inventory.python_version,
        "kernels": ", ".join(sorted(inventory.kernel_specs())),
        "spec": inventory.spec.digest(),
        "packages": ", ".join(f"{number} from {manager}" for manager, number in sorted(managers.items())),
    }
    return iter(columns([(key, value or "-") for key, value in rows.items()]))


VERBS: Mapping[str, Verb] = MappingProxyType({"inspect": Verb(arguments, inspect)})
