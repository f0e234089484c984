"""Every attempt is made, and none changes an approved environment.

`ENVGUARD_WRITE_DOCS=1` writes what came of them to the documentation.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sysconfig
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pluggy
import pytest

from demo.environments import Packs
from jupyter_envguard.site import load
from jupyter_envguard.store import Store
from tests.attacks.attempt import Attempt, Outcome
from tests.attacks.corpus import ATTEMPTS, FAMILIES, IN_SESSION
from tests.attacks.hubs import visited
from tests.attacks.session import LEVELS, LOCKED, Ground, is_supported, session
from tests.attacks.table import BY_OWNERS, NO_START, NOT_APPROVED, SENTENCE, changed_columns, page
from tests.attacks.unprotected import changed_by, owned_copy
from tests.attacks.visits import GATEWAY, VISITS
from tests.sites import SiteBuilder, short_folder

PAGE = "docs/explanation/attacks.md"
OWNED = ("none", "enforce")
"""Levels at which attempts are made on a copy that the user owns, too."""
OWN_CONFIGURATION = "C21"
"""IPython's own configuration in the home counts in kernels, as the user's code does."""
OWN_CODE = {
    "C13": "a file run as a module",
    "C14": "text",
    "C16": "an importer of one's own",
    "C20": "a function replaced",
    "C21": "IPython's configuration",
    "C23": "a pickle",
    "C25": "a helper module",
    "E07": "a script given to a shell",
    "E13": "a program of the system in place of the kernel",
}
"""What lockdown does not stop: plain code of the user's own."""
ANOTHER_PYTHON = {"C32", "C45"}
"""Packages of plain code in a Python that looks for no guard, which `strict_python: false` lets start."""
BY_ANOTHER_PYTHON = {"B05", "C31"}
"""Attempts of a second Python that has the guard of imports, where it may start."""
WRITTEN_MEMORY = {"E11", "E12", "E30"}
"""Memory that is written and then run, which only `strict_memory` takes away."""
TAKEN_APART = {"C43", "C44"}
"""A guard of imports that shares its process with plain code, interrupted or written over. Nothing inside of
a process stops that; machine code is kept out of it from the outside."""
IN_TERMINALS = {"advise": {"F30", "F35"}, "enforce": {"F35"}, "lockdown": set(), "strict": set()}
"""What a terminal may do that its server does not: see the token, and start kernels of its own."""
HOPELESS = {"A16", "A17", "A19", "B14", "B15", "D22", "D28"}
"""Attempts that need a program which is not there, or that no system allows on any file."""
SLOW_TO_PUT_RIGHT = {"B19", "D14", "D15"}
"""Attempts that remove or rename all of an environment; races are left out too, being won by chance."""
CHANGES = [
    attempt
    for attempt in ATTEMPTS
    if attempt.goal == "changed"
    and attempt.family != "G"
    and attempt.where != "start"
    and attempt.id not in SLOW_TO_PUT_RIGHT
]
CONTROLS = (
    Attempt("X01", "a terminal", "terminal", "echo REACHED"),
    Attempt("X02", "a cell", "kernel", "print('REACHED')"),
    Attempt("X03", "a kernel that starts", "start", "true"),
)
"""What is nothing out of order: where these fail, that others do says nothing."""
Results = dict[str, dict[str, Outcome]]

pytestmark = [
    pytest.mark.packs,
    pytest.mark.timeout(1800),  # all attempts are made before the first test that asks what came of them
    pytest.mark.skipif(
        not is_supported(), reason="needs root, to make a user, and Landlock with scopes (ABI 6)"
    ),
]


@contextlib.contextmanager
def throw_away_user(home: Path) -> Iterator[pwd.struct_passwd]:
    """Make a user with a home, and remove both and what the user left in shared folders."""
    name = f"egattack{os.getpid()}"
    # Not on every root's path: sudo and cron leave these folders out.
    useradd, userdel = (
        shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin") or tool for tool in ("useradd", "userdel")
    )
    subprocess.run(
        [useradd, "--no-create-home", "--home-dir", str(home), "--shell", "/bin/sh", name], check=True
    )
    user = pwd.getpwnam(name)
    try:
        home.mkdir(mode=0o700)
        os.chown(home, user.pw_uid, user.pw_gid)
        yield user
    finally:
        for folder in (Path("/tmp"), Path("/dev/shm")):
            for path in folder.iterdir():
                with contextlib.suppress(FileNotFoundError):  # what others had there may go at any time
                    if path.lstat().st_uid == user.pw_uid:
                        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
        subprocess.run([userdel, name], check=True, capture_output=True)


def make_tools(tools: Path, root: Path) -> None:
    """Put what attempts bring along where the user can read it: pip, a wheel, a double of conda."""
    (tools / "jupyter_envguard").mkdir(parents=True)
    shutil.copy(root / "tests/attacks/cells.py", tools)
    for path in (root / "jupyter_envguard").glob("*.py"):  # before sessions, terminals, kernels
        shutil.copy(path, tools / "jupyter_envguard")
    # Found, not imported: importing pip makes setuptools give its distutils up for the whole process.
    shutil.copytree(Path(sysconfig.get_path("purelib"), "pip"), tools / "pip")
    with zipfile.ZipFile(tools / "foreign-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("foreign/__init__.py", "print('REACHED')\n")
        wheel.writestr(
            "foreign-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n"
        )
        wheel.writestr(
            "foreign-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("foreign-1.0.dist-info/RECORD", "")
    shutil.copytree(root / "jupyter_envguard/hooks", tools / "jupyter_envguard/hooks")
    known = tomllib.loads((root / "pyproject.toml").read_text())["project"]["entry-points"]["conda"]
    for name, plugins in (("conda-open", {}), ("conda-hooked", known)):
        folder = tools / name
        (folder / "tests").mkdir(parents=True)
        shutil.copy(root / "tests/conda_double.py", folder / "tests")
        shutil.copytree(Path(pluggy.__file__).parent, folder / "pluggy")
        shutil.copytree(root / "jupyter_envguard/hooks", folder / "jupyter_envguard/hooks")
        lines = [f'{plugin} = "{value}"' for plugin, value in plugins.items()]
        (folder / "pyproject.toml").write_text("\n".join(["[project.entry-points.conda]", *lines]) + "\n")
    subprocess.run(["chmod", "-R", "a+rX", str(tools)], check=True)


@contextlib.contextmanager
def foreign_code(image: Path) -> Iterator[Path]:
    """A program and a library in a folder of the system to which no session writes."""
    with tempfile.TemporaryDirectory(
        prefix="envguard-", dir="/opt" if Path("/opt").is_dir() else "/"
    ) as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy("/bin/echo", folder)
        shutil.copy(min((image / "lib").glob("libz.so*")), folder / "library.so")
        yield folder


@pytest.fixture(scope="module")
def ground(packs: Packs, root: Path) -> Iterator[Ground]:
    """A site with one real image that belongs to root, and a user without rights."""
    with short_folder() as folder:
        folder.chmod(0o755)
        builder = SiteBuilder(folder / "site", folder / "s")
        builder.spool.chmod(0o1733)
        image = builder.image(packs.minimal)
        builder.offer(image, "minimal", "1")
        make_tools(folder / "tools", root)
        with throw_away_user(folder / "home") as user, foreign_code(image.path) as elsewhere:
            yield Ground(
                site=load(builder.path),
                builder=builder,
                image=image,
                home=folder / "home",
                tools=folder / "tools",
                elsewhere=elsewhere,
                uid=user.pw_uid,
                gid=user.pw_gid,
                name=user.pw_name,
            )


@pytest.fixture(scope="module")
def visits(ground: Ground) -> Results:
    """What came of every attempt on a hub, by set-up and id."""
    return {level: visited(ground, level, VISITS, GATEWAY) for level in LEVELS}


@pytest.fixture(scope="module")
def in_sessions(ground: Ground) -> Results:
    """What came of every other attempt."""
    found: Results = {}
    controls: dict[str, list[Outcome]] = {}
    for level in LEVELS:
        with session(ground, level) as running:
            found[level] = {attempt.id: running.make(attempt) for attempt in IN_SESSION}
            controls[level] = [running.make(attempt) for attempt in CONTROLS]
    for level, outcomes in controls.items():
        terminal, cell, kernel = outcomes
        assert (level, terminal.reached, cell.reached) == (level, True, True), outcomes
        assert "started" in kernel.said.split(), (level, kernel.said)
    return found


@pytest.fixture
def results(in_sessions: Results, visits: Results) -> Results:
    """What came of every attempt."""
    return {level: {**in_sessions[level], **visits[level]} for level in LEVELS}


@pytest.fixture(scope="module")
def owned(ground: Ground) -> dict[str, dict[str, bool]]:
    """Which attempts change a copy of the environment that the user owns, by set-up."""
    copy = owned_copy(ground)
    return {level: changed_by(CHANGES, ground, copy, level) for level in OWNED}


def test_ids_are_unique_and_their_families_known() -> None:
    assert len({attempt.id for attempt in ATTEMPTS}) == len(ATTEMPTS)
    assert {attempt.family for attempt in ATTEMPTS} == set(FAMILIES)


def test_every_attempt_is_made_at_every_level(in_sessions: Results) -> None:
    assert [set(found) for found in in_sessions.values()] == [{one.id for one in IN_SESSION}] * len(LEVELS)


def test_so_is_every_one_on_a_hub(visits: Results) -> None:
    wanted = {one.id for one in (*VISITS, GATEWAY)}
    assert [set(found) for found in visits.values()] == [wanted] * len(LEVELS)


def test_attempts_do_change_an_environment_that_nothing_protects(owned: dict[str, dict[str, bool]]) -> None:
    assert {attempt.id for attempt in CHANGES} - set(owned["none"]) == HOPELESS


def test_the_wall_alone_leaves_an_owner_nothing_but_modes_times_and_lists(
    owned: dict[str, dict[str, bool]],
) -> None:
    assert sorted(owned["enforce"]) == sorted(BY_OWNERS)
    assert not any(owned["enforce"].values())


def test_an_environment_is_what_its_manifest_says_after_all_attempts(
    ground: Ground, results: Results
) -> None:
    assert results
    assert Store(ground.site.store_root).verify(ground.image, "full") == ()


def test_what_is_refused_by_a_hook_is_said_in_a_sentence(results: Results) -> None:
    wanted = [*(f"A0{number}" for number in range(1, 10)), "A16", "A17", "A20", "B14", "B15"]
    for level in LEVELS[1:]:
        assert [number for number in wanted if SENTENCE not in results[level][number].said] == []


def test_the_server_hears_of_what_is_refused_and_of_what_is_loaded(results: Results) -> None:
    refused = [*(f"A0{number}" for number in range(1, 10)), "A16", "A17", "A19", "A20", "B14", "B15"]
    loaded = ["B05", "B13", "C02", "C15", "C26", "C27", "C28", "C29", "E25", "E28"]
    for level in ("advise", "enforce"):
        assert [number for number in (*refused, *loaded) if not results[level][number].detected] == []
    loaded = [number for number in loaded if number not in BY_ANOTHER_PYTHON]
    loaded += ["C30", "C34", "C36"]  # C36 catches what it is told
    assert [number for number in loaded if "denied-import" not in results["lockdown"][number].told] == []


def test_a_server_without_the_guard_starts_and_shows_what_users_plant(results: Results) -> None:
    reached = {number for number, outcome in results["none"].items() if outcome.reached}
    assert reached >= {"F16", "F17", "F18", "F19", "F20", *(f"F{number}" for number in range(26, 33))}
    assert reached >= {"F34", "F35", "F36"}


def test_a_server_with_it_starts_nothing_but_what_is_approved(results: Results) -> None:
    asked = [visit.id for visit in (*VISITS, GATEWAY)]
    for level in LEVELS[1:]:
        reached = {number for number in asked if results[level][number].reached}
        assert (level, reached) == (level, IN_TERMINALS[level])


def test_what_is_refused_over_http_is_said_in_a_sentence_and_recorded(results: Results) -> None:
    wanted = ("F16", "F17", "F18", "F19", "F25", "F28")
    for level in LEVELS[1:]:
        found = results[level]
        assert [number for number in wanted if NOT_APPROVED not in found[number].said] == []
        assert [number for number in wanted if found[number].told != ("kernel.denied",)] == []
        assert NO_START in found[GATEWAY.id].said


def test_what_lies_outside_a_kernel_is_not_reached_from_it(results: Results) -> None:
    wanted = ("D41", "D42", "D43", "D44", "D45", "E16", "F07", "F15")
    assert [number for number in wanted if not results["none"][number].reached] == []
    assert [number for number in wanted if results["enforce"][number].reached] == []


def test_every_family_is_attacked_for_real(results: Results) -> None:
    """What no level stops and what only a level stops: without one it is reached."""
    stopped = {number for number, outcome in results["none"].items() if outcome.reached}
    assert stopped >= {*OWN_CODE, *ANOTHER_PYTHON, *WRITTEN_MEMORY, *TAKEN_APART}
    assert len(stopped) > len(ATTEMPTS) / 3


def test_nothing_changes_an_environment_of_root_at_any_level(results: Results) -> None:
    changed = {
        level: [number for number, outcome in found.items() if outcome.changed]
        for level, found in results.items()
    }
    assert changed == {level: [] for level in LEVELS}


def test_in_lockdown_no_package_and_no_file_with_machine_code_loads_from_outside(results: Results) -> None:
    """What is left is plain code, what it writes into memory, and a guard that it took apart there."""
    reached = {number for number, outcome in results["lockdown"].items() if outcome.reached}
    assert reached == {*OWN_CODE, *WRITTEN_MEMORY, *TAKEN_APART}


def test_with_strict_memory_no_foreign_machine_code_runs_either(results: Results) -> None:
    reached = {number for number, outcome in results["strict"].items() if outcome.reached}
    assert reached == {*OWN_CODE, *TAKEN_APART}


def test_a_site_that_allows_a_second_python_gets_one_and_what_it_loads(ground: Ground) -> None:
    """The two attempts that this gives up; those that do not hide from the guard of imports are refused."""
    wanted = {*ANOTHER_PYTHON, *BY_ANOTHER_PYTHON}
    with session(ground, "lockdown", strict_python=False) as running:
        found = {one.id: running.make(one) for one in IN_SESSION if one.id in wanted}
    assert {number for number, outcome in found.items() if outcome.reached} == ANOTHER_PYTHON
    assert not any(outcome.changed for outcome in found.values())
    assert [found[number].told for number in sorted(BY_ANOTHER_PYTHON)] == [("denied-import",)] * 2


def test_what_loads_past_a_guard_that_was_taken_apart_is_heard_of(results: Results) -> None:
    for level in LOCKED:
        assert [results[level][number].told for number in TAKEN_APART] == [("foreign-package",)] * 2


def test_each_level_leaves_less_than_the_one_before(results: Results) -> None:
    reached = [{number for number, outcome in results[level].items() if outcome.reached} for level in LEVELS]
    assert reached[0] > reached[1] > reached[2] > reached[3] > reached[4]


def test_what_is_not_imported_is_said_in_a_sentence(results: Results) -> None:
    wanted = ("B13", "C02", "C15", "C26", "C27", "C28", "C29", "C30", "C34", "C35", "C38", "C39")
    wanted += ("C40", "C41", "C42", "E25", "E28")
    for level in LOCKED:
        assert [number for number in wanted if SENTENCE not in results[level][number].said] == []
        assert [number for number in BY_ANOTHER_PYTHON if SENTENCE not in results[level][number].said] == []


def test_of_what_is_planted_only_own_configuration_starts_with_a_kernel(results: Results) -> None:
    planted = [attempt.id for attempt in ATTEMPTS if attempt.where == "start"]
    reached = [number for number in planted if results["enforce"][number].reached]
    assert reached == [OWN_CONFIGURATION]
    assert [number for number in planted if "started" not in results["enforce"][number].said] == []


def test_the_documentation_says_what_came_of_them(root: Path, results: Results) -> None:
    path = root / PAGE
    if os.environ.get("ENVGUARD_WRITE_DOCS") == "1":
        path.write_text(page(results), "utf-8")
    assert changed_columns(path.read_text("utf-8")) == changed_columns(page(results))
