from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audit.test_refusals import ACCESS, CALL, DOMAIN, ME
from tests.cli.conftest import Run

LATER = [line.replace("1729738800.268:30", "1729742400.000:31") for line in (ACCESS, CALL)]


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    path = tmp_path / "audit.log"
    path.write_text("\n".join([ACCESS, DOMAIN, CALL, "x" * 40_000 + ACCESS, *LATER]) + "\n")
    return path


def test_shows_what_walls_refused_without_a_site(logged: Path, run: Run) -> None:
    done = run("log", "--landlock", logged)
    assert done.code == 0
    lines = done.out.splitlines()
    assert len(lines) == 3
    assert "wall.denied" in lines[1]
    assert lines[1].endswith("/usr/bin/touch was refused fs.make_reg on /opt/store")


def test_believes_the_lines_only_where_root_alone_can_have_written_them(logged: Path, run: Run) -> None:
    def trust() -> set[str]:
        return {
            record["source"]["trust"] for record in run("log", "--landlock", logged, "--json").json["records"]
        }

    assert trust() == {"kernel-attested" if os.geteuid() == 0 else "self-reported"}
    logged.chmod(0o666)
    assert trust() == {"self-reported"}


def test_shows_those_of_a_user_and_a_time(logged: Path, run: Run) -> None:
    def count(*words: object) -> int:
        return len(run("log", "--landlock", logged, "--json", *words).json["records"])

    assert count("--user", ME.pw_name) == 2
    assert count("--user", "nobody-of-that-name") == 0
    assert count("--since", "2024-10-24T03:30") == 1
    assert count("--until", "2024-10-24T03:30") == 1
    assert count("--last", "1") == 1
    assert count("--last", "0") == 2


def test_what_makes_no_sense_with_it_is_refused(logged: Path, run: Run) -> None:
    assert run("log", "--landlock", logged, "--outcome", "denied").refusal == (2, "invalid-argument")
    assert run("log", "--landlock", logged / "x").refusal[0] != 0


def test_reads_standard_input_whatever_its_bytes(root: Path) -> None:
    command = [sys.executable, "-m", "jupyter_envguard.cli.main", "log", "--landlock", "-"]
    said = f"{ACCESS}\n{CALL}\n".encode() + b"\xff\n"
    done = subprocess.run(command, input=said, capture_output=True, cwd=root, check=True)
    assert b"wall.denied" in done.stdout
