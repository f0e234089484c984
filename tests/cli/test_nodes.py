"""Two nodes over a real network: the same bytes on both, and what happens to one of them is found there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.store import Store
from tests.cli.conftest import Filled, Run
from tests.nodes import Node, second_node
from tests.stores import names, root_only

pytestmark = root_only


@pytest.fixture
def share(own: Filled, tmp_path: Path, run: Run) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    assert run("publish", own.new.id, folder, "--site", own.path).code == 0
    return folder


@pytest.fixture
def node(own: Filled, tmp_path: Path, share: Path) -> Iterator[tuple[Node, str]]:
    with second_node(tmp_path, own.site.store_root, share) as found:
        yield found


def asked(node: Node, own: Filled, *words: object, clock: str = "") -> tuple[int, Any]:
    """Return the exit code and the JSON of a command on the node."""
    done = node.run(*words, "--site", own.path, "--json", clock=clock)
    assert done.stdout.startswith("{"), done.stderr
    return done.returncode, json.loads(done.stdout)


def flipped(node: Node, own: Filled, path: str) -> str:
    """Flip a byte of a file of the release on the node, as a bad disk does; return the name of its object."""
    store = Store(own.site.store_root)
    line = next(line for line in store.get(own.new.pack).manifest.lines if line.path == path)
    name = line.content + (".x" if line.mode == "x" else "")
    file = node.store / ".objects" / line.content[:2] / name
    before = file.stat()
    file.chmod(0o644)
    with file.open("r+b") as opened:
        first = opened.read(1)
        opened.seek(0)
        opened.write(bytes([first[0] ^ 1]))
    file.chmod(before.st_mode & 0o777)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    return name


def largest(own: Filled) -> str:
    lines = Store(own.site.store_root).get(own.new.pack).manifest.lines
    return max((line for line in lines if line.kind == "f"), key=lambda line: line.size).path


class TestTwoNodes:
    def test_have_the_same_bytes(self, node: tuple[Node, str], own: Filled, share: Path) -> None:
        there, url = node
        code, _ = asked(there, own, "fetch", own.new.id, "--from", share)
        assert code != 0, "the node must not see the share but over the network"
        code, done = asked(there, own, "fetch", own.new.id, "--from", url)
        assert (code, done["releases"][0]["bytes_read"] > 0) == (0, True)
        here = Store(own.site.store_root)
        name = here.path_of(own.new.pack).name
        for document in ("manifest", "spec.json", "pack.json"):
            assert (there.store / ".meta" / name / document).read_bytes() == (
                here.layout.meta / name / document
            ).read_bytes()
        assert asked(there, own, "verify", own.new.id)[0] == 0

    def test_a_flipped_byte_is_found_named_set_aside_and_told(
        self, node: tuple[Node, str], own: Filled, run: Run
    ) -> None:
        there, url = node
        assert asked(there, own, "fetch", own.new.id, "--from", url)[0] == 0
        path = largest(own)
        name = flipped(there, own, path)
        code, found = asked(there, own, "verify", own.new.id)
        assert (code, path in json.dumps(found)) == (6, True)
        code, found = asked(there, own, "store", "scrub")
        assert code == 6
        assert {damage["name"] for damage in found["damages"]} == {
            name,
            Store(own.site.store_root).path_of(own.new.pack).name,
        }
        assert path in json.dumps(found)
        assert len(names(there.store / ".quarantine")) == 2
        code, refused = asked(there, own, "verify", own.new.id)
        assert (code, refused["code"]) == (4, "image-missing")
        log = run("log", "--site", own.path)
        assert any("env.drifted" in row and own.new.id in row for row in log.out.splitlines())
        # the first node has nothing of it, and the second is whole again after the next fetch
        assert run("verify", own.new.id, "--site", own.path, "--no-log").code == 0
        assert asked(there, own, "fetch", own.new.id, "--from", url)[0] == 0
        assert asked(there, own, "verify", own.new.id)[0] == 0

    @pytest.mark.parametrize(("clock", "code"), [("-365d", "clock-behind"), ("+3650d", "catalog-expired")])
    def test_a_clock_that_is_years_off_makes_nothing_but_refusals(
        self, node: tuple[Node, str], own: Filled, clock: str, code: str
    ) -> None:
        there, url = node
        assert asked(there, own, "fetch", own.new.id, "--from", url)[0] == 0
        before = names(there.store / ".objects")
        for words in (("store", "gc", "--grace", "0"), ("fetch", own.old.id, "--from", url)):
            exit_code, refused = asked(there, own, *words, clock=clock)
            assert (exit_code, refused["code"]) == (6, code), words
        assert names(there.store / ".objects") == before
        assert asked(there, own, "verify", own.new.id)[0] == 0
