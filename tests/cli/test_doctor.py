from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.catalog import Repository, State
from jupyter_envguard.cli import checks
from jupyter_envguard.store import Store
from tests.catalogs import entry
from tests.cli.conftest import Filled, Ran, Run
from tests.cli.test_evidence import change, edit, image


def found(done: Ran, name: str) -> list[tuple[str, str]]:
    return [(check["status"], check["code"]) for check in done.json["checks"] if check["check"] == name]


def doctor(run: Run, site: object) -> Ran:
    return run("doctor", "--json", "--site", site)


def test_a_good_site_has_no_fail(filled: Filled, run: Run) -> None:
    done = doctor(run, filled.path)
    assert (done.code, done.json["summary"]["FAIL"]) == (0, 0)


def test_the_document_has_a_version_and_a_fixed_shape(filled: Filled, run: Run) -> None:
    document = doctor(run, filled.path).json
    assert document["schema_version"] == 1
    assert set(document) == {"schema_version", "summary", "checks"}
    assert {frozenset(check) for check in document["checks"]} == {
        frozenset({"check", "status", "message", "fix", "code"})
    }
    assert sum(document["summary"].values()) == len(document["checks"])


def test_people_read_status_check_and_what_to_do(own: Filled, run: Run) -> None:
    own.site.require_keys().chmod(0o755)
    done = run("doctor", "--site", own.path)
    assert done.code == 1
    assert "FAIL  keys" in done.out
    assert "→ chmod 700" in done.out
    assert "error[checks-failed]: 1 check failed." in done.err


def test_a_failed_check_is_a_refusal_in_json_too(own: Filled, run: Run) -> None:
    own.site.require_keys().chmod(0o755)
    done = doctor(run, own.path)
    assert done.refusal == (1, "checks-failed")
    assert found(done, "keys") == [("FAIL", "")]


def test_without_a_site_the_machine_is_checked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jupyter_envguard.cli.context.PLACES", (Path("site.yaml"),))
    done = run("doctor", "--json")
    assert found(done, "site") == [("FAIL", "site-missing")]
    assert found(done, "landlock")


def test_a_mistake_in_the_site_file_is_a_fail(own: Filled, run: Run) -> None:
    own.path.write_text(own.path.read_text().replace("version: 1", "verison: 1"))
    assert found(doctor(run, own.path), "site") == [("FAIL", "site-invalid")]


def test_a_place_that_others_can_change_is_a_fail(own: Filled, run: Run) -> None:
    own.path.parent.chmod(0o777)
    assert ("FAIL", "") in found(doctor(run, own.path), "paths")


def test_an_exposed_key_is_a_fail(own: Filled, run: Run) -> None:
    next(own.site.require_keys().glob("*.pem")).chmod(0o644)
    assert found(doctor(run, own.path), "keys") == [("FAIL", "keys-exposed")]


def test_a_node_without_keys_is_fine(own: Filled, run: Run) -> None:
    lines = [line for line in own.path.read_text().splitlines() if not line.startswith("keys:")]
    own.path.write_text("\n".join(lines))
    done = doctor(run, own.path)
    assert (done.code, found(done, "keys")) == (0, [("INFO", "")])


def test_a_tampered_catalog_is_a_fail(own: Filled, run: Run) -> None:
    target = next(own.site.catalog_folder().glob("targets/*"))
    for target in own.site.catalog_folder().glob("targets/*"):
        target.write_bytes(target.read_bytes().replace(b"datasci", b"datascx"))
    assert found(doctor(run, own.path), "catalog") == [("FAIL", "catalog-tampered")]


def test_signatures_that_end_soon_are_a_warning(
    filled: Filled, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "DAYS_LEFT", 10_000)
    done = doctor(run, filled.path)
    assert (done.code, found(done, "catalog")) == (0, [("WARN", "")])


def test_a_changed_image_is_a_fail(own: Filled, run: Run) -> None:
    folder = image(own) / "lib"
    folder.chmod(0o755)
    (folder / "evil.pth").touch()
    assert found(doctor(run, own.path), "images") == [("FAIL", "image-drifted")]


def test_an_image_of_another_manifest_is_a_fail(own: Filled, run: Run) -> None:
    publish(own, entry("other", "1", pack=own.new.pack, spec=own.new.spec))
    assert found(doctor(run, own.path), "images") == [("FAIL", "image-drifted")]


def test_a_damaged_image_is_a_fail(own: Filled, run: Run) -> None:
    change(own.site.store_root / ".meta" / image(own).name / "pack.json", b"{}")
    assert found(doctor(run, own.path), "images") == [("FAIL", "image-damaged")]


def test_a_missing_image_is_a_warning(own: Filled, run: Run) -> None:
    Store(own.site.store_root).remove(own.new.pack)
    done = doctor(run, own.path)
    assert (done.code, found(done, "images")) == (0, [("WARN", "image-missing")])


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_store_of_a_user_is_a_warning(own: Filled, run: Run) -> None:
    os.chown(own.site.store_root, 12345, -1)
    assert ("WARN", "") in found(doctor(run, own.path), "store")


def test_a_store_that_users_cannot_reach_is_a_warning(own: Filled, run: Run) -> None:
    own.site.store_root.chmod(0o750)
    assert ("WARN", "") in found(doctor(run, own.path), "store")


def test_a_broken_log_is_a_fail(own: Filled, run: Run) -> None:
    edit(own.site.log, "UPDATE events SET body = replace(body, 'root', 'eve')")
    assert found(doctor(run, own.path), "log") == [("FAIL", "log-invalid")]


@pytest.mark.parametrize(("mode", "status"), [(0o1733, "PASS"), (0o777, "FAIL"), (0o755, "INFO")])
def test_the_spool_is_for_everybody_and_sticky(own: Filled, run: Run, mode: int, status: str) -> None:
    own.site.spool.chmod(mode)
    assert found(doctor(run, own.path), "spool") == [(status, "")]


def test_a_missing_part_is_a_fail_that_names_it(own: Filled, run: Run) -> None:
    own.site.spool.rmdir()
    assert found(doctor(run, own.path), "spool") == [("FAIL", "file-not-found")]


def test_left_out_rules_are_told(own: Filled, run: Run) -> None:
    own.path.write_text(own.path.read_text().replace("rules: default", "rules: [fs.changed]"))
    assert found(doctor(run, own.path), "policy") == [("INFO", "")]


def test_little_room_is_a_warning(filled: Filled, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "FREE_BYTES", 10**18)
    assert ("WARN", "") in found(doctor(run, filled.path), "store")


def publish(own: Filled, *more: Any) -> None:
    repository = Repository(own.site.catalog_folder(), own.site.require_keys())
    old = repository.load()
    kept = [e for e in old.entries if e.state is State.REVOKED]
    repository.publish([*kept, *more], old.version)


@pytest.mark.parametrize(
    "words",
    [("--user", "ada"), ("--groups", "staff"), ("--refusal", "revoked", "--kernel", "datasci")],
)
def test_a_question_that_is_not_whole_is_refused(filled: Filled, run: Run, words: tuple[str, ...]) -> None:
    assert run("doctor", "--json", "--site", filled.path, *words).refusal == (2, "invalid-argument")


def test_without_a_catalog_nobody_has_a_kernel(own: Filled, run: Run) -> None:
    for path in own.site.catalog_folder().rglob("*.json"):
        path.unlink()
    done = run("doctor", "--json", "--site", own.path, "--kernel", "datasci")
    assert found(done, "catalog")[0][0] == "FAIL"


@pytest.mark.parametrize(
    "layer",
    [
        "store",
        "tiers",
        "wall",
        "kernel-wall",
        "launch",
        "start",
        "hooks",
        "lockdown",
        "guard",
        "keys",
        "provenance",
    ],
)
def test_every_layer_has_a_line(filled: Filled, run: Run, layer: str) -> None:
    assert found(doctor(run, filled.path), layer)
