from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.site import Enforcement, parse, template
from tests.site.test_file import MINIMAL

FILE = Path("/srv/envguard/site.yaml")


def guard(text: str) -> Enforcement:
    return parse(f"{MINIMAL}guard:\n  {text}\n", FILE).guard


def mistake(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        guard(text)
    return caught.value.message


def test_without_a_section_sessions_are_confined_where_that_is_possible() -> None:
    assert parse(MINIMAL, FILE).guard == Enforcement(level="enforce", mode="best-effort", write=())


def test_the_template_says_the_default() -> None:
    assert parse(template("Lab"), FILE).guard == Enforcement()


def test_everything_can_be_said() -> None:
    found = guard("{level: advise, mode: required, write: [/projects, scratch]}")
    folders = (Path("/projects"), Path("/srv/envguard/scratch"))
    assert found == Enforcement(level="advise", mode="required", write=folders)


@pytest.mark.parametrize(
    ("level", "mode", "required"),
    [("enforce", "required", True), ("enforce", "best-effort", False), ("advise", "required", False)],
)
def test_only_a_wall_that_is_wanted_can_be_required(level: str, mode: str, required: bool) -> None:
    assert guard(f"{{level: {level}, mode: {mode}}}").required is required


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("level: enforced", "'enforced' is no level. Did you mean 'enforce'?"),
        ("level: zzz", "Write advise or enforce."),
        ("mode: require", "'require' is no mode. Did you mean 'required'?"),
        ("mode: true", "Expected text"),
        ("write: /projects", "Expected a list"),
        ("write: [~/x]", "is not a plain path"),
        ("write: [/a, /a]", "is there twice"),
        ("walls: 1", "Unknown key 'walls'"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake(text: str, said: str) -> None:
    assert said in mistake(text)


def test_everything_but_the_spool_is_protected() -> None:
    site = parse(f"{MINIMAL}keys: keys\n", FILE)
    names = {"site.yaml", "catalog", "root.json", "keys", "log.sqlite"}
    assert set(site.protected()) == {Path("/opt/envguard"), *(FILE.parent / name for name in names)}


def test_a_catalog_at_an_address_needs_no_protection() -> None:
    text = MINIMAL.replace("catalog: catalog", "catalog: https://example.org/c")
    assert not [path for path in parse(text, FILE).protected() if "example" in str(path)]
