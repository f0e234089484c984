from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.kernelspec import _is_valid_kernel_name

from jupyter_envguard.catalog import names
from jupyter_envguard.errors import InvalidInput

NAMES = st.from_regex(r"[a-z0-9](?:[._-]?[a-z0-9]){0,20}", fullmatch=True)


@pytest.mark.parametrize("name", ["datasci", "2026.11", "r-4.3", "a", "0", "a_b-c.d", "a" * 64])
def test_plain_names_pass(name: str) -> None:
    assert names.check_name(name, "environment") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "a--b",
        "a..b",
        "-a",
        "a-",
        ".",
        "..",
        "a/b",
        "a b",
        "a@b",
        "é",
        "a\n",
        "a" * 65,
        "a\x00",
        None,
        7,
        "٣",
    ],
)
def test_names_that_could_mean_something_else_are_refused(name: object) -> None:
    with pytest.raises(InvalidInput, match="cannot be the name of a release") as caught:
        names.check_name(name, "release")
    assert caught.value.code == "invalid-name"


@given(NAMES, NAMES)
def test_a_kernel_name_is_one_that_jupyter_accepts_and_says_which_release_it_is(
    name: str, release: str
) -> None:
    kernel = names.kernel_name(name, release)
    assert _is_valid_kernel_name(kernel)
    assert kernel.split(names.SEPARATOR) == [name, release]


@given(st.text(max_size=70))
def test_every_accepted_name_is_a_safe_file_name(text: str) -> None:
    try:
        name = names.check_name(text, "environment")
    except InvalidInput:
        return
    assert re.fullmatch(r"[a-z0-9._-]+", name)
    assert name not in (".", "..")
    assert names.SEPARATOR not in name


@pytest.mark.parametrize("name", ["ada", "ada@example.org", "Zoë", "data science", "x" * 255])
def test_people_may_have_their_own_names(name: str) -> None:
    assert names.check_subject(name, "user") == name


@pytest.mark.parametrize(
    "name", ["", " ada", "ada ", "a\nb", "a\u202eb", "a\u200bb", "x" * 256, "*a", None, "e\u0301", "*"]
)
def test_names_that_look_like_others_are_refused_for_users(name: object) -> None:
    with pytest.raises(InvalidInput, match="cannot be the name of a user"):
        names.check_subject(name, "user")


def test_every_user_is_a_group() -> None:
    assert names.check_subject("*", "group") == "*"


def test_subjects_are_sorted_and_there_once() -> None:
    assert names.check_subjects(["b", "a", "b"], "group") == ("a", "b")


def test_a_text_is_not_a_list_of_subjects() -> None:
    with pytest.raises(InvalidInput, match="not a list"):
        names.check_subjects("admins", "group")


@pytest.mark.parametrize("text", ["a\u202eb", "a\u200bb", "a\x1b[31m", "a\tb", "a\nb", "a\ud800", "\u2028"])
def test_invisible_characters_are_refused_in_texts(text: str) -> None:
    with pytest.raises(InvalidInput, match="invisible character U\\+"):
        names.check_text(text, "reason", 100)


def test_lines_are_allowed_where_asked_for() -> None:
    assert names.check_text("a\nb", "reason", 100, lines=True) == "a\nb"


@pytest.mark.parametrize("text", ["x" * 11, None, 3])
def test_texts_have_a_length(text: object) -> None:
    with pytest.raises(InvalidInput, match="at most 10 characters"):
        names.check_text(text, "reason", 10)


@pytest.mark.parametrize("language", ["python", "R", "C++", "q#", "Wolfram Language"])
def test_languages_are_written_as_jupyter_writes_them(language: str) -> None:
    assert names.check_language(language) == language


@pytest.mark.parametrize("language", ["", " r", "r ", "x" * 33, "a/b", None])
def test_other_languages_are_refused(language: object) -> None:
    with pytest.raises(InvalidInput, match="name of a language"):
        names.check_language(language)


@given(st.datetimes(timezones=st.timezones()))
def test_times_survive_a_round_trip_to_the_second(moment: datetime) -> None:
    try:
        text = names.format_time(moment)
    except OverflowError:  # The first and last hours of the calendar have no UTC.
        return
    assert names.parse_time(text) == moment.astimezone(UTC).replace(microsecond=0)


def test_times_are_written_in_utc() -> None:
    there = datetime(2026, 11, 27, 12, 0, 0, 999, timezone(timedelta(hours=2)))
    assert names.format_time(there) == "2026-11-27T10:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-27",
        "2026-11-27T12:00:00",
        "2026-11-27T12:00:00+00:00",
        "2026-02-30T00:00:00Z",
        "",
        None,
        "٢026-11-27T12:00:00Z",
    ],
)
def test_other_times_are_refused(text: object) -> None:
    with pytest.raises(InvalidInput, match=r"expires .* is not a UTC time"):
        names.parse_time(text, "expires")


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no time zone"):
        names.check_aware(datetime(2026, 11, 27))


@given(NAMES, NAMES)
def test_a_release_id_splits_into_what_it_was_made_of(name: str, release: str) -> None:
    assert names.split_release_id(names.release_id(name, release)) == (name, release)


@pytest.mark.parametrize("text", ["datasci@", "@1", "a@b@c", ""])
def test_what_is_no_release_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be the name of"):
        names.split_release_id(text)


def test_an_environment_alone_is_no_release() -> None:
    with pytest.raises(InvalidInput, match="names an environment, not a release") as caught:
        names.split_release_id("datasci")
    assert caught.value.hint == "Write it like datasci@2026.11."


def test_times_are_said_as_people_read_them() -> None:
    assert names.spoken_day("2026-11-01T09:30:59Z") == "1 November 2026"
    assert names.spoken_time("2026-12-24T00:00:00Z") == "24 December 2026, 00:00 UTC"
    said = [names.spoken_day(f"2026-{month:02}-31T00:00:00Z").split()[1] for month in range(1, 13)]
    assert said == list(calendar.month_name)[1:]
