from __future__ import annotations

import re
from dataclasses import fields

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from demo.environments import Packs
from demo.recipes import PINS, RECIPES, conda_spec, requirements


def test_every_project_is_pinned_under_its_normal_name() -> None:
    for name, pin in PINS.items():
        assert canonicalize_name(name) == name
        assert pin.versions == tuple(sorted(pin.versions, key=Version))


def test_pip_never_gets_one_project_twice() -> None:
    rounds = requirements()
    assert sum(len(pins) for pins in rounds) == sum(len(pin.versions) for pin in PINS.values())
    for pins in rounds:
        names = [pin.split("==")[0] for pin in pins]
        assert len(set(names)) == len(names)


def test_recipes_ask_for_pinned_versions_only() -> None:
    for recipe in RECIPES.values():
        for spec in recipe.specs:
            name, _, version = spec.partition(" ==")
            assert name in {"python", "calc-kernel"} or not version or version in PINS[name].versions
        for requirement in recipe.pip:
            name, version = requirement.split("==")
            assert version in PINS[name].versions


def test_the_two_releases_of_datasci_differ_in_two_packages() -> None:
    old, new = (set(RECIPES[name].specs) for name in ("datasci", "datasci_next"))
    assert {spec.split()[0] for spec in old ^ new} == {"matplotlib", "pandas"}


def test_recipes_are_the_fields_of_packs_and_make_valid_names() -> None:
    assert [field.name for field in fields(Packs)] == list(RECIPES)
    for recipe in RECIPES.values():
        assert re.fullmatch(r"[a-z0-9-]+@\d{4}\.\d\d", recipe.label)


def test_requirements_become_what_conda_writes() -> None:
    assert conda_spec(Requirement("Jupyter_Core[x] >=5.1,!=6.0.*")) == "jupyter-core !=6.0.*,>=5.1"
    assert conda_spec(Requirement("zope.interface")) == "zope-interface"
