"""What is started for an environment: the command, from the image alone.

A Python kernel is `<image>/bin/python -I`, running `ipykernel_launcher`, whatever
the pack's kernel.json says. Isolated (`-I`) means that neither `PYTHON*` variables
nor the user's site-packages nor the folder it starts in count. The notebook's folder
is searched all the same, but last and only once ipykernel is loaded (`PYTHON_START`):
helper modules beside a notebook import, and none can take the place of an approved one.

Any other kernel is what the pack's own kernel.json says, and its program must lie
inside the image.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeGuard

from jupyter_envguard.errors import Denied, EnvGuardError, InvalidInput
from jupyter_envguard.files import explained, read_bounded
from jupyter_envguard.hooks.children import OWN_PACKAGES

CONNECTION_FILE = "{connection_file}"
"""Stands in a command for the path that is known only when the kernel starts."""

HOOKS = Path(__file__).resolve().parent.parent / "hooks" / "__init__.py"
"""The hooks, which a kernel loads by this path: nothing of ours is on the path of its modules."""

PYTHON_START = f"""\
import runpy, sys, importlib.util, ipykernel.kernelapp as app, traitlets
try:
    spec = importlib.util.spec_from_file_location('envguard_hooks', {str(HOOKS)!r})
    sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[spec.name])
    import envguard_hooks.ipython
    if hasattr(app.IPKernelApp, 'extra_extensions') and traitlets.version_info >= (5,):
        sys.argv.append('--IPKernelApp.extra_extensions=envguard_hooks.ipython')
except (ImportError, OSError):
    pass
sys.path.append('')
runpy.run_module('ipykernel_launcher', run_name='__main__', alter_sys=True)
"""
"""What `-m ipykernel_launcher` does, and besides: the notebook's folder, which IPython leaves out under
`-I`, and the cards of `hooks.ipython`, which are courtesy: where they cannot be read, or IPython is too old
for them, the kernel starts without."""

IMPORTS = HOOKS.parent / "imports.py"
"""The guard of imports, which a Python kernel in lockdown loads by this path."""

GUARDED = f"""\
import importlib.util
spec = importlib.util.spec_from_file_location('envguard_imports', {str(IMPORTS)!r})
guard = importlib.util.module_from_spec(spec)
spec.loader.exec_module(guard)
guard.install()
del guard, spec
"""
"""What a Python kernel in lockdown runs first. Where the guard cannot be read, the kernel does not start."""

LOCKED_START = GUARDED + PYTHON_START
"""`PYTHON_START` in lockdown: imports are guarded before anything of the environment is loaded."""

LENIENT_START = LOCKED_START.replace("install()", "install(packages=True)", 1)
"""The same where packages of the user's own load."""

CHILDREN = HOOKS.parent / "children"
"""Folder of the module that guards the imports of Pythons that a kernel in lockdown starts."""

MAX_KERNEL_JSON_BYTES = 64 * 1024
"""Size of a pack's kernel.json."""

MAX_ARGUMENTS = 64
"""Words in the command of a kernel.json."""

PASSED_METADATA = ("debugger", "supported_encryption")
"""What a pack's kernel.json may say about its kernel's abilities."""

PYTHON = re.compile(r"python[0-9.]*\Z")


@dataclass(frozen=True, slots=True)
class KernelJson:
    """The parts of a pack's own kernel.json that we use."""

    folder: str
    """Folder it lies in, `{resource_dir}` in its command."""
    argv: tuple[str, ...]
    """Its command, with placeholders."""
    language: str
    """Its language as Jupyter writes it."""
    interrupt_mode: Literal["signal", "message"] = "signal"
    """How the kernel is interrupted."""
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Variables it asks for."""
    metadata: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Abilities of the kernel, see `PASSED_METADATA`."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How one environment's kernel is started."""

    argv: tuple[str, ...]
    """Program and arguments; `{connection_file}` is still to be filled in."""
    interrupt_mode: Literal["signal", "message"]
    """How it is interrupted."""
    env: Mapping[str, str]
    """Variables that its kernel.json asks for, unfiltered."""
    metadata: Mapping[str, Any]
    """Abilities of the kernel."""
    reports: bool = False
    """Whether it loads the hooks, which report to the server."""

    def command(self, connection_file: str, *, locked: bool = False, own_packages: bool = False) -> list[str]:
        """Return the words to start, with the connection file filled in.

        `locked` guards Python's imports; with `own_packages` folders of modules load all the same.
        """
        guarded = LENIENT_START if own_packages else LOCKED_START
        words = (guarded if locked and word == PYTHON_START else word for word in self.argv)
        return [word.replace(CONNECTION_FILE, connection_file) for word in words]


def launch_for(image: Path, language: str) -> Launch:
    """Return how the kernel for `language` in `image` is started.

    Raises `kernel-invalid` when the image has no usable kernel for the language
    and `kernel-outside-image` when its program does not lie inside the image.
    """
    own, faults = _find(image, language)
    if language.lower() == "python" and _has_ipykernel(image):
        argv = ("python", "-c", PYTHON_START, "-f", CONNECTION_FILE)
        metadata = own.metadata if own else MappingProxyType({})
        return Launch(_command(image, argv, ""), "signal", MappingProxyType({}), metadata, reports=True)
    if own is None:
        why = f" ({'; '.join(faults)})" if faults else ""
        raise InvalidInput(
            "kernel-invalid",
            f"The environment in {image} has no kernel for the language {language}{why}.",
            "Rebuild the pack with a kernelspec under share/jupyter/kernels.",
        )
    return Launch(_command(image, own.argv, own.folder), own.interrupt_mode, own.env, own.metadata)


def for_children(*, own_packages: bool = False, alone: bool = False) -> dict[str, str]:
    """Return the variables by which Pythons that a kernel in lockdown starts guard their imports, too.

    Where a kernel is `alone` it starts none; joblib, and so scikit-learn, then takes threads.
    """
    allowed = {OWN_PACKAGES: "1"} if own_packages else {}
    threads = {"JOBLIB_MULTIPROCESSING": "0"} if alone else {}
    return {"PYTHONPATH": str(CHILDREN), **allowed, **threads}


def abilities(image: Path, language: str) -> Mapping[str, Any]:
    """Return what the pack's own kernelspec for `language` says about the kernel's abilities."""
    own, _ = _find(image, language)
    return own.metadata if own else MappingProxyType({})


def _find(image: Path, language: str) -> tuple[KernelJson | None, list[str]]:
    """Return the pack's own kernelspec for `language`, the first by name, and what is wrong with others."""
    faults = []
    kernels = image / "share/jupyter/kernels"
    for name in _listed(kernels):
        try:
            found = _read(kernels / name / "kernel.json")
        except EnvGuardError as error:
            if error.code != "file-not-found":
                faults.append(error.message.rstrip("."))
        else:
            if found.language.lower() == language.lower():
                return found, faults
    return None, faults


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - a thousand of them when a server starts
    except OSError:
        return []


def _has_ipykernel(image: Path) -> bool:
    return any(image.glob("lib/python3*/site-packages/ipykernel_launcher.py"))


def _command(image: Path, argv: tuple[str, ...], folder: str) -> tuple[str, ...]:
    words = [word.replace("{prefix}", str(image)).replace("{resource_dir}", folder) for word in argv]
    program = _inside(image, words[0])
    isolated = ["-I"] if PYTHON.match(program.name) else []
    return (str(program), *isolated, *words[1:])


def _inside(image: Path, program: str) -> Path:
    """Return the path of `program`, which must be a file to run inside `image`, links followed."""
    path = Path(program) if "/" in program else image / "bin" / program
    real = Path(os.path.realpath(path))
    inside = path.is_absolute() and real.is_relative_to(os.path.realpath(image))
    if not inside or not real.is_file() or not os.access(real, os.X_OK):
        raise Denied(
            "kernel-outside-image",
            f"The kernel's program {program!r} is no program inside {image}.",
            "Rebuild the pack so that its kernelspec names a program of the environment.",
        )
    return path


def _read(path: Path) -> KernelJson:
    with explained(f"read {path}"):
        content = read_bounded(path, MAX_KERNEL_JSON_BYTES)
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _invalid(path, "is not JSON") from error
    if not isinstance(document, dict):
        raise _invalid(path, "is not an object")
    argv, language = document.get("argv"), document.get("language")
    env, metadata = document.get("env", {}), document.get("metadata", {})
    if not _is_command(argv) or not isinstance(language, str):
        raise _invalid(path, "lacks a command or a language")
    if not isinstance(env, dict) or not isinstance(metadata, dict):
        raise _invalid(path, "has an env or metadata that is not an object")
    return KernelJson(
        folder=str(path.parent),
        argv=tuple(argv),
        language=language,
        interrupt_mode="message" if document.get("interrupt_mode") == "message" else "signal",
        env=MappingProxyType({name: value for name, value in env.items() if isinstance(value, str)}),
        metadata=MappingProxyType({name: metadata[name] for name in PASSED_METADATA if name in metadata}),
    )


def _is_command(argv: object) -> TypeGuard[list[str]]:
    return (
        isinstance(argv, list)
        and 0 < len(argv) <= MAX_ARGUMENTS
        and all(isinstance(word, str) and word and "\0" not in word for word in argv)
    )


def _invalid(path: Path, why: str) -> InvalidInput:
    return InvalidInput("kernel-invalid", f"{path.parent.name}/{path.name} {why}.")
