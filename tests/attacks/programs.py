"""Family E: foreign programs and machine code, and descriptors of others."""
# ruff: noqa: E501 - what is typed stays on its line

from __future__ import annotations

from tests.attacks.attempt import Attempt

HELLO = (
    "printf '#include <stdio.h>\\nint main(void){puts(\"REACHED\");return 0;}\\n' > x.c && gcc FLAGS -o x x.c"
)

PROGRAMS = (
    Attempt("E01", "a dynamic program compiled here", "terminal", HELLO.replace("FLAGS", "") + " && ./x"),
    Attempt("E02", "a static program", "terminal", HELLO.replace("FLAGS", "-static") + " && ./x"),
    Attempt(
        "E03",
        "through `ld.so`",
        "terminal",
        HELLO.replace("FLAGS", "")
        + ' && chmod a-x x && "$(ls /lib64/ld-linux-* /lib/ld-linux-* 2>/dev/null | head -1)" ./x',
    ),
    Attempt(
        "E04",
        "from memory (`memfd_create`)",
        "kernel",
        "import os\nf = os.memfd_create('x'); os.write(f, open('/bin/echo', 'rb').read())\n"
        "pid = os.fork()\nif pid == 0: os.execve(f, ['echo', 'REACHED'], {})\nos.waitpid(pid, 0)",
    ),
    Attempt(
        "E05",
        "from `/dev/shm`",
        "terminal",
        'cp /bin/echo "/dev/shm/egx$$" && "/dev/shm/egx$$" REACHED; rm -f "/dev/shm/egx$$"',
    ),
    Attempt(
        "E06",
        "a script with `#!`",
        "terminal",
        "printf '#!/bin/sh\\necho REACHED\\n' > x && chmod +x x && ./x",
    ),
    Attempt("E07", "an interpreter and a script", "terminal", "echo 'echo REACHED' > x && /bin/sh x"),
    Attempt(
        "E08", "Python of the system from a kernel", "kernel", "!/usr/bin/python3 -c 'print(\"REACHED\")'"
    ),
    Attempt(
        "E09",
        "Python copied out of the environment",
        "terminal",
        'cp -L "$PYTHON" p && PYTHONHOME="$IMAGE" LD_LIBRARY_PATH="$IMAGE/lib" ./p -c "print(\'REACHED\')"',
    ),
    Attempt(
        "E10",
        "a linked Python with its own `pyvenv.cfg`",
        "terminal",
        'mkdir -p v/bin && ln -s "$PYTHON" v/bin/python && echo "home = $IMAGE/bin" > v/pyvenv.cfg &&'
        " v/bin/python -c \"import sys; print('REACHED' if sys.prefix != sys.base_prefix else sys.prefix)\"",
    ),
    Attempt(
        "E11",
        "machine code in memory that is writable and runs",
        "kernel",
        "import mmap\nm = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\nprint('REACHED')",
    ),
    Attempt(
        "E12",
        "memory made to run later (`mprotect`)",
        "kernel",
        "import ctypes, mmap\nm = mmap.mmap(-1, 4096)\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "a = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"
        "print('REACHED' if libc.mprotect(ctypes.c_void_p(a), 4096, 7) == 0 else ctypes.get_errno())",
    ),
    Attempt(
        "E13",
        "in place of the kernel (`execv`)",
        "kernel",
        "import os; os.execv('/bin/echo', ['echo', 'REACHED'])",
    ),
    Attempt(
        "E14",
        "rights by a setuid program",
        "terminal",
        'su -c true root < /dev/null; S="$(grep NoNewPrivs /proc/self/status)"; echo "$S";'
        ' test "${S##*[!0-9]}" = 0 && echo REACHED',
    ),
    Attempt(
        "E15",
        "a descriptor that the server left open",
        "kernel",
        "import os\nfor f in os.listdir('/proc/self/fd'):\n"
        "    try: p = os.readlink(f'/proc/self/fd/{f}')\n    except OSError: continue\n"
        "    if p.startswith(IMAGE):\n        os.write(int(f), b'x'); print('REACHED')",
    ),
    Attempt(
        "E16",
        "an abstract socket of a process outside the kernel",
        "kernel",
        "import socket, subprocess, time\ns = socket.socket(socket.AF_UNIX)\n"
        "s.connect('\\0envguard-attack-' + SERVER)\nprint('REACHED')",
    ),
    Attempt(
        "E17",
        "a program of the environment replaced",
        "terminal",
        'cp /bin/echo "$IMAGE/bin/python3.11"',
        "changed",
    ),
    Attempt(
        "E18",
        "its link `python` turned elsewhere",
        "terminal",
        'ln -sfn /bin/echo "$IMAGE/bin/python"',
        "changed",
    ),
    Attempt("E19", "a program added", "terminal", 'cp /bin/echo "$IMAGE/bin/evil"', "changed"),
    Attempt(
        "E20",
        "a shared library replaced",
        "kernel",
        "import glob, shutil\nfor f in glob.glob(IMAGE + '/lib/*.so*')[:1]: shutil.copyfile('/bin/echo', f)",
        "changed",
    ),
)
