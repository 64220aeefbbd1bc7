"""Timetables: which limit holds when, on a wall clock that is put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.timetable import DAY_MINUTES, DAYS, Timetable, timetable

ROME = ZoneInfo("Europe/Rome")
MONDAY = datetime(2024, 7, 1, tzinfo=UTC)


def at(text: str, table: Timetable) -> float | None:
    return table.limit_at(datetime.fromisoformat(text))


def test_a_span_without_days_is_every_day() -> None:
    """Its first minute belongs to it, the minute it ends with does not."""
    table = timetable({"08:00-18:00": 5.0}, otherwise=9.0, zone=UTC)
    for day in range(7):
        noon = MONDAY + timedelta(days=day, hours=12)
        assert table.limit_at(noon) == 5.0
    assert at("2024-07-01T07:59:59+00:00", table) == 9.0
    assert at("2024-07-01T08:00:00+00:00", table) == 5.0
    assert at("2024-07-01T17:59:59+00:00", table) == 5.0
    assert at("2024-07-01T18:00:00+00:00", table) == 9.0


@pytest.mark.parametrize(
    ("key", "days"),
    [
        ("mon", "mon"),
        ("mon-fri", "mon tue wed thu fri"),
        ("Sat, Sun", "sat sun"),
        ("fri - mon", "fri sat sun mon"),
        ("mon,wed-thu", "mon wed thu"),
        ("mon-sun", " ".join(DAYS)),
    ],
)
def test_days_may_be_lists_and_ranges(key: str, days: str) -> None:
    """A range may go over the weekend; days alone are whole days."""
    table = timetable({key: 1.0}, zone=UTC)
    limited = [DAYS[n] for n in range(7) if table.limit_at(MONDAY + timedelta(days=n, hours=3))]
    assert limited == [day for day in DAYS if day in days.split()]


def test_a_span_over_midnight_belongs_to_the_day_it_begins_on() -> None:
    """Also from Sunday to Monday, which is where the week is cut."""
    table = timetable({"fri,sun 22:00-06:00": 1.0}, zone=UTC)
    assert at("2024-07-05T23:00+00:00", table) == 1.0
    assert at("2024-07-06T05:59+00:00", table) == 1.0
    assert at("2024-07-06T06:00+00:00", table) is None
    assert at("2024-07-07T05:00+00:00", table) is None
    assert at("2024-07-08T05:00+00:00", table) == 1.0
    assert at("2024-07-05T05:00+00:00", table) is None


def test_the_wall_clock_of_the_zone_is_meant() -> None:
    """In summer Rome is two hours ahead of UTC, in winter one."""
    table = timetable({"08:00-18:00": 1.0}, zone=ROME)
    assert at("2024-07-01T06:00+00:00", table) == 1.0
    assert at("2024-12-02T06:30+00:00", table) is None


def test_without_a_zone_it_is_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """As its TZ says."""
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        table = timetable({"08:00-18:00": 1.0})
        assert at("2024-07-01T00:00+00:00", table) == 1.0
        assert at("2024-07-01T09:00+00:00", table) is None
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        (("08:00-18:00", "mon-fri 08:00-18:00"), "'08:00-18:00' and 'mon-fri 08:00-18:00' overlap"),
        (("sat", "fri 20:00-02:00"), "'sat' .* overlap|'fri 20:00-02:00' and 'sat' overlap"),
        (("mon 00:00-01:00", "sun 23:00-00:30"), "overlap on mon 00:00"),
    ],
)
def test_overlapping_spans_are_an_error_that_names_them(keys: tuple[str, ...], named: str) -> None:
    """Nobody could say which of the two holds."""
    with pytest.raises(ValueError, match=named):
        timetable(dict.fromkeys(keys, 1.0))


@pytest.mark.parametrize(
    "key",
    [
        *("", "8-18", "08:00", "mo", "24:00-08:00", "08:60-09:00", "08:00-25:00", "08:00-08:00"),
        *("a b c", "mon tue", "mon-tue-wed", "08:00-18:00 mon"),
    ],
)
def test_what_is_no_span_is_an_error_that_names_it(key: str) -> None:
    """With an example of what is."""
    with pytest.raises(ValueError, match=r"is no"):
        timetable({key: 1.0})


def test_what_begins_in_the_hour_that_is_left_out_begins_with_the_next() -> None:
    """On 31 March 2024 Rome had no 02:30: what begins then begins at 03:00, one in UTC."""
    table = timetable({"02:30-04:00": 1.0}, zone=ROME)
    assert at("2024-03-31T00:59+00:00", table) is None
    assert at("2024-03-31T01:00+00:00", table) == 1.0
    assert at("2024-03-31T01:59+00:00", table) == 1.0
    assert at("2024-03-31T02:00+00:00", table) is None


def test_the_hour_that_comes_twice_counts_twice() -> None:
    """On 27 October 2024 Rome had 02:00 to 03:00 from midnight until two in UTC."""
    table = timetable({"02:00-02:30": 1.0}, zone=ROME)
    minutes = [datetime(2024, 10, 27, tzinfo=UTC) + timedelta(minutes=n) for n in range(180)]
    limited = [n for n, minute in enumerate(minutes) if table.limit_at(minute)]
    assert limited == [*range(30), *range(60, 90)]


@given(
    st.sets(st.integers(0, DAY_MINUTES - 1), min_size=2, max_size=8).map(sorted),
    st.integers(0, DAY_MINUTES - 1),
)
def test_of_many_spans_the_one_that_holds_is_found(edges: list[int], minute: int) -> None:
    """Also between them and before the first, where the other limit holds."""
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    limits = {
        "{:02}:{:02}-{:02}:{:02}".format(*divmod(start, 60), *divmod(end, 60)): float(start)
        for start, end in spans
    }
    table = timetable(limits, otherwise=-1.0, zone=UTC)
    expected = next((float(start) for start, end in spans if start <= minute < end), -1.0)
    assert table.limit_at(MONDAY + timedelta(minutes=minute)) == expected
