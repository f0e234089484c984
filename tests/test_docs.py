"""The documentation builds without a warning, and says what the code says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from jupyter_envguard.cli.exits import Exit
from jupyter_envguard.cli.parser import all_parsers
from jupyter_envguard.cli.verbs import SUMMARIES
from jupyter_envguard.errors import CODES, InvalidInput
from jupyter_envguard.policy import RULES


class Page(HTMLParser):
    """The anchors and links of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors.add(found.get("id") or "")
        if tag == "a":
            self.links.add(found.get("href") or "")


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages; a warning is an error, and no network is asked."""
    out = tmp_path_factory.mktemp("html")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", str(out)]
    offline = {"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env={**os.environ, **offline})
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """Every built page by its path."""
    return {path: Page(path) for path in site.rglob("*.html")}


def test_every_error_code_has_an_anchor(site: Path, pages: dict[Path, Page]) -> None:
    assert set(CODES) - pages[site / "reference" / "errors.html"].anchors == set()


def test_every_verb_is_documented(site: Path, pages: dict[Path, Page]) -> None:
    wanted = {f"{verb}-verb" for verb in SUMMARIES}
    assert wanted - pages[site / "reference" / "cli.html"].anchors == set()


def test_every_option_of_every_verb_is_documented(site: Path) -> None:
    text = (site / "reference" / "cli.html").read_text("utf-8")
    options = {
        option
        for _, parser in all_parsers()
        for action in parser._actions
        for option in action.option_strings
    }
    assert {option for option in options if option not in text} == set()


def test_every_exit_code_is_documented(site: Path) -> None:
    text = (site / "reference" / "cli.html").read_text("utf-8")
    assert {code for code in Exit if f"<p>{int(code)}</p>" not in text} == set()


def test_every_rule_has_an_anchor(site: Path, pages: dict[Path, Page]) -> None:
    wanted = {f"rule-{rule.replace('.', '-')}" for rule in RULES}
    assert wanted - pages[site / "reference" / "policy-rules.html"].anchors == set()


def test_no_link_between_pages_is_broken(pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = pages.get(target)
            if not target.exists() or (parts.fragment and there and parts.fragment not in there.anchors):
                broken.append((path.name, link))
    assert broken == []


def test_no_page_asks_another_host_when_it_is_read(site: Path) -> None:
    loaded = re.compile(r"""<(?:script|link|img)[^>]+(?:src|href)=["'](?:https?:)?//""")
    assert [path.name for path in site.rglob("*.html") if loaded.search(path.read_text("utf-8"))] == []


def test_no_marker_is_left(site: Path) -> None:
    assert [p.name for p in site.rglob("*.html") if "generated:" in p.read_text("utf-8")] == []


def commands(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield every `jupyter envguard` command that README and documentation show."""
    for path in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        text = path.read_text("utf-8").replace("\\\n", " ")
        for line in re.findall(r"^\$ jupyter envguard (.*)$", text, re.MULTILINE):
            yield path.name, shlex.split(line.split("|")[0])


def test_every_command_shown_can_be_typed(root: Path) -> None:
    parsers = dict(all_parsers())
    wrong = []
    for page, words in commands(root):
        if words[0] == "--site":
            words = words[2:]
        if words[0] == "--help":
            continue
        try:
            parsers[words[0]].parse_args(words[1:])
        except (InvalidInput, KeyError) as error:
            wrong.append((page, words, str(error)))
    assert wrong == []


def test_there_are_commands_to_check(root: Path) -> None:
    assert len(list(commands(root))) > 20


def test_the_readme_shows_the_real_help(root: Path) -> None:
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "jupyter_envguard.cli.main", "--help"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, env=environment)
    assert f"$ jupyter envguard --help\n{done.stdout.strip()}\n```" in (root / "README.md").read_text("utf-8")


def test_every_page_of_decisions_has_context_and_choice(root: Path) -> None:
    pages = sorted((root / "docs/explanation/decisions").glob("0*.md"))
    assert [p.name for p in pages if not {"## Context", "## Choice"} <= set(p.read_text().splitlines())] == []


def test_decisions_are_numbered_without_gaps(root: Path) -> None:
    pages = sorted((root / "docs/explanation/decisions").glob("0*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        assert page.read_text().startswith(f"# {int(page.name[:4])}. ")


def test_lines_are_semantic(root: Path) -> None:
    long = [
        (path.name, number)
        for path in [root / "README.md", *(root / "docs").rglob("*.md")]
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line) > 130 and not line.startswith(("|", "  ", "!["))
    ]
    assert long == []
