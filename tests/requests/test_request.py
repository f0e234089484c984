from __future__ import annotations

import json
import pickle
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import EnvGuardError, InvalidInput
from jupyter_envguard.requests import Asked, Decision, Request, RequestInvalid, shown
from jupyter_envguard.requests.request import ID, check_needed_by, created, new_id
from jupyter_envguard.spec import canonical_json
from tests.requests.asking import REASON, asked, declined, request

GOOD = asked(environment="datasci", channel="conda-forge", needed_by="2026-12-24", notebooks=("a b.ipynb",))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda of: st.lists(of) | st.dictionaries(st.text(), of),
)


def wrong(document: object) -> list[str]:
    with pytest.raises(RequestInvalid) as refused:
        Asked.from_json(document)
    assert refused.value.code == "request-invalid"
    return sorted(refused.value.fields)


class TestAsked:
    def test_comes_back_from_json(self) -> None:
        assert Asked.from_json(json.loads(json.dumps(GOOD.as_json()))) == GOOD

    def test_needs_little(self) -> None:
        assert Asked.from_json({"kind": "package", "subject": "xgboost", "reason": REASON}).notebooks == ()

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("kind", "wish"),
            ("kind", []),
            ("subject", " "),
            ("subject", "a b"),
            ("subject", "xg*"),
            ("subject", "xgboost>="),
            ("subject", "x" * 201),
            ("subject", 7),
            ("environment", "../etc"),
            ("environment", None),
            ("channel", "a b"),
            ("channel", {}),
            ("reason", "because"),
            ("reason", "\u202e" + REASON),
            ("reason", "x" * 1001),
            ("needed_by", "soon"),
            ("needed_by", "2026-02-30"),
            ("needed_by", 20261224),
            ("notebooks", "a.ipynb"),
            ("notebooks", ["x"] * 21),
            ("notebooks", [""]),
            ("notebooks", ["a\x1b[2J"]),
            ("notebooks", [1]),
        ],
    )
    def test_names_the_field_that_is_wrong(self, field: str, value: object) -> None:
        assert wrong({**GOOD.as_json(), field: value}) == [field]

    def test_names_all_of_them_at_once(self) -> None:
        assert wrong({"kind": "x", "subject": "", "reason": ""}) == ["kind", "reason", "subject"]
        assert wrong({}) == ["kind", "reason", "subject"]
        assert wrong({**GOOD.as_json(), "uid": 0}) == ["uid"]
        assert wrong([]) == [""]

    def test_an_environment_is_asked_for_in_words(self) -> None:
        assert asked(kind="environment", subject="R 4.5 with Stan, please").subject.startswith("R")

    @given(JSON | st.fixed_dictionaries({"kind": JSON, "subject": JSON, "reason": JSON, "notebooks": JSON}))
    def test_anything_else_is_refused_by_its_fields(self, document: object) -> None:
        try:
            Asked.from_json(document)
        except RequestInvalid as refused:
            assert refused.fields


class TestDay:
    def test_may_be_today_or_none(self) -> None:
        assert check_needed_by(GOOD, date(2026, 12, 24)) is GOOD
        assert check_needed_by(asked(), date(2026, 12, 24)).needed_by == ""

    def test_may_not_have_passed(self) -> None:
        with pytest.raises(RequestInvalid) as refused:
            check_needed_by(GOOD, date(2026, 12, 25))
        assert list(refused.value.fields) == ["needed_by"]


class TestRequest:
    def test_comes_back_from_its_bytes(self) -> None:
        one = request(asked=GOOD, release="2026.11")
        assert Request.from_bytes(one.canonical()) == one

    def test_has_one_form_for_ever(self) -> None:
        assert request().digest() == (
            "sha256:" + __import__("hashlib").sha256(request().canonical()).hexdigest()
        )
        assert (
            request()
            .canonical()
            .startswith(b'{"channel":"","created":"2026-11-01T08:00:00Z","environment":""')
        )

    @pytest.mark.parametrize(
        "change",
        [
            {"id": "A" * 13},
            {"id": "../../../../x"},
            {"id": None},
            {"user": ""},
            {"created": "now"},
            {"release": "../x"},
        ],
    )
    def test_refuses_a_head_that_is_none(self, change: dict[str, Any]) -> None:
        with pytest.raises(EnvGuardError):
            request(**change)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b"{}",
            b"\xff",
            b"[" * 100_000,
            canonical_json({**request().as_json(), "format": 2}),
            canonical_json({**request().as_json(), "more": 1}),
            canonical_json({**request().as_json(), "id": 1}),
            json.dumps(request().as_json(), indent=1).encode(),
        ],
    )
    def test_refuses_bytes_that_are_none(self, content: bytes) -> None:
        with pytest.raises(InvalidInput) as refused:
            Request.from_bytes(content)
        assert refused.value.code == "request-unreadable"

    @given(st.dictionaries(st.sampled_from([*request().as_json()]), JSON))
    def test_never_fails_but_by_refusing(self, changes: dict[str, Any]) -> None:
        content = canonical_json({**request().as_json(), **changes})
        try:
            assert Request.from_bytes(content).canonical() == content
        except InvalidInput as refused:
            assert refused.code == "request-unreadable"

    def test_ids_are_well_formed_and_unlike(self) -> None:
        ids = {new_id() for _ in range(100)}
        assert len(ids) == 100
        assert all(map(ID.match, ids))

    def test_says_when(self) -> None:
        assert created(datetime(2026, 11, 27, 12, 30, 5, 9, UTC)) == "2026-11-27T12:30:05Z"


class TestDecision:
    def test_comes_back_from_its_bytes(self) -> None:
        for one in (
            declined(request()),
            declined(request(), state="approved", release="datasci@2026.11", reason=""),
        ):
            assert Decision.from_bytes(one.canonical()) == one

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"reason": " "}, "reason-missing"),
            ({"state": "approved"}, "request-unreadable"),
            ({"release": "datasci@1"}, "request-unreadable"),
            ({"state": "perhaps"}, "request-unreadable"),
            ({"state": "approved", "release": "../x"}, "invalid-name"),
            ({"request": "x"}, "invalid-digest"),
            ({"who": "\n"}, "invalid-name"),
            ({"when": ""}, "invalid-argument"),
        ],
    )
    def test_refuses_what_contradicts_itself(self, change: dict[str, Any], code: str) -> None:
        with pytest.raises(EnvGuardError) as refused:
            declined(request(), **change)
        assert refused.value.code == code

    def test_refuses_other_fields(self) -> None:
        with pytest.raises(InvalidInput):
            Decision.from_bytes(b'{"format":1,"more":1}')


def test_people_are_shown_where_it_stands() -> None:
    one = request()
    assert (shown(one, None)["state"], shown(one, None)["decision"]) == ("open", None)
    answered = shown(one, declined(one))
    assert (answered["state"], answered["decision"]["reason"]) == ("declined", "No.")
    assert not {"format", "user"} & set(answered)


def test_a_refusal_crosses_a_process_border_whole() -> None:
    error = RequestInvalid({"subject": "This is empty.", "": "This is nothing."})
    copy = pickle.loads(pickle.dumps(error))
    assert dict(copy.fields) == dict(error.fields)
    assert copy.message == "The request cannot be made. subject: This is empty. This is nothing."
