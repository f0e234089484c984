"""The variables a kernel starts with: few of the server's, and those that activation would set.

A server's environment is a place where other people's code gets in: `PYTHONPATH`,
`LD_PRELOAD`, `MPLBACKEND`, `BASH_ENV`, and the server's own token. So nothing is
inherited but what is named here or by the site.

Activation is data here, not scripts. conda's `etc/conda/activate.d` is never run;
what the best known of these scripts do is a table (`CUSTOMARY`), and variables that
a pack declares as data (`conda-meta/state`, `etc/conda/env_vars.d`) are taken over
unless they could load foreign code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from jupyter_envguard.doors import before
from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.files import explained, read_bounded

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
"""Where programs are looked for after the environment's own."""

INHERITED = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "LOGNAME", "SHELL", "TERM", "TMPDIR", "TZ", "USER", "XDG_RUNTIME_DIR"),
        *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "KRB5CCNAME"),
        *("CPU_GUARANTEE", "CPU_LIMIT", "MEM_GUARANTEE", "MEM_LIMIT"),
        *("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
        *("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
        *("JUPYTERHUB_BASE_URL", "JUPYTERHUB_SERVER_NAME", "JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_USER"),
    }
)
"""Variables that a kernel takes over from the server. The hub's four are addresses and names that
dashboards need to build links; its tokens are not among them."""

INHERITED_FAMILY = "LC_"
"""Variables of the locale, whatever their category."""

NEVER = re.compile(
    r"(LD_|DYLD_|PYTHON|JUPYTER|JPY_|IPYTHON|CONDA|BASH_|PERL5|RUBY|NODE_|R_(PROFILE|ENVIRON|LIBS)|JULIA_(LOAD|DEPOT))"
    r"|(ENV|IFS|PATH|HOME|USER|LOGNAME|SHELL|SHELLOPTS|GCONV_PATH|MPLBACKEND|GI_TYPELIB_PATH|GTK_PATH)\Z"
)
"""Variables that choose what code a program loads, or that are set here; nobody may give them."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

CUSTOMARY: Mapping[str, str] = MappingProxyType(
    {
        "ESMFMKFILE": "lib/esmf.mk",
        "GDAL_DATA": "share/gdal",
        "GDAL_DRIVER_PATH": "lib/gdalplugins",
        "GEOTIFF_CSV": "share/epsg_csv",
        "GSETTINGS_SCHEMA_DIR": "share/glib-2.0/schemas",
        "JAVA_HOME": "lib/jvm",
        "PROJ_DATA": "share/proj",
        "UDUNITS2_XML_PATH": "share/udunits/udunits2.xml",
    }
)
"""What activation scripts of well-known packages set, where the path exists in the environment."""

MAX_DECLARATION_BYTES = 64 * 1024
"""Size of one file of declared variables."""

MAX_VALUE = 4096
"""Characters of a declared variable's value."""


def kernel_environment(
    image: Path,
    inherited: Mapping[str, str],
    *,
    kept: Iterable[str] = (),
    own: Mapping[str, str] = MappingProxyType({}),
    session: str = "",
    doors: bool = False,
) -> dict[str, str]:
    """Return every variable that a kernel of the environment in `image` starts with.

    `kept` names more variables to take from `inherited`, `own` are those of the
    pack's kernel.json, `session` is the notebook's path as Jupyter passes it on; with `doors`
    package tools are asked for at the machine's front doors first.
    """
    names, own_path = INHERITED.union(kept), f"{image}/bin:{SYSTEM_PATH}"
    environment = {
        name: value for name, value in inherited.items() if name in names or name.startswith(INHERITED_FAMILY)
    }
    environment |= _customary(image) | _declared(image) | harmless(own)
    environment |= {
        "CONDA_DEFAULT_ENV": str(image),
        "CONDA_PREFIX": str(image),
        "CONDA_SHLVL": "1",
        "PATH": before(own_path) if doors else own_path,
        "PYTHONNOUSERSITE": "1",
    }
    if session and "\0" not in session:
        environment["JPY_SESSION_NAME"] = session
    return environment


def check_kept(names: Iterable[str]) -> tuple[str, ...]:
    """Return `names` if kernels may inherit such variables, else raise `invalid-argument`."""
    for name in names:
        if not NAME.match(name) or NEVER.match(name):
            raise InvalidInput(
                "invalid-argument",
                f"Variable {name!r} cannot be passed on to kernels.",
                "Variables that choose what code is loaded, or that Jupyter and conda use, never are.",
            )
    return tuple(names)


def harmless(declared: Mapping[str, object]) -> dict[str, str]:
    """Return those of the `declared` variables that cannot make a program load foreign code."""
    return {
        name: value
        for name, value in declared.items()
        if isinstance(value, str)
        and NAME.match(name)
        and not NEVER.match(name)
        and len(value) <= MAX_VALUE
        and "\0" not in value
    }


def _customary(image: Path) -> dict[str, str]:
    return {name: f"{image}/{path}" for name, path in CUSTOMARY.items() if (image / path).exists()}


def _declared(image: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for declared in _declarations(image):
        found |= harmless(declared)
    return found


def _declarations(image: Path) -> Iterator[Mapping[str, object]]:
    """Yield variables declared as data, in conda's order: packages first, then the environment's state.

    What cannot be read is left out, as conda does: the variables are conveniences.
    """
    for path in sorted((image / "etc/conda/env_vars.d").glob("*.json")):
        yield _read(path)
    state = _read(image / "conda-meta/state").get("env_vars")
    yield state if isinstance(state, dict) else {}


def _read(path: Path) -> Mapping[str, object]:
    try:
        with explained(f"read {path}"):
            document = json.loads(read_bounded(path, MAX_DECLARATION_BYTES))
    except (EnvGuardError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
