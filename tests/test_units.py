"""Durations, sizes, rates and times as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.units import (
    format_duration,
    format_rate,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
    parse_time,
)

NOW = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10 min", 600),
        ("2h", 7200),
        ("1d", 86400),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        ("250ms", 0.25),
        ("1.5h", 5400),
        ("90", 90),
        (90, 90),
        (0.5, 0.5),
        ("0s", 0),
    ],
)
def test_durations_are_read_with_their_units(text: object, seconds: float) -> None:
    """Units from milliseconds to weeks, several in a row, and plain numbers as seconds."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["36526d", "9999999d", "9" * 400 + "w", 4e9])
def test_what_leads_out_of_the_calendar_is_no_duration(text: object) -> None:
    """An overlap of a million days is no reason to end with an overflow in the next run."""
    assert parse_duration("36525d") == 36_525 * 86_400
    with pytest.raises(ValueError, match="write at most 36525d"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "abc", "5 parsecs", "-3s", "1h 30", -1, True, None, 1e999])
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    """The message shows how it is written."""
    with pytest.raises(ValueError, match="for example"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("5 GB", 5 * 10**9),
        ("10GiB", 10 * 2**30),
        ("1.5 MB", 1_500_000),
        ("7 kB", 7000),
        ("7 KiB", 7168),
        ("2T", 2 * 10**12),
        ("12 B", 12),
        (1234, 1234),
        ("1234", 1234),
    ],
)
def test_sizes_are_decimal_or_binary(text: object, size: int) -> None:
    """GB is a power of 1000 and GiB one of 1024."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "5 XB", "-5 GB", False, [], "5 Mb", "5 Gbit"])
def test_what_is_no_size_is_refused_with_an_example(text: object) -> None:
    """Bits are refused too, because they would be taken for eight times as much."""
    with pytest.raises(ValueError, match="for example"):
        parse_size(text)


@pytest.mark.parametrize(
    "value", ["9" * 400 + " GB", 10**400, 1e999, "8192 PiB", 2**63], ids=range(5)
)
def test_what_nothing_can_hold_is_neither_a_size_nor_a_rate(value: object) -> None:
    """A mistyped number is told, and does not end in an overflow, now or when it is written."""
    for parse in (parse_size, parse_rate):
        with pytest.raises(ValueError, match="for example"):
            parse(value)
    with pytest.raises(ValueError, match=r"for example|longer than"):
        parse_duration(value)
    assert parse_size("8191 PiB") < 2**63


def test_rates_are_bytes_per_second() -> None:
    """With or without the slash, and as a plain number."""
    assert [parse_rate(r) for r in ("20 MB/s", "20 MB", 20_000_000)] == [20_000_000.0] * 3


@pytest.mark.parametrize("text", ["20 Mb/s", "fast", "20 MB/h", -1])
def test_what_is_no_rate_is_refused_with_an_example(text: object) -> None:
    """The example is a rate and not a size."""
    with pytest.raises(ValueError, match="for example 500 kB/s"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-06-01", datetime(2024, 6, 1, tzinfo=UTC)),
        ("2024-06-01T10:00", datetime(2024, 6, 1, 10, tzinfo=UTC)),
        ("2024-06-01 10:00:30", datetime(2024, 6, 1, 10, 0, 30, tzinfo=UTC)),
        ("2024-06-01T10:00Z", datetime(2024, 6, 1, 10, tzinfo=UTC)),
        ("2024-06-01T10:00+02:00", datetime(2024, 6, 1, 8, tzinfo=UTC)),
        ("today", datetime(2026, 3, 1, tzinfo=UTC)),
        ("Yesterday", datetime(2026, 2, 28, tzinfo=UTC)),
        ("now", NOW),
        ("20240601", datetime(2024, 6, 1, tzinfo=UTC)),
        ("20240601T101031", datetime(2024, 6, 1, 10, 10, 31, tzinfo=UTC)),
        ("NOW-1DAY", NOW - timedelta(days=1)),
        ("2024-06-01T00:00:00Z+1DAY", datetime(2024, 6, 2, tzinfo=UTC)),
        ("-30d", NOW - timedelta(days=30)),
        ("-1h30m", NOW - timedelta(minutes=90)),
        (date(2024, 6, 1), datetime(2024, 6, 1, tzinfo=UTC)),
        (datetime(2024, 6, 1, 10), datetime(2024, 6, 1, 10, tzinfo=UTC)),  # noqa: DTZ001  # TOML's
    ],
)
def test_times_become_aware_utc(text: object, expected: datetime) -> None:
    """Whatever the zone or the form, the result is the same instant in UTC."""
    found = parse_time(text, NOW)
    assert (found, found.utcoffset()) == (expected, timedelta(0))


@pytest.mark.parametrize(
    "text",
    [
        *("", "June", "2024-13-01", "2024-06", "0001-01-01T00:00+02:00", "-5 parsecs", "-", 5),
        *("20241301", "202406", 20240601, "NOW-1PARSEC", "NOW-999999YEARS", "NOW-1", "NOW+DAY"),
        "2024-13-01T00:00:00Z-1DAY",
    ],
)
def test_what_is_no_time_is_refused_with_an_example(text: object) -> None:
    """Months that do not exist and instants before the calendar as well."""
    with pytest.raises(ValueError, match="for example 2024-06-01"):
        parse_time(text, NOW)


def test_relative_times_count_from_the_now_that_is_handed_in_in_utc() -> None:
    """Today begins at midnight UTC, also where the local day is another one."""
    now = datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert parse_time("today", now) == datetime(2026, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (999_999, "1.00 MB"),
        (12_345_678, "12.3 MB"),
        (123_456_789, "123 MB"),
        (5 * 10**15, "5.00 PB"),
        (5 * 10**18, "5000 PB"),
    ],
)
def test_sizes_are_shown_with_three_digits(size: int, text: str) -> None:
    """Rounding never shows 1000 of a unit when there is a larger one."""
    assert format_size(size) == text
    assert format_rate(size) == f"{text}/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (2.46, "2.5 s"),
        (9.96, "10 s"),
        (59.7, "1 min 00 s"),
        (303, "5 min 03 s"),
        (3599.8, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (86399, "1 d 00 h"),
        (273_600, "3 d 04 h"),
    ],
)
def test_durations_are_shown_in_their_two_leading_units(seconds: float, text: str) -> None:
    """Rounding carries over into the next unit."""
    assert format_duration(seconds) == text


@given(st.integers(0, 10**18))
def test_a_size_that_was_shown_reads_back_to_within_its_digits(size: int) -> None:
    """What is printed can be pasted into a configuration."""
    assert parse_size(format_size(size)) == pytest.approx(size, rel=0.0051)
