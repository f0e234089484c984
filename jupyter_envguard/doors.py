"""Front doors: a folder of small programs named like package tools, first on the `PATH` of a session.

>>> before("/usr/bin:/bin")  # doctest: +SKIP
'/usr/local/libexec/jupyter-envguard:/usr/bin:/bin'

pip, uv, mamba, pixi and npm have no plugins. Each of these programs asks the rules
(`jupyter_envguard.hooks.door`), and where nothing is refused becomes the program of the same name
that comes after it on `PATH`: the same process, arguments and exit code. It is courtesy:
whoever names a tool by its path, or runs `python -m pip`, has gone around it.

`jupyter envguard hooks install` writes them. Nothing in a session believes a folder that somebody
else than root could have written, and nothing outside of sessions looks for it.
"""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_envguard import hooks
from jupyter_envguard.hooks import trusted

FOLDER = Path("/usr/local/libexec/jupyter-envguard")
"""Where front doors lie."""

NAMES = (
    *("mamba", "micromamba", "npm", "pip", "pip3", *(f"pip3.{minor}" for minor in range(9, 16))),
    *("pipx", "pixi", "uv", "uvx"),
)
"""The tools that have one, pip under the names of Pythons that may be here.
conda has a plugin, which answers `--json` as well."""

VARIABLE = "ENVGUARD_DOORS"
"""Names the variable by which shells that set `PATH` anew find the folder again."""

READING = ("list", "help")
"""What operations are called that only look, and are not asked about when they come first."""

OPTIONS = ("--help", "--version", "-V", "-h")
"""Arguments after which a tool only says something."""

SCRIPT = """\
# What the rules refuse is said here; all else is the next `{name}` on PATH, as if this were not there.
name={name} real='' IFS=:
set -f
for folder in $PATH; do
  found=${{folder:-.}}/$name
  if [ "$found" -ef "$0" ]; then real=''
  elif [ -z "$real" ] && [ -f "$found" ] && [ -x "$found" ]; then real=$found; fi
done
unset IFS; set +f
if [ -z "$real" ]; then echo "$name: command not found" >&2; exit 127; fi
case ${{1:-}} in
  ''|{reading}) exec "$real" "$@" ;;
esac
if [ -x {python} ]; then
  {python} -I -S -c {code} "$real" "$@" </dev/null
  if [ $? = {refused} ]; then exit {refused}; fi
fi
exec "$real" "$@"
"""
"""What each of them does. It looks further on only, so two such folders never lead to each other."""

CODE = "import sys; sys.path.append({package!r}); from hooks.door import main; sys.exit(main())"
"""How it asks. `-S` leaves `site` out, which takes longer than all the rest."""

REFUSED = 77
"""How Python exits when it was refused; anything else, a Python that does not start too, is no refusal."""

PROFILE = f"""\
# Login shells set PATH anew; in a session the front doors of package tools come first again.
if [ -n "${{{VARIABLE}:-}}" ]; then
  case ":$PATH:" in
    *":${VARIABLE}:"*) ;;
    *) PATH=${VARIABLE}:$PATH ;;
  esac
fi
"""
"""For `/etc/profile.d`."""


def script(name: str) -> str:
    """Return the front door of the tool `name`, without its first line."""
    package = Path(hooks.__file__).absolute().parent.parent
    return SCRIPT.format(
        name=name,
        reading="|".join(sorted({*OPTIONS, *_reading(name)})),
        python=shlex.quote(sys.executable),
        code=shlex.quote(CODE.format(package=str(package))),
        refused=REFUSED,
    )


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what becomes of `environ` in a session; nothing where no doors can be believed."""
    if not _is_believed(FOLDER):
        return {}
    return {"PATH": before(environ.get("PATH", os.defpath)), VARIABLE: str(FOLDER)}


def before(path: str) -> str:
    """Return `path` with the front doors first, unchanged where none can be believed."""
    folders = [folder for folder in path.split(":") if folder != str(FOLDER)]
    return ":".join([str(FOLDER), *folders]) if _is_believed(FOLDER) else path


def _reading(name: str) -> list[str]:
    """Return the first words after the tool `name` with which it only looks."""
    tool: dict[str, Any] = trusted.grammar()["commands"].get(name.rstrip("0123456789."), {})
    leaves = [(word, node) for word, node in tool.get("next", {}).items() if not node.get("next")]
    return [word for word, node in leaves if str(node.get("operation")).rpartition(":")[2] in READING]


def _is_believed(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    others = stat.S_IWGRP | stat.S_IWOTH
    return stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & others
