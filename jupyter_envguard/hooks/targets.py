"""Which environment a change is about, and which packages, as its tool would understand it."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .commands import Change

PREFIX_OPTIONS = {
    "conda": ("-p", "--prefix"),
    "npm": ("--prefix",),
    "pip": ("-t", "--target", "--prefix", "--root", "--python"),
    "uv": ("-p", "--python", "--target", "--prefix"),
}
"""Options whose value is the path of another environment."""

_CONDA = "-c --channel -n --name -p --prefix --file --solver --repodata-fn --platform --subdir --revision"
_PIP = (
    "-c --constraint -r --requirement -e --editable -t --target -C --config-settings --prefix --root --src "
    "-i --index-url --extra-index-url -f --find-links --python --platform --python-version --abi --cert "
    "--implementation --no-binary --only-binary --report --upgrade-strategy --cache-dir --proxy --log "
    "--retries --timeout --trusted-host --exists-action"
)
_NPM = "-C --prefix --registry --loglevel --location -w --workspace --tag"
_PIXI = "-c --channel -e --environment -f --feature -p --platform --manifest-path --host"
_UV = (
    "-c --constraints -r --requirements -e --editable -t --target --prefix -p --python -i --index-url "
    "--default-index --index --extra-index-url -f --find-links --overrides --extra --group --directory "
    "--project --cache-dir --python-version --python-platform --no-binary --only-binary"
)
VALUED = {
    "conda": frozenset(_CONDA.split()),
    "npm": frozenset(_NPM.split()),
    "pip": frozenset(_PIP.split()),
    "pixi": frozenset(_PIXI.split()),
    "uv": frozenset(_UV.split()),
}
"""Options after the verb whose next word is their value, and names no package."""

_FAMILY = {"micromamba": "conda", "mamba": "conda", "conda_env": "conda", "conda-env": "conda", "pipx": "pip"}
_HERE = ("npm", "pixi", "venv", "virtualenv")
"""Tools that work on the folder they are called in, not on the environment of the kernel."""
_HERE_WITH_UV = ("add", "init", "remove", "run", "sync", "tool", "venv")
NPM_PREFIX = ("NPM_CONFIG_PREFIX", "npm_config_prefix")
"""Variables that tell npm where what is for everybody lies."""
NPMRC_BYTES = 64 * 1024
"""Size of the file of npm's settings that is read."""
_VERSION = "[<>=!~;@ ,"
"""What ends the name of a package in a requirement."""


def family_of(change: Change) -> str:
    """Return the name of the tool whose options `change` has."""
    return _FAMILY.get(change.tool, change.tool)


def requirements_in(change: Change) -> list[str]:
    """Return what `change` asks for as it was written, `xgboost>=2`, without options, files and addresses."""
    family = family_of(change)
    valued = VALUED.get(family, frozenset())
    asked, skip = [], False
    for word in change.rest:
        if not skip and word and not word.startswith("-") and name_of(word):
            asked.append(word.rpartition("::")[2] if family == "conda" else word)
        skip = not skip and word in valued
    return asked


def packages_in(change: Change) -> list[str]:
    """Return the names of the packages that `change` asks for."""
    return [name_of(requirement) for requirement in requirements_in(change)]


def target_of(change: Change) -> str:
    """Return the prefix of the environment that `change` is about, as its tool would find it."""
    family = family_of(change)
    named = _value_of(PREFIX_OPTIONS.get(family, ()), change.words)
    if named:
        return _prefix_around(_absolute(named))
    if family == "conda":
        name = _value_of(("-n", "--name"), change.words)
        if name:
            return os.path.expanduser(f"~/.conda/envs/{name}")
        return os.environ.get("CONDA_PREFIX") or sys.prefix
    if change.operation == "npm:global":
        return _npm_prefix(change.program)
    if family in _HERE or (family == "uv" and change.operation.partition(":")[2] in _HERE_WITH_UV):
        return os.getcwd()
    active = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
    if family == "uv" and active:
        return active
    return _prefix_of_program(change.program)


def name_of(requirement: str) -> str:
    """Return the name in `requirement`, empty when it is a path, an address or nothing of the kind."""
    name = requirement.rpartition("::")[2]
    if name.startswith(".") or "/" in name.partition("@")[0]:
        return ""
    for end in _VERSION:
        name = name.partition(end)[0]
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    return name if plain.isalnum() and name[0].isalnum() and name.isascii() else ""


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _value_of(options: Sequence[str], words: Sequence[str]) -> str:
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in options:
            return value if equals else "".join(words[index + 1 : index + 2])
        if word[:2] in options and not word.startswith("--"):
            return word[2:]
    return ""


def _prefix_around(path: str) -> str:
    """Return the prefix that `path` belongs to when it is a program, else the path."""
    is_program = os.path.basename(os.path.dirname(path)) == "bin" and os.path.isfile(path)
    return os.path.dirname(os.path.dirname(path)) if is_program else path


def _prefix_of_program(program: str) -> str:
    """Return the prefix that `program` would change: its own where it is a virtual environment's.

    A bare name that leads elsewhere, to the system's pip perhaps, still means the kernel's environment.
    """
    if "/" in program:
        return _prefix_around(_absolute(program))
    found = _which(program)
    prefix = _prefix_around(found) if found else sys.prefix
    return prefix if os.path.isfile(os.path.join(prefix, "pyvenv.cfg")) else sys.prefix


def _npm_prefix(program: str) -> str:
    """Return where npm puts what is for everybody: where it is told to, or around itself."""
    told = next((os.environ[name] for name in NPM_PREFIX if os.environ.get(name)), "") or _npm_setting()
    if told:
        return _absolute(told)
    return _prefix_around(_absolute(program) if "/" in program else _which(program)) or sys.prefix


def _npm_setting() -> str:
    """Return the prefix that the user's `.npmrc` names, if it does."""
    try:
        with open(os.path.expanduser("~/.npmrc"), encoding="utf-8", errors="replace") as file:
            pairs = [line.partition("=") for line in file.read(NPMRC_BYTES).splitlines()]
    except OSError:
        return ""
    named = [value.strip().strip("\"'") for name, _, value in pairs if name.strip() == "prefix"]
    return os.path.expandvars(named[-1]) if named else ""


def _which(program: str) -> str:
    """Return where `program` is; `shutil.which` says the same, and is slow to import."""
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, program)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return ""
