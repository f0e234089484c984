"""Rules about pinning: that every package says exactly which file it came from, and where from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from jupyter_envguard.policy.core import Problem, Rule
from jupyter_envguard.policy.facts import Distribution, Facts, canonical_name, parsed_object
from jupyter_envguard.spec import Package

CREDENTIALS = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/\s@]*:[^/\s@]+@|[^/\s]+/t/[^/\s]+/)", re.IGNORECASE)
"""Addresses that hold a password (`https://user:secret@host`) or a conda token (`/t/secret/`)."""

CONDA_HOST = "https://conda.anaconda.org/"
"""Where a channel lives that is written as a bare name."""


def missing_hash(facts: Facts) -> Iterator[Problem]:
    """Report conda packages whose record states no SHA-256."""
    found = _names(package for package in facts.inventory.spec.packages if _lacks_hash(package, "conda"))
    if found:
        yield Problem(f"{_counted(found)} recorded without a SHA-256: {_listed(found)}.")


def missing_pip_hash(facts: Facts) -> Iterator[Problem]:
    """Report packages from pip of which no archive hash is known."""
    found = _names(package for package in facts.inventory.spec.packages if _lacks_hash(package, "pypi"))
    if found:
        yield Problem(f"{_counted(found)} installed by pip without a recorded hash: {_listed(found)}.")


def duplicate_record(facts: Facts) -> Iterator[Problem]:
    """Report packages with two conda records."""
    counts = Counter(record.name for record in facts.inventory.records)
    for name in sorted(name for name, count in counts.items() if count > 1):
        paths = tuple(record.path for record in facts.inventory.records if record.name == name)
        yield Problem(f"{name} has {len(paths)} records in conda-meta.", paths)


def misnamed_record(facts: Facts) -> Iterator[Problem]:
    """Report conda records whose file name contradicts their content."""
    for record in facts.inventory.records:
        expected = f"conda-meta/{record.name}-{record.version}-{record.build}.json"
        if record.path != expected:
            yield Problem(
                f"{record.path} describes {record.name} {record.version} {record.build}.", (record.path,)
            )


def mixed(facts: Facts) -> Iterator[Problem]:
    """Report that pip put something on top of conda."""
    found = _names(package for package in facts.inventory.spec.packages if package.manager == "pypi")
    if found and facts.inventory.spec.is_mixed:
        yield Problem(f"{_counted(found)} installed by pip on top of conda: {_listed(found)}.")


def shadowed(facts: Facts) -> Iterator[Problem]:
    """Report distributions that both conda and pip claim to have installed."""
    packages = facts.inventory.spec.packages
    conda = {canonical_name(package.name) for package in packages if package.manager == "conda"}
    conda |= {distribution.name for distribution in facts.distributions if distribution.by_conda}
    pip = {canonical_name(package.name) for package in packages if package.manager == "pypi"}
    for name in sorted(conda & pip):
        yield Problem(f"{name} was installed by both conda and pip; conda's record is no longer true.")
    both = tuple(path for path in facts.pip_files if path in facts.claims)
    if both:
        yield Problem(f"pip installed over {len(both)} files of conda packages.", both)


def direct_origin(facts: Facts) -> Iterator[Problem]:
    """Report distributions that pip installed from a repository, a folder, or an archive without hash."""
    for distribution in facts.distributions:
        if not distribution.by_conda and (why := _unpinned_origin(facts, distribution)):
            path = f"{distribution.folder}/direct_url.json"
            yield Problem(f"{distribution.name} was installed {why}.", (path,))


def foreign_channel(facts: Facts) -> Iterator[Problem]:
    """Report packages from channels that the policy does not list, when it lists any."""
    allowed = {_address(channel) for channel in facts.policy.allowed_channels}
    if not allowed:
        return
    packages = [package for package in facts.inventory.spec.packages if package.manager == "conda"]
    for channel in sorted(
        {package.channel for package in packages if _address(package.channel) not in allowed}
    ):
        found = _names(package for package in packages if package.channel == channel)
        where = f"the channel {channel}" if channel else "an unknown channel"
        yield Problem(f"{_counted(found)} from {where}: {_listed(found)}.")


def credentials(facts: Facts) -> Iterator[Problem]:
    """Report packages whose record holds somebody's password or token."""
    found = _names(
        package
        for package in facts.inventory.spec.packages
        if CREDENTIALS.match(package.url) or CREDENTIALS.match(package.channel)
    )
    if found:
        yield Problem(f"The address holds a password or token for {_listed(found)}.")


def unknown_license(facts: Facts) -> Iterator[Problem]:
    """Report packages whose record states no licence."""
    found = _names(package for package in facts.inventory.spec.packages if not package.license.strip())
    if found:
        yield Problem(f"{_counted(found)} without a stated licence: {_listed(found)}.")


def _unpinned_origin(facts: Facts, distribution: Distribution) -> str:
    """Return how pip got a distribution, or nothing when its bytes are pinned (PEP 610)."""
    path = f"{distribution.folder}/direct_url.json"
    if not facts.has(path):
        return ""
    origin = parsed_object(facts.text(path))
    if origin is None:
        return "from somewhere unreadable"
    if "vcs_info" in origin:
        return f"from a repository, {_address_shown(origin)}"
    if "dir_info" in origin:
        return f"from a folder, {_address_shown(origin)}"
    archive = origin.get("archive_info")
    hashed = isinstance(archive, dict) and (archive.get("hashes") or archive.get("hash"))
    return "" if hashed else f"from an archive without a hash, {_address_shown(origin)}"


def _address_shown(origin: dict[str, object]) -> str:
    return re.sub(r"//[^/@]*@", "//", str(origin.get("url", "of unknown address")))


def _address(channel: str) -> str:
    """Return a channel as an address, so that a name and its address compare equal."""
    channel = channel.rstrip("/")
    return channel if "://" in channel or not channel else CONDA_HOST + channel


def _lacks_hash(package: Package, manager: str) -> bool:
    return package.manager == manager and not package.sha256


def _names(packages: Iterator[Package]) -> list[str]:
    return sorted(package.name for package in packages)


def _counted(names: list[str]) -> str:
    return "1 package is" if len(names) == 1 else f"{len(names)} packages are"


def _listed(names: list[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


RULES = (
    Rule(
        "pin.hash-missing",
        "error",
        "Without a SHA-256 nobody can say which file a package came from, or get the same one again.",
        "Install with a conda that records sha256 (22.11 or newer) from an indexed channel, and pack again.",
        missing_hash,
    ),
    Rule(
        "pin.duplicate-record",
        "error",
        "Two records of one package mean that an update went wrong: files of both may be mixed.",
        "Remove and install the package, or make the environment anew, and pack again.",
        duplicate_record,
    ),
    Rule(
        "pin.conda-meta-name-mismatch",
        "error",
        "A record that is named after another package was edited or copied by hand.",
        "Make the environment anew and pack it again.",
        misnamed_record,
    ),
    Rule(
        "pip.mixed",
        "warning",
        "conda does not know what pip installed, so its solver and its records are silent about it.",
        "Prefer conda packages; what pip installed is listed in the spec with manager pypi.",
        mixed,
    ),
    Rule(
        "pip.shadows-conda",
        "error",
        "When pip replaces what conda installed, conda's record names a version that is not there.",
        "Install the package with one of the two only, and pack again.",
        shadowed,
    ),
    Rule(
        "pip.unhashed",
        "warning",
        "pip records no hash of what it takes from an index: the pack pins the bytes, not their origin.",
        "Install from a downloaded wheel, whose hash pip records, or from a conda package.",
        missing_pip_hash,
    ),
    Rule(
        "pip.vcs-or-url",
        "error",
        "What comes from a repository, a folder or an unhashed archive can never be got again for sure.",
        "Build a wheel or a conda package of it, install that, and pack again.",
        direct_origin,
    ),
    Rule(
        "chan.not-allowed",
        "error",
        "The site names the channels it trusts under allowed_channels.",
        "Build the environment from the allowed channels, or ask to have the channel allowed.",
        foreign_channel,
    ),
    Rule(
        "chan.credentials-in-url",
        "error",
        "Everyone who can see the environment could read the password or token from its records.",
        "Change the password or token now; set the channel up without it in the address, and pack again.",
        credentials,
    ),
    Rule(
        "lic.unknown",
        "info",
        "A package without a licence may not be redistributed; a record without one may just be sloppy.",
        "Look the licence up and tell the package's maintainers.",
        unknown_license,
    ),
)
