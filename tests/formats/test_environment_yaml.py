from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.formats.environment_yaml import environment_yaml, quoted
from jupyter_envguard.spec import Package, Spec

NUMPY = Package(
    name="numpy", version="2.2.6", build="py311_0", channel="https://conda.anaconda.org/conda-forge"
)
RISK = Package(name="acme-risk", version="1.0", manager="pypi")


def read(*packages: Package, name: str = "datasci") -> dict[str, object]:
    return yaml.safe_load(environment_yaml(Spec("linux-64", packages), name))


def test_an_empty_spec_is_a_valid_file():
    assert read() == {"name": "datasci", "channels": ["nodefaults"], "dependencies": None}


def test_pins_version_and_build():
    assert read(NUMPY)["dependencies"] == ["numpy=2.2.6=py311_0"]


def test_names_each_channel_once_and_keeps_defaults_out():
    other = Package(name="b", version="1", channel=NUMPY.channel)
    assert read(NUMPY, other)["channels"] == [NUMPY.channel, "nodefaults"]


def test_what_pip_installed_comes_last_under_pip():
    assert read(NUMPY, RISK)["dependencies"] == ["numpy=2.2.6=py311_0", {"pip": ["acme-risk==1.0"]}]


def test_a_build_that_is_unknown_is_left_out():
    assert read(Package(name="a", version="1.10"))["dependencies"] == ["a=1.10"]


def test_a_name_that_yaml_would_take_for_something_else_stays_text():
    assert read(name="1.10")["name"] == "1.10"
    assert read(name="no")["name"] == "no"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives(text: str):
    assert yaml.safe_load(f"key: {quoted(text)}")["key"] == text
