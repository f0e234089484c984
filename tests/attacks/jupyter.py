"""Families F (Jupyter, below HTTP: `visits` has the rest of it) and G (races)."""
# ruff: noqa: E501 - what is typed stays on its line

from __future__ import annotations

from tests.attacks.attempt import Attempt

SPEC = (
    'D="$HOME/{}/evil"; mkdir -p "$D"; '
    """echo '{{"argv":["/bin/echo","REACHED"],"display_name":"x","language":"python"}}' > "$D/kernel.json"; """
)
OWN_MANAGER = (
    '"$PYTHON" -I -c "import jupyter_client; '
    "m = jupyter_client.KernelManager(kernel_name='evil'); m.start_kernel(); m.provisioner.process.wait()\""
)

JUPYTER = (
    Attempt(
        "F01",
        "a kernelspec in `~/.ipython/kernels`, started by an own manager",
        "terminal",
        SPEC.format(".ipython/kernels") + OWN_MANAGER,
    ),
    Attempt(
        "F02",
        "one in `~/.local/share/jupyter`, started by an own manager",
        "terminal",
        SPEC.format(".local/share/jupyter/kernels") + OWN_MANAGER,
    ),
    Attempt(
        "F03",
        "a kernelspec put into the environment",
        "terminal",
        'mkdir -p "$IMAGE/share/jupyter/kernels/evil" && echo {} > "$IMAGE/share/jupyter/kernels/evil/kernel.json"',
        "changed",
    ),
    Attempt(
        "F04",
        "the environment's own kernelspec edited",
        "terminal",
        'for f in "$IMAGE"/share/jupyter/kernels/*/kernel.json; do chmod u+w "$f"; echo {} > "$f"; done',
        "changed",
    ),
    Attempt(
        "F05",
        "`ipykernel install --sys-prefix`",
        "terminal",
        '"$PYTHON" -I -m ipykernel install --sys-prefix --name evil',
        "changed",
    ),
    Attempt(
        "F06",
        "`ipykernel install --user`",
        "terminal",
        '"$PYTHON" -I -m ipykernel install --user --name evil &&'
        ' test -e "$HOME/.local/share/jupyter/kernels/evil/kernel.json" && echo REACHED',
    ),
    Attempt(
        "F07",
        "the server's token in the kernel's variables",
        "kernel",
        "import os\nif os.environ.get('JUPYTERHUB_API_TOKEN'): print('REACHED')",
    ),
    Attempt(
        "F08",
        "the server's token in a terminal",
        "terminal",
        'test -n "$JUPYTERHUB_API_TOKEN" && echo REACHED',
    ),
    Attempt(
        "F09",
        "a program found first in the notebook's folder by `PATH`",
        "start",
        "printf '#!/bin/sh\\necho REACHED\\n' > python && chmod +x python",
        variables={"PATH": "{OWN}:/usr/bin:/bin"},
    ),
    Attempt(
        "F10",
        "`IPYTHONDIR`, `JUPYTER_PATH` and `JUPYTER_CONFIG_DIR` naming own folders",
        "start",
        "mkdir profile_default && echo 'print(\"REACHED\", flush=True)' > jupyter_config.py"
        " && cp jupyter_config.py profile_default/ipython_config.py",
        variables=dict.fromkeys(("IPYTHONDIR", "JUPYTER_PATH", "JUPYTER_CONFIG_DIR"), "{OWN}"),
    ),
    Attempt(
        "F11",
        "`jupyter_client` beside the notebook",
        "start",
        "mkdir jupyter_client ipykernel && echo 'print(\"REACHED\", flush=True)' > jupyter_client/__init__.py"
        " && cp jupyter_client/__init__.py ipykernel/",
    ),
    Attempt(
        "F12",
        "`BASH_ENV` for the shells of a kernel",
        "start",
        "echo 'echo REACHED' > rc",
        variables={"BASH_ENV": "{OWN}/rc"},
    ),
    Attempt(
        "F13",
        "the site's catalog written",
        "terminal",
        'for f in $(find "$(dirname "$(dirname "$IMAGE")")/site" -type f 2>/dev/null); do echo x >> "$f" && echo REACHED; done',
    ),
    Attempt(
        "F14",
        "the signing keys read",
        "terminal",
        'for f in $(find "$(dirname "$(dirname "$IMAGE")")/site/keys" -type f); do cat "$f" > k && echo REACHED; done',
    ),
    Attempt(
        "F15",
        "an event forged in the spool from a kernel",
        "kernel",
        "import os\np = os.path.join(os.path.dirname(os.path.dirname(IMAGE)), 'site', 'spool', 'forged')\n"
        "open(p, 'w').write('x'); print('REACHED')",
    ),
)

RACES = (
    Attempt(
        "G01",
        "the environment's Python swapped while a kernel starts",
        "start",
        '(i=0; while [ $i -lt 300 ]; do ln -sfn /bin/echo "$IMAGE/bin/python"; i=$((i+1)); done) 2>/dev/null & sleep 0.05',
        goal="changed",
    ),
    Attempt(
        "G02",
        "a link swapped between an own folder and the environment while it is written to",
        "kernel",
        "import os, threading\nos.mkdir('d'); stop = []\n"
        "def swap():\n    i = 0\n    while not stop:\n        t = 'd' if (i := i + 1) % 2 else SITE\n"
        "        os.symlink(t, 'n'); os.rename('n', 'way')\n"
        "swapping = threading.Thread(target=swap); swapping.start()\n"
        "for i in range(3000):\n    try: open(f'way/evil{i}', 'w').close()\n    except OSError: pass\n"
        "stop.append(1); swapping.join()",
        "changed",
    ),
    Attempt(
        "G03",
        "a folder renamed away while it is being filled by `tar`",
        "terminal",
        "mkdir -p s/d && for i in 1 2 3 4 5 6 7 8 9; do echo x > s/d/$i; done; tar -cf t.tar -C s d;"
        ' (for i in 1 2 3 4 5 6 7 8 9; do rm -rf d; ln -sfn "$SITE" d; done) & tar -xf t.tar; wait',
        "changed",
    ),
    Attempt(
        "G04",
        "the private temporary folder made a link to the environment",
        "start",
        'rm -rf "$TMPDIR.x"; mv "$TMPDIR" "$TMPDIR.x"; ln -s "$IMAGE" "$TMPDIR"; rm -f "$TMPDIR"; mkdir -m 700 -p "$TMPDIR"',
        goal="changed",
    ),
    Attempt(
        "G05",
        "a folder of the home made a link to the environment before a kernel starts",
        "start",
        'ln -s "$IMAGE" "$HOME/.cache-link"; ln -sfn "$SITE" "$HOME/.jupyter"; ln -s "$SITE" x',
        goal="changed",
    ),
)
