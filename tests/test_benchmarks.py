"""The frame of the benchmarks: what is aimed at, tables, and the run of all of them. None is run here."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as whole
from benchmarks import table as tables
from benchmarks.aims import AIMS, Aim, Judged, judge
from benchmarks.table import Table

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    monkeypatch.setattr(whole, "RESULTS", tmp_path)
    return tmp_path


def test_a_row_says_how_many_times_better_and_whether_that_is_enough(results: Path) -> None:
    table = Table("deploy", "x")
    table.add("first", peer=12, ours=4, aim=3, peer_name="tar", limit=2)
    table.add("second", peer=12, ours=5, aim=3, peer_name="tar")
    table.add("third", peer=12, ours=5, peer_name="tar")
    table.show()
    rows = json.loads((results / "deploy.json").read_text())["rows"]
    assert [(row["ratio"], row["met"]) for row in rows] == [(3, True), (2.4, False), (2.4, None)]


def test_no_two_rows_of_a_table_have_one_name() -> None:
    table = Table("deploy", "x")
    table.add("first", peer=1, ours=1, peer_name="tar")
    with pytest.raises(ValueError, match="two rows"):
        table.add("first", peer=1, ours=1, peer_name="tar")


ROW: dict[str, Any] = {"what": "x", "peer": 9, "ours": 3, "ratio": 3, "unit": "s", "limit": None}


@pytest.mark.parametrize(
    ("aim", "met"),
    [({"times": 3}, True), ({"times": 3.1}, False), ({"most": 3}, True), ({"most": 2.9}, False)],
)
def test_an_aim_is_a_ratio_or_a_bound(aim: dict[str, float], met: bool) -> None:
    judged = Judged(Aim("x", "t", "x", **aim), ROW)
    assert judged.met is met
    assert judged.verdict == ("met" if met else "missed")
    assert judged.aim.words("s")


def test_what_was_not_measured_is_said(results: Path) -> None:
    assert [judged.verdict for judged in judge(results)] == ["not measured"] * len(AIMS)


def test_a_figure_is_of_the_aim_that_names_it_best(results: Path) -> None:
    table = Table("deploy", "x")
    for what in ("check at start", "check at start, mounted", "check at start, mounted, warm"):
        table.add(what, peer=1, ours=0.001, peer_name="a hash")
    table.show()
    found = [(j.what, j.row["what"]) for j in judge(results) if j.row]
    assert found == [
        ("Check at the start of a kernel", "check at start"),
        ("Check when nothing can have changed", "check at start, mounted"),
        ("Check when nothing can have changed, warm", "check at start, mounted, warm"),
    ]


@pytest.mark.parametrize("step", whole.steps(), ids=str)
def test_every_step_is_a_benchmark(step: whole.Step) -> None:
    text = (ROOT / "benchmarks" / f"{step.name}.py").read_text("utf-8")
    assert [word for word in step.options if word.startswith("--") and f'"{word}"' not in text] == []


@pytest.mark.parametrize("name", sorted({step.name for step in whole.steps()}))
def test_every_benchmark_can_be_imported(name: str) -> None:
    assert importlib.import_module(f"benchmarks.{name}").main


def test_every_benchmark_is_a_step() -> None:
    runnable = {
        path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py") if "add_argument(" in path.read_text()
    }
    assert runnable == {step.name for step in whole.steps()}


def test_one_that_fails_or_never_ends_does_not_end_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], results: Path
) -> None:
    @dataclasses.dataclass(frozen=True)
    class Code(whole.Step):
        def command(self, folder: Path) -> list[str]:
            return [whole.sys.executable, "-c", self.options[0].replace("FOLDER", repr(str(folder)))]

    left = "import pathlib, time; pathlib.Path(FOLDER, 'left').touch(); print(FOLDER); time.sleep(600)"
    steps = (
        Code("failing", 1, ("raise SystemExit(3)",)),
        Code("endless", 0.01, (left,)),
        Code("fine", 1, ("import pathlib; pathlib.Path(r'%s').touch()" % (results / "ran"),)),
    )
    monkeypatch.setattr(whole, "steps", lambda: steps)
    monkeypatch.setattr("sys.argv", ["benchmarks"])
    before = set(whole.ROOM.glob("eg*"))
    assert whole.main() == 1
    assert (results / "ran").exists()
    said = capsys.readouterr().out
    assert said.count("FAILED") == 2
    assert "failing raise SystemExit(3): exit code 3" in said
    assert "stopped after" in said
    assert {path for path in set(whole.ROOM.glob("eg*")) - before if (path / "left").exists()} == set()


def test_without_time_nothing_is_begun() -> None:
    assert whole.run(whole.Step("hooks", 1), 0) == "no time was left for it"
