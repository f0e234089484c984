"""What a running kernel has in it that was not approved, or what was kept out of it: `Finding`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

Kind = Literal["denied-import", "foreign-native", "foreign-package", "foreign-program", "shadowed-name"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Witness = Literal["self-reported", "kernel-attested"]
"""Who says so: the kernel about itself, or the machine's kernel about its process."""

State = Literal["clean", "drifted", "unknown"]

SENTENCES: Mapping[Kind, str] = MappingProxyType(
    {
        "denied-import": "{name} from {where} was not loaded, for it is no part of the environment.",
        "foreign-native": "Native code from {where} is loaded, which is no part of the environment.",
        "foreign-package": "{name} is imported from {where}, which is no part of the environment.",
        "foreign-program": "The kernel runs {where}, which is not the program that was approved.",
        "shadowed-name": "The module {name} comes from {where} and hides the environment's own.",
    }
)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is not of the environment, loaded or kept from loading."""

    kind: Kind
    """What it is."""
    name: str
    """The distribution with its version, the module, or the file."""
    where: str
    """Its path."""

    @property
    def is_drift(self) -> bool:
        """Whether it is in the kernel; what was kept out is not."""
        return self.kind != "denied-import"

    @property
    def message(self) -> str:
        """What was found, in one sentence."""
        return SENTENCES[self.kind].format(name=self.name, where=self.where)

    def as_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"kind": self.kind, "name": self.name, "where": self.where, "message": self.message}
