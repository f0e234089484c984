"""Families A (conda) and B (pip and other installers)."""
# ruff: noqa: E501 - what is typed stays on its line

from __future__ import annotations

from tests.attacks.attempt import Attempt

TRY = '; "$PYTHON" -I -c "import foreign"'
"""Whether the environment itself has it now."""

CONDA = (
    Attempt("A01", "`conda install --prefix`", "terminal", '$CONDA install x --prefix "$IMAGE"', "changed"),
    Attempt("A02", "`conda remove`", "terminal", '$CONDA remove packaging --prefix "$IMAGE"', "changed"),
    Attempt("A03", "`conda update`", "terminal", '$CONDA update python --prefix "$IMAGE"', "changed"),
    Attempt(
        "A04", "`conda create` over the prefix", "terminal", '$CONDA create --prefix "$IMAGE"', "changed"
    ),
    Attempt("A05", "`conda rename`", "terminal", '$CONDA rename x --prefix "$IMAGE"', "changed"),
    Attempt(
        "A06",
        "prefix by `CONDA_PREFIX`, answer as JSON",
        "terminal",
        'CONDA_PREFIX="$IMAGE" $CONDA install x --json',
        "changed",
    ),
    Attempt(
        "A07", "an explicit file", "terminal", '$CONDA install --prefix "$IMAGE" --file x.txt', "changed"
    ),
    Attempt(
        "A08", "a transaction by the API", "terminal", '$CONDA install x --api --prefix "$IMAGE"', "changed"
    ),
    Attempt(
        "A09",
        "the same with safety checks disabled",
        "terminal",
        'CONDA_SAFETY_CHECKS=disabled $CONDA install x --api --prefix "$IMAGE"',
        "changed",
    ),
    Attempt(
        "A10",
        "the plugin shadowed by `PYTHONPATH`",
        "terminal",
        "mkdir -p jupyter_envguard/hooks && touch jupyter_envguard/__init__.py"
        " jupyter_envguard/hooks/__init__.py jupyter_envguard/hooks/conda.py &&"
        ' PYTHONPATH="$PWD:$CONDA_PATH" "$PYTHON" -m tests.conda_double install x --prefix "$IMAGE"',
        "changed",
    ),
    Attempt("A11", "the marker `frozen` removed", "terminal", 'rm -f "$IMAGE/conda-meta/frozen"', "changed"),
    Attempt(
        "A12",
        "variables of the environment (`conda-meta/state`)",
        "terminal",
        """echo '{"env_vars":{"X":"1"}}' > "$IMAGE/conda-meta/state" """,
        "changed",
    ),
    Attempt("A13", "history edited", "terminal", 'echo "# cmd: x" >> "$IMAGE/conda-meta/history"', "changed"),
    Attempt(
        "A14",
        "a package extracted by hand",
        "terminal",
        'mkdir p && cp "$HELD" p/x.py && tar -C p -cf p.tar x.py && tar -C "$SITE" -xf p.tar',
        "changed",
    ),
    Attempt(
        "A15",
        "a clone in the home that is changed and run",
        "terminal",
        'mkdir -p c/bin c/lib && cp -L "$PYTHON" c/bin/python && ln -s "$LIB" "c/lib/${LIB##*/}" &&'
        " cp -a $IMAGE/lib/libpython* c/lib/ 2>/dev/null;"
        ' PYTHONHOME="$PWD/c" c/bin/python -c "print(\'REACHED\')"',
    ),
    Attempt("A16", "`%conda install`", "kernel", "%conda install --prefix {IMAGE} x", "changed"),
    Attempt("A17", "`!conda install`", "kernel", "!conda install x", "changed"),
    Attempt(
        "A18",
        "an activation script planted",
        "terminal",
        'mkdir -p "$IMAGE/etc/conda/activate.d" && echo x > "$IMAGE/etc/conda/activate.d/x.sh"',
        "changed",
    ),
    Attempt(
        "A19",
        "`!conda install` with the prefix in a variable",
        "kernel",
        "!conda install x --prefix {IMAGE}",
        "changed",
    ),
    Attempt(
        "A20",
        "`conda update` as a transaction of the API, answer as JSON",
        "terminal",
        '$CONDA update x --api --json --prefix "$IMAGE"',
        "changed",
    ),
)

QUIET = "--no-index --no-deps --disable-pip-version-check --no-cache-dir -q"
PIP_INSTALL = f'"$PYTHON" -I "$PIP" install {QUIET}'

PIP = (
    Attempt("B01", "`pip install`", "terminal", f'{PIP_INSTALL} "$WHEEL"{TRY}'),
    Attempt(
        "B02",
        "`--break-system-packages`",
        "terminal",
        f'{PIP_INSTALL} --break-system-packages "$WHEEL"{TRY}',
    ),
    Attempt(
        "B03",
        "`PIP_BREAK_SYSTEM_PACKAGES=1`",
        "terminal",
        f'PIP_BREAK_SYSTEM_PACKAGES=1 "$PYTHON" "$PIP" install {QUIET} "$WHEEL"{TRY}',
    ),
    Attempt(
        "B04",
        "`--user`, seen without `-I`",
        "terminal",
        f'"$PYTHON" "$PIP" install {QUIET} --user --break-system-packages "$WHEEL";'
        ' "$PYTHON" -c "import foreign"; rm -rf "$HOME/.local"',
    ),
    Attempt(
        "B05",
        "`--target` and `sys.path`",
        "kernel",
        f"import subprocess, sys\nsubprocess.run([PYTHON, '-I', PIP, 'install', *'{QUIET}'.split(),"
        " '--target', OWN + '/t', WHEEL])\nsys.path.insert(0, OWN + '/t')\nimport foreign",
    ),
    Attempt(
        "B06", "`--prefix` the environment", "terminal", f'{PIP_INSTALL} --prefix "$IMAGE" "$WHEEL"{TRY}'
    ),
    Attempt("B07", "`--root /`", "terminal", f'{PIP_INSTALL} --root / "$WHEEL"{TRY}'),
    Attempt("B08", "`--target` site-packages", "terminal", f'{PIP_INSTALL} --target "$SITE" "$WHEEL"{TRY}'),
    Attempt(
        "B09",
        "a virtual environment in the home",
        "terminal",
        '"$PYTHON" -m venv --without-pip --system-site-packages v &&'
        f' v/bin/python "$PIP" install {QUIET} "$WHEEL"; v/bin/python -c "import foreign"',
    ),
    Attempt(
        "B10",
        "pip's own functions, the check removed",
        "kernel",
        "import os, sys, subprocess\nsys.path.insert(0, os.path.dirname(PIP))\n"
        "import pip._internal.commands.install as module\n"
        "module.check_externally_managed = lambda: None\n"
        "from pip._internal.cli.main import main\n"
        f"main(['install', *'{QUIET}'.split(), WHEEL])\n"
        "print(subprocess.run([PYTHON, '-I', '-c', 'import foreign'], capture_output=True, text=True).stdout)",
    ),
    Attempt(
        "B11",
        "`pip uninstall`",
        "terminal",
        '"$PYTHON" -I "$PIP" uninstall -y --break-system-packages packaging',
        "changed",
    ),
    Attempt(
        "B12",
        "a wheel unzipped into the environment",
        "terminal",
        f'"$PYTHON" -m zipfile -e "$WHEEL" "$SITE"{TRY}',
    ),
    Attempt(
        "B13", "a wheel imported as it is", "kernel", "import sys; sys.path.insert(0, WHEEL)\nimport foreign"
    ),
    Attempt("B14", "`%pip install`", "kernel", "%pip install --no-index x", "changed"),
    Attempt(
        "B15", "`!pip install`", "kernel", "!pip install --no-index --break-system-packages x", "changed"
    ),
    Attempt(
        "B16",
        "`.pth` and `.egg-link` planted",
        "terminal",
        f'echo "$PWD" > "$SITE/x.pth"; echo "$PWD" > "$SITE/x.egg-link"; "$PYTHON" -m zipfile -e "$WHEEL" .{TRY}',
    ),
    Attempt(
        "B17",
        "`npm install --prefix` the environment",
        "terminal",
        'mkdir n && echo \'{"name":"n","version":"1.0.0"}\' > n/package.json &&'
        ' npm install --offline --no-audit --no-fund --prefix "$IMAGE" -g ./n',
        "changed",
    ),
    Attempt(
        "B18",
        "an approved distribution reinstalled, `--force-reinstall`",
        "terminal",
        f'{PIP_INSTALL} --force-reinstall --ignore-installed --break-system-packages "$WHEEL"',
        "changed",
    ),
    Attempt(
        "B19",
        "a virtual environment over the environment",
        "terminal",
        '"$PYTHON" -m venv --without-pip --clear "$IMAGE"',
        "changed",
    ),
    Attempt(
        "B20",
        "the marker `EXTERNALLY-MANAGED` removed",
        "terminal",
        'rm -f "$LIB/EXTERNALLY-MANAGED"',
        "changed",
    ),
)
