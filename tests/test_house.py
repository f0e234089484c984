"""The rules of the house, executed."""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import jupyter_envguard
from jupyter_envguard.errors import CODES

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "jupyter_envguard"
LONGEST_MODULE = 400
LONGEST_FUNCTION = 50
VERBS = frozenset({"delete", "get", "head", "options", "patch", "post", "put"})
PLUG_INS = frozenset({"cli", "hooks", "hub", "kernels", "server"})
HEAVY = (
    "jupyter_client",
    "jupyter_server",
    "rich",
    "securesystemslib",
    "tornado",
    "traitlets",
    "tuf",
    "yaml",
)


def tracked(*patterns: str) -> list[Path]:
    """Return the files of the project, or those below `patterns`; what is not committed yet counts."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def python_files(*patterns: str) -> list[Path]:
    return [path for path in tracked(*patterns) if path.suffix == ".py"]


def name_of(path: object) -> str:
    return str(path.relative_to(ROOT)) if isinstance(path, Path) else str(path)


MODULES = python_files("jupyter_envguard")
SHIPPED_AND_RUN = [*MODULES, *python_files("demo", "benchmarks", "docs", "labextension/build_backend.py")]


class TestShape:
    def test_every_module_has_a_test_of_its_name(self) -> None:
        partners = {
            name_of(module): ROOT / "tests" / module.relative_to(PACKAGE).with_name(f"test_{module.name}")
            for module in MODULES
            if module.name != "__init__.py"
        }
        lonely = [name for name, partner in partners.items() if not partner.is_file()]
        assert lonely == [], "\n".join(lonely)

    def test_no_module_is_long(self) -> None:
        panel = tracked("labextension/src", ":!labextension/src/generated")
        tests = [*python_files("tests"), *tracked("labextension/tests/*.ts", "labextension/tests/*.tsx")]
        modules = [*SHIPPED_AND_RUN, *panel, *tests]
        lengths = {name_of(module): len(module.read_text("utf-8").splitlines()) for module in modules}
        assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}

    def test_no_function_is_long(self) -> None:
        lengths = {
            f"{name_of(module)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
            for module in SHIPPED_AND_RUN
            for node in ast.walk(ast.parse(module.read_text("utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}

    def test_every_folder_of_modules_is_a_package(self) -> None:
        assert [name_of(m.parent) for m in MODULES if not (m.parent / "__init__.py").is_file()] == []

    def test_tests_are_no_package(self) -> None:
        assert [name_of(path) for path in python_files("tests") if path.name == "__init__.py"] == []


class TestVersions:
    def test_agree_everywhere(self) -> None:
        panel = json.loads((ROOT / "labextension/package.json").read_text())
        lock = json.loads((ROOT / "labextension/package-lock.json").read_text())
        assert {
            jupyter_envguard.__version__,
            tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"],
            panel["version"],
            lock["version"],
            lock["packages"][""]["version"],
        } == {jupyter_envguard.__version__}

    def test_the_lock_belongs_to_the_panel(self) -> None:
        panel = json.loads((ROOT / "labextension/package.json").read_text())
        locked = json.loads((ROOT / "labextension/package-lock.json").read_text())["packages"][""]
        for kind in ("dependencies", "devDependencies"):
            assert locked[kind] == panel[kind]


class TestImports:
    def test_point_down_the_page(self) -> None:
        lint = Path(sys.executable).with_name("lint-imports")
        done = subprocess.run(
            [lint, "--no-logo", "--no-cache"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={**os.environ, "COLUMNS": "200"},
        )
        assert done.returncode == 0, done.stdout

    @pytest.mark.parametrize(
        "module",
        [
            "jupyter_envguard",
            *(f"jupyter_envguard.hooks.{p.stem}" for p in MODULES if p.parent.name == "hooks"),
        ],
    )
    def test_of_the_package_and_of_hooks_are_light(self, module: str) -> None:
        code = f"import sys, {module}; print(*sorted(name.split('.')[0] for name in sys.modules))"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert set(done.stdout.split()).isdisjoint(HEAVY)


def verbs_of(module: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield every HTTP verb that a class in `module` defines."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name in VERBS:
                    yield f"{node.name}.{part.name}", part


HANDLER_MODULES = [module for module in MODULES if module.parent.name in {"server", "hub"}]
ALL_VERBS = [(module, name, verb) for module in HANDLER_MODULES for name, verb in verbs_of(module)]


class TestHandlers:
    def test_there_are_some(self) -> None:
        assert len(ALL_VERBS) >= 8

    @pytest.mark.parametrize(
        ("module", "verb"),
        [(module, verb) for module, _, verb in ALL_VERBS],
        ids=[f"{module.stem}-{name}" for module, name, _ in ALL_VERBS],
    )
    def test_every_verb_is_authenticated_and_then_authorised_in_so_many_words(
        self, module: Path, verb: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> None:
        authenticated, authorized = (ast.unparse(decorator) for decorator in verb.decorator_list)
        assert authenticated == "web.authenticated"
        # Overrides of Jupyter's own verbs keep the resource that these have there.
        resource = "(kernels|kernelspecs|sessions)" if module.name == "refusals.py" else "envguard"
        assert re.fullmatch(rf"authorized\('(read|write|execute)', resource='{resource}'\)", authorized)

    @pytest.mark.parametrize("module", HANDLER_MODULES, ids=name_of)
    def test_no_verb_is_another_name_for_one(self, module: Path) -> None:
        aliases = [
            ast.unparse(part)
            for node in ast.walk(ast.parse(module.read_text("utf-8")))
            if isinstance(node, ast.ClassDef)
            for part in node.body
            if isinstance(part, ast.Assign) and VERBS & {ast.unparse(target) for target in part.targets}
        ]
        assert aliases == []


class TestPackingList:
    @pytest.fixture
    def patterns(self) -> list[str]:
        packing = configparser.ConfigParser(delimiters=("=",))
        packing.read(ROOT / "setup.cfg")
        return " ".join(packing["options.data_files"].values()).replace(",", " ").split()

    def test_names_everything_that_lands_outside_site_packages(self, patterns: list[str]) -> None:
        found = [
            path for folder in ("jupyter-config", "labextension/dist") for path in (ROOT / folder).rglob("*")
        ]
        files = [name_of(path) for path in found if path.is_file()]
        assert files
        assert [name for name in files if not any(fnmatch(name, pattern) for pattern in patterns)] == []

    def test_names_nothing_that_is_not_there(self, patterns: list[str]) -> None:
        assert [pattern for pattern in patterns if not list(ROOT.glob(pattern))] == []


class TestPanel:
    def test_has_no_colours_of_its_own(self) -> None:
        sheets = tracked("labextension/style/*.css")
        assert sheets
        colour = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(rgb|hsl|hwb|lab|lch|color)a?\(")
        assert {
            name_of(sheet): found[0] for sheet in sheets if (found := colour.search(sheet.read_text()))
        } == {}


class TestSchemas:
    SCHEMAS = tracked("jupyter_envguard/schemas/*.json")

    def test_each_is_named_after_its_address(self) -> None:
        assert self.SCHEMAS
        found = {path.name: json.loads(path.read_text())["$id"].rpartition("/")[2] for path in self.SCHEMAS}
        assert {name: address for name, address in found.items() if name != address} == {}

    def test_titles_are_names_of_types_and_unlike(self) -> None:
        titles = [json.loads(path.read_text())["title"] for path in self.SCHEMAS]
        assert sorted(set(titles)) == sorted(titles)
        assert all(re.fullmatch(r"[A-Z][A-Za-z]+", title) for title in titles)


class TestErrors:
    def test_every_code_is_raised_somewhere(self) -> None:
        texts = {
            node.value
            for module in MODULES
            if module != PACKAGE / "errors.py"
            for node in ast.walk(ast.parse(module.read_text("utf-8")))
            if isinstance(node, ast.Constant)
        }
        assert set(CODES) - texts == set()

    def test_every_code_is_written_in_kebab_case_and_explained_in_a_sentence(self) -> None:
        assert [code for code in CODES if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)] == []
        assert [code for code, meaning in CODES.items() if not meaning.endswith(".")] == []

    def test_every_code_has_an_anchor_in_the_reference(self) -> None:
        page = filled("docs/reference/errors.md")
        assert [code for code in CODES if f"({code})=" not in page] == []


def filled(page: str) -> str:
    """Return a page of the documentation as Sphinx reads it, its generated parts filled in."""
    code = (
        "import pathlib, sys; sys.path.insert(0, 'docs/_ext'); import envguard_reference as reference;"
        f"print(reference.fill(pathlib.Path({page!r}).read_text('utf-8')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


class TestReadme:
    def test_shows_the_help_that_the_command_prints(self) -> None:
        readme = (ROOT / "README.md").read_text("utf-8")
        block = re.search(
            r"^```\w*\n\$ (jupyter envguard --help)\n(.*?)\n?```$", readme, re.MULTILINE | re.DOTALL
        )
        assert block, "README.md has no block that starts with `$ jupyter envguard --help`"
        done = subprocess.run(
            [sys.executable, "-m", "jupyter_envguard.cli.main", "--help"],
            env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert block[2].strip() == done.stdout.strip()


class TestPrivacy:
    """Nothing of the machine on which a file was written may be in it."""

    def test_no_file_names_a_path_of_this_machine(self) -> None:
        interpreter = Path(sys.base_prefix)
        private = [ROOT, *([interpreter] if interpreter.is_relative_to(Path.home()) else [])]
        pattern = re.compile(
            "|".join(rf"(?<![\w./-]){re.escape(str(path))}(?![\w.-])" for path in private).encode()
        )
        found = {
            name_of(path): match[0] for path in tracked() if (match := pattern.search(path.read_bytes()))
        }
        assert found == {}

    @pytest.mark.parametrize("folder", ["labextension", "demo"])
    def test_no_lock_names_a_registry(self, folder: str) -> None:
        locked = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
        fetched = {name: package for name, package in locked.items() if name}
        assert [name for name, package in fetched.items() if "resolved" in package] == []
        assert [name for name, package in fetched.items() if "integrity" not in package] == []

    def test_no_file_names_a_host_from_which_packages_are_fetched(self) -> None:
        hosts = ["registry.npm" + "js.org", "registry.yarn" + "pkg.com", "files.python" + "hosted.org"]
        indexes = (
            os.environ.get(name, "") for name in ("PIP_INDEX_URL", "UV_INDEX_URL", "npm_config_registry")
        )
        hosts += [host for index in indexes if (host := urlsplit(index).hostname)]
        found = {
            name_of(path): host for path in tracked() for host in hosts if host.encode() in path.read_bytes()
        }
        assert found == {}
