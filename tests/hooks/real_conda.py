"""A machine with a real conda, the one on the path, and our plugin and rules in it.

The plugin is loaded as an installed distribution is, by its entry point, from a copy whose
places of files lie in the test's folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from demo import condapkg
from jupyter_envguard import acl
from jupyter_envguard.hooks import trusted
from jupyter_envguard.spec import sha256_digest
from tests.hooks.machines import release

CONDA = shutil.which("conda")

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
