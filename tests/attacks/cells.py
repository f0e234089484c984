"""Stands in for a kernel: runs cells by IPython, each in a fork of its own; started by the image's Python.

A line on standard input is a job (JSON), a line on standard output says that it is done.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import signal
import sys

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

SECONDS = 120


def shell_of_kernel(hooks: str) -> InteractiveShell:
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config, colors="nocolor")
    if hooks:
        spec = importlib.util.spec_from_file_location("envguard_hooks", hooks)
        sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[spec.name])
        shell.extension_manager.load_extension("envguard_hooks.ipython")
        importlib.import_module("envguard_hooks.drift").watch(shell)
        shell.run_cell("pass")
    return shell


def run(shell: InteractiveShell, job: dict) -> None:
    os.setsid()
    signal.alarm(SECONDS)
    os.chdir(job["names"]["OWN"])
    said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    shell.user_ns.update(job["names"])
    shell.run_cell(job["code"])
    sys.stdout.flush()
    sys.stderr.flush()


def main(hooks: str) -> None:
    shell = shell_of_kernel(hooks)
    sys.path.append("")
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                run(shell, json.loads(line))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
