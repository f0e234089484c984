"""Why somebody can or cannot have a kernel, all of it."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_envguard import confine
from tests.cli.conftest import Filled, Ran, Run
from tests.cli.test_doctor import found


def asked(run: Run, site: Filled, kernel: str, user: str = "ada", *more: str) -> Ran:
    return run("doctor", "--site", site.path, "--json", "--kernel", kernel, "--user", user, *more)


def messages(done: Ran, name: str) -> list[str]:
    return [check["message"] for check in done.json["checks"] if check["check"] == name]


def test_who_may_use_it_is_told_what_else_there_is(filled: Filled, run: Run) -> None:
    done = asked(run, filled, "datasci")
    assert done.code == 0
    assert [check["check"] for check in done.json["checks"]] == [
        *("groups", "grant", "image", "launch", "level", "acl")
    ]
    assert messages(done, "grant") == ["ada may use datasci@2026.11, by name."]
    assert "denies conda install in datasci to ada" in messages(done, "acl")[0]


def test_every_reason_is_given_at_once(filled: Filled, run: Run) -> None:
    done = asked(run, filled, "datasci--2025.01", "bob", "--groups", "students, staff")
    assert done.refusal == (1, "checks-failed")
    assert found(done, "grant") == [("FAIL", "revoked"), ("FAIL", "not-granted")]
    assert found(done, "image") == [("FAIL", "image-missing")]
    assert "bob in staff, students" in messages(done, "groups")[0]


def test_a_warning_is_told_and_no_refusal(filled: Filled, run: Run) -> None:
    done = asked(run, filled, "datasci--2026.05")
    assert found(done, "grant") == [("PASS", ""), ("WARN", "deprecated")]
    assert done.code == 0


def test_what_can_be_used_in_its_place_is_named(filled: Filled, run: Run) -> None:
    done = asked(run, filled, "datasci--2025.01")
    assert "'datasci' (datasci@2026.11)" in messages(done, "successor")[0]


def test_a_name_that_means_nothing(filled: Filled, run: Run) -> None:
    done = asked(run, filled, "datacsi")
    assert found(done, "name") == [("FAIL", "kernel-not-approved")]
    assert "Did you mean 'datasci'?" in done.out


def test_a_name_for_which_another_stands_in(filled: Filled, run: Run) -> None:
    assert "What starts in its place is 'datasci'" in messages(asked(run, filled, "python3"), "name")[0]


def test_an_image_without_a_kernel(filled: Filled, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_envguard.cli import access
    from jupyter_envguard.errors import Denied

    def refuse(*_: Any) -> None:
        raise Denied("kernel-invalid", "It has no kernel.")

    monkeypatch.setattr(access, "launch_for", refuse)
    assert found(asked(run, filled, "datasci"), "launch") == [("FAIL", "kernel-invalid")]


@pytest.mark.parametrize(
    ("guard", "abi", "ended"),
    [
        ("level: advise", 7, ("INFO", "")),
        ("mode: required", 0, ("FAIL", "confine-unavailable")),
        ("mode: best-effort", 0, ("WARN", "confine-unavailable")),
        ("mode: required", 7, ("INFO", "")),
        ("groups: {staff: {level: enforce, mode: required}}", 0, ("FAIL", "confine-unavailable")),
    ],
)
def test_the_level_of_the_users_groups(
    own: Filled, run: Run, monkeypatch: pytest.MonkeyPatch, guard: str, abi: int, ended: tuple[str, str]
) -> None:
    own.path.write_text(f"{own.path.read_text().split('guard:')[0]}guard: {{{guard}}}\n")
    monkeypatch.setattr(confine, "available", lambda: confine.Support(abi))
    assert found(asked(run, own, "datasci", "ada", "--groups", "staff"), "level") == [ended]


def test_a_group_or_everybody_may_be_why(own: Filled, run: Run) -> None:
    from dataclasses import replace

    from jupyter_envguard.catalog import Repository

    for groups, why in (("staff",), "as a member of staff"), (("*",), "as everybody may"):
        repository = Repository(own.site.catalog_folder(), own.site.require_keys())
        catalog = repository.load()
        entries = [replace(entry, users=(), groups=groups) for entry in catalog.entries]
        repository.publish(entries, catalog.version)
        assert why in messages(asked(run, own, "datasci", "ada", "--groups", "staff"), "grant")[0]
