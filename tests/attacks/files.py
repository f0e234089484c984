"""Family D: bytes of the environment, by every way to a file, and the memory of the server."""
# ruff: noqa: E501 - what is typed stays on its line

from __future__ import annotations

from tests.attacks.attempt import Attempt


def shell(number: str, what: str, code: str) -> Attempt:
    """Return an attempt by a shell command that has succeeded when the environment is changed."""
    return Attempt(number, what, "terminal", code, "changed")


def cell(number: str, what: str, code: str) -> Attempt:
    """Return an attempt by system calls from a cell that has succeeded when the environment is changed."""
    return Attempt(number, what, "kernel", "import os\n" + code, "changed")


USERNS = "unshare --user --map-root-user --mount sh -c "

FILES = (
    shell("D01", "open and write", 'echo x > "$HELD"'),
    shell("D02", "append", 'echo x >> "$HELD"'),
    shell("D03", "`chmod u+w`", 'chmod u+w "$HELD"'),
    shell("D04", "`chmod` of the folder, then a new file", 'chmod 755 "$SITE"; echo x > "$SITE/evil.py"'),
    shell("D05", "rename within", 'mv "$HELD" "$HELD.old"'),
    shell("D06", "rename a file over one", 'echo x > m && mv -f m "$HELD"'),
    shell("D07", "move out", 'mv "$HELD" .'),
    shell("D08", "hard link out, then write", 'ln "$HELD" linked && echo x > linked'),
    shell("D09", "hard link in", 'echo x > m && ln m "$SITE/evil.py"'),
    shell("D10", "symbolic link in", 'ln -s "$PWD" "$SITE/evil"'),
    shell("D11", "truncate", 'truncate -s 0 "$HELD"'),
    shell("D12", "times set", 'touch -d 2020-01-01 "$HELD"'),
    shell("D13", "remove a file", 'rm -f "$HELD"'),
    shell("D14", "remove everything", 'rm -rf "$SITE" "$IMAGE"'),
    shell("D15", "rename the environment", 'mv "$IMAGE" "$IMAGE.old"'),
    shell("D16", "through `/proc/self/root`", 'echo x > "/proc/self/root$HELD"'),
    shell("D17", "through `/proc/self/cwd`", 'cd "$SITE" && echo x > /proc/self/cwd/evil.py'),
    shell("D18", "through the root of the server", 'echo x > "/proc/$SERVER/root$HELD"'),
    shell("D19", "through a link in the home", 'ln -s "$SITE" way && echo x > way/evil.py'),
    shell("D20", "given to another user", 'chown "$(id -u)" "$HELD"'),
    cell("D21", "`mmap` of a file", "import mmap\nf = os.open(HELD, os.O_RDWR)\nmmap.mmap(f, 0)[0:1] = b'x'"),
    cell(
        "D22",
        "`mmap` of a file opened to read",
        "import ctypes, mmap\nf = os.open(HELD, os.O_RDONLY)\nmmap.mmap(f, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)[0:1] = b'x'",
    ),
    cell(
        "D23",
        "a descriptor opened to read, opened again to write",
        "f = os.open(HELD, os.O_RDONLY)\nos.write(os.open(f'/proc/self/fd/{f}', os.O_WRONLY), b'x')",
    ),
    cell(
        "D24",
        "`O_PATH`, then opened to write",
        "f = os.open(HELD, os.O_PATH)\nos.write(os.open(f'/proc/self/fd/{f}', os.O_WRONLY | os.O_TRUNC), b'x')",
    ),
    cell("D25", "`fchmod` by a descriptor", "os.fchmod(os.open(HELD, os.O_RDONLY), 0o777)"),
    cell("D26", "an extended attribute", "os.setxattr(HELD, 'user.evil', b'x')"),
    cell(
        "D27",
        "an access list (`setfacl`)",
        "import struct\nos.setxattr(HELD, 'system.posix_acl_access', struct.pack('<I', 2) + b''.join("
        "struct.pack('<HHI', t, 7, i) for t, i in ((1, 2**32 - 1), (2, os.getuid()), (4, 2**32 - 1), (16, 2**32 - 1), (32, 2**32 - 1))))",
    ),
    cell("D28", "`ftruncate` of a file opened to read", "os.ftruncate(os.open(HELD, os.O_RDONLY), 0)"),
    cell(
        "D29",
        "a file without a name, linked in",
        "f = os.open(OWN, os.O_TMPFILE | os.O_WRONLY)\nos.link(f'/proc/self/fd/{f}', SITE + '/evil.py', src_dir_fd=f)",
    ),
    cell(
        "D30",
        "names exchanged (`renameat2`)",
        "import ctypes\nopen('m', 'w').close()\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.renameat2(-100, (OWN + '/m').encode(), -100, HELD.encode(), 2), os.strerror(ctypes.get_errno()))",
    ),
    cell("D31", "a special file", "os.mkfifo(SITE + '/evil')"),
    cell("D32", "a socket", "import socket\nsocket.socket(socket.AF_UNIX).bind(SITE + '/evil')"),
    cell(
        "D33",
        "a copy by `copy_file_range`",
        "open('m', 'w').write('x')\nos.copy_file_range(os.open('m', os.O_RDONLY), os.open(HELD, os.O_WRONLY), 1)",
    ),
    cell("D34", "`fallocate` of a hole", "f = os.open(HELD, os.O_RDWR)\nos.posix_fallocate(f, 0, 100000)"),
    cell(
        "D35",
        "file attributes (`FS_IOC_SETFLAGS`)",
        "import array, fcntl\nfcntl.ioctl(os.open(HELD, os.O_RDONLY), 0x40086602, array.array('l', [0x80]))",
    ),
    Attempt(
        "D36",
        "a bind mount in a user namespace",
        "terminal",
        f"mkdir m && touch m/seen && {USERNS}"
        '\'mount --bind m "$SITE" && test -e "$SITE/seen" && echo REACHED\'',
    ),
    Attempt(
        "D37",
        "an overlay in a user namespace",
        "terminal",
        f"mkdir u w && touch u/seen && {USERNS}"
        '\'mount -t overlay o -o "lowerdir=$SITE,upperdir=u,workdir=w,userxattr" "$SITE" && test -e "$SITE/seen" && echo REACHED\'',
    ),
    Attempt(
        "D38",
        "`tmpfs` over the environment in a user namespace",
        "terminal",
        USERNS + "'mount -t tmpfs none \"$IMAGE\" && echo REACHED'",
    ),
    Attempt(
        "D39",
        "`chroot` in a user namespace",
        "terminal",
        f'mkdir -p "r$IMAGE" && touch "r$IMAGE/seen" && {USERNS}'
        """'"$PYTHON" -c "import os; os.chroot(\\"r\\"); os.stat(os.environ[\\"IMAGE\\"] + \\"/seen\\"); print(\\"REACHED\\")"'""",
    ),
    Attempt(
        "D40",
        "root of a user namespace writes",
        "terminal",
        USERNS + '\'chmod u+w "$HELD"; echo x > "$HELD"\'',
        "changed",
    ),
    Attempt(
        "D41",
        "the server's memory (`/proc/PID/mem`)",
        "kernel",
        "open(f'/proc/{SERVER}/mem', 'r+b', buffering=0)\nprint('REACHED')",
    ),
    Attempt(
        "D42",
        "the server traced (`ptrace`)",
        "kernel",
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "print('REACHED' if libc.ptrace(0x4206, int(SERVER), 0, 0) == 0 else os.strerror(ctypes.get_errno()))",
    ),
    Attempt(
        "D43", "a signal to the server", "kernel", "import os; os.kill(int(SERVER), 0); print('REACHED')"
    ),
    Attempt(
        "D44",
        "the server's variables",
        "kernel",
        "if open(f'/proc/{SERVER}/environ', 'rb').read(): print('REACHED')",
    ),
    Attempt(
        "D45",
        "the server's descriptors",
        "kernel",
        "import os; os.readlink(f'/proc/{SERVER}/fd/1'); print('REACHED')",
    ),
    Attempt(
        "D46",
        "the server traced from a terminal",
        "terminal",
        "\"$PYTHON\" -I -c \"import ctypes, os; print('REACHED' if ctypes.CDLL(None).ptrace(0x4206, int(os.environ['SERVER']), 0, 0) == 0 else 'refused')\"",
    ),
    shell(
        "D47",
        "the manifest beside the environment",
        'M="$(dirname "$IMAGE")/.meta/$(basename "$IMAGE")"; echo x > "$M/manifest"; rm -rf "$M"; test ! -e "$M" && chmod 777 "$IMAGE"',
    ),
    shell(
        "D48",
        "everything unpacked over",
        'mkdir -p x/bin && cp /bin/echo x/bin/python3.11 && cp -rf x/. "$IMAGE/"',
    ),
)
