from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.audit import Actor, Event, Record, Source
from jupyter_envguard.audit.event import RECORD_BYTES, TYPES, format_time
from jupyter_envguard.errors import EnvGuardError, InvalidInput, Untrusted

ADA = Actor("ada", 1000)
HERE = Source("cli", "1.0", "node7", "site")
DIGEST = "sha256:" + "a" * 64
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def event(**changes: Any) -> Event:
    return Event(**({"type": "release.approve", "outcome": "allowed", "actor": ADA} | changes))


def record(**changes: Any) -> Record:
    values: dict[str, Any] = {
        "seq": 1,
        "id": "01KXYZ",
        "time": "2026-11-27T12:00:00.123Z",
        "boot": "b",
        "monotonic": 5,
        "previous": "",
        "source": HERE,
        "event": event(
            release="datasci@2026.05", digests={"pack": DIGEST}, detail={"reason": "ok", "n": [1, None]}
        ),
    }
    return Record(**(values | changes))


class TestEvent:
    def test_says_who_did_what(self) -> None:
        assert (event().type, event().actor.name) == ("release.approve", "ada")

    @pytest.mark.parametrize("kind", sorted(TYPES))
    def test_has_one_of_the_types(self, kind: str) -> None:
        assert event(type=kind).type == kind

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"type": "release.aprove"}, "Did you mean 'release.approve'"),
            ({"type": None}, "type None is unknown"),
            ({"outcome": "maybe"}, "outcome 'maybe'"),
            ({"outcome": "denied"}, "reason '' is not a code"),
            ({"outcome": "denied", "reason": "because"}, "reason 'because' is not a code"),
            ({"reason": "because"}, "reason 'because' is not a code"),
            ({"release": "datasci"}, "not name@release"),
            ({"digests": {"tree": DIGEST}}, "digests are other than"),
            ({"digests": {"pack": "x"}}, "pack digest 'x'"),
            ({"digests": []}, "digests are other than"),
            ({"catalog": -1}, "catalog is not a version"),
            ({"catalog": True}, "catalog is not a version"),
            ({"kernel_id": 7}, "kernel_id is not text"),
            ({"kernel_id": "x" * 1025}, "at most 1024"),
            ({"detail": []}, "detail is not a mapping"),
            ({"detail": {"a": 1.5}}, "float, which is not JSON without fractions"),
            ({"detail": {"a": b"x"}}, "bytes, which is not JSON"),
            ({"detail": {"a": "\ud800"}}, "half a character"),
            ({"detail": {1: "a"}}, "a key of detail is not text"),
            ({"detail": {"a": [[[[[1]]]]]}}, "nested more than 4"),
        ],
        ids=str,
    )
    def test_is_refused_when_it_makes_no_sense(self, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            event(**changes)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: Actor(7),  # type: ignore[arg-type]
            lambda: Actor("ada", "1000"),  # type: ignore[arg-type]
            lambda: Actor("ada", True),
            lambda: Actor("ada", 1000, "guess"),  # type: ignore[arg-type]
            lambda: Source("cli", "1", "n", "me"),  # type: ignore[arg-type]
            lambda: Source("cli", None, "n", "site"),  # type: ignore[arg-type]
        ],
    )
    def test_is_refused_when_it_is_unclear_who_speaks(self, make: Any) -> None:
        with pytest.raises(InvalidInput) as caught:
            make()
        assert caught.value.code == "event-invalid"

    def test_keeps_what_it_was_given(self) -> None:
        detail = {"list": [1]}
        made = event(detail=detail)
        detail["list"].append(2)
        assert made.detail == {"list": [1]}
        with pytest.raises(TypeError):
            made.detail["more"] = 1  # type: ignore[index]


class TestRecord:
    def test_survives_a_round_trip(self) -> None:
        assert Record.from_bytes(record().canonical()) == record()

    def test_keeps_its_form_frozen(self) -> None:
        assert json.loads(record().canonical()) == {
            "format": 1,
            "seq": 1,
            "id": "01KXYZ",
            "time": "2026-11-27T12:00:00.123Z",
            "boot": "b",
            "monotonic": 5,
            "previous": "",
            "source": {"component": "cli", "version": "1.0", "node": "node7", "trust": "site"},
            "type": "release.approve",
            "outcome": "allowed",
            "reason": "",
            "actor": {"name": "ada", "uid": 1000, "auth": "os-user"},
            "release": "datasci@2026.05",
            "digests": {"pack": DIGEST},
            "catalog": 0,
            "kernel_id": "",
            "detail": {"reason": "ok", "n": [1, None]},
        }
        assert record().digest() == "sha256:ed2e6e0f7123b23ab7e60210877eab5fb2a2a7676ae3888d1bbab6da637312aa"

    def test_is_bounded(self) -> None:
        large = record(event=event(detail={str(n): "x" * 1000 for n in range(RECORD_BYTES // 1000 + 1)}))
        with pytest.raises(InvalidInput) as caught:
            large.canonical()
        assert caught.value.code == "event-too-large"

    @given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
    def test_holds_any_detail_that_fits(self, detail: dict[str, Any]) -> None:
        try:
            made = record(event=event(detail=detail))
        except InvalidInput as error:
            assert "nested" in error.message
            return
        assert Record.from_bytes(made.canonical()) == made

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff",
            b"[]",
            b"7",
            b"{}",
            b"[" * 100_000,
            record().canonical() + b" ",
            record().canonical().replace(b'"format":1', b'"format":2'),
            record().canonical().replace(b'"seq":1', b'"seq":true'),
            record().canonical().replace(b'"seq":1', b'"seq":"1"'),
            record().canonical().replace(b'"boot":"b"', b'"boot":7'),
            record().canonical().replace(b'"boot":"b"', b'"boat":"b"'),
            record().canonical().replace(b"12:00:00.123Z", b"12:00:00Z"),
            record().canonical().replace(b"release.approve", b"release.invent"),
            record().canonical().replace(b'"uid":1000', b'"gid":1000'),
            record().canonical().replace(b'"actor":{', b'"actor":{"x":1,'),
        ],
        ids=range(16),
    )
    def test_is_refused_when_it_was_not_written_by_us(self, content: bytes) -> None:
        with pytest.raises(Untrusted) as caught:
            Record.from_bytes(content)
        assert caught.value.code == "log-invalid"

    @given(st.binary(max_size=200))
    def test_answers_any_bytes_with_one_of_our_errors(self, content: bytes) -> None:
        with pytest.raises(EnvGuardError):
            Record.from_bytes(content)


def test_times_have_milliseconds_and_a_zone() -> None:
    assert format_time(datetime(2026, 11, 27, 12, 0, 0, 999_999, UTC)) == "2026-11-27T12:00:00.999Z"
    with pytest.raises(InvalidInput, match="no time zone"):
        format_time(datetime(2026, 11, 27))
