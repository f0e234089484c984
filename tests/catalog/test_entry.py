from __future__ import annotations

import itertools
from dataclasses import FrozenInstanceError, replace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.catalog.entry import STEPS, USABLE, Entry, State, Statement, Verdict
from jupyter_envguard.errors import Conflict, EnvGuardError, InvalidInput
from jupyter_envguard.image import AttestedForm
from tests.catalogs import WHEN, digest, entry

SAID = Statement("eve", "2026-11-20T10:00:00Z", "because")
FULL = {
    "description": "For everyday work.\nWith plots.",
    "logo": "<svg/>",
    "users": ("ada",),
    "expires": "2027-01-01T00:00:00Z",
    "successor": "datasci@2026.11",
    "verdict": Verdict(digest("policy"), True, ("pip.mixed",)),
}


def broken(**changes: Any) -> dict[str, Any]:
    return entry(**FULL).as_json() | changes


class TestEntry:
    def test_survives_a_round_trip(self) -> None:
        assert Entry.from_json(entry(**FULL).as_json()) == entry(**FULL)

    def test_survives_a_round_trip_before_anybody_decided(self) -> None:
        waiting = entry(state=State.IN_REVIEW, approval=None)
        assert Entry.from_json(waiting.as_json()) == waiting

    def test_has_the_id_that_people_write(self) -> None:
        assert entry("r-stats", "4.3").id == "r-stats@4.3"

    def test_lists_each_subject_once_in_order(self) -> None:
        assert entry(groups=["b", "a", "b"]).groups == ("a", "b")

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(FrozenInstanceError):
            entry().state = State.REVOKED  # type: ignore[misc]

    def test_keeps_its_json_frozen(self) -> None:
        assert entry().as_json() == {
            "name": "datasci",
            "release": "2026.05",
            "state": "approved",
            "display_name": "Data Science",
            "description": "",
            "language": "python",
            "logo": "",
            "groups": ["data-science"],
            "users": [],
            "pack": digest("datasci2026.05"),
            "spec": digest("spec datasci2026.05"),
            "manifest": digest("manifest datasci2026.05"),
            "verdict": {"policy": digest("policy"), "passed": True, "warnings": []},
            "imported_at": WHEN,
            "imported_by": "ada",
            "changed": {"who": "boss", "when": WHEN, "reason": "looks good"},
            "approval": {"who": "boss", "when": WHEN, "reason": "looks good"},
            "expires": None,
            "successor": None,
        }

    @pytest.mark.parametrize("state", sorted(USABLE))
    def test_cannot_be_usable_without_an_approval(self, state: State) -> None:
        with pytest.raises(InvalidInput, match="without an approval"):
            entry(state=state, approval=None)

    @pytest.mark.parametrize("state", sorted(USABLE))
    def test_cannot_be_usable_after_a_failed_verdict(self, state: State) -> None:
        with pytest.raises(InvalidInput, match="without an approval and a passed verdict"):
            entry(state=state, verdict=Verdict(digest("policy"), False))

    @pytest.mark.parametrize(
        "changes",
        [
            {"name": "A"},
            {"release": "x--y"},
            {"state": "approved"},
            {"verdict": None},
            {"display_name": " "},
            {"display_name": "x" * 81},
            {"description": "x" * 2001},
            {"description": "a\x1b[2Jb"},
            {"language": ""},
            {"logo": "<script/>"},
            {"pack": "sha256:00"},
            {"manifest": ""},
            {"spec": None},
            {"groups": ["a\n"]},
            {"users": ["*"]},
            {"changed": None},
            {"approval": "boss"},
            {"imported_by": ""},
            {"imported_at": "yesterday"},
            {"expires": "tomorrow"},
            {"successor": "datasci"},
            {"successor": "datasci@2026.05"},
        ],
        ids=str,
    )
    def test_refuses_what_makes_no_sense(self, changes: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput):
            entry(**changes)


class TestFromJson:
    @pytest.mark.parametrize("field", list(entry().as_json()))
    @pytest.mark.parametrize("value", [7, [7], {}, "\x00", True], ids=repr)
    def test_refuses_a_wrong_value_in_any_field(self, field: str, value: object) -> None:
        with pytest.raises(InvalidInput) as caught:
            Entry.from_json(broken(**{field: value}))
        assert caught.value.code == "entry-invalid"

    @pytest.mark.parametrize("field", list(entry().as_json()))
    def test_refuses_a_missing_field(self, field: str) -> None:
        document = broken()
        del document[field]
        with pytest.raises(InvalidInput, match="missing or unknown"):
            Entry.from_json(document)

    def test_refuses_an_unknown_field(self) -> None:
        with pytest.raises(InvalidInput, match="missing or unknown"):
            Entry.from_json(broken(extra=1))

    @pytest.mark.parametrize("document", [None, [], "entry", 7])
    def test_refuses_what_is_no_object(self, document: object) -> None:
        with pytest.raises(InvalidInput, match="missing or unknown"):
            Entry.from_json(document)

    @pytest.mark.parametrize("groups", [["b", "a"], ["a", "a"]])
    def test_refuses_a_second_way_to_write_the_same(self, groups: list[str]) -> None:
        with pytest.raises(InvalidInput, match="sorted"):
            Entry.from_json(broken(groups=groups))

    @pytest.mark.parametrize(
        "verdict",
        [
            {"policy": digest(1), "passed": 1, "warnings": []},
            {"policy": "x", "passed": True, "warnings": []},
            {"policy": digest(1), "passed": True, "warnings": [f"r{i:03}" for i in range(65)]},
            {"policy": digest(1), "passed": True, "warnings": ["a\n"]},
            {"policy": digest(1), "passed": True},
        ],
    )
    def test_refuses_a_malformed_verdict(self, verdict: object) -> None:
        with pytest.raises(InvalidInput) as caught:
            Entry.from_json(broken(verdict=verdict))
        assert caught.value.code == "entry-invalid"

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda x: st.lists(x) | st.dictionaries(st.text(), x),
        )
    )
    def test_answers_anything_with_one_of_our_errors(self, document: object) -> None:
        with pytest.raises(EnvGuardError):
            Entry.from_json(document)


class TestGrace:
    GRACE = "2026-11-30T08:00:00Z"
    GRACED: ClassVar[dict[str, Any]] = {"state": State.REVOKED, "grace": GRACE}

    def test_is_written_only_where_there_is_one(self) -> None:
        assert entry(**self.GRACED).as_json() == entry(state=State.REVOKED).as_json() | {"grace": self.GRACE}
        assert Entry.from_json(entry(**self.GRACED).as_json()) == entry(**self.GRACED)

    @pytest.mark.parametrize(
        "changes",
        [
            {"state": State.APPROVED},
            {"state": State.ARCHIVED},
            {"approval": None},
            {"verdict": Verdict(digest("policy"), False)},
            {"grace": WHEN},
            {"grace": "2027-11-30T08:00:00Z"},
            {"grace": "soon"},
        ],
        ids=["approved", "archived", "unapproved", "failed", "at-once", "too-long", "unreadable"],
    )
    def test_is_for_what_was_approved_and_revoked(self, changes: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput, match="grace"):
            entry(**(self.GRACED | changes))

    @given(
        st.none()
        | st.integers()
        | st.text()
        | st.lists(st.text())
        | st.sampled_from([WHEN, "2027-11-30T08:00:00Z", "2026-11-30T08:00:00+00:00"])
    )
    def test_is_none_where_it_cannot_be_read(self, value: object) -> None:
        revoked = entry(state=State.REVOKED)
        assert Entry.from_json(revoked.as_json() | {"grace": value}) == revoked

    @pytest.mark.parametrize(
        "changes", [{}, {"state": State.ARCHIVED}, {"state": State.REVOKED, "approval": None}]
    )
    def test_is_none_where_nothing_was_approved_and_revoked(self, changes: dict[str, Any]) -> None:
        other = entry(**changes)
        assert Entry.from_json(other.as_json() | {"grace": self.GRACE}) == other

    def test_goes_when_it_is_put_away(self) -> None:
        assert entry(**self.GRACED).moved(State.ARCHIVED, SAID).grace is None

    @pytest.mark.parametrize(
        ("expires", "end"),
        [(None, GRACE), ("2026-11-29T00:00:00Z", "2026-11-29T00:00:00Z"), ("2027-01-01T00:00:00Z", GRACE)],
    )
    def test_ends_with_what_comes_first(self, expires: str | None, end: str) -> None:
        assert entry(**self.GRACED, expires=expires).ends == end
        assert entry().ends is None


class TestMoved:
    @pytest.mark.parametrize(("before", "after"), list(itertools.product(State, State)))
    def test_takes_the_allowed_steps_and_no_other(self, before: State, after: State) -> None:
        here = entry(state=before)
        if after in STEPS[before]:
            assert here.moved(after, SAID) == replace(here, state=after, changed=SAID)
        else:
            with pytest.raises(
                Conflict, match=f"is {before.words} and cannot become {after.words}"
            ) as caught:
                here.moved(after, SAID)
            assert caught.value.code == "state-forbids"

    def test_says_where_it_could_go(self) -> None:
        with pytest.raises(Conflict) as caught:
            entry(state=State.ARCHIVED).moved(State.APPROVED, SAID)
        assert caught.value.hint == "From here it can become: nothing."

    def test_takes_further_changes_along(self) -> None:
        moved = entry().moved(State.DEPRECATED, SAID, successor="datasci@2026.11")
        assert moved.successor == "datasci@2026.11"

    def test_no_step_leads_to_approval_but_review(self) -> None:
        leading = {state for state, steps in STEPS.items() if State.APPROVED in steps}
        assert leading == {State.IN_REVIEW, State.DEPRECATED}

    def test_nothing_comes_back_from_revoked_or_rejected(self) -> None:
        assert STEPS[State.REVOKED] == STEPS[State.REJECTED] == {State.ARCHIVED}


class TestForm:
    FORM = AttestedForm("erofs", digest("form"), 4096)

    def test_is_written_only_where_there_is_one(self) -> None:
        assert "form" not in entry().as_json()
        written = entry(form=self.FORM).as_json()
        assert written == entry().as_json() | {"form": self.FORM.as_json()}
        assert Entry.from_json(written) == entry(form=self.FORM)

    @pytest.mark.parametrize("value", [None, "erofs", {"kind": "ext4", "digest": digest("x"), "size": 1}])
    def test_is_none_where_it_cannot_be_read(self, value: object) -> None:
        assert Entry.from_json(entry().as_json() | {"form": value}) == entry()

    def test_is_refused_when_it_is_something_else(self) -> None:
        with pytest.raises(InvalidInput, match="form"):
            entry(form="erofs")

    def test_stays_when_the_state_changes(self) -> None:
        assert entry(form=self.FORM).moved(State.DEPRECATED, SAID).form == self.FORM
