"""Listing 1,000 environments against a stock KernelSpecManager with 1,000 kernels, in one run.

    python -m benchmarks.listing [--count 1000] [--rounds 15]

Measured is `get_all_specs` in this process, and `GET /api/kernelspecs` of two real
servers, asked in turn. "First" is the first time in a process: ours verifies the
signed catalog, decides about every release and reads its spec and kernelspec; what
follows costs a stat. "After a change" is the first listing after a publication.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager

from benchmarks.table import Table
from demo.environments import build, default_cache
from jupyter_envguard.catalog import Entry
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.kernelspecs import RESOURCES, EnvGuardKernelSpecManager
from jupyter_envguard.spec import canonical_json, sha256_digest
from tests.catalogs import entry
from tests.sites import SiteBuilder, short_folder

START_SECONDS = 60


def stock_kernels(folder: Path, count: int) -> Path:
    """Write `count` kernelspecs with a logo each, as `ipykernel install` does."""
    for number in range(count):
        kernel = folder / "kernels" / f"env{number}"
        kernel.mkdir(parents=True)
        argv = [f"/opt/envs/env{number}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": argv, "display_name": f"Environment {number}", "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps(spec | {"metadata": {"debugger": True}}))
        shutil.copy(Path(RESOURCES) / "logo-svg.svg", kernel)
    return folder


def released(site: SiteBuilder, image: Image, number: int) -> Entry:
    """Put a release into the store of which only what listings read is there: spec, record, kernelspec."""
    spec = image.spec()
    document = spec.as_json()
    document["packages"][0]["version"] = f"1.{number}"
    content = canonical_json(document)
    digests = {
        "pack": sha256_digest(f"pack {number}".encode()),
        "manifest": sha256_digest(f"manifest {number}".encode()),
        "spec": sha256_digest(content),
    }
    path = site.store.path_of(digests["pack"])
    meta = image.meta.with_name(path.name)
    shutil.copytree(image.path / "share/jupyter/kernels", path / "share/jupyter/kernels")
    meta.mkdir()
    (meta / "spec.json").write_bytes(content)
    record = json.loads((image.meta / "pack.json").read_bytes())
    (meta / "pack.json").write_bytes(canonical_json(record | digests))
    return entry(f"env{number}", "1", groups=("*",), display_name=f"Environment {number}", **digests)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def server(folder: Path, *options: str, **variables: str) -> Iterator[Callable[[], bytes]]:
    """Run a Jupyter server; yield what asks it for its kernelspecs over one connection."""
    port, token = free_port(), secrets.token_hex(16)
    private = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **private, **variables}
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser"]
    command += ["--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", f"--IdentityProvider.token={token}", *options]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        connection = connected(port, process)

        def get() -> bytes:
            connection.request("GET", "/api/kernelspecs", headers={"Authorization": f"token {token}"})
            response = connection.getresponse()
            content = response.read()
            if response.status != 200:
                raise SystemExit(f"The server answered {response.status}: {content!r}")
            return content

        yield get
    finally:
        process.terminate()
        process.wait()


def connected(port: int, process: subprocess.Popen[bytes]) -> http.client.HTTPConnection:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.connect()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return connection
    raise SystemExit(f"The server did not start (exit code {process.poll()}).")


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def show(name: str, took: dict[str, list[float]]) -> None:
    print(f"{name}, load {os.getloadavg()[0]:.1f}")
    for who, times in took.items():
        print(f"  {who:22}{statistics.median(times):9.2f} ms median{min(times):9.2f} ms min")
    theirs, ours = took["stock"], took["ours"]
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(f"  ours is {ratio:.0f} times as fast (median), {min(theirs) / min(ours):.0f} times (min)")


def compare(count: int, rounds: int, folder: Path) -> None:
    kernels = stock_kernels(folder / "stock", count)
    site = SiteBuilder(folder / "site", folder / "s")
    image = site.image(build("datasci", default_cache()))
    site.publish(*(released(site, image, number) for number in range(count)))
    theirs = KernelSpecManager(kernel_dirs=[str(kernels / "kernels")], ensure_native_kernel=False)
    mine = EnvGuardKernelSpecManager(site=str(site.path))
    first = milliseconds(mine.get_all_specs)
    took: dict[str, list[float]] = {"stock": [], "ours": []}
    for _ in range(rounds):
        took["stock"].append(milliseconds(theirs.get_all_specs))
        took["ours"].append(milliseconds(mine.get_all_specs))
    site.change("env0", "1", description="changed")
    took["ours, first"], took["ours, after a change"] = [first], [milliseconds(mine.get_all_specs)]
    if len(mine.get_all_specs()) != count or len(theirs.get_all_specs()) != count:
        raise SystemExit("The listings are not complete.")
    show(f"get_all_specs of {count}", took)
    table = Table("listing", f"{count:,} approved environments; median of {rounds} rounds")
    add(table, "get_all_specs", took, aim=25)
    with (
        server(
            folder / "a", "--KernelSpecManager.ensure_native_kernel=False", JUPYTER_PATH=str(kernels)
        ) as stock,
        server(folder / "b", f"--EnvGuardApp.site={site.path}", *EXTENSION) as ours,
    ):
        add(table, "GET /api/kernelspecs", compare_servers(stock, ours, count, rounds), aim=25)
    table.show()


EXTENSION = ("--ServerApp.jpserver_extensions={'jupyter_envguard': True}",)


def add(table: Table, what: str, took: dict[str, list[float]], aim: float) -> None:
    theirs, ours = (statistics.median(took[who]) for who in ("stock", "ours"))
    table.add(what, peer=theirs, ours=ours, aim=aim, peer_name="KernelSpecManager", unit="ms")


def compare_servers(
    stock: Callable[[], bytes], ours: Callable[[], bytes], count: int, rounds: int
) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {"stock": [], "ours": []}
    took["ours, first"] = [milliseconds(ours)]
    stock()
    for _ in range(rounds):
        took["stock"].append(milliseconds(stock))
        took["ours"].append(milliseconds(ours))
    for get in (stock, ours):
        if len(json.loads(get())["kernelspecs"]) < count:  # The stock one finds this Python's own, too.
            raise SystemExit("The listings are not complete.")
    show(f"GET /api/kernelspecs with {count}", took)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with short_folder() as folder:
        for name in ("a", "b"):
            (folder / name).mkdir()
        compare(options.count, options.rounds, folder)


if __name__ == "__main__":
    main()
