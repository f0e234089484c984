from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_envguard.cli import verbs
from jupyter_envguard.cli.verbs import Answer, Verb
from tests.cli.conftest import MODULE, Run


def verb_that(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `rules` fail with `error`."""

    def run(*_: object) -> Answer:
        raise error

    monkeypatch.setattr(verbs, "load", lambda name: Verb(lambda parser: None, run))
    monkeypatch.setattr("jupyter_envguard.cli.parser.load", verbs.load)


def test_help_and_version_end_well(run: Run) -> None:
    assert run("--help").code == 0
    assert run("import", "--help").out.startswith("usage: jupyter envguard import")
    assert run("--version").out.startswith("jupyter-envguard ")


def test_no_verb_is_wrong_input(run: Run) -> None:
    assert run().refusal == (2, "invalid-argument")


def test_wrong_usage_with_json_is_a_document_on_stdout(run: Run) -> None:
    done = run("show", "--json")
    assert (done.code, done.err) == (2, "")
    assert set(done.json) == {"code", "message", "hint"}


def test_what_nobody_foresaw_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    verb_that(monkeypatch, RuntimeError("secret detail"))
    done = run("rules")
    assert done.refusal == (1, "internal-error")
    assert "Traceback" not in done.err
    assert "secret" not in done.err


def test_the_traceback_goes_to_the_debug_file(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, root_logger: logging.Logger
) -> None:
    verb_that(monkeypatch, RuntimeError("secret detail"))
    done = run("rules", "--debug", tmp_path / "debug.log")
    assert "Traceback" not in done.err
    assert "RuntimeError: secret detail" in (tmp_path / "debug.log").read_text()


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    logger = logging.getLogger()
    handlers, level = list(logger.handlers), logger.level
    yield logger
    for handler in [handler for handler in logger.handlers if handler not in handlers]:
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level)


def test_a_debug_file_that_cannot_be_written_is_wrong_input(run: Run, tmp_path: Path) -> None:
    assert run("rules", "--debug", tmp_path).refusal == (2, "invalid-argument")


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (FileNotFoundError(2, "No such file or directory", "x"), (4, "file-not-found")),
        (PermissionError(13, "Permission denied", "x"), (7, "permission-denied")),
        (OSError(28, "No space left on device", "x"), (7, "disk-full")),
        (OSError(5, "Input/output error"), (7, "io-error")),
        (MemoryError(), (1, "internal-error")),
        (RecursionError(), (1, "internal-error")),
    ],
)
def test_what_the_machine_says_becomes_an_error_of_ours(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, refusal: tuple[int, str]
) -> None:
    verb_that(monkeypatch, error)
    assert run("rules").refusal == refusal


def test_an_interrupt_is_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    verb_that(monkeypatch, KeyboardInterrupt())
    done = run("rules")
    assert (done.code, done.err) == (130, "interrupted\n")


def test_a_real_interrupt_ends_with_130(root: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "site.yaml"
    os.mkfifo(fifo)
    code = (
        "import sys, time\n"
        "from jupyter_envguard.cli import verbs\n"
        "from jupyter_envguard.cli.main import main\n"
        "def run(*_):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "verbs.load = lambda name: verbs.Verb(None, run)\n"
        "sys.exit(main(['rules']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"interrupted\n")


def test_a_reader_that_went_away_is_no_traceback(root: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*MODULE, "rules"], stdout=writing, stderr=subprocess.PIPE, cwd=root)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("redirection", "code"),
    [
        (">&-", 0),
        ("<&- >&- 2>&-", 0),
        (">/dev/full", 7),
        (">/dev/full 2>/dev/full", 7),
    ],
)
def test_streams_that_take_nothing_are_no_traceback(root: Path, redirection: str, code: int) -> None:
    command = ["bash", "-c", f'exec "$@" {redirection}', "bash", *MODULE, "rules", "--json"]
    done = subprocess.run(command, capture_output=True, cwd=root)
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_a_refusal_that_cannot_be_written_is_still_one(root: Path) -> None:
    command = ["bash", "-c", 'exec "$@" 2>&-', "bash", *MODULE, "list", "--site", "/no/such/site.yaml"]
    assert subprocess.run(command, capture_output=True, cwd=root).returncode == 4


def test_text_that_the_encoding_lacks_is_escaped(spawn: Run, tmp_path: Path) -> None:
    done = spawn("inspect", tmp_path / "数据.tar", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.refusal == (4, "file-not-found")
    assert "\\u6570" in done.err


def test_the_script_runs_as_a_subcommand_of_jupyter(root: Path) -> None:
    jupyter = Path(sys.executable).with_name("jupyter")
    done = subprocess.run([jupyter, "envguard", "--version"], capture_output=True, text=True, cwd=root)
    assert done.stdout.startswith("jupyter-envguard ")


def test_help_imports_nothing_heavy(root: Path) -> None:
    code = (
        "import sys\n"
        "from jupyter_envguard.cli.main import main\n"
        "main(['--help'])\n"
        "heavy = {'tuf', 'rich', 'yaml', 'sqlite3', 'tornado', 'traitlets', 'zstandard', 'subprocess'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stderr.strip() == "[]"
