from __future__ import annotations

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demo.environments import Packs
from jupyter_envguard.store import Store
from tests.cli.conftest import MODULE, Lab, Run
from tests.packs import PackBuilder

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'


def images(lab: Lab) -> list[str]:
    return [path.name for path in lab.site.store_root.glob("[0-9a-f]*")]


class TestCheck:
    def test_a_pack_that_meets_the_policy_is_told_so(self, lab: Lab, run: Run) -> None:
        done = run("check", lab.pack(), "--site", lab.path, "--json")
        assert (done.code, done.json["passed"], done.json["entry"]) == (0, True, None)

    def test_a_pack_that_does_not_is_refused_with_every_finding(self, site: Path, run: Run) -> None:
        pack = PackBuilder.honest().write(site.parent)
        done = run("check", pack, "--site", site, "--json")
        assert done.refusal == (3, "policy-failed")
        assert {"fs.changed"} <= {finding["rule"] for finding in done.json["findings"]}
        assert done.json["passed"] is False

    def test_people_see_rule_paths_and_what_to_do(self, site: Path, run: Run) -> None:
        pack = PackBuilder.honest()
        for index in range(8):
            pack.file(f"extra/{index}").record(f"p{index}", files=(f"gone/{index}",))
        done = run("check", pack.write(site.parent), "--site", site)
        assert done.refusal == (3, "policy-failed")
        assert "error    fs.missing  " in done.out
        assert "more path" in done.out
        assert "         → " in done.out

    def test_changes_nothing(self, lab: Lab, run: Run) -> None:
        run("check", lab.pack(), "--site", lab.path)
        assert images(lab) == []
        records = run("log", "--site", lab.path, "--json").json["records"]
        assert [record["type"] for record in records] == ["site.init"]


class TestImport:
    def test_puts_a_release_up_for_review(self, lab: Lab, run: Run) -> None:
        words = ("--display-name", "Data Science", "--group", "b", "--group", "a", "--user", "ada")
        done = run("import", lab.pack(), "--as", "datasci@1", *words, "--site", lab.path, "--json")
        entry = done.json["entry"]
        assert (done.code, done.json["new"], entry["state"]) == (0, True, "in_review")
        assert (entry["display_name"], entry["groups"], entry["users"]) == (
            "Data Science",
            ["a", "b"],
            ["ada"],
        )
        assert Store(lab.site.store_root).get(entry["pack"]).manifest_digest == entry["manifest"]

    def test_says_what_comes_next(self, lab: Lab, run: Run) -> None:
        out = run("import", lab.pack(), "--as", "datasci@1", "--group", "*", "--site", lab.path).out
        assert out.endswith(
            "datasci@1 is in review; nobody can start it yet.\n"
            "Next: jupyter envguard approve datasci@1 --reason TEXT\n"
        )

    def test_twice_is_once(self, lab: Lab, run: Run) -> None:
        pack = lab.pack()
        run("import", pack, "--as", "datasci@1", "--site", lab.path)
        done = run("import", pack, "--as", "datasci@1", "--site", lab.path)
        assert (done.code, done.out) == (0, "datasci@1 was there already and is in review.\n")

    def test_another_pack_under_the_same_name_is_a_conflict(self, lab: Lab, run: Run) -> None:
        run("import", lab.pack("1.0"), "--as", "datasci@1", "--site", lab.path)
        done = run("import", lab.pack("2.0"), "--as", "datasci@1", "--site", lab.path)
        assert done.refusal == (5, "release-exists")
        assert len(images(lab)) == 1

    def test_a_dry_run_changes_nothing(self, lab: Lab, run: Run) -> None:
        done = run("import", lab.pack(), "--as", "datasci@1", "--dry-run", "--site", lab.path)
        assert (done.code, images(lab)) == (0, [])
        assert run("list", "--site", lab.path, "--json").json["entries"] == []

    def test_expiry_and_logo_are_kept(self, lab: Lab, run: Run) -> None:
        (lab.packs / "logo.svg").write_text(SVG)
        words = ("--expires", "2099-08-01", "--logo", lab.packs / "logo.svg", "--description", "For courses")
        entry = run("import", lab.pack(), "--as", "x@1", *words, "--site", lab.path, "--json").json["entry"]
        assert (entry["expires"], entry["logo"]) == ("2099-08-01T00:00:00Z", SVG)
        assert entry["description"] == "For courses"

    @pytest.mark.parametrize(
        ("words", "refusal"),
        [
            (("--as", "datasci"), (2, "invalid-name")),
            (("--as", "Data@1"), (2, "invalid-name")),
            (("--as", "a--b@1"), (2, "invalid-name")),
            (("--as", "x@1", "--group", "a\x1b[2J"), (2, "invalid-name")),
            (("--as", "x@1", "--user", "*"), (2, "invalid-name")),
            (("--as", "x@1", "--user", ""), (2, "invalid-name")),
            (("--as", "x@1", "--expires", "2020-01-01"), (2, "invalid-argument")),
            (("--as", "x@1", "--expires", "soon"), (2, "invalid-argument")),
            (("--as", "x@1", "--display-name", "a\u202eb"), (2, "invalid-argument")),
            (("--as", "x@1", "--display-name", "x" * 500), (2, "invalid-argument")),
            (("--as", "x@1", "--logo", "no.svg"), (4, "file-not-found")),
            (("--as", "x@1", "--logo", "script.svg"), (2, "logo-refused")),
            (("--as", "x@1", "--logo", "latin.svg"), (2, "logo-refused")),
            (("--as", "x@1", "--logo", "huge.svg"), (2, "invalid-argument")),
            ((), (2, "invalid-argument")),
        ],
    )
    def test_wrong_input_changes_nothing(
        self,
        lab: Lab,
        run: Run,
        monkeypatch: pytest.MonkeyPatch,
        words: tuple[str, ...],
        refusal: tuple[int, str],
    ) -> None:
        monkeypatch.chdir(lab.packs)
        Path("script.svg").write_text(SVG.replace("<path", "<script/><path"))
        Path("latin.svg").write_bytes(SVG.encode() + b"\xff")
        Path("huge.svg").write_text(SVG + " " * 100_000)
        done = run("import", lab.pack(), *words, "--site", lab.path)
        assert done.refusal == refusal
        assert "\x1b" not in done.err
        assert images(lab) == []

    def test_a_refusal_carries_every_finding(self, site: Path, run: Run) -> None:
        pack = PackBuilder.honest().write(site.parent)
        done = run("import", pack, "--as", "x@1", "--site", site, "--json")
        assert done.refusal == (3, "policy-failed")
        assert done.json["findings"]
        records = run("log", "--type", "release.import", "--site", site, "--json").json["records"]
        assert [(r["outcome"], r["reason"]) for r in records] == [("denied", "policy-failed")]

    def test_a_site_without_keys_cannot_import(self, lab: Lab, run: Run) -> None:
        lines = [line for line in lab.path.read_text().splitlines() if not line.startswith("keys:")]
        lab.path.write_text("\n".join(lines))
        assert run("import", lab.pack(), "--as", "x@1", "--site", lab.path).refusal == (7, "keys-missing")
        assert images(lab) == []

    def test_two_at_once_import_two_releases(self, lab: Lab, spawn: Run) -> None:
        packs = [lab.pack("1.0"), lab.pack("2.0")]

        def work(number: int) -> int:
            return spawn("import", packs[number], "--as", f"datasci@{number}", "--site", lab.path).code

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(work, range(2))) == [0, 0]
        entries = spawn("list", "--site", lab.path, "--json").json["entries"]
        assert [entry["release"] for entry in entries] == ["0", "1"]

    def test_two_at_once_with_the_same_pack_make_one_image(self, lab: Lab, spawn: Run) -> None:
        pack = lab.pack()
        with ThreadPoolExecutor(2) as pool:
            codes = list(
                pool.map(lambda _: spawn("import", pack, "--as", "x@1", "--site", lab.path).code, range(2))
            )
        assert codes == [0, 0]
        assert len(images(lab)) == 1

    def test_an_interrupt_leaves_no_image_and_no_release(self, lab: Lab, run: Run, root: Path) -> None:
        pack = PackBuilder.honest()
        for index in range(3000):
            pack.file(f"share/many/{index}", os.urandom(3000))
        words = [*MODULE, "import", str(pack.write(lab.packs)), "--as", "x@1", "--site", str(lab.path)]
        with subprocess.Popen(words, cwd=root, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            process.stderr.readline()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert process.returncode in (0, 130)
        assert b"Traceback" not in err
        entries = run("list", "--site", lab.path, "--json").json["entries"]
        assert len(images(lab)) == len(entries) == int(process.returncode == 0)


@pytest.mark.packs
class TestRealPack:
    def test_goes_from_archive_to_approved_kernel(self, packs: Packs, spawn: Run, tmp_path: Path) -> None:
        assert spawn("init", tmp_path / "lab").code == 0
        site = ("--site", tmp_path / "lab" / "site.yaml")
        assert spawn("inspect", packs.minimal).code == 0
        assert spawn("check", packs.minimal, *site).code == 0
        assert spawn("import", packs.minimal, "--as", "minimal@1", "--group", "*", *site).code == 0
        assert spawn("approve", "minimal@1", "--reason", "Works", *site).code == 0
        assert spawn("verify", *site).code == 0
        assert spawn("doctor", *site).code == 0
        explicit = spawn("export", "minimal@1", *site).out
        assert "@EXPLICIT\nfile://" in explicit
        assert all("#sha256:" in line for line in explicit.split("@EXPLICIT\n")[1].splitlines())
        offers = spawn("list", "--for", "anybody", *site, "--json").json["offers"]
        assert [(offer["kernel"], offer["allowed"]) for offer in offers] == [("minimal", True)]

    def test_a_tampered_one_is_refused(self, packs: Packs, spawn: Run, tmp_path: Path) -> None:
        spawn("init", tmp_path / "lab")
        done = spawn("check", packs.tampered, "--site", tmp_path / "lab" / "site.yaml", "--json")
        assert done.refusal == (3, "policy-failed")
        assert [f["rule"] for f in done.json["findings"] if f["severity"] == "error"] == ["fs.changed"]
