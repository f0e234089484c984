from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.site import parse, template

FILE = Path("/srv/envguard/site.yaml")


def read(section: str) -> dict[str, str]:
    return dict(parse(f"{template('Lab')}\nsuccessors: {section}\n", FILE).successors)


def test_a_site_without_it_maps_nothing() -> None:
    assert dict(parse(template("Lab"), FILE).successors) == {}


def test_names_are_read_in_lower_case() -> None:
    assert read("{Python3: datasci, ds-2025: datasci@2026.05}") == {
        "python3": "datasci",
        "ds-2025": "datasci@2026.05",
    }


@pytest.mark.parametrize(
    ("section", "mistake"),
    [
        ("[python3]", "Expected at most 200 kernel names"),
        ("{" + ", ".join(f"k{n}: a" for n in range(201)) + "}", "Expected at most 200 kernel names"),
        ("{a b: datasci}", "not the name of a kernel"),
        ("{[a]: datasci}", "not the name of a kernel"),
        ("{python3: '../x'}", "is no environment"),
        ("{python3: [x]}", "Expected text"),
        ("{python3: a, PYTHON3: b}", "is there twice"),
    ],
)
def test_every_mistake_has_its_place(section: str, mistake: str) -> None:
    with pytest.raises(EnvGuardError) as refused:
        read(section)
    assert refused.value.code == "site-invalid"
    assert mistake in refused.value.message
