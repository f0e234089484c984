"""The plugin and the files of `hooks install` in a real conda: the one on the path, whichever version it is.

The plugin is loaded as an installed distribution is, by its entry point, from a copy whose
places of files lie in the test's folder. As root, `/etc` is the machine's with ours on top,
in a mount namespace of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import condapkg
from jupyter_envguard import acl
from jupyter_envguard.cli.hooks import FILES
from jupyter_envguard.hooks import trusted
from jupyter_envguard.image.markers import MESSAGE, markers
from jupyter_envguard.spec import sha256_digest
from tests.hooks.conftest import release

CONDA = shutil.which("conda")
pytestmark = [pytest.mark.conda, pytest.mark.skipif(not CONDA, reason="no conda on the path")]

FORM = "https://hub.example.org/hub/user-redirect/lab"
REQUEST = FORM + "?envguard-request={subject}&envguard-environment={environment}"
DENIED = "'{}' is turned off for the approved environment 'sci@2026.11'; nothing was changed."


def version() -> tuple[int, ...]:
    """The version of the conda on the path."""
    done = subprocess.run([str(CONDA), "--version"], capture_output=True, text=True, check=True)
    return tuple(int(part) for part in done.stdout.split()[1].split(".")[:2])


@dataclass(frozen=True)
class Conda:
    """A machine with a real conda, our plugin in it, a channel, and an approved environment."""

    folder: Path
    version: tuple[int, ...]

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def approved(self) -> Path:
        return self.store / "f0"

    @property
    def own(self) -> Path:
        return self.folder / "own"

    @property
    def channel(self) -> str:
        return (self.folder / "channel").as_uri()

    def environment(self, **variables: object) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.folder / "home"),
            "PYTHONPATH": str(self.folder / "site"),
            "CONDA_PKGS_DIRS": str(self.folder / "pkgs"),
            "CONDA_ENVS_PATH": str(self.folder / "envs"),
            "CONDA_SOLVER": "classic",
            "CONDA_NOTIFY_OUTDATED_CONDA": "false",
            "PYTHONWARNINGS": "ignore",  # some versions warn of their own options, in lines of their own
            **{name: str(value) for name, value in variables.items()},
        }

    def run(self, *words: object, **variables: object) -> subprocess.CompletedProcess[str]:
        return self.start([str(CONDA), *map(str, words)], **variables)

    def start(self, command: list[str], **variables: object) -> subprocess.CompletedProcess[str]:
        user = variables.pop("as_user", None)
        if user:
            command = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", *command]
        return subprocess.run(
            command,
            cwd=self.folder / "home",
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )

    def install(self, prefix: Path, *words: object, **variables: object) -> subprocess.CompletedProcess[str]:
        """Install `alpha` into `prefix` from the test's channel."""
        source = ("--offline", "--override-channels", "-c", self.channel)
        return self.run("install", "-y", "-p", prefix, *source, *words, "alpha", **variables)

    def digest(self) -> dict[str, tuple[int, int, int]]:
        """Everything in the approved environment: size, time and mode of each path."""
        found = {str(path.relative_to(self.approved)): path.lstat() for path in self.approved.rglob("*")}
        return {path: (stat.st_size, stat.st_mtime_ns, stat.st_mode) for path, stat in found.items()}


def make_plugin(folder: Path) -> None:
    """Make `site/`: what `pip install --no-deps jupyter-envguard` brings, with the places of our files."""
    package = folder / "site/jupyter_envguard"
    source = Path(trusted.__file__).parent
    shutil.copytree(source, package / "hooks", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").touch()
    module = package / "hooks/trusted.py"
    text = module.read_text().replace(trusted.ACL_FILE, str(folder / "etc/acl.json"), 2)
    module.write_text(text.replace(trusted.SESSIONS, str(folder / "sessions")))
    dist = folder / "site/jupyter_envguard-1.dist-info"
    dist.mkdir()
    (dist / "METADATA").write_text("Metadata-Version: 2.1\nName: jupyter-envguard\nVersion: 1\n")
    (dist / "entry_points.txt").write_text("[conda]\nenvguard = jupyter_envguard.hooks.conda\n")


def make_channel(folder: Path) -> None:
    """Make `channel/` with the packages alpha and beta."""
    records = {}
    for name in ("alpha", "beta"):
        package = condapkg.Package(
            name=name, version="1.0", build="0", license="MIT", subdir="noarch", noarch="generic"
        )
        path = condapkg.write(folder / "channel", package, [condapkg.File(f"share/{name}.txt", b"x\n")])
        content = path.read_bytes()
        records[path.name] = {
            "name": name,
            "version": "1.0",
            "build": "0",
            "build_number": 0,
            "depends": [],
            "noarch": "generic",
            "subdir": "noarch",
            "license": "MIT",
            "size": len(content),
            "md5": hashlib.md5(content).hexdigest(),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    for subdir, found in (("noarch", records), ("linux-64", {})):
        (folder / "channel" / subdir).mkdir(exist_ok=True)
        document = {
            "info": {"subdir": subdir},
            "packages": {},
            "packages.conda": found,
            "repodata_version": 1,
        }
        (folder / "channel" / subdir / "repodata.json").write_text(json.dumps(document))


def make_rules(folder: Path) -> None:
    compiled = acl.compiled(
        acl.SHIPPED, site="Test", source=sha256_digest(b""), store=folder / "store", request=REQUEST
    )
    has = {"alpha": ["alpha", "2.1"]}
    lines = [{"version": 1}, release("sci", "2026.11"), release("nlp", folder="f1", packages=has)]
    (folder / "etc").mkdir()
    (folder / "etc/acl.json").write_bytes(compiled)
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (folder / "etc" / trusted.ENVIRONMENTS).write_text(text)


@pytest.fixture(scope="module")
def machine() -> Iterator[Conda]:
    folder = Path(tempfile.mkdtemp(prefix="egconda"))
    folder.chmod(0o755)
    for name in ("home", "pkgs", "envs"):
        (folder / name).mkdir()
    make_plugin(folder)
    make_channel(folder)
    made = Conda(folder, version())
    for prefix in (made.approved, made.own):
        source = ("--offline", "--override-channels", "-c", made.channel)
        done = made.run("create", "-y", "-p", prefix, *source, "beta", CONDA_NO_PLUGINS="false")
        assert done.returncode == 0, done.stderr + done.stdout
    for path, content in markers(["conda-meta/history"]).items():
        (made.approved / path).write_bytes(content)
    make_rules(folder)
    yield made
    shutil.rmtree(folder)


@pytest.fixture
def conda(machine: Conda) -> Iterator[Conda]:
    """The machine; whatever a test does, the approved environment has to stay as it is."""
    before = machine.digest()
    yield machine
    assert machine.digest() == before


def commands(conda: Conda) -> list[tuple[str, list[object]]]:
    """Every command that would change the approved environment, and how a refusal calls it."""
    prefix = conda.approved
    (conda.folder / "home/environment.yml").write_text("dependencies: [alpha]\n")
    explicit = conda.folder / "home/explicit.txt"
    package = next((conda.folder / "channel/noarch").glob("alpha*.conda"))
    explicit.write_text(f"@EXPLICIT\n{package.as_uri()}\n")
    file = ["-f", "environment.yml"]
    found: list[tuple[str, list[object]]] = [
        ("conda install", ["install", "-y", "--offline", "-p", prefix, "alpha"]),
        ("conda install", ["install", "-y", "--offline", "-p", prefix, "--file", explicit]),
        ("conda update", ["update", "-y", "--offline", "-p", prefix, "--all"]),
        ("conda update", ["upgrade", "-y", "--offline", "-p", prefix, "beta"]),
        ("conda remove", ["remove", "-y", "--offline", "-p", prefix, "beta"]),
        ("conda remove", ["uninstall", "-y", "--offline", "-p", prefix, "beta"]),
        ("conda remove", ["remove", "-y", "--offline", "-p", prefix, "--all"]),
        ("conda env update", ["env", "update", "-p", prefix, *file]),
        ("conda env config vars", ["env", "config", "vars", "set", "-p", prefix, "A=1"]),
        ("conda rename", ["rename", "-p", prefix, conda.folder / "renamed"]),
    ]
    return found


class TestEveryVersion:
    def test_every_change_ends_in_one_line_and_exit_code_77(self, conda: Conda) -> None:
        for spoken, words in commands(conda):
            done = conda.run(*words)
            assert (done.returncode, done.stdout.strip()) == (77, ""), (words, done.stdout, done.stderr)
            assert done.stderr.strip().startswith(f"EnvguardDenied: {DENIED.format(spoken)} "), done.stderr
            (line,) = done.stderr.strip().splitlines()
            assert "envguard-environment=sci" in line

    def test_says_which_kernel_has_it_already_and_where_to_ask(self, conda: Conda) -> None:
        done = conda.run("install", "-p", conda.approved, "alpha>=2")
        assert done.stderr.strip() == (
            f"EnvguardDenied: {DENIED.format('conda install')} 2.1 of alpha is already in kernel nlp. "
            "Ask for a package: https://hub.example.org/hub/user-redirect/lab"
            "?envguard-request=alpha%3E%3D2&envguard-environment=sci"
        )

    def test_json_stays_json(self, conda: Conda) -> None:
        done = conda.run("install", "-y", "--json", "-p", conda.approved, "alpha")
        document = json.loads(done.stdout)
        assert (done.returncode, document["exception_name"]) == (77, "EnvguardDenied")
        assert document["message"].startswith(DENIED.format("conda install"))

    def test_creating_over_the_prefix_changes_nothing(self, conda: Conda) -> None:
        source = ("--offline", "--override-channels", "-c", conda.channel)
        done = conda.run("create", "-y", "-p", conda.approved, *source, "alpha")
        assert done.returncode != 0
        assert "EnvguardDenied" in done.stderr + done.stdout

    def test_the_active_environment_is_meant_where_none_is_named(self, conda: Conda) -> None:
        done = conda.run("install", "-y", "alpha", CONDA_PREFIX=conda.approved)
        assert done.returncode == 77
        assert DENIED.format("conda install") in done.stderr

    @pytest.mark.parametrize(
        "words",
        [
            ["list", "-p", "{approved}"],
            ["list", "-p", "{approved}", "--json"],
            ["info"],
            ["info", "--envs"],
            ["env", "list"],
            ["env", "export", "-p", "{approved}"],
            ["env", "config", "vars", "list", "-p", "{own}"],
            ["run", "-p", "{approved}", "env"],
            ["config", "--show", "channels"],
            ["search", "--offline", "--override-channels", "-c", "{channel}", "alpha"],
            ["shell.posix", "activate", "{approved}"],
            ["shell.posix", "hook"],
            ["--version"],
            ["install", "--help"],
        ],
    )
    def test_what_reads_is_left_alone(self, conda: Conda, words: list[str]) -> None:
        filled = [
            word.format(approved=conda.approved, own=conda.own, channel=conda.channel) for word in words
        ]
        done = conda.run(*filled)
        assert done.returncode == 0, done.stderr
        assert "envguard" not in done.stderr.lower().replace(str(conda.folder).lower(), "")

    def test_an_environment_of_ones_own_is_left_alone(self, conda: Conda) -> None:
        done = conda.install(conda.own)
        assert done.returncode == 0, done.stderr
        assert (conda.own / "share/alpha.txt").exists()
        assert conda.run("remove", "-y", "--offline", "-p", conda.own, "alpha").returncode == 0
        assert not (conda.own / "share/alpha.txt").exists()
        assert conda.run("env", "config", "vars", "set", "-p", conda.own, "A=1").returncode == 0

    def test_cloning_an_approved_one_makes_one_of_ones_own(self, conda: Conda) -> None:
        done = conda.run("create", "-y", "--offline", "-p", conda.folder / "clone", "--clone", conda.approved)
        assert done.returncode == 0, done.stderr
        assert (conda.folder / "clone/share/beta.txt").exists()


API = """\
import sys
from conda.base.context import context, reset_context
reset_context()
from conda.api import Solver
from conda.models.match_spec import MatchSpec
from conda.models.channel import Channel
prefix, channel = sys.argv[1:]
transaction = Solver(prefix, [Channel(channel)], specs_to_add=[MatchSpec("alpha")]).solve_for_transaction()
transaction.execute()
"""


ACTION = """\
import sys
from conda.base.context import context, reset_context
reset_context()
from conda.core.link import PrefixSetup, UnlinkLinkTransaction
from conda.core.subdir_data import SubdirData
from conda.models.channel import Channel
from conda.models.match_spec import MatchSpec
own, approved, channel = sys.argv[1:]
spec = MatchSpec("alpha")
(record,) = SubdirData(Channel(channel + "/noarch")).query(spec)

def prepared():
    setup = PrefixSetup(own, (), (record,), (), (spec,), ())
    transaction = UnlinkLinkTransaction(setup)
    transaction.download_and_extract()
    transaction.prepare()
    groups = [group for field in transaction.prefix_action_groups[own] for group in field]
    (ours,) = [one for group in groups for one in group.actions if type(one).__name__ == "Refusal"]
    return transaction, ours

def said(act):
    try:
        found = act()
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    return f"returned {type(found).__name__}: {found}"

_, action = prepared()
print("own verify", said(action.verify))
print("own execute", said(action.execute))
action.target_prefix = approved
print("action verify", said(action.verify))
print("action execute", said(action.execute))
transaction, action = prepared()
action.target_prefix = approved
print("transaction verify", said(transaction.verify))
transaction, action = prepared()
transaction.verify()
action.target_prefix = approved
print("transaction execute", said(transaction.execute))
"""
"""A transaction of one's own is prepared, so that its action is made, and given the approved one."""


class TestTransactions:
    """What no command announces; conda asks plug-ins about transactions from 25.5 on."""

    @pytest.fixture(autouse=True)
    def asked(self, conda: Conda) -> None:
        if conda.version < (25, 5):
            pytest.skip(f"conda {conda.version} does not ask about transactions")

    @pytest.mark.parametrize("checks", ["enabled", "disabled"])
    def test_one_of_the_api_is_refused_whether_it_is_verified_or_not(self, conda: Conda, checks: str) -> None:
        python = Path(str(CONDA)).resolve().with_name("python")
        done = conda.start(
            [str(python), "-c", API, str(conda.approved), conda.channel],
            CONDA_SAFETY_CHECKS=checks,
            CONDA_OFFLINE="true",
        )
        assert done.returncode != 0
        assert DENIED.format("conda install") in done.stderr + done.stdout

    def test_each_half_of_our_action_refuses_without_the_other(self, conda: Conda) -> None:
        python = Path(str(CONDA)).resolve().with_name("python")
        words = [str(python), "-c", ACTION, str(conda.own), str(conda.approved), conda.channel]
        done = conda.start(words, CONDA_OFFLINE="true", CONDA_QUIET="true")
        lines = [line for line in done.stdout.splitlines() if " verify " in line or " execute " in line]
        assert lines[:2] == ["own verify returned NoneType: None", "own execute returned NoneType: None"], (
            done
        )
        refused = DENIED.format("conda install")
        assert lines[2].startswith(f"action verify returned EnvguardDenied: {refused}")
        assert lines[3].startswith(f"action execute raised EnvguardDenied: {refused}")
        assert lines[4].startswith("transaction verify raised ")
        assert lines[5].startswith("transaction execute raised ")
        assert all(refused in line for line in lines[2:])
        assert not (conda.own / "share/alpha.txt").exists()

    def test_one_in_an_environment_of_ones_own_is_made(self, conda: Conda) -> None:
        python = Path(str(CONDA)).resolve().with_name("python")
        command = [str(python), "-c", API, str(conda.own), conda.channel]
        done = conda.start(command, CONDA_OFFLINE="true")
        assert done.returncode == 0, done.stderr
        assert (conda.own / "share/alpha.txt").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to put files into /etc, in a namespace of its own")
class TestFinalKeys:
    """The file of `hooks install` where conda looks for it."""

    @pytest.fixture
    def final(self, machine: Conda) -> Conda:
        place = machine.folder / "root/etc"
        for file in FILES:
            (machine.folder / "root" / file.place).parent.mkdir(parents=True, exist_ok=True)
            (machine.folder / "root" / file.place).write_bytes(file.content())

        class Final(Conda):
            def start(self, command: list[str], **variables: object) -> subprocess.CompletedProcess[str]:
                mount = (
                    f"mount -t overlay overlay -o lowerdir={place}:/etc /etc && exec {shlex.join(command)}"
                )
                return Conda.start(self, ["unshare", "-m", "sh", "-c", mount], **variables)

        made = Final(machine.folder, machine.version)
        if made.start(["true"]).returncode:
            pytest.skip("this machine lets nobody make a mount namespace")
        return made

    @pytest.mark.parametrize(
        ("words", "variables"),
        [
            ([], {}),
            (["--no-plugins"], {}),
            ([], {"CONDA_NO_PLUGINS": "true"}),
            ([], {"CONDA_PROTECT_FROZEN_ENVS": "0"}),
            ([], {"CONDARC": "{home}/mine.yml"}),
            ([], {"CONDA_ROOT": "{home}/root"}),
        ],
    )
    def test_no_option_variable_or_file_of_a_user_turns_the_plugin_off(
        self, final: Conda, words: list[str], variables: dict[str, str]
    ) -> None:
        before = final.digest()
        text = "no_plugins: true\nprotect_frozen_envs: false\n"
        for place in ("mine.yml", ".condarc", "root/.condarc"):
            path = final.folder / "home" / place
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        try:
            given = {name: value.format(home=final.folder / "home") for name, value in variables.items()}
            done = final.run(*words, "install", "-y", "--offline", "-p", final.approved, "alpha", **given)
        finally:
            for place in ("mine.yml", ".condarc", "root/.condarc"):
                (final.folder / "home" / place).unlink()
        assert (done.returncode, done.stdout.strip()) == (77, ""), done.stderr
        assert DENIED.format("conda install") in done.stderr
        assert final.digest() == before

    def test_overriding_frozen_does_not_help(self, final: Conda) -> None:
        if final.version < (25, 5):
            pytest.skip("this conda knows no frozen environments")
        done = final.run("install", "-y", "--override-frozen", "-p", final.approved, "alpha")
        assert done.returncode == 77

    def test_where_the_plugin_is_shadowed_the_mark_says_it(self, final: Conda) -> None:
        """A10: a plugin that was shadowed is gone; then the text of `conda-meta/frozen` is what is left."""
        if final.version < (25, 5):
            pytest.skip("this conda knows no frozen environments")
        before = final.digest()
        shadow = final.folder / "shadow/jupyter_envguard/hooks"
        shadow.mkdir(parents=True, exist_ok=True)
        for path in (shadow.parent / "__init__.py", shadow / "__init__.py", shadow / "conda.py"):
            path.touch()
        path = f"{final.folder}/shadow:{final.folder}/site"
        done = final.install(final.approved, "--override-frozen", PYTHONPATH=path)
        assert done.returncode != 0
        assert MESSAGE in " ".join(done.stderr.split())
        assert final.digest() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
class TestSomebodyElse:
    """Who does not own the files, as nobody in a session owns those of the store."""

    NOBODY = pwd.getpwnam("nobody").pw_uid

    def install(self, conda: Conda, prefix: Path, **variables: object) -> subprocess.CompletedProcess[str]:
        cache = conda.folder / "cache"
        cache.mkdir(exist_ok=True)
        cache.chmod(0o777)
        words = [
            "install",
            "-y",
            "--offline",
            "--override-channels",
            "-c",
            conda.channel,
            "-p",
            prefix,
            "alpha",
        ]
        command = [str(CONDA), *map(str, words)]
        done = conda.start(command, as_user=self.NOBODY, CONDA_PKGS_DIRS=cache, **variables)
        assert done.returncode != 0
        return done

    def test_is_refused_by_the_plugin(self, conda: Conda) -> None:
        assert DENIED.format("conda install") in self.install(conda, conda.approved).stderr

    def test_without_the_plugin_reads_what_conda_says_of_itself(self, conda: Conda) -> None:
        """A10: conda looks at the right to write before it looks at the mark, whose text is not shown."""
        shadow = conda.folder / "empty/jupyter_envguard"
        shadow.mkdir(parents=True, exist_ok=True)
        (shadow / "__init__.py").touch()
        path = f"{conda.folder}/empty:{conda.folder}/site"
        said = self.install(conda, conda.approved, PYTHONPATH=path).stderr
        assert "EnvironmentNotWritableError" in said
        assert MESSAGE not in said

    def test_is_told_whom_to_ask_where_conda_refuses_by_itself(self, conda: Conda) -> None:
        if conda.version < (26, 7):
            pytest.skip(f"conda {conda.version} asks nobody for hints")
        rules = conda.folder / "etc/acl.json"
        rules.rename(rules.with_suffix(".away"))
        try:
            said = self.install(conda, conda.own, JUPYTERHUB_PUBLIC_URL="https://hub/user/ada/").stderr
        finally:
            rules.with_suffix(".away").rename(rules)
        assert "EnvironmentNotWritableError" in said
        assert "Ask for a package: https://hub/user/ada/lab?envguard-request=" in said
