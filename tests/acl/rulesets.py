"""Strategies for people, places and rules."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from jupyter_envguard.acl import Acl, Operation, Person, Place, Rule
from jupyter_envguard.acl.checks import EFFECTS, PLACES
from jupyter_envguard.acl.operations import OPERATIONS, PATTERNS

calm = settings(deadline=None)
"""How long one example takes says nothing on a machine that others use too."""

NAMES = ["ada", "bob", "students", "teachers"]
SOME = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)
MAYBE = st.none() | st.frozensets(st.sampled_from(NAMES))


@st.composite
def rules(draw: st.DrawFn, number: int) -> Rule:
    """A rule that can be meant."""
    named = draw(st.fixed_dictionaries(dict.fromkeys(("users", "groups", "roles"), SOME)))
    return Rule(
        id=f"rule-{number}",
        effect=draw(st.sampled_from(EFFECTS)),
        where=tuple(draw(st.lists(st.sampled_from(PLACES), min_size=1, unique=True) | ENVIRONMENTS)),
        what=tuple(draw(st.lists(st.sampled_from(FEW), min_size=1, max_size=3))),
        everybody=not any(named.values()),
        message=draw(st.sampled_from(["", "No {command}.", "{place}?"])),
        **named,
    )


FEW = ["pip:install", "pip:*", "conda:*", "changes", "everything", *sorted(PATTERNS)[:5]]
"""Patterns that meet often."""


@st.composite
def acls(draw: st.DrawFn) -> Acl:
    """Some rules, with or without the shipped ones."""
    count = draw(st.integers(0, 4))
    return Acl(tuple(draw(rules(number)) for number in range(count)), draw(st.booleans()))


ENVIRONMENTS = st.lists(st.sampled_from(["own", "environment:sci"]), min_size=1, unique=True)
"""Places of which one is an environment by its name."""
PEOPLE = st.builds(Person, st.sampled_from(NAMES), MAYBE, MAYBE)
AT = st.builds(Place, st.sampled_from(PLACES), st.sampled_from(["", "sci", "sci@1", "nlp", "{command}"]))
KNOWN = st.sampled_from(["pip:install", "conda:install", *sorted(OPERATIONS)])
OPERATION = st.builds(Operation, KNOWN | st.just("pip:?"), st.sampled_from(["pip install", "x {place}"]))
