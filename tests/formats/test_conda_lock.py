from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given

from jupyter_envguard.formats.conda_lock import can_be_locked, conda_lock
from jupyter_envguard.spec import Package, Spec
from tests.formats.releases import NUMPY, PYTHON, RISK, SPECS, exported, of

WHEEL = replace(RISK, url="https://example.org/acme_risk-1.0-py3-none-any.whl")

PARSE = """
import json, pathlib, sys
from conda_lock.lockfile import parse_conda_lock_file
found = parse_conda_lock_file(pathlib.Path(sys.argv[1]))
print(json.dumps({
    "platforms": found.metadata.platforms,
    "packages": [[p.manager, p.name, p.version, p.url, p.hash.sha256, p.dependencies] for p in found.package],
}))
"""


def read(*packages: Package) -> Any:
    return yaml.safe_load(conda_lock(exported(*packages)))


def test_conda_lock_itself_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "conda-lock.yml"
    path.write_text(conda_lock(exported(PYTHON, NUMPY, WHEEL)))
    # A process of its own: what it imports warns of other things, and warnings are errors here.
    done = subprocess.run([sys.executable, "-c", PARSE, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["platforms"] == ["linux-64"]
    assert [package[:3] for package in found["packages"]] == [
        ["conda", "python", "3.11.9"],
        ["conda", "numpy", "2.2.6"],
        ["pip", "acme_risk", "1.0"],
    ]
    assert found["packages"][1][3:] == [
        NUMPY.url,
        NUMPY.sha256,
        {"python": ">=3.11,<3.12.0a0", "libblas": "*"},
    ]


def test_an_empty_spec_is_a_lock_of_nothing() -> None:
    document = yaml.safe_load(conda_lock(of(Spec("linux-64", ()))))
    assert (document["version"], document["package"], document["metadata"]["channels"]) == (1, [], [])


def test_what_cannot_be_said_is_named_in_a_comment() -> None:
    lost = replace(NUMPY, name="lost", md5="")
    text = conda_lock(exported(PYTHON, lost, RISK))
    assert '# left out, address or hash unknown: "lost 2.2.6"' in text
    assert '# left out, address or hash unknown: "acme_risk 1.0"' in text
    assert [package["name"] for package in yaml.safe_load(text)["package"]] == ["python"]


def test_needs_of_extras_are_left_out() -> None:
    (package,) = read(WHEEL)["package"]
    assert package["dependencies"] == {"NumPy": ">=2"}


@given(SPECS)
def test_any_spec_is_yaml_that_says_the_same(spec: Spec) -> None:
    document = yaml.safe_load(conda_lock(of(spec)))
    wanted = [(p.name, p.version, p.url) for p in spec.packages if can_be_locked(p)]
    assert [(p["name"], p["version"], p["url"]) for p in document["package"]] == wanted
