"""`@EXPLICIT`: one address per package, which conda, mamba and micromamba install as it stands.

    conda create --name copy --file explicit.txt

The hash behind `#` is SHA-256 as CEP 23 allows (`sha256:…`), or MD5 where the
record knows nothing better. What pip installed cannot be said in this format and
stands in comments, so nobody believes the file to be complete.
"""

from __future__ import annotations

from collections.abc import Iterator

from jupyter_envguard.dependencies import requirement_name
from jupyter_envguard.formats.hashes import hashes_of
from jupyter_envguard.spec import Package, Spec

MARKER = "@EXPLICIT"


def explicit(spec: Spec, title: str) -> str:
    """Return `spec` as an explicit file whose first comment is `title`, ending in a line feed.

    Packages come after those they depend on, as conda lists them. A conda package
    without an address cannot be fetched and is named in a comment instead.
    """
    lines = [_comment(title), f"# platform: {spec.platform}", f"# spec: {spec.digest()}"]
    conda = [package for package in spec.packages if package.manager == "conda"]
    lines += [_comment(f"pypi: {p.name}=={p.version}") for p in spec.packages if p.manager == "pypi"]
    lines += [_comment(f"no address: {_label(p)}") for p in conda if not can_be_fetched(p)]
    lines += [MARKER, *(_address(package) for package in in_order(conda) if can_be_fetched(package))]
    return "\n".join(lines) + "\n"


def can_be_fetched(package: Package) -> bool:
    """Tell whether the format can say where `package` is: a conda package with an address on one line."""
    return package.manager == "conda" and bool(package.url) and package.url.split() == [package.url]


def in_order(packages: list[Package]) -> Iterator[Package]:
    """Yield `packages`, each after those of its dependencies that are among them.

    Packages that depend on each other in a circle come in the order given.
    """
    by_name: dict[str, int] = {}
    for place, package in enumerate(packages):
        by_name.setdefault(package.name, place)  # A hostile pack may have two of one name: none is lost.
    started: set[int] = set()
    for first in range(len(packages)):
        waiting = [] if first in started else [first]
        while waiting:
            started.add(waiting[-1])
            needs = _needs(packages[waiting[-1]], by_name)
            needed = next((need for need in needs if need not in started), None)
            if needed is None:
                yield packages[waiting.pop()]
            else:
                waiting.append(needed)


def _needs(package: Package, by_name: dict[str, int]) -> list[int]:
    names = (requirement_name(requirement).lower() for requirement in package.depends)
    return [by_name[name] for name in names if name in by_name]


def _address(package: Package) -> str:
    known = hashes_of(package)
    digest = f"#sha256:{known['sha256']}" if "sha256" in known else f"#{known['md5']}" if known else ""
    return package.url.partition("#")[0] + digest


def _label(package: Package) -> str:
    return f"{package.name}={package.version}={package.build}"


def _comment(text: str) -> str:
    return "# " + " ".join(text.split())
