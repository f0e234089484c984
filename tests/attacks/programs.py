"""Family E: foreign programs and machine code, and descriptors of others."""
# ruff: noqa: E501 - what is typed stays on its line

from __future__ import annotations

from tests.attacks.attempt import Attempt

HELLO = (
    "printf '#include <stdio.h>\\nint main(void){puts(\"REACHED\");return 0;}\\n' > x.c && gcc FLAGS -o x x.c"
)

COPIED = "import glob, os, shutil; shutil.copy(sorted(glob.glob(IMAGE + '/lib/libz.so*'))[0], 'x.so')\n"

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
    Attempt("E21", "a program copied into the home", "terminal", "cp /bin/echo e && ./e REACHED"),
    Attempt(
        "E22",
        "the same through `ld.so`",
        "terminal",
        'cp /bin/echo e && chmod a-x e && "$(ls /lib64/ld-linux-* /lib/ld-linux-* 2>/dev/null | head -1)" ./e REACHED',
    ),
    Attempt(
        "E23",
        "the same from `/dev/shm`",
        "terminal",
        'E="/dev/shm/egy$$"; cp /bin/echo "$E" && "$(ls /lib64/ld-linux-* /lib/ld-linux-* 2>/dev/null | head -1)" "$E" REACHED; rm -f "$E"',
    ),
    Attempt(
        "E24",
        "the same from the temporary folder, in a kernel",
        "kernel",
        "import os, shutil, subprocess\ne = os.path.join(os.environ.get('TMPDIR', '/tmp'), f'egz{os.getpid()}')\n"
        "shutil.copy('/bin/echo', e)\nfor words in ([e, 'REACHED'], ['/lib64/ld-linux-x86-64.so.2', e, 'REACHED']):\n"
        "    try: print(subprocess.run(words, capture_output=True, text=True))\n    except OSError as x: print(x)\n"
        "    else: print(subprocess.run(words, capture_output=True, text=True).stdout)\nos.remove(e)",
    ),
    Attempt(
        "E25",
        "a library copied into the home, by `ctypes`",
        "kernel",
        COPIED + "import ctypes; ctypes.CDLL(OWN + '/x.so'); print('REACHED')",
    ),
    Attempt(
        "E26",
        "the same mapped by hand",
        "kernel",
        COPIED + "import mmap\nf = os.open('x.so', os.O_RDONLY)\n"
        "mmap.mmap(f, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC); print('REACHED')",
    ),
    Attempt(
        "E27",
        "the same preloaded into another program",
        "terminal",
        """L="$(ls "$IMAGE"/lib/libz.so* | head -1)"; cp -L "$L" x.so; LD_PRELOAD="$PWD/x.so" /bin/cat /proc/self/maps > m; grep x.so m | grep -q r-x && echo REACHED""",
    ),
    Attempt(
        "E28",
        "an extension copied into the home, by its loader",
        "kernel",
        "import glob, shutil\nfrom importlib.machinery import ExtensionFileLoader, ModuleSpec\n"
        "shutil.copy(sorted(glob.glob(LIB + '/lib-dynload/_queue*'))[0], 'x.so')\n"
        "loader = ExtensionFileLoader('_queue', OWN + '/x.so')\n"
        "loader.create_module(ModuleSpec('_queue', loader, origin=OWN + '/x.so')); print('REACHED')",
    ),
    Attempt(
        "E29",
        "mounts made runnable again in a user namespace",
        "kernel",
        "import ctypes, os, shutil, struct, subprocess\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "shutil.copy('/bin/echo', 'e')\nlibc.unshare(0x10020000)\na = struct.pack('=QQQQ', 0, 8, 0, 0)\n"
        "p = ctypes.create_string_buffer(os.path.dirname(OWN).encode())\n"
        "print(libc.syscall(442, -100, p, 0, a, 32), os.strerror(ctypes.get_errno()))\n"
        "print(subprocess.run(['/lib64/ld-linux-x86-64.so.2', OWN + '/e', 'REACHED'], capture_output=True, text=True).stdout)",
    ),
    Attempt(
        "E30",
        "memory that was written, by `pkey_mprotect` and `shmat`",
        "kernel",
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.shmat.restype = ctypes.c_void_p\n"
        "i = libc.shmget(0, 4096, 0o1700)\na = libc.shmat(i, None, 0o100000)\nlibc.shmctl(i, 0, None)\n"
        "print('REACHED' if a != ctypes.c_void_p(-1).value else 'refused')",
    ),
    Attempt(
        "E31",
        "a program that others have put elsewhere, through `ld.so`",
        "terminal",
        '"$(ls /lib64/ld-linux-* /lib/ld-linux-* 2>/dev/null | head -1)" "$ELSEWHERE/echo" REACHED',
    ),
    Attempt(
        "E32",
        "a library that others have put elsewhere, mapped by hand",
        "kernel",
        "import mmap, os\nf = os.open(ELSEWHERE + '/library.so', os.O_RDONLY)\n"
        "mmap.mmap(f, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC); print('REACHED')",
    ),
    Attempt(
        "E33",
        "a program of the system that is not on the list, through `ld.so`",
        "kernel",
        "import subprocess\n"
        "print(subprocess.run(['/lib64/ld-linux-x86-64.so.2', '/usr/bin/python3', '-c', 'print(\"REACHED\")'],"
        " capture_output=True, text=True).stdout)",
    ),
)
