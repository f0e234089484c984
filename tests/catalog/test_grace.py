from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.catalog.grace import LONGEST_GRACE, asked, credible
from jupyter_envguard.catalog.names import format_time, parse_time
from jupyter_envguard.errors import InvalidInput
from tests.catalogs import NOW

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


class TestAsked:
    @pytest.mark.parametrize(
        ("text", "end"),
        [
            ("1h", "2026-11-27T13:00:00Z"),
            ("36h", "2026-11-29T00:00:00Z"),
            ("7d", "2026-12-04T12:00:00Z"),
            ("90d", "2027-02-25T12:00:00Z"),
            ("2026-11-27T18:00:00Z", "2026-11-27T18:00:00Z"),
        ],
    )
    def test_is_so_long_or_until_then(self, text: str, end: str) -> None:
        assert asked(text, NOW) == end

    @pytest.mark.parametrize(
        "text",
        [
            *("", "0d", "-1d", "7", "d", "7 d", "7w", "91d", "2161h", "1e3d", "7d\n", "9999d", "99999d"),
            *("for ever", "2026-12-01", "2026-13-01T00:00:00Z", "\u0667d"),
            *("2026-11-27T12:00:00Z", "2026-11-27T11:59:59Z", "2027-02-25T12:00:01Z"),
        ],
    )
    def test_refuses_what_is_none_or_absurd(self, text: str) -> None:
        with pytest.raises(InvalidInput, match="is no grace") as refused:
            asked(text, NOW)
        assert refused.value.code == "invalid-argument"

    @given(st.text(max_size=24) | st.from_regex(r"[0-9]{1,5}[hdw]", fullmatch=True), MOMENTS)
    def test_lies_ahead_and_not_too_far_or_is_refused(self, text: str, now: datetime) -> None:
        try:
            end = parse_time(asked(text, now))
        except InvalidInput:
            return
        assert timedelta(0) < end - now.replace(microsecond=0) <= LONGEST_GRACE


class TestCredible:
    @pytest.mark.parametrize(
        "end", [None, 7, True, [], "soon", "2026-11-27T12:00:00+00:00", "2026-11-27T12:00:00Z"]
    )
    def test_anything_else_is_none(self, end: object) -> None:
        assert credible(end, format_time(NOW)) is None

    @given(MOMENTS, MOMENTS)
    def test_depends_on_how_far_it_is_ahead_only(self, revoked: datetime, end: datetime) -> None:
        written, lasts = format_time(end), parse_time(format_time(end)) - parse_time(format_time(revoked))
        fits = timedelta(0) < lasts <= LONGEST_GRACE
        assert credible(written, format_time(revoked)) == (written if fits else None)
