"""Rules about files by themselves: modes, left-over prefixes, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jupyter_envguard.inventory import Kind
from jupyter_envguard.policy.core import Problem, Rule
from jupyter_envguard.policy.facts import Facts
from jupyter_envguard.policy.pins import CREDENTIALS
from jupyter_envguard.policy.startup import declared_variables

SETID = 0o6000
OTHERS_WRITE = 0o002

SECRET_FILES = re.compile(
    r"(?:.*/)?(?:[._]netrc|\.pypirc|\.git-credentials|\.dockercfg|\.pgpass|\.my\.cnf|\.Renviron|\.env"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)|\.aws/credentials|\.docker/config\.json|\.kaggle/kaggle\.json)\Z"
)
"""Files whose only purpose is to hold a password, key or token."""

SECRET_VARIABLES = re.compile(
    r"(?:.*_)?(?:SECRET|TOKEN|API_?KEY|ACCESS_?KEY)(?:_.*)?\Z|.*PASSW(?:OR)?D(?:_.*)?\Z", re.IGNORECASE
)
"""Variables whose value is one."""

SECRET_TEXT = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")

REWRITTEN = re.compile(r"conda-meta/|(?:.*/)?__pycache__/|.*\.pyc\Z|.*\.dist-info/")
"""Where the build prefix is honest: conda's notes, pip's notes, and byte code, which is made anew."""


def setuid(facts: Facts) -> Iterator[Problem]:
    """Report files that would run as somebody else."""
    found = tuple(member.path for member in facts.inventory.members.values() if member.mode & SETID)
    if found:
        yield Problem(f"{len(found)} files are setuid or setgid.", found)


def world_writable(facts: Facts) -> Iterator[Problem]:
    """Report files and folders that everybody may change."""
    found = tuple(
        member.path
        for member in facts.inventory.members.values()
        if member.kind is not Kind.SYMLINK and member.mode & OTHERS_WRITE
    )
    if found:
        yield Problem(f"{len(found)} files or folders may be changed by everybody.", found)


def build_prefix(facts: Facts) -> Iterator[Problem]:
    """Report files that hold the path of the build machine and that no record says how to rewrite."""
    found = {path: prefix for path, prefix in facts.inventory.leaks.items() if not REWRITTEN.match(path)}
    if found:
        prefixes = ", ".join(sorted(set(found.values()))[:3])
        yield Problem(f"{len(found)} files still hold the path of the build ({prefixes}).", tuple(found))


def placeholders(facts: Facts) -> Iterator[Problem]:
    """Report files with a placeholder of conda that no record says how to rewrite."""
    found = facts.inventory.placeholders
    if found:
        first = next(iter(found.values()))
        yield Problem(f"{len(found)} files still hold a placeholder of conda ({first[:60]}…).", tuple(found))


def foreign_paths(facts: Facts) -> Iterator[Problem]:
    """Report programs, libraries and settings that name a folder below somebody's home."""
    found = facts.inventory.foreign
    if found:
        first = next(iter(found.values()))
        yield Problem(
            f"{len(found)} programs, libraries or settings name a folder of a person ({first[:80]}).",
            tuple(found),
        )


def secrets(facts: Facts) -> Iterator[Problem]:
    """Report passwords, keys and tokens that no package brought: somebody left them there."""
    owned = facts.claims.keys() | facts.pip_files.keys()
    for path in facts.inventory.members:
        if path not in owned and SECRET_FILES.match(path):
            yield Problem(f"{path} is a file for passwords, keys or tokens.", (path,))
    for path in facts.inventory.texts:
        text = "" if path in owned else facts.text(path)
        if CREDENTIALS.search(text) or SECRET_TEXT.search(text):
            yield Problem(f"{path} holds a password, key or token.", (path,))
    for path, declared in declared_variables(facts):
        if names := sorted(filter(SECRET_VARIABLES.match, declared)):
            yield Problem(f"{path} sets {', '.join(names)}.", (path,))


RULES = (
    Rule(
        "fs.setuid",
        "error",
        "A setuid program in an environment gives its users somebody else's rights.",
        "Remove the bit and pack the environment again.",
        setuid,
    ),
    Rule(
        "fs.world-writable",
        "error",
        "What everybody could change where the environment was built may have been changed by anybody.",
        "Run chmod -R o-w on the environment, check it, and pack it again.",
        world_writable,
    ),
    Rule(
        "fs.build-prefix-left",
        "error",
        "A program that looks for its files on the build machine silently finds the system's instead.",
        "Pack again without --dest-prefix, while conda's package cache is there: conda-pack needs it.",
        build_prefix,
    ),
    Rule(
        "fs.placeholder-left",
        "warning",
        "A path that no record says how to rewrite leads nowhere, on every machine.",
        "Report it to whoever makes the package; conda's record of it is incomplete.",
        placeholders,
    ),
    Rule(
        "fs.foreign-paths",
        "info",
        "Most are left by compilers and do nothing; one that is followed finds the files of whoever has "
        "that name here.",
        "Look at the paths; strings ENVIRONMENT/FILE | grep /home shows them.",
        foreign_paths,
    ),
    Rule(
        "fs.secrets",
        "error",
        "Everyone who can see the environment could read it.",
        "Change the password, key or token now; remove the file or variable, and pack again.",
        secrets,
    ),
)
