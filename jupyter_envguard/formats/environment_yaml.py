"""`environment.yml`: what `conda env create` reads, every package pinned to its build.

conda solves such a file anew, so it may come out differently when a channel has
changed; the explicit file does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jupyter_envguard.spec import Package, Spec


def environment_yaml(spec: Spec, name: str) -> str:
    """Return `spec` as an environment file for an environment called `name`."""
    conda = [package for package in spec.packages if package.manager == "conda"]
    pypi = [package for package in spec.packages if package.manager == "pypi"]
    lines = [f"name: {quoted(name)}", *_list("channels", _channels(conda)), *_dependencies(conda, pypi)]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Return `text` as a double-quoted YAML scalar that every reader takes for the same text.

    What is not plain ASCII is escaped. JSON's escapes would not do: JSON writes
    characters beyond U+FFFF as two halves, which YAML reads as two characters.
    """
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isascii() and character.isprintable() else f"\\U{ord(character):08x}"


def _channels(packages: Iterable[Package]) -> list[str]:
    named = dict.fromkeys(package.channel for package in packages if package.channel)
    return [*named, "nodefaults"]


def _dependencies(conda: Iterable[Package], pypi: list[Package]) -> Iterator[str]:
    yield from _list("dependencies", (_pinned(package) for package in conda))
    if pypi:
        yield "  - pip:"
        yield from (f"    - {quoted(f'{package.name}=={package.version}')}" for package in pypi)


def _list(key: str, values: Iterable[str]) -> Iterator[str]:
    yield f"{key}:"
    yield from (f"  - {quoted(value)}" for value in values)


def _pinned(package: Package) -> str:
    return "=".join(part for part in (package.name, package.version, package.build) if part)
