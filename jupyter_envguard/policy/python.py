"""Rules about Python: what runs at every start, and what leads out of the environment."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator

from jupyter_envguard.inventory import Kind
from jupyter_envguard.policy.core import Problem, Rule
from jupyter_envguard.policy.facts import PYTHON_LIBRARY, SITE_PACKAGES, Facts, parsed_object

PTH = re.compile(rf"{SITE_PACKAGES.pattern}[^/]+\.pth\Z")
CUSTOMIZE = re.compile(rf"{PYTHON_LIBRARY.pattern}(?:site-packages/)?(?:site|user)customize(?:\.[^/]+\Z|/)")
LIBRARY_FOLDER = re.compile(r"lib(?:/python3\.\d\d+t?(?:/site-packages)?)?\Z")
EDITABLE = re.compile(rf"{SITE_PACKAGES.pattern}(?:[^/]+\.egg-link|__editable__[^/]*)\Z")

_DOTTED = r"'[A-Za-z_][A-Za-z0-9_.]*'"
_PATHS = rf"\*\({_DOTTED},(?: {_DOTTED},?)*\)"
HARMLESS = re.compile(
    "|".join(
        (
            # setuptools, distutils-precedence.pth: adds an importer that answers for distutils only
            r"import os; var = 'SETUPTOOLS_USE_DISTUTILS'; "
            r"enabled = os\.environ\.get\(var, '(?:local|stdlib)'\) == 'local'; "
            r"enabled and __import__\('_distutils_hack'\)\.add_shim\(\);",
            # setuptools, *-nspkg.pth: joins the folders of a namespace package of the old kind
            r"import sys, types, os;\s*(?:has_mfs = sys\.version_info > \(3, 5\);\s*)?"
            rf"p = os\.path\.join\(sys\._getframe\(1\)\.f_locals\['sitedir'\], {_PATHS}\);\s*"
            r"importlib = (?:has_mfs and )?__import__\('importlib\.util'\);\s*"
            r"(?:has_mfs and )?__import__\('importlib\.machinery'\);\s*"
            rf"m = (?:has_mfs and )?sys\.modules\.setdefault\({_DOTTED}, importlib\.util\.module_from_spec\("
            rf"importlib\.machinery\.PathFinder\.find_spec\({_DOTTED}, \[os\.path\.dirname\(p\)\]\)\)\);\s*"
            rf"m = m or sys\.modules\.setdefault\({_DOTTED}, types\.ModuleType\({_DOTTED}\)\);\s*"
            r"mp = \(m or \[\]\) and m\.__dict__\.setdefault\('__path__',\s?\[\]\);\s*"
            r"\(p not in mp\) and mp\.append\(p\)"
            rf"(?:;\s*m and setattr\(sys\.modules\[{_DOTTED}\], {_DOTTED}, m\))?",
        )
    )
)
"""The two lines that setuptools writes: judged by what they say, because a name proves nothing.

Everything in them that varies is a quoted name without room for code.
"""


def code_in_pth(facts: Facts) -> Iterator[Problem]:
    """Report each `.pth` file with a line that Python would run, unless it is harmless or allowed."""
    for path, member in facts.inventory.members.items():
        if member.kind is Kind.SYMLINK and LIBRARY_FOLDER.match(path):
            yield Problem(
                f"{path} is a symbolic link, and what Python finds behind it is not judged.", (path,)
            )
    for path in _pth_files(facts):
        if path not in facts.inventory.texts:
            yield Problem(f"{path} is no small plain file, and so cannot be judged.", (path,))
        elif not _is_allowed(facts, path) and (line := _first_code(facts.text(path))):
            yield Problem(f"{path} runs code at every start of Python: {_shortened(line)}", (path,))


def path_in_pth(facts: Facts) -> Iterator[Problem]:
    """Report each `.pth` file that adds a folder outside of the environment to Python's path."""
    for path in _pth_files(facts):
        site = posixpath.dirname(path)
        for line in facts.text(path).splitlines():
            line = line.rstrip()
            if line and not line.startswith("#") and not _is_code(line) and _leads_out(facts, site, line):
                yield Problem(f"{path} adds {_shortened(line)} to Python's path.", (path,))


def customize(facts: Facts) -> Iterator[Problem]:
    """Report sitecustomize and usercustomize modules, which Python imports at every start."""
    found = tuple(filter(CUSTOMIZE.match, facts.inventory.members))
    if found:
        yield Problem("Python imports a site or user customization at every start.", found)


def virtual_environment(facts: Facts) -> Iterator[Problem]:
    """Report a pyvenv.cfg, by which the environment's Python would load another Python's library."""
    for path in filter(facts.has, ("pyvenv.cfg", "bin/pyvenv.cfg")):
        yield Problem(f"{path} makes Python take its library from elsewhere.", (path,))


def editable(facts: Facts) -> Iterator[Problem]:
    """Report distributions whose code lies in somebody's working folder."""
    for path in filter(EDITABLE.match, facts.inventory.members):
        yield Problem(f"{path} stands for an editable install.", (path,))
    for distribution in facts.distributions:
        path = f"{distribution.folder}/direct_url.json"
        origin = parsed_object(facts.text(path)) or {}
        folder = origin.get("dir_info")
        if isinstance(folder, dict) and folder.get("editable") is True:
            yield Problem(f"{distribution.name} is installed editable from {origin.get('url')}.", (path,))


def _pth_files(facts: Facts) -> Iterator[str]:
    yield from filter(PTH.match, facts.inventory.members)


def _is_allowed(facts: Facts, path: str) -> bool:
    name, digest = posixpath.basename(path), f"sha256:{facts.sha256(path)}"
    return any(
        digest == entry if entry.startswith("sha256:") else fnmatch.fnmatchcase(name, entry)
        for entry in facts.policy.allowed_pth
    )


def _first_code(text: str) -> str:
    """Return the first line that Python would run and that is not known as harmless, or nothing."""
    lines = (line.rstrip() for line in text.splitlines() if _is_code(line))
    return next((line for line in lines if not HARMLESS.fullmatch(line)), "")


def _is_code(line: str) -> bool:
    return line.startswith(("import ", "import\t"))


def _leads_out(facts: Facts, site: str, line: str) -> bool:
    if line.startswith("/"):
        return not facts.inside(line + "/.")
    return posixpath.normpath(posixpath.join(site, line)).startswith("..")


def _shortened(line: str) -> str:
    return ascii(line if len(line) <= 80 else f"{line[:77]}...")


RULES = (
    Rule(
        "py.pth-exec",
        "error",
        "A line of a .pth file that starts with import runs in every Python process, before anything else.",
        "Remove the package that brings the file, or list the file's sha256 digest under allowed_pth.",
        code_in_pth,
    ),
    Rule(
        "py.pth-outside",
        "error",
        "A folder outside of the environment on Python's path means that code runs which nobody approved.",
        "Install the code as a package instead of pointing at a folder, and pack again.",
        path_in_pth,
    ),
    Rule(
        "py.sitecustomize",
        "warning",
        "Python imports these modules at every start; they can change anything.",
        "Remove the module unless the environment needs it, and read it before you approve.",
        customize,
    ),
    Rule(
        "py.venv",
        "error",
        "A virtual environment on top of a conda environment runs the library of whatever its file names.",
        "Remove pyvenv.cfg, install into the conda environment itself, and pack it again.",
        virtual_environment,
    ),
    Rule(
        "py.editable",
        "error",
        "An editable install is a pointer to somebody's folder: the pack does not hold its code.",
        "Install the package from a wheel or a conda package and pack again.",
        editable,
    ),
)
