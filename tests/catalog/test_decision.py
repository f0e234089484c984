from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard import errors
from jupyter_envguard.catalog import Allowed, Denied, Entry, State, Statement, decide
from jupyter_envguard.catalog.decision import Reason
from jupyter_envguard.catalog.entry import USABLE
from jupyter_envguard.errors import InvalidInput
from tests.catalogs import NOW, WHEN, entry

SUBJECTS = st.lists(st.sampled_from(["data-science", "students", "staff", "*"]), max_size=3)
USERS = st.sampled_from(["ada", "bob", ""])
EXPIRIES = st.sampled_from(
    [None, "2026-11-27T11:59:59Z", "2026-11-27T12:00:00Z", "2026-11-27T12:00:01Z", "2030-01-01T00:00:00Z"]
)
ENTRIES = st.builds(
    entry,
    state=st.sampled_from(State),
    groups=SUBJECTS,
    users=st.lists(st.sampled_from(["ada", "bob"]), max_size=2),
    expires=EXPIRIES,
)


def codes(entry: Entry, user: str = "ada", groups: Any = ("data-science",), now: datetime = NOW) -> list[str]:
    decision = decide(entry, user, groups, now)
    return [
        reason.code for reason in (decision.warnings if isinstance(decision, Allowed) else decision.reasons)
    ]


class TestGrant:
    def test_nobody_is_granted_what_names_nobody(self) -> None:
        assert codes(entry(groups=(), users=())) == ["not-granted"]

    def test_a_group_is_granted(self) -> None:
        assert decide(entry(), "ada", {"data-science"}, NOW) == Allowed()

    def test_a_user_is_granted(self) -> None:
        assert decide(entry(groups=(), users=("ada",)), "ada", (), NOW) == Allowed()

    def test_a_user_is_not_a_group(self) -> None:
        assert codes(entry(groups=("ada",), users=("data-science",))) == ["not-granted"]

    def test_everyone_is_granted_by_a_star(self) -> None:
        assert decide(entry(groups=("*",)), "bob", (), NOW) == Allowed()

    def test_not_even_everyone_is_nobody(self) -> None:
        assert codes(entry(groups=("*",)), user="") == ["unknown-user"]

    def test_a_group_called_star_opens_nothing(self) -> None:
        assert codes(entry(), groups=("*",)) == ["not-granted"]

    def test_names_are_compared_exactly(self) -> None:
        assert codes(entry(users=("ada",), groups=()), user="Ada") == ["not-granted"]

    @pytest.mark.parametrize("groups", ["data-science", b"data-science"])
    def test_a_text_is_no_collection_of_groups(self, groups: Any) -> None:
        with pytest.raises(InvalidInput, match="not a collection"):
            decide(entry(), "ada", groups, NOW)


class TestGrace:
    UNTIL = "2026-11-27T12:00:01Z"
    SAID = "27 November 2026, 12:00 UTC"

    def graced(self, **changes: Any) -> Entry:
        return entry(**({"state": State.REVOKED, "grace": self.UNTIL} | changes))

    def test_a_revoked_release_starts_with_a_warning_until_it_ends(self) -> None:
        decision = decide(self.graced(successor="datasci@2026.11"), "ada", {"data-science"}, NOW)
        assert decision == Allowed(
            (
                Reason(
                    "revoked",
                    f"datasci@2026.05 was revoked and stops on {self.SAID}: looks good.",
                    "Use datasci@2026.11 instead.",
                ),
            )
        )

    def test_gives_no_reason_where_there_is_none(self) -> None:
        said = Statement("boss", WHEN)
        (warning,) = decide(self.graced(changed=said), "ada", {"data-science"}, NOW).warnings  # type: ignore[union-attr]
        assert warning.message == f"datasci@2026.05 was revoked and stops on {self.SAID}."

    def test_at_its_end_nothing_starts(self) -> None:
        decision = decide(self.graced(), "ada", {"data-science"}, NOW + timedelta(seconds=1))
        assert not decision
        assert codes(self.graced(grace="2026-11-27T12:00:00Z")) == ["revoked"]

    def test_opens_nothing_else(self) -> None:
        assert codes(self.graced(), user="bob", groups=()) == ["not-granted"]
        assert codes(self.graced(expires="2026-11-27T12:00:00Z")) == ["expired"]

    @given(ENTRIES, st.datetimes(datetime(2026, 10, 1), datetime(2027, 3, 1), timezones=st.just(UTC)))
    def test_only_a_revoked_release_has_it_and_only_for_a_time(self, entry: Entry, now: datetime) -> None:
        if entry.state is State.REVOKED:
            assert codes(entry, "ada", ("*",), now)[0] == "revoked"
        graced = {"grace": "2026-12-01T00:00:00Z"}
        found = Entry.from_json(entry.as_json() | graced)
        opened = bool(decide(found, "ada", ("data-science",), now)) and not decide(
            entry, "ada", ("data-science",), now
        )
        assert not opened or (entry.state is State.REVOKED and now < datetime(2026, 12, 1, tzinfo=UTC))


class TestState:
    @pytest.mark.parametrize(
        ("state", "code"),
        [
            (State.DRAFT, "not-approved"),
            (State.IN_REVIEW, "in-review"),
            (State.REJECTED, "rejected"),
            (State.REVOKED, "revoked"),
            (State.ARCHIVED, "archived"),
        ],
    )
    def test_only_approved_and_deprecated_releases_may_be_used(self, state: State, code: str) -> None:
        assert codes(entry(state=state)) == [code]

    def test_a_revocation_says_who_when_why_and_what_instead(self) -> None:
        said = Statement("eve", WHEN, "openssl is broken")
        decision = decide(
            entry(state=State.REVOKED, changed=said, successor="datasci@2026.11"),
            "ada",
            ["data-science"],
            NOW,
        )
        assert isinstance(decision, Denied)
        reason = decision.reasons[0]
        assert reason.message == "datasci@2026.05 was revoked by eve on 1 November 2026: openssl is broken."
        assert reason.hint == "Use datasci@2026.11 instead."

    def test_a_sentence_keeps_its_own_full_stop(self) -> None:
        said = Statement("eve", WHEN, "It leaks!")
        decision = decide(entry(state=State.REVOKED, changed=said), "ada", ["data-science"], NOW)
        assert isinstance(decision, Denied)
        assert decision.reasons[0].message.endswith(": It leaks!")

    def test_a_deprecated_release_works_and_says_until_when(self) -> None:
        old = entry(state=State.DEPRECATED, expires="2026-12-24T00:00:00Z", successor="datasci@2026.11")
        decision = decide(old, "ada", ["data-science"], NOW)
        assert isinstance(decision, Allowed)
        assert [warning.as_json() for warning in decision.warnings] == [
            {
                "code": "deprecated",
                "message": "datasci@2026.05 is deprecated and stops on 24 December 2026, 00:00 UTC:"
                " looks good.",
                "hint": "Use datasci@2026.11 instead.",
            }
        ]

    def test_no_reason_leaves_no_colon(self) -> None:
        old = entry(state=State.DEPRECATED, changed=Statement("eve", WHEN))
        decision = decide(old, "ada", ["data-science"], NOW)
        assert isinstance(decision, Allowed)
        assert decision.warnings[0].message == "datasci@2026.05 is deprecated."


class TestExpiry:
    def test_the_last_second_counts(self) -> None:
        assert codes(entry(expires="2026-11-27T12:00:01Z")) == ["expires-soon"]

    def test_the_moment_itself_is_too_late(self) -> None:
        assert codes(entry(expires="2026-11-27T12:00:00Z")) == ["expired"]

    def test_a_far_end_does_not_warn(self) -> None:
        assert codes(entry(expires="2027-12-31T00:00:00Z")) == []

    def test_a_moment_without_zone_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="no time zone"):
            decide(entry(), "ada", ["data-science"], NOW.replace(tzinfo=None))

    def test_another_zone_makes_no_difference(self) -> None:
        there = NOW.astimezone(timezone(timedelta(hours=-11)))
        assert codes(entry(expires="2026-11-27T12:00:00Z"), now=there) == ["expired"]


class TestDenied:
    def test_gathers_every_reason(self) -> None:
        bad = entry(state=State.REVOKED, expires="2026-01-01T00:00:00Z")
        assert codes(bad, groups=()) == ["revoked", "expired", "not-granted"]

    def test_is_an_error_that_says_everything(self) -> None:
        bad = entry(state=State.IN_REVIEW, groups=())
        decision = decide(bad, "ada", [], NOW)
        assert isinstance(decision, Denied)
        error = decision.as_error()
        assert isinstance(error, errors.Denied)
        assert error.code == "in-review"
        assert error.message == "datasci@2026.05 is still in review. datasci@2026.05 is not granted to ada."

    def test_every_reason_has_a_listed_code(self) -> None:
        for state in State:
            for code in codes(entry(state=state, groups=(), expires="2026-01-01T00:00:00Z")):
                assert code in errors.CODES


class TestProperties:
    @given(ENTRIES, USERS, SUBJECTS)
    def test_allows_exactly_what_is_usable_current_and_granted(
        self, entry: Entry, user: str, groups: list[str]
    ) -> None:
        granted = bool(user) and (
            "*" in entry.groups or user in entry.users or bool(set(groups) & set(entry.groups))
        )
        current = entry.expires is None or entry.expires > "2026-11-27T12:00:00Z"
        decision = decide(entry, user, groups, NOW)
        assert bool(decision) == (entry.state in USABLE and granted and current)
        assert bool(decision) or (isinstance(decision, Denied) and decision.reasons)

    @given(ENTRIES, USERS, SUBJECTS, st.randoms())
    def test_the_order_of_groups_is_irrelevant(
        self, entry: Entry, user: str, groups: list[str], random: Any
    ) -> None:
        shuffled = groups * 2
        random.shuffle(shuffled)
        assert decide(entry, user, groups, NOW) == decide(entry, user, shuffled, NOW)

    @given(ENTRIES, USERS, SUBJECTS, SUBJECTS)
    def test_losing_a_group_never_opens(
        self, entry: Entry, user: str, groups: list[str], more: list[str]
    ) -> None:
        assert bool(decide(entry, user, groups, NOW)) <= bool(decide(entry, user, groups + more, NOW))

    @given(ENTRIES, USERS, SUBJECTS, st.integers(0, 10**9))
    def test_time_only_closes(self, entry: Entry, user: str, groups: list[str], seconds: int) -> None:
        later = decide(entry, user, groups, NOW + timedelta(seconds=seconds))
        assert bool(later) <= bool(decide(entry, user, groups, NOW))

    @given(ENTRIES, USERS, SUBJECTS)
    def test_a_reason_more_never_allows(self, entry: Entry, user: str, groups: list[str]) -> None:
        worse = [
            entry.__class__.from_json(entry.as_json() | {"expires": "2026-01-01T00:00:00Z"}),
            entry.__class__.from_json(entry.as_json() | {"state": "revoked"}),
            entry.__class__.from_json(entry.as_json() | {"groups": [], "users": []}),
        ]
        assert not any(decide(bad, user, groups, NOW) for bad in worse)
