"""Packs made in memory, honest and hostile: the adversary of every test that reads a pack.

`PackBuilder` collects members and writes them as conda-pack would, or changes
one thing at a time. `tests/containers.py` has the formats in which it writes,
`tests/hostile.py` the members that no pack may hold.

>>> pack = PackBuilder.honest().file("share/note.txt", b"hello").write(folder, "tar.gz")
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any, Self

from tests.containers import Item, compress, squashfs, tar_archive, zip_archive

BUILD_PREFIX = "/home/builder/envs/datasci"
PLACEHOLDER = ("/opt/anaconda1anaconda2anaconda3" + "_placehold" * 23)[:255]
"""As long as conda's, whose length is the room for a prefix."""
SITE_PACKAGES = "lib/python3.11/site-packages"
ELF_X86_64 = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, 62, 1) + bytes(40)
ELF_AARCH64 = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, 183, 1) + bytes(40)


class PackBuilder:
    """Members in order, and the ways to write them."""

    def __init__(self, *items: Item) -> None:
        self.items = list(items)
        self.prefixes: list[tuple[str, str, str]] = []
        self.has_script = True

    @classmethod
    def honest(cls) -> Self:
        """Return a small environment of two conda packages, as conda-pack orders it."""
        elf = ELF_X86_64 + PLACEHOLDER.encode() + b"/lib" + bytes(60)
        pack = cls()
        pack.file("bin/python3.11", elf, mode=0o755)
        pack.symlink("bin/python", "python3.11")
        pack.file(f"{SITE_PACKAGES}/encodings.py", b"# encodings\n")
        pack.file("lib/libssl.so.3", elf, mode=0o755)
        pack.symlink("lib/libssl.so", "libssl.so.3")
        owned = ("bin/python3.11", "bin/python", f"{SITE_PACKAGES}/encodings.py", "lib/libssl.so")
        ssl = ("lib/libssl.so.3", PLACEHOLDER, "binary")
        pack.record("python", "3.11.7", "h1_0", files=owned, paths=[ssl])
        pack.prefixes.append(ssl)
        pack.file(f"{SITE_PACKAGES}/ipykernel/__init__.py", b"__version__ = '7.4.0'\n")
        spec = ("share/jupyter/kernels/python3/kernel.json", PLACEHOLDER, "text")
        kernel = {
            "argv": [f"{PLACEHOLDER}/bin/python", "-m", "ipykernel_launcher"],
            "display_name": "Python 3",
        }
        pack.file(spec[0], json.dumps(kernel).encode())
        pack.prefixes.append(spec)
        pack.record(
            "ipykernel",
            "7.4.0",
            "pyh0_0",
            subdir="noarch",
            files=(f"{SITE_PACKAGES}/ipykernel/__init__.py",),
            paths=[spec],
            depends=["python >=3.10"],
            requested_spec="ipykernel",
        )
        pack.file(
            "conda-meta/history", b"==> 2026-01-01 00:00:00 <==\n# cmd: conda create -n datasci ipykernel\n"
        )
        return pack

    def add(self, item: Item) -> Self:
        """Add a member exactly as it is."""
        self.items.append(item)
        return self

    def file(self, path: str, content: bytes = b"", mode: int = 0o644, **more: Any) -> Self:
        """Add a regular file."""
        return self.add(Item(path.encode(), b"0", content, mode, **more))

    def directory(self, path: str, mode: int = 0o755) -> Self:
        """Add a folder."""
        return self.add(Item(path.encode() + b"/", b"5", mode=mode))

    def symlink(self, path: str, target: str) -> Self:
        """Add a symbolic link."""
        return self.add(Item(path.encode(), b"2", mode=0o777, target=target.encode()))

    def hardlink(self, path: str, target: str) -> Self:
        """Add a hard link to an earlier member."""
        return self.add(Item(path.encode(), b"1", target=target.encode()))

    def record(
        self,
        name: str,
        version: str = "1.0",
        build: str = "0",
        *,
        subdir: str = "linux-64",
        files: tuple[str, ...] = (),
        paths: list[tuple[str, str, str]] | None = None,
        **more: Any,
    ) -> Self:
        """Add the conda record of a package that owns `files`, and `paths` with placeholder and mode."""
        filename = f"{name}-{version}-{build}"
        channel = "https://conda.example.org/conda-forge"
        detailed = [{"_path": path, "path_type": "hardlink", "size_in_bytes": 1} for path in files]
        detailed += [
            {"_path": path, "path_type": "hardlink", "prefix_placeholder": placeholder, "file_mode": mode}
            for path, placeholder, mode in paths or ()
        ]
        document = {
            "name": name,
            "version": version,
            "build": build,
            "build_number": 0,
            "channel": f"{channel}/{subdir}",
            "subdir": subdir,
            "fn": f"{filename}.conda",
            "url": f"{channel}/{subdir}/{filename}.conda",
            "sha256": hashlib.sha256(filename.encode()).hexdigest(),
            "md5": hashlib.md5(filename.encode()).hexdigest(),
            "license": "BSD-3-Clause",
            "size": 1234,
            "timestamp": 1_700_000_000_000,
            "depends": [],
            "files": [item["_path"] for item in detailed],
            "paths_data": {"paths": detailed, "paths_version": 1},
        }
        return self.file(f"conda-meta/{filename}.json", json.dumps(document | more).encode())

    def dist_info(self, name: str, version: str = "1.0", installer: str = "pip", **files: str) -> Self:
        """Add the metadata of a Python distribution; `files` are further files, `.` written as `_dot_`."""
        folder = f"{SITE_PACKAGES}/{name}-{version}.dist-info"
        self.file(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode())
        self.file(f"{folder}/INSTALLER", f"{installer}\n".encode())
        for filename, content in files.items():
            self.file(f"{folder}/{filename.replace('_dot_', '.')}", content.encode())
        return self

    def without(self, path: str) -> Self:
        """Leave out the member called `path`."""
        self.items = [item for item in self.items if item.name != path.encode()]
        return self

    def finished(self) -> list[Item]:
        """Return the members, conda-pack's own script last."""
        if not self.has_script:
            return self.items
        script = unpack_script(self.prefixes)
        return [*self.items, Item(b"bin/conda-unpack", b"0", script, 0o755)]

    def write(self, folder: Path, suffix: str = "tar.gz", name: str = "pack") -> Path:
        """Write the pack into `folder` and return its path."""
        path = folder / f"{name}.{suffix}"
        if suffix == "squashfs":
            squashfs(self.finished(), folder / f"{name}.tree", path)
        else:
            path.write_bytes(self.archive(suffix))
        return path

    def archive(self, suffix: str = "tar.gz") -> bytes:
        """Return the pack as the bytes of an archive."""
        if suffix == "zip":
            return zip_archive(self.finished())
        return compress(tar_archive(self.finished()), suffix)


def unpack_script(prefixes: list[tuple[str, str, str]]) -> bytes:
    """Return what matters of conda-pack's script."""
    listed = ",\n".join(repr(item) for item in prefixes)
    script = f"#!/usr/bin/env python\nimport os\n\n_prefix_records = [\n{listed}\n]\n\nraise SystemExit(9)\n"
    return script.encode()
