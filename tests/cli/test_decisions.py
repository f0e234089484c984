from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyter_envguard import courtesy
from jupyter_envguard.cli.main import main
from jupyter_envguard.hooks.trusted import ENVIRONMENTS
from jupyter_envguard.site import load
from jupyter_envguard.store import Store
from tests.cli.conftest import Lab, Run, Snapshot, laboratory, short_folder


@pytest.fixture(scope="module")
def imported() -> Iterator[tuple[Lab, Snapshot]]:
    """A site with one release in review, `datasci@1`, and how to repair it."""
    with short_folder() as folder:
        (folder / "x").mkdir()
        lab = laboratory(folder / "x")
        words = ["import", lab.pack(), "--as", "datasci@1", "--group", "*", "--site", lab.path, "--json"]
        assert main([str(word) for word in words]) == 0
        yield lab, Snapshot.of(folder / "x")


@pytest.fixture
def waiting(imported: tuple[Lab, Snapshot]) -> Lab:
    """A site with one release in review that a test may change."""
    lab, snapshot = imported
    snapshot.restore()
    return lab


def state(run: Run, lab: Lab, release: str = "datasci@1") -> str:
    return str(run("show", release, "--site", lab.path, "--json").json["entry"]["state"])


def decide(run: Run, lab: Lab, verb: str, *words: object, release: str = "datasci@1") -> tuple[int, str]:
    done = run(verb, release, "--reason", f"because of {verb}", *words, "--site", lab.path, "--json")
    return (0, done.json["entry"]["state"]) if done.code == 0 else done.refusal


def test_a_release_goes_through_its_whole_life(waiting: Lab, run: Run) -> None:
    steps = [decide(run, waiting, verb) for verb in ("approve", "deprecate", "approve", "revoke", "archive")]
    assert steps == [(0, "approved"), (0, "deprecated"), (0, "approved"), (0, "revoked"), (0, "archived")]


def test_every_decision_is_one_event_with_its_reason(waiting: Lab, run: Run) -> None:
    decide(run, waiting, "approve")
    decide(run, waiting, "revoke")
    records = run("log", "--release", "datasci@1", "--site", waiting.path, "--json").json["records"]
    assert [(r["type"], r["detail"].get("reason")) for r in records] == [
        ("release.import", None),
        ("release.approve", "because of approve"),
        ("release.revoke", "because of revoke"),
    ]


def test_hooks_of_this_machine_know_it_at_once(
    waiting: Lab, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courtesy, "RULES_PLACE", tmp_path / "acl.json")
    courtesy.write_rules(load(waiting.path), tmp_path / "acl.json")
    environments = tmp_path / ENVIRONMENTS
    before = environments.read_bytes()
    assert decide(run, waiting, "approve") == (0, "approved")
    assert environments.read_bytes() != before
    environments.unlink()
    environments.mkdir()
    done = run("deprecate", "datasci@1", "--reason", "x", "--site", waiting.path)
    assert done.code == 0
    assert "Hooks on this machine know the environments as they were." in " ".join(done.err.split())


def test_people_read_what_a_decision_means(waiting: Lab, run: Run) -> None:
    done = run("approve", "datasci@1", "--reason", "Reviewed", "--site", waiting.path)
    assert done.out == "datasci@1 is approved; its groups and users see it from now on.\n"


def test_people_read_that_a_release_is_for_nobody(waiting: Lab, run: Run) -> None:
    done = run("import", waiting.pack("2.0"), "--as", "datasci@2", "--site", waiting.path)
    assert "It is for nobody" in done.out
    assert "Next: " not in done.out
    done = run("approve", "datasci@2", "--reason", "Reviewed", "--site", waiting.path)
    assert done.out.startswith("datasci@2 is approved, but for nobody: ")


def test_a_rejected_release_cannot_be_approved(waiting: Lab, run: Run) -> None:
    assert decide(run, waiting, "reject") == (0, "rejected")
    assert decide(run, waiting, "approve") == (5, "state-forbids")
    assert state(run, waiting) == "rejected"


@pytest.mark.parametrize("verb", ["deprecate", "revoke", "archive"])
def test_what_waits_for_review_can_only_be_approved_or_rejected(waiting: Lab, run: Run, verb: str) -> None:
    assert decide(run, waiting, verb) == (5, "state-forbids")


def test_a_refused_decision_is_recorded(waiting: Lab, run: Run) -> None:
    decide(run, waiting, "archive")
    (record,) = run("log", "--outcome", "denied", "--site", waiting.path, "--json").json["records"]
    assert (record["type"], record["reason"]) == ("release.archive", "state-forbids")


def test_a_successor_has_to_be_approved(waiting: Lab, run: Run) -> None:
    run("import", waiting.pack("2.0"), "--as", "datasci@2", "--site", waiting.path)
    decide(run, waiting, "approve")
    assert decide(run, waiting, "revoke", "--successor", "datasci@2") == (5, "state-forbids")
    decide(run, waiting, "approve", release="datasci@2")
    assert decide(run, waiting, "revoke", "--successor", "datasci@2") == (0, "revoked")
    assert "Use datasci@2 instead." in str(
        run("list", "--for", "ada", "--site", waiting.path, "--json").json["offers"]
    )


def test_a_revocation_may_have_grace_which_is_recorded(waiting: Lab, run: Run) -> None:
    decide(run, waiting, "approve")
    assert decide(run, waiting, "revoke", "--grace", "for ever")[1] == "invalid-argument"
    done = run("revoke", "datasci@1", "--reason", "CVE", "--grace", "7d", "--site", waiting.path)
    assert "datasci@1 is revoked; it starts with a warning until 20" in done.out
    entry = run("show", "datasci@1", "--site", waiting.path, "--json").json["entry"]
    assert entry["state"] == "revoked"
    assert entry["grace"] in run("show", "datasci@1", "--site", waiting.path).out
    (offer,) = run("list", "--for", "ada", "--site", waiting.path, "--json").json["offers"]
    assert (offer["allowed"], [reason["code"] for reason in offer["reasons"]]) == (True, ["revoked"])
    records = run("log", "--release", "datasci@1", "--site", waiting.path, "--json").json["records"]
    assert records[-1]["detail"]["grace"] == "7d"
    assert decide(run, waiting, "archive") == (0, "archived")


def test_an_end_can_be_set(waiting: Lab, run: Run) -> None:
    decide(run, waiting, "approve", "--expires", "2099-01-01")
    entry = run("show", "datasci@1", "--site", waiting.path, "--json").json["entry"]
    assert entry["expires"] == "2099-01-01T00:00:00Z"


@pytest.mark.parametrize("verb", ["approve", "reject", "deprecate", "revoke", "archive"])
def test_no_decision_without_a_reason(waiting: Lab, run: Run, verb: str) -> None:
    assert run(verb, "datasci@1", "--site", waiting.path).refusal == (2, "invalid-argument")


@pytest.mark.parametrize("verb", ["reject", "revoke"])
def test_a_blank_reason_is_none(waiting: Lab, run: Run, verb: str) -> None:
    done = run(verb, "datasci@1", "--reason", " ", "--site", waiting.path)
    assert done.refusal == (2, "reason-missing")


def test_a_reason_with_hidden_characters_is_refused(waiting: Lab, run: Run) -> None:
    done = run("approve", "datasci@1", "--reason", "fine\x1b[2J", "--site", waiting.path)
    assert done.refusal == (2, "invalid-argument")
    assert "\x1b" not in done.err


@pytest.mark.parametrize(
    ("release", "refusal"),
    [("datasci@9", (4, "release-unknown")), ("datasci", (2, "invalid-name")), ("a b@1", (2, "invalid-name"))],
)
def test_a_wrong_release_is_refused(waiting: Lab, run: Run, release: str, refusal: tuple[int, str]) -> None:
    assert decide(run, waiting, "approve", release=release) == refusal


def test_a_changed_image_is_not_approved(waiting: Lab, run: Run) -> None:
    (image,) = waiting.site.store_root.glob("[0-9a-f]*")
    image.chmod(0o755)
    (image / "evil").touch()
    assert decide(run, waiting, "approve") == (6, "image-drifted")
    assert state(run, waiting) == "in_review"


def test_a_missing_image_is_not_approved(waiting: Lab, run: Run) -> None:
    entry = run("show", "datasci@1", "--site", waiting.path, "--json").json["entry"]
    Store(waiting.site.store_root).remove(entry["pack"])
    assert decide(run, waiting, "approve") == (4, "image-missing")


def test_a_changed_policy_asks_for_another_import(waiting: Lab, run: Run) -> None:
    text = waiting.path.read_text().replace(
        "[kernel.missing-ipykernel]", "[kernel.missing-ipykernel, fs.special]"
    )
    waiting.path.write_text(text.replace(", fs.special", ", py.editable"))
    assert decide(run, waiting, "approve") == (5, "policy-changed")


def test_a_tampered_catalog_is_not_signed_again(waiting: Lab, run: Run) -> None:
    for target in Path(waiting.site.catalog).glob("targets/*"):
        target.write_bytes(target.read_bytes().replace(b"datasci", b"datascx"))
    assert decide(run, waiting, "approve")[0] == 6


def test_of_two_admins_at_once_both_decisions_stand_or_one_conflicts(waiting: Lab, spawn: Run) -> None:
    def work(verb: str) -> tuple[int, str]:
        done = spawn(verb, "datasci@1", "--reason", "at once", "--site", waiting.path, "--json")
        return (0, "") if done.code == 0 else done.refusal

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(work, ["approve", "reject"]))
    assert outcomes[0] == (0, "")
    assert outcomes[1] in ((5, "state-forbids"), (5, "release-changed"), (5, "catalog-changed"))
    records = spawn("log", "--release", "datasci@1", "--site", waiting.path, "--json").json["records"]
    assert sorted(r["outcome"] for r in records) == ["allowed", "allowed", "denied"]


def test_many_at_once_lose_no_update(waiting: Lab, spawn: Run) -> None:
    for number in (2, 3):
        pack = waiting.pack(f"{number}.0")
        assert spawn("import", pack, "--as", f"datasci@{number}", "--site", waiting.path).code == 0
    with ThreadPoolExecutor(3) as pool:
        codes = list(
            pool.map(
                lambda n: spawn("approve", f"datasci@{n}", "--reason", "x", "--site", waiting.path).code,
                (1, 2, 3),
            )
        )
    entries = spawn("list", "--site", waiting.path, "--json").json["entries"]
    assert codes == [0, 0, 0]
    assert {entry["state"] for entry in entries} == {"approved"}


class TestRenew:
    def test_signs_again_and_leaves_the_entries_alone(self, waiting: Lab, run: Run) -> None:
        before = run("list", "--site", waiting.path, "--json").json
        done = run("renew", "--site", waiting.path, "--json")
        after = run("list", "--site", waiting.path, "--json").json
        assert (done.code, after["entries"]) == (0, before["entries"])
        assert done.json["expires"] >= before["expires"]

    def test_is_recorded(self, waiting: Lab, run: Run) -> None:
        assert run("renew", "--site", waiting.path).out.startswith("The catalog is signed until 20")
        records = run("log", "--type", "catalog.renew", "--site", waiting.path, "--json").json["records"]
        assert [record["outcome"] for record in records] == ["allowed"]

    def test_is_not_possible_without_keys(self, waiting: Lab, run: Run) -> None:
        lines = [line for line in waiting.path.read_text().splitlines() if not line.startswith("keys:")]
        waiting.path.write_text("\n".join(lines))
        assert load(waiting.path).keys is None
        assert run("renew", "--site", waiting.path).refusal == (7, "keys-missing")
