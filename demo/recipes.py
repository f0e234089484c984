"""What the demo's environments are made of: every version, in one table.

The wheels come from PyPI, so the table speaks PyPI's names; the environments
below speak conda's, which are the same words here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from packaging.requirements import Requirement


@dataclass(frozen=True, slots=True)
class Pin:
    """The versions of one project that go into the channel."""

    versions: tuple[str, ...]
    """Every version that some environment asks for."""
    license: str = ""
    """SPDX expression, read from its licence file; empty when the wheel's metadata states one."""


PINS: Mapping[str, Pin] = MappingProxyType(
    {
        "asttokens": Pin(("3.0.2",), "Apache-2.0"),
        "comm": Pin(("0.2.3",), "BSD-3-Clause"),
        "contourpy": Pin(("1.3.3",), "BSD-3-Clause"),
        "cycler": Pin(("0.12.1",), "BSD-3-Clause"),
        "debugpy": Pin(("1.8.22",), "MIT"),
        "executing": Pin(("2.3.0",), "MIT"),
        "fonttools": Pin(("4.68.0",), "MIT"),
        "humanize": Pin(("4.17.0",)),
        "ipykernel": Pin(("7.4.0",)),
        "ipython": Pin(("9.18.1",)),
        "ipython-pygments-lexers": Pin(("1.1.1",), "BSD-3-Clause"),
        "jedi": Pin(("0.20.1",), "MIT"),
        "jupyter-client": Pin(("8.10.0",), "BSD-3-Clause"),
        "jupyter-core": Pin(("5.9.1",)),
        "kiwisolver": Pin(("1.5.1",), "BSD-3-Clause"),
        "matplotlib": Pin(("3.10.9", "3.11.2"), "PSF-2.0"),
        "matplotlib-inline": Pin(("0.2.2",)),
        "nest-asyncio2": Pin(("1.7.4",), "BSD-2-Clause"),
        "numpy": Pin(("2.4.6",)),
        "packaging": Pin(("26.4",)),
        "pandas": Pin(("3.0.6", "3.1.1"), "BSD-3-Clause"),
        "parso": Pin(("0.8.7",), "MIT"),
        "pexpect": Pin(("4.9.0",), "ISC"),
        "pillow": Pin(("13.0.0",)),
        "pip": Pin(("26.3",)),
        "platformdirs": Pin(("4.14.8",)),
        "prompt-toolkit": Pin(("3.0.53",), "BSD-3-Clause"),
        "psutil": Pin(("7.2.2",), "BSD-3-Clause"),
        "ptyprocess": Pin(("0.7.0",), "ISC"),
        "pure-eval": Pin(("0.2.4",), "MIT"),
        "pygments": Pin(("2.21.0",)),
        "pyparsing": Pin(("3.3.3",)),
        "python-dateutil": Pin(("4.0.0",)),
        "pyzmq": Pin(("27.3.0",)),
        "stack-data": Pin(("0.6.3",), "MIT"),
        "tornado": Pin(("6.6.1",), "Apache-2.0"),
        "traitlets": Pin(("5.16.1",), "BSD-3-Clause"),
        "typing-extensions": Pin(("4.16.0",)),
        "tzdata": Pin(("2026.6",), "Apache-2.0"),
        "wcwidth": Pin(("0.9.4",), "MIT"),
    }
)
"""Projects by normalised name, the whole closure: nothing is resolved while building."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One pack: which environment and release it is, and how it is made."""

    environment: str
    """Name of the environment, such as `datasci`."""
    release: str
    """Label of the release, such as `2026.11`."""
    specs: tuple[str, ...]
    """What is asked for, as conda writes it; the solver adds the dependencies."""
    pip: tuple[str, ...] = ()
    """Requirements that pip puts on top, past conda's records."""
    edit: str = ""
    """A file below site-packages in which one byte is changed, past conda's records."""

    @property
    def label(self) -> str:
        """Name and release in one word, such as `datasci@2026.11`."""
        return f"{self.environment}@{self.release}"


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "minimal": Recipe(environment="minimal", release="2026.11", specs=("python", "ipykernel")),
        "datasci": Recipe(
            environment="datasci",
            release="2026.05",
            specs=("python", "ipykernel", "matplotlib ==3.10.9", "numpy", "pandas ==3.0.6", "pip"),
        ),
        "datasci_next": Recipe(
            environment="datasci",
            release="2026.11",
            specs=("python", "ipykernel", "matplotlib ==3.11.2", "numpy", "pandas ==3.1.1", "pip"),
        ),
        "pip_on_top": Recipe(
            environment="pip-on-top",
            release="2026.11",
            specs=("python", "ipykernel"),
            pip=("humanize==4.17.0",),
        ),
        "tampered": Recipe(
            environment="tampered",
            release="2026.11",
            specs=("python", "ipykernel"),
            edit="traitlets/traitlets.py",
        ),
        "calc": Recipe(environment="calc", release="2026.11", specs=("python", "calc-kernel")),
    }
)
"""The packs by the names of `demo.environments.Packs`."""


def requirements() -> list[list[str]]:
    """Return the pins as lists for pip, each of which holds a project at most once."""
    rounds = max(len(pin.versions) for pin in PINS.values())
    return [
        [f"{name}=={pin.versions[at]}" for name, pin in PINS.items() if at < len(pin.versions)]
        for at in range(rounds)
    ]


def conda_spec(requirement: Requirement) -> str:
    """Return a PyPI requirement as conda writes it: name, space, comparisons."""
    bounds = ",".join(sorted(str(bound) for bound in requirement.specifier))
    return f"{requirement.name.lower().replace('_', '-').replace('.', '-')} {bounds}".strip()
