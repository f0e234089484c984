from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.site import Degree, Enforcement, parse, template
from jupyter_envguard.site.enforcement import LEVELS, MODES
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
    [
        ("enforce", "required", True),
        ("lockdown", "required", True),
        ("enforce", "best-effort", False),
        ("advise", "required", False),
    ],
)
def test_only_a_wall_that_is_wanted_can_be_required(level: str, mode: str, required: bool) -> None:
    assert guard(f"{{level: {level}, mode: {mode}}}").required is required


GROUPS = """\
level: enforce
  mode: required
  groups:
    staff: {level: advise}
    guests: {level: lockdown, mode: best-effort}
    students: {level: lockdown, mode: required}
    others: {level: enforce, mode: best-effort}
"""


@pytest.mark.parametrize(
    ("groups", "level", "mode"),
    [
        ((), "enforce", "required"),
        (("nobody-knows",), "enforce", "required"),
        (("staff",), "advise", "required"),
        (("guests",), "lockdown", "best-effort"),
        (("staff", "others"), "enforce", "best-effort"),
        (("guests", "others", "staff"), "lockdown", "best-effort"),
        (("students", "guests"), "lockdown", "required"),
    ],
)
def test_the_strictest_of_the_groups_of_a_person_holds(
    groups: tuple[str, ...], level: str, mode: str
) -> None:
    found = guard(GROUPS).of(groups)
    assert (found.level, found.mode, found.groups) == (level, mode, {})


@given(
    degrees=st.dictionaries(
        st.sampled_from("abc"),
        st.builds(Degree, st.sampled_from(LEVELS), st.sampled_from((None, *MODES))),
    ),
    groups=st.frozensets(st.sampled_from("abcd")),
    more=st.frozensets(st.sampled_from("abcd")),
)
def test_one_more_named_group_never_makes_a_session_laxer(
    degrees: dict[str, Degree], groups: frozenset[str], more: frozenset[str]
) -> None:
    found = Enforcement(groups=degrees)
    before, after = found.of(groups), found.of(groups | more)
    if degrees.keys() & groups:
        assert LEVELS.index(after.level) >= LEVELS.index(before.level)
        assert after.required >= before.required
    assert found.of(groups) == found.of(sorted(groups, reverse=True))


def test_every_level_that_may_hold_for_somebody_is_known() -> None:
    site = guard(GROUPS)
    found = list(site.possible())
    assert [(each.level, each.mode) for each in found] == [*product(LEVELS, MODES)]
    assert site.of(("guests", "staff")) in found
    assert list(Enforcement().possible()) == [Enforcement()]


def test_whoever_is_not_known_gets_the_strictest() -> None:
    found = guard(GROUPS).strictest()
    assert (found.level, found.mode) == ("lockdown", "required")
    assert Enforcement().strictest() == Enforcement()


def test_a_second_python_starts_only_where_the_site_says_so() -> None:
    assert guard("level: lockdown").strict_python
    assert not guard("level: lockdown\n  strict_python: false").strict_python


def test_lockdown_confines_what_is_run() -> None:
    assert [Enforcement(level=level).locked for level in LEVELS] == [False, False, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("level: enforced", "'enforced' is no level. Did you mean 'enforce'?"),
        ("level: zzz", "Write advise, enforce, lockdown."),
        ("mode: require", "'require' is no mode. Did you mean 'required'?"),
        ("mode: true", "Expected text"),
        ("write: /projects", "Expected a list"),
        ("write: [~/x]", "is not a plain path"),
        ("write: [/a, /a]", "is there twice"),
        ("walls: 1", "Unknown key 'walls'"),
        ("execute: [$HOME/x]", "is not a plain path"),
        ("strict_memory: sure", "Expected true or false"),
        ("strict_python: sure", "Expected true or false"),
        ("groups: [students]", "Expected keys and values"),
        ("groups: {students: {level: lock}}", "9:30: 'lock' is no level. Did you mean 'lockdown'?"),
        ("groups: {students: {level: lockdown, mode: x}}", "'x' is no mode."),
        ("groups: {students: {mode: required}}", "The group 'students' has no 'level'."),
        ("groups: {students: lockdown}", "Expected keys and values, found text"),
        ("groups: {students: {level: advise, write: []}}", "Unknown key 'write'"),
        ("groups: {a: {level: advise}, a: {level: enforce}}", "'a' is there twice"),
        ("groups: {'*': {level: advise}}", "cannot be the name of a user, group or role"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake(text: str, said: str) -> None:
    assert said in mistake(text)


def test_everything_but_the_spool_is_protected() -> None:
    site = parse(f"{MINIMAL}keys: keys\n", FILE)
    names = {"site.yaml", "catalog", "decisions", "root.json", "keys", "log.sqlite"}
    assert set(site.protected()) == {Path("/opt/envguard"), *(FILE.parent / name for name in names)}


def test_a_catalog_at_an_address_needs_no_protection() -> None:
    text = MINIMAL.replace("catalog: catalog", "catalog: https://example.org/c")
    assert not [path for path in parse(text, FILE).protected() if "example" in str(path)]
