from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.catalog import Entry
from tests.cli.conftest import Filled, Run


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write a notebook that was made by a release."""

    def notebook(name: str, made: Entry | None, kernel: str = "datasci", **changes: str) -> Path:
        metadata: dict[str, Any] = {"kernelspec": {"name": kernel}}
        if made:
            stamp = {"name": made.name, "release": made.release, "digest": made.manifest}
            metadata["envguard"] = stamp | changes
        path = tmp_path / name
        path.write_text(json.dumps({"metadata": metadata, "cells": [], "nbformat": 4, "nbformat_minor": 5}))
        return path

    return notebook


def test_a_match_is_a_line_and_no_error(filled: Filled, run: Run, write: Any) -> None:
    done = run("verify", write("a.ipynb", filled.new), "--site", filled.path)
    assert done.code == 0
    assert done.out.startswith("match ")
    assert done.out.endswith(": datasci@2026.11\n")


@pytest.mark.parametrize(
    ("made", "changes", "status", "refusal"),
    [
        ("old", {}, "other-release", (5, "stamp-other-release")),
        ("away", {}, "withdrawn", (3, "revoked")),
        ("new", {"digest": "sha256:" + "0" * 64}, "unknown", (6, "stamp-unknown")),
        ("new", {"release": "9"}, "unknown", (6, "stamp-unknown")),
        ("", {}, "no-stamp", (4, "stamp-missing")),
    ],
)
def test_every_other_answer_has_an_exit_code_of_its_own(
    filled: Filled,
    run: Run,
    write: Any,
    made: str,
    changes: dict[str, str],
    status: str,
    refusal: tuple[int, str],
) -> None:
    path = write("a.ipynb", getattr(filled, made) if made else None, **changes)
    done = run("verify", path, "--site", filled.path, "--json")
    assert done.refusal == refusal
    (one,) = done.json["notebooks"]
    assert (one["status"], one["file"], one["kernel"]) == (status, str(path), "datasci")
    said = run("verify", path, "--site", filled.path)
    assert said.refusal == refusal
    assert said.out.startswith(status)


def test_people_see_what_the_kernel_means_now(filled: Filled, run: Run, write: Any) -> None:
    out = run("verify", write("a.ipynb", filled.old), "--site", filled.path).out
    assert out.endswith(": datasci@2026.05 (now datasci@2026.11)\n")


def test_of_several_the_gravest_decides(filled: Filled, run: Run, write: Any) -> None:
    paths = [
        write("good.ipynb", filled.new),
        write("lies.ipynb", filled.new, release="9"),
        write("none.IPYNB", None),
    ]
    done = run("verify", *paths, "--site", filled.path)
    assert done.refusal == (6, "stamp-unknown")
    assert [line.split()[0] for line in done.out.splitlines()] == ["match", "unknown", "no-stamp"]


def test_releases_and_notebooks_are_apart(filled: Filled, run: Run, write: Any) -> None:
    done = run("verify", "datasci@2026.11", write("a.ipynb", filled.new), "--site", filled.path)
    assert done.refusal == (2, "invalid-argument")


@pytest.mark.parametrize(
    ("content", "refusal"),
    [(b"{", (2, "notebook-invalid")), (b'{"metadata": {"envguard": 1}}', (2, "stamp-invalid"))],
)
def test_a_hostile_file_is_a_refusal(
    filled: Filled, run: Run, tmp_path: Path, content: bytes, refusal: tuple[int, str]
) -> None:
    path = tmp_path / "\x1b[2J.ipynb"
    path.write_bytes(content)
    done = run("verify", path, "--site", filled.path)
    assert done.refusal == refusal
    assert "\x1b" not in done.out + done.err


def test_one_that_cannot_be_read_hides_no_other(filled: Filled, run: Run, write: Any, tmp_path: Path) -> None:
    (tmp_path / "b.ipynb").write_text("{")
    words = [write("a.ipynb", filled.new), tmp_path / "b.ipynb", tmp_path / "c.ipynb", write("d.ipynb", None)]
    done = run("verify", *words, "--site", filled.path)
    assert done.refusal[0] == 4
    said = ["match", "unreadable", "unreadable", "no-stamp"]
    assert [line.split()[0] for line in done.out.splitlines()] == said
    found = run("verify", *words, "--site", filled.path, "--json").json["notebooks"]
    assert [one["status"] for one in found] == said
    assert [(one["error"] or {}).get("code") for one in found] == [
        None,
        "notebook-invalid",
        "file-not-found",
        "stamp-missing",
    ]
    assert len({frozenset(one) for one in found}) == 1


def test_a_file_that_is_not_there(filled: Filled, run: Run, tmp_path: Path) -> None:
    assert run("verify", tmp_path / "a.ipynb", "--site", filled.path).refusal == (4, "file-not-found")
