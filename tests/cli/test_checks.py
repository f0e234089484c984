from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_envguard import confine
from jupyter_envguard.cli import checks
from jupyter_envguard.cli.paths import Weakness
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("support", "status"),
    [
        (confine.Support(0, "not in the list"), "WARN"),
        (confine.Support(1), "WARN"),
        (confine.Support(3), "INFO"),
        (confine.Support(7), "PASS"),
    ],
)
def test_landlock_is_reported_as_it_is(
    run: Run, monkeypatch: pytest.MonkeyPatch, support: confine.Support, status: str
) -> None:
    monkeypatch.setattr(confine, "available", lambda: support)
    assert [check.status for check in checks._landlock()] == [status]


def test_a_missing_provisioner_is_a_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.metadata, "entry_points", lambda group: ())
    assert next(check.status for check in checks._extension()) == "FAIL"


def test_a_python_that_others_can_change_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setattr(checks.sys, "prefix", str(tmp_path))
    assert [check.status for check in checks._python()] == ["WARN"]


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"ServerApp": 1}', '{"ServerApp": {"jpserver_extensions": {"jupyter_envguard": false}}}'],
)
def test_an_extension_that_is_not_switched_on_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    folder = tmp_path / "jupyter_server_config.d"
    folder.mkdir()
    (folder / "x.json").write_text(content)
    monkeypatch.setattr("jupyter_core.paths.jupyter_config_path", lambda: [str(tmp_path)])
    assert [check.status for check in checks._extension()][-1] == "WARN"


def test_an_extension_that_is_switched_on_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "jupyter_server_config.d"
    folder.mkdir()
    switched = {"ServerApp": {"jpserver_extensions": {"jupyter_envguard": True}}}
    (folder / "x.json").write_text(json.dumps(switched))
    monkeypatch.setattr("jupyter_core.paths.jupyter_config_path", lambda: [str(tmp_path)])
    assert [check.status for check in checks._extension()][-1] == "PASS"


def test_a_folder_that_cannot_be_looked_into_ends_no_doctor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unreadable = str(tmp_path / ("x" * 300))
    monkeypatch.setattr("jupyter_core.paths.jupyter_config_path", lambda: [unreadable])
    assert [check.status for check in checks._extension()][-1] == "WARN"


def test_versions_of_what_is_not_installed_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "DISTRIBUTIONS", ("jupyter_client", "no-such-distribution"))
    (check,) = checks._jupyter()
    assert "jupyter_client" in check.message
    assert "no-such" not in check.message


class TestRulesForHooks:
    @pytest.fixture
    def place(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        path = tmp_path / "acl.json"
        monkeypatch.setattr(checks.courtesy, "RULES_PLACE", path)
        monkeypatch.setattr(checks, "weaknesses", lambda path, owners: iter(self.weak))
        return path

    weak: list[Weakness] = []  # noqa: RUF012 - replaced, never changed

    def found(self, run: Run, site: Path) -> list[tuple[str, str]]:
        told = run("--site", site, "doctor", "--json").json["checks"]
        return [(check["status"], check["message"]) for check in told if check["check"] == "acl"]

    def test_that_are_not_there_are_worth_knowing(self, run: Run, site: Path, place: Path) -> None:
        assert self.found(run, site) == [("INFO", f"There are no rules for hooks in {place}.")]

    def test_that_are_those_of_the_site_pass(self, run: Run, site: Path, place: Path) -> None:
        assert run("--site", site, "acl", "compile", "--out", place).code == 0
        assert self.found(run, site) == [("PASS", f"Hooks read the rules of the site in {place}.")]

    def test_from_before_the_site_was_changed_are_a_warning(self, run: Run, site: Path, place: Path) -> None:
        assert run("--site", site, "acl", "compile", "--out", place).code == 0
        site.write_text(site.read_text() + "# another digest\n")
        ((status, message),) = self.found(run, site)
        assert status == "WARN"
        assert "other rules" in message

    def test_that_somebody_else_can_change_are_a_fail(
        self, run: Run, site: Path, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert run("--site", site, "acl", "compile", "--out", place).code == 0
        monkeypatch.setattr(type(self), "weak", [Weakness(place, "belongs to eve", "chown root it")])
        assert self.found(run, site) == [
            ("FAIL", f"The rules for hooks can be changed: {place} belongs to eve.")
        ]
