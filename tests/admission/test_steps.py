from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.admission.steps import approval, deprecation, ending, revocation, stated
from jupyter_envguard.catalog import Catalog, Entry, State, Statement, Verdict
from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.policy import Policy
from tests.catalogs import NOW, WHEN, entry

POLICY = Policy(rules=("pip.mixed",))
SAID = Statement("eve", "2026-11-27T12:00:00Z", "because")
JUDGED = Verdict(POLICY.digest(), True)
WAITING = entry(state=State.IN_REVIEW, approval=None, verdict=JUDGED)


def catalog(*entries: Entry) -> Catalog:
    return Catalog(1, WHEN, NOW + timedelta(days=1), entries)


def code_of(act: Any) -> str:
    with pytest.raises(EnvGuardError) as caught:
        act()
    return caught.value.code


class TestStated:
    def test_says_who_when_and_why(self) -> None:
        assert stated(State.APPROVED, "eve", "because", NOW) == SAID

    @pytest.mark.parametrize("state", State)
    def test_demands_a_reason_for_what_takes_away(self, state: State) -> None:
        if state in (State.REVOKED, State.REJECTED):
            with pytest.raises(InvalidInput, match=f"not {state} without a reason"):
                stated(state, "eve", " ", NOW)
        else:
            assert stated(state, "eve", "", NOW).reason == ""

    def test_demands_a_time_with_a_zone(self) -> None:
        assert code_of(lambda: stated(State.APPROVED, "eve", "", datetime(2026, 1, 1))) == "invalid-argument"


class TestApproval:
    def test_approves(self) -> None:
        approved = approval(POLICY, None)(catalog(), WAITING, SAID)
        assert (approved.state, approved.approval, approved.changed) == (State.APPROVED, SAID, SAID)

    def test_wants_the_policy_that_judged(self) -> None:
        other = Policy(rules=("fs.setuid",))
        assert code_of(lambda: approval(other, None)(catalog(), WAITING, SAID)) == "policy-changed"

    def test_wants_a_verdict_that_is_yes(self) -> None:
        failed = entry(state=State.IN_REVIEW, approval=None, verdict=Verdict(POLICY.digest(), False))
        assert code_of(lambda: approval(POLICY, None)(catalog(), failed, SAID)) == "policy-failed"

    def test_does_not_judge_again_what_was_approved_once(self) -> None:
        old = entry(state=State.DEPRECATED)
        assert approval(POLICY, None)(catalog(), old, SAID).state is State.APPROVED

    @pytest.mark.parametrize(
        ("expires", "late"), [("2026-11-27T12:00:00Z", True), ("2026-11-27T12:00:01Z", False)]
    )
    def test_has_to_end_later_than_it_begins(self, expires: str, late: bool) -> None:
        if late:
            assert code_of(lambda: approval(POLICY, expires)(catalog(), WAITING, SAID)) == "expired"
        else:
            assert approval(POLICY, expires)(catalog(), WAITING, SAID).expires == expires

    def test_a_time_that_is_none_is_refused(self) -> None:
        assert code_of(lambda: approval(POLICY, "soon")(catalog(), WAITING, SAID)) == "invalid-argument"

    @given(st.sampled_from(State), st.booleans(), st.booleans())
    def test_nothing_but_a_yes_under_the_same_policy_is_approved(
        self, state: State, yes: bool, same: bool
    ) -> None:
        policy = POLICY if same else Policy(rules=("fs.setuid",))
        verdict = Verdict(policy.digest(), yes or state in (State.APPROVED, State.DEPRECATED))
        before = entry(state=state, verdict=verdict)
        try:
            after = approval(POLICY, None)(catalog(), before, SAID)
        except EnvGuardError:
            return
        assert after.verdict.passed
        assert state is State.DEPRECATED or (state is State.IN_REVIEW and yes and same)


class TestSuccessor:
    other = entry(release="2026.11")

    def test_is_written_down(self) -> None:
        step = deprecation("datasci@2026.11", "2099-01-01T00:00:00Z")
        old = step(catalog(entry(), self.other), entry(), SAID)
        assert (old.state, old.successor, old.expires) == (
            State.DEPRECATED,
            "datasci@2026.11",
            "2099-01-01T00:00:00Z",
        )

    def test_is_kept_when_nothing_is_said(self) -> None:
        before = entry(successor="datasci@2026.11")
        assert revocation(None, None)(catalog(before), before, SAID).successor == "datasci@2026.11"

    @pytest.mark.parametrize(
        ("successor", "code"),
        [
            ("datasci@2027.05", "release-unknown"),
            ("datasci", "invalid-name"),
            ("datasci@2026.05", "state-forbids"),
            ("datasci@2026.01", "state-forbids"),
        ],
    )
    def test_has_to_be_another_approved_release(self, successor: str, code: str) -> None:
        gone = entry(release="2026.01", state=State.REVOKED)
        step = revocation(successor, None)
        assert code_of(lambda: step(catalog(entry(), gone), entry(), SAID)) == code


@pytest.mark.parametrize("state", [State.REJECTED, State.REVOKED, State.ARCHIVED])
def test_an_end_is_reached_from_the_right_states_only(state: State) -> None:
    for before in State:
        here = entry(state=before)
        try:
            step = revocation(None, None) if state is State.REVOKED else ending(state)
            after = step(catalog(here), here, SAID)
        except EnvGuardError as error:
            assert error.code == "state-forbids"
        else:
            assert (after.state, after.changed) == (state, SAID)


class TestGrace:
    def test_is_written_down_as_an_instant(self) -> None:
        here = entry()
        assert revocation(None, "7d")(catalog(here), here, SAID).grace == "2026-12-04T12:00:00Z"
        assert revocation(None, None)(catalog(here), here, SAID).grace is None

    @pytest.mark.parametrize("grace", ["", "for ever", "91d", "2026-11-27T12:00:00Z"])
    def test_has_to_end_and_soon(self, grace: str) -> None:
        assert code_of(lambda: revocation(None, grace)(catalog(entry()), entry(), SAID)) == "invalid-argument"

    def test_is_for_what_is_approved(self) -> None:
        assert code_of(lambda: revocation(None, "7d")(catalog(WAITING), WAITING, SAID)) == "state-forbids"


def test_the_clock_of_a_statement_is_utc() -> None:
    assert stated(State.APPROVED, "eve", "", NOW.astimezone(UTC)).when.endswith("Z")
