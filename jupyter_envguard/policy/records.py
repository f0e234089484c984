"""Rules that compare the files with what conda's and pip's records say about them.

The records lie in the pack, so whoever edits a file on purpose can edit its
record. These rules find accidents, half-done repairs and the careless edit; what
holds against everybody is the manifest that is sealed at import.

Honest packs differ from their records in known ways, and these are not findings
(measured with conda-pack 0.9):

- a file with a prefix in it is archived as packaged (its `sha256`), or as it was
  installed (`sha256_in_prefix`), or, packed with `--dest-prefix`, as neither;
- the first line of scripts in `bin` is rewritten to `#!/usr/bin/env …`;
- byte code is made by whoever installs or runs first, and made anew at import;
- a zip holds copies where the environment has symbolic links;
- conda-pack adds five files of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from jupyter_envguard.inventory import Kind, RecordedFile
from jupyter_envguard.policy.core import Problem, Rule
from jupyter_envguard.policy.facts import Facts

UNPACK = "bin/conda-unpack"
CONDA_PACK = frozenset(
    {UNPACK, "bin/conda_unpack_progress.py", "bin/activate", "bin/deactivate", "bin/activate.fish"}
)
"""What conda-pack adds. It removes `activate` and `deactivate` that conda itself left there."""

CODE = re.compile(
    r"(?:bin|sbin|libexec|etc/conda|etc/ipython|share/jupyter/kernels|lib/R/(?:library|etc))/"
    r"|lib(?:64)?/python[^/]+/.*\.(?:py|pyc|pth|zip|egg|egg-link)\Z|lib(?:64)?/python[^/]*\.zip\Z"
    r"|.*\.so(?:\.[0-9.]+)?\Z"
)
"""Where a file that nobody claims may be run."""

BYTE_CODE = re.compile(r"(?:.*/)?__pycache__/[^/]+\.pyc\Z")

Answer = Literal["same", "changed", "unknown"]


def changed(facts: Facts) -> Iterator[Problem]:
    """Report files whose content is not what their record says."""
    found = tuple(path for path, answer in _answers(facts) if answer == "changed")
    if found:
        yield Problem(f"{_files(found)} not what the package's record says.", found)


def unverified(facts: Facts) -> Iterator[Problem]:
    """Report how many files no record can vouch for, though a package claims them."""
    found = tuple(path for path, answer in _answers(facts) if answer == "unknown")
    if found:
        yield Problem(f"{_files(found)} claimed by a package, but cannot be compared with its record.", found)


def missing(facts: Facts) -> Iterator[Problem]:
    """Report files that a record claims and that are not there."""
    found = tuple(
        path
        for path, claims in facts.claims.items()
        if path not in facts.inventory.members and any(map(_must_exist, claims))
    )
    if found:
        yield Problem(f"{_files(found)} claimed by a package and missing.", found)


def extra_file(facts: Facts) -> Iterator[Problem]:
    """Report files at a place where code is run that no package claims."""
    found = tuple(path for path in _unclaimed(facts) if CODE.match(path))
    if found:
        yield Problem(f"{_files(found)} claimed by no package, and may be run.", found)


def extra_data(facts: Facts) -> Iterator[Problem]:
    """Report other files that no package claims."""
    found = tuple(path for path in _unclaimed(facts) if not CODE.match(path))
    if found:
        yield Problem(f"{_files(found)} claimed by no package.", found)


def _answers(facts: Facts) -> Iterator[tuple[str, Answer]]:
    for path, claims in facts.claims.items():
        if path in facts.inventory.members:
            telling = [claim for claim in claims if claim.sha256 or claim.sha256_in_prefix] or claims
            answers = {_compare(facts, claim) for claim in telling}
            yield path, next(answer for answer in ("same", "unknown", "changed") if answer in answers)
    for path, sha256 in facts.pip_files.items():
        if path in facts.inventory.members and path not in facts.claims:
            yield path, _compare_pip(facts, path, sha256)


def _compare(facts: Facts, claim: RecordedFile) -> Answer:
    """Return whether the file is the one that `claim` describes."""
    kind = facts.inventory.members[claim.path].kind
    if BYTE_CODE.match(claim.path) or kind is {"softlink": Kind.SYMLINK, "directory": Kind.DIRECTORY}.get(
        claim.kind
    ):
        return "same"
    if kind in (Kind.SYMLINK, Kind.DIRECTORY):
        return "changed"
    known = {claim.sha256, claim.sha256_in_prefix} - {""}
    if facts.sha256(claim.path) in known:
        return "same"
    if not known:
        return _compare_size(facts, claim)
    return "unknown" if claim.kind == "softlink" or _is_rewritten(facts, claim) else "changed"


def _compare_size(facts: Facts, claim: RecordedFile) -> Answer:
    member = facts.inventory.members[claim.path]
    comparable = claim.size and member.kind is Kind.FILE and not claim.placeholder
    return "changed" if comparable and member.size != claim.size else "unknown"


def _is_rewritten(facts: Facts, claim: RecordedFile) -> bool:
    """Tell whether packing the environment has honestly changed the file."""
    if claim.path.startswith("bin/") and (claim.mode == "text" or claim.kind.endswith("entry_point")):
        return True
    if not claim.placeholder:
        return False
    packed_for_one_place = UNPACK not in facts.inventory.members
    as_installed = (claim.path, facts.inventory.build_prefix) in facts.placeholders
    return packed_for_one_place or (as_installed and not claim.sha256_in_prefix)


def _compare_pip(facts: Facts, path: str, sha256: str) -> Answer:
    if not sha256 or facts.sha256(path) == sha256:
        return "same"
    return "unknown" if path.startswith("bin/") else "changed"


def _must_exist(claim: RecordedFile) -> bool:
    return claim.kind != "directory" and not claim.path.endswith((".pyc", ".nonadmin"))


def _unclaimed(facts: Facts) -> Iterator[str]:
    for path, member in facts.inventory.members.items():
        claimed = path in facts.claims or path in facts.pip_files or path in CONDA_PACK
        made_here = path.startswith("conda-meta/") or BYTE_CODE.match(path)
        if member.kind is not Kind.DIRECTORY and not claimed and not made_here:
            yield path


def _files(paths: tuple[str, ...]) -> str:
    return "1 file is" if len(paths) == 1 else f"{len(paths)} files are"


RULES = (
    Rule(
        "fs.changed",
        "error",
        "A file that is not what its package brought was edited, overwritten or damaged.",
        "Install the package again (conda install --force-reinstall) and pack the environment again.",
        changed,
    ),
    Rule(
        "fs.missing",
        "error",
        "A package whose files are partly missing fails in ways that nobody can foresee.",
        "Install the package again; pack without --exclude and --ignore-missing-files.",
        missing,
    ),
    Rule(
        "fs.extra-file",
        "error",
        "Code that came with no package has no version, no origin and no licence.",
        "Make a package of it, or remove it, and pack the environment again.",
        extra_file,
    ),
    Rule(
        "fs.extra-data",
        "warning",
        "Installation scripts leave caches and indexes; anything else was put there by hand.",
        "Look at the list; remove what does not belong there, and pack the environment again.",
        extra_data,
    ),
    Rule(
        "fs.unverified",
        "info",
        "Packing rewrites paths inside some files, so their recorded hashes say nothing any more.",
        "Nothing; from the import on the sealed manifest vouches for every file.",
        unverified,
    ),
)
