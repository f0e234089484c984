"""Real kernels of real images, and images made to misbehave."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from demo.environments import Packs
from jupyter_envguard.confine import Support, available
from jupyter_envguard.errors import Unavailable
from jupyter_envguard.image import Image
from jupyter_envguard.inventory import Inventory
from jupyter_envguard.kernels import smoke
from jupyter_envguard.kernels.smoke import NOBODY, SmokeTest, clean, confinement_for
from jupyter_envguard.pack import open_pack
from jupyter_envguard.policy import Finding, Policy
from jupyter_envguard.spec import Package, Spec
from jupyter_envguard.store import Store
from tests.kernels.smokes import Scripted, as_root
from tests.policy.inventories import SITE, claim
from tests.sites import short_folder

MODULES = {
    "eg_good": "x = 1\n",
    "eg_broken": "raise ImportError('\\x1b[31mlibnope.so.1\\u202e: cannot open\\nshared object file')\n",
    "eg_crashes": "import os, signal\nprint('going down')\nos.kill(os.getpid(), signal.SIGSEGV)\n",
    "eg_leaves": "import os\nos._exit(9)\n",
    "eg_hangs": "import time\ntime.sleep(600)\n",
    "eg_quits": "raise SystemExit(3)\n",
}
"""Modules put into a real image, which is what no pack could hide from the test."""


def rules(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.rule for finding in findings]


LIAR = """\
import json, sys, zmq
from jupyter_client.session import Session
connection = json.load(open(sys.argv[1]))
session = Session(key=connection["key"].encode())
shell = zmq.Context().socket(zmq.ROUTER)
shell.bind(f"ipc://{connection['ip']}-{connection['shell_port']}")
while True:
    identities, request = session.recv(shell, mode=0)
    content = {} if request["msg_type"] == "kernel_info_request" else json.loads(sys.argv[2])
    if content == "junk":
        shell.send_multipart([*identities, b"junk"])
    else:
        session.send(shell, "reply", content, parent=request, ident=identities)
"""
"""A kernel that answers every request to execute with what it was given on its command line."""


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with short_folder() as folder:
        folder.chmod(0o755)
        yield Store(folder / "s")


@pytest.fixture(scope="module")
def minimal(packs: Packs, store: Store) -> tuple[Image, Inventory]:
    """The image of the pack `minimal`, with modules added as root behind the seal."""
    with open_pack(packs.minimal) as pack:
        inventory, image = pack.inventory(), store.add(pack)
    site = image.path / SITE
    site.chmod(0o755)
    for name, text in MODULES.items():
        (site / f"{name}.py").write_text(text)
    return image, inventory


def declaring(inventory: Inventory, *modules: str) -> Inventory:
    """Return the pack as if somebody had asked for a package with these modules."""
    wanted = Package(name="wanted", version="1", requested=True)
    record = replace(
        inventory.records[0], name="wanted", files=tuple(claim(f"{SITE}/{m}.py", b"") for m in modules)
    )
    others = (replace(package, requested=False) for package in inventory.spec.packages)
    return replace(inventory, records=(record,), spec=Spec("linux-64", (*others, wanted)))


@pytest.mark.packs
class TestRealKernels:
    def test_ipykernel_computes_and_imports(self, minimal: tuple[Image, Inventory]) -> None:
        image, inventory = minimal
        assert SmokeTest()(image, inventory) == ()

    def test_a_kernel_of_another_language_computes(self, packs: Packs, store: Store) -> None:
        with open_pack(packs.calc) as pack:
            assert SmokeTest()(store.add(pack), pack.inventory()) == ()

    def test_declared_modules_are_imported(self, minimal: tuple[Image, Inventory]) -> None:
        image, inventory = minimal
        assert SmokeTest()(image, declaring(inventory, "eg_good", "json")) == ()

    @as_root
    def test_works_where_nobody_cannot_reach_the_image(
        self, minimal: tuple[Image, Inventory], store: Store
    ) -> None:
        image, inventory = minimal
        store.root.chmod(0o700)
        try:
            assert SmokeTest()(image, inventory) == ()
        finally:
            store.root.chmod(0o755)

    def test_leaves_nothing_behind(
        self, minimal: tuple[Image, Inventory], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image, inventory = minimal
        descriptors = os.listdir("/proc/self/fd")
        with short_folder() as folder:
            monkeypatch.setattr(tempfile, "tempdir", str(folder))
            SmokeTest()(image, inventory)
            assert os.listdir(folder) == []
        assert len(os.listdir("/proc/self/fd")) == len(descriptors)

    def test_changes_nothing_in_the_image(self, packs: Packs, store: Store) -> None:
        with open_pack(packs.calc) as pack:
            image = store.add(pack)
            SmokeTest()(image, pack.inventory())
        assert store.verify(image) == ()


@pytest.mark.packs
class TestImports:
    def try_importing(
        self, minimal: tuple[Image, Inventory], *modules: str, **limits: float
    ) -> tuple[Finding, ...]:
        image, inventory = minimal
        return SmokeTest(**limits)(image, declaring(inventory, *modules))  # type: ignore[arg-type]

    def test_a_module_that_fails_is_named_with_its_error(self, minimal: tuple[Image, Inventory]) -> None:
        findings = self.try_importing(minimal, "eg_broken", "eg_good")
        assert [(each.rule, each.severity) for each in findings] == [("kernel.import-fails", "error")], (
            findings
        )
        (finding,) = findings
        assert finding.message == (
            "eg_broken cannot be imported: ImportError: libnope.so.1 : cannot open shared object file."
        )

    def test_every_module_that_fails_is_named(self, minimal: tuple[Image, Inventory]) -> None:
        findings = self.try_importing(minimal, "eg_broken", "eg_missing", "eg_quits")
        assert [finding.message.split()[0] for finding in findings] == ["eg_broken", "eg_missing", "eg_quits"]

    @pytest.mark.parametrize(
        ("module", "how"), [("eg_crashes", "was ended by signal 11"), ("eg_leaves", "ended with exit code 9")]
    )
    def test_a_module_that_ends_the_kernel_is_named(
        self, minimal: tuple[Image, Inventory], module: str, how: str
    ) -> None:
        died, untried = self.try_importing(minimal, module, "zzz")
        assert died.message.startswith(f"While importing {module} the kernel {how}.")
        assert (untried.rule, untried.message) == ("kernel.imports-untried", "1 modules were not tried: zzz.")

    def test_a_module_that_hangs_is_named(self, minimal: tuple[Image, Inventory]) -> None:
        started = time.monotonic()
        hung, untried = self.try_importing(minimal, "eg_hangs", "zzz", import_seconds=0.5)
        assert hung.message.startswith(
            "While importing eg_hangs the kernel did not answer within 0.5 seconds."
        )
        assert untried.rule == "kernel.imports-untried"
        assert time.monotonic() - started < 60

    def test_no_more_modules_are_tried_than_the_limit(self, minimal: tuple[Image, Inventory]) -> None:
        (untried,) = self.try_importing(minimal, "eg_good", "eg_missing", "json", most_imports=1)
        assert untried.message == "2 modules were not tried: eg_missing, json."

    def test_no_more_modules_are_tried_than_there_is_time_for(self, minimal: tuple[Image, Inventory]) -> None:
        (untried,) = self.try_importing(minimal, "eg_good", import_seconds=0)
        assert untried.severity == "info"

    def test_the_policy_says_how_grave_it_is(self, minimal: tuple[Image, Inventory]) -> None:
        image, inventory = minimal
        policy = Policy(rules=("fs.changed",), severities={"kernel.import-fails": "warning"})
        (finding,) = SmokeTest(policy=policy)(image, declaring(inventory, "eg_broken"))
        assert finding.severity == "warning"


@pytest.mark.packs
class TestWrongAnswers:
    @staticmethod
    def answer(minimal: tuple[Image, Inventory], language: str, content: object) -> tuple[Finding, ...]:
        """Return the findings about a kernel that gives this answer to whatever it is asked."""
        image, inventory = minimal
        launcher, kernels = image.path / SITE / "ipykernel_launcher.py", image.path / "share/jupyter/kernels"
        spec = {
            "argv": ["python", "-m", "eg_liar", "{connection_file}", json.dumps(content)],
            "language": language,
        }
        for folder in (launcher.parent, kernels):
            folder.chmod(0o755)
        (kernels / "a").mkdir()
        (kernels / "a/kernel.json").write_text(json.dumps(spec))
        (launcher.parent / "eg_liar.py").write_text(LIAR)
        launcher.rename(launcher.with_suffix(".away"))
        try:
            return SmokeTest(language=language)(image, declaring(inventory))
        finally:
            launcher.with_suffix(".away").rename(launcher)
            (kernels / "a/kernel.json").unlink()
            (kernels / "a").rmdir()

    def test_a_kernel_that_cannot_compute_is_refused(self, minimal: tuple[Image, Inventory]) -> None:
        (finding,) = self.answer(
            minimal, "liar", {"status": "error", "ename": "Nope", "evalue": "not\ntoday"}
        )
        assert finding.message == "The kernel cannot compute 1+1: Nope: not today."

    @pytest.mark.parametrize("content", [{}, {"status": None}, {"status": "aborted"}])
    def test_an_answer_without_a_result_is_refused(
        self, minimal: tuple[Image, Inventory], content: object
    ) -> None:
        (finding,) = self.answer(minimal, "liar", content)
        assert finding.message == "The kernel cannot compute 1+1: no result."

    def test_a_wrong_sum_is_refused(self, minimal: tuple[Image, Inventory]) -> None:
        wrong = {"sum": {"status": "ok", "data": {"text/plain": "3"}}}
        (finding,) = self.answer(minimal, "python", {"status": "ok", "user_expressions": wrong})
        assert finding.message == "The kernel says that 1+1 is '3'."

    @pytest.mark.parametrize("sums", [None, {}, {"sum": None}, {"sum": {"data": []}}, {"sum": {"data": {}}}])
    def test_no_sum_is_refused(self, minimal: tuple[Image, Inventory], sums: object) -> None:
        (finding,) = self.answer(minimal, "python", {"status": "ok", "user_expressions": sums})
        assert finding.message == "The kernel says that 1+1 is ''."

    def test_nonsense_is_refused(self, minimal: tuple[Image, Inventory]) -> None:
        (finding,) = self.answer(minimal, "liar", "junk")
        assert finding.message == "The kernel answered with something that is not Jupyter's protocol."


class TestMachine:
    def test_a_machine_that_cannot_confine_starts_nothing(
        self, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jupyter_envguard.confine.available", lambda: Support(0, "switched off"))
        with pytest.raises(
            Unavailable, match=r"cannot be tried on this machine\. Nothing can be confined"
        ) as caught:
            scripted.run("exit 0")
        assert caught.value.code == "confine-unavailable"

    def test_a_machine_with_gaps_says_so(self, scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jupyter_envguard.confine.available", lambda: Support(3))
        gaps, failure = scripted.run("exit 7")
        assert (gaps.rule, gaps.severity) == ("kernel.not-isolated", "info")
        assert "TCP stays open" in gaps.message
        assert failure.rule == "kernel.fails-to-start"

    def test_confining_that_fails_is_not_the_kernels_fault(
        self, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unusable(image: Path, room: Path, user: object) -> object:
            return replace(confinement_for(image, room, None), read=("/does/not/exist",))

        monkeypatch.setattr(smoke, "confinement_for", unusable)
        with pytest.raises(Unavailable, match="cannot be confined"):
            scripted.run("exit 0")


class TestClean:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", ""),
            ("plain", "plain"),
            ("a\nb\tc", "a b c"),
            ("\x1b[1;31mred\x1b[0m", "red"),
            ("\x07\x00bell", "bell"),
            ("\u202eevil", "evil"),
            ("é ü 数", "é ü 数"),
            (7, "7"),
            (None, "None"),
        ],
    )
    def test_what_acts_is_removed(self, text: object, expected: str) -> None:
        assert clean(text) == expected

    def test_what_is_long_is_cut(self) -> None:
        assert clean("x" * 1000, 10) == "x" * 9 + "…"


def test_the_confinement_is_the_narrowest_that_works() -> None:
    inside = confinement_for(Path("/opt/image"), Path("/tmp/room"), NOBODY)
    assert inside.write[0] == "/tmp/room"
    assert set(inside.write[1:]) <= {"/dev/null", "/dev/full"}
    assert not inside.network
    assert inside.scope
    assert inside.keep == ()
    assert "/" not in (*inside.read, *inside.execute)
    assert available().gaps(inside) == ()
