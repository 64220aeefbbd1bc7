"""What a quota over a rolling month leaves: never too much, and never nothing for long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2fetch.account import pacing
from s2fetch.account.pacing import (
    AHEAD_HOURS,
    WINDOW_HOURS,
    begin_of,
    hour_of,
    hours_until,
    pace,
    received,
)

NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)
NOW = hour_of(NOON)
TB = 10**12


def budget(hours: pacing.Hours, now: int, quota: int) -> int:
    """What may be received at once."""
    return max(0, quota // pacing.BURST_PARTS - pacing._level(hours, now, quota))


def test_a_month_is_counted_by_the_hour() -> None:
    """What is older than 30 days has fallen out; the hour in between counts whole."""
    hours = {NOW - WINDOW_HOURS - 1: 1, NOW - WINDOW_HOURS: 20, NOW: 300}
    assert received(hours, NOW) == 320
    assert received(hours, NOW + 1) == 300


def test_a_clock_that_was_set_back_loses_nothing_and_a_wrong_one_adds_nothing() -> None:
    """Hours of the day ahead count, hours of another century do not."""
    assert received({NOW + AHEAD_HOURS: 5, NOW + 700_000: 7}, NOW) == 5
    assert budget({NOW + 1: TB, NOW + 700_000: TB}, NOW, 12 * TB) == TB // 5


def test_a_tenth_may_come_at_once() -> None:
    """Then it grows back by the hour."""
    assert budget({}, NOW, 720_000) == 72_000
    assert budget({NOW: 72_000}, NOW, 720_000) == 0
    assert budget({NOW: 72_000}, NOW + 1, 720_000) == 900
    assert budget({NOW: 72_000}, NOW + 200, 720_000) == 72_000


@pytest.mark.parametrize(
    ("used", "size", "hours"),
    [(0, 72_000, 0), (0, 10**9, 0), (1, 72_000, 1), (72_000, 900, 1), (72_000, 901, 2)],
)
def test_it_is_known_when_a_size_fits(used: int, size: int, hours: int) -> None:
    """What never fits waits for a budget that is whole."""
    assert hours_until({NOW: used}, NOW, 720_000, size) == hours


def test_a_day_like_the_last_one_is_what_the_future_looks_like() -> None:
    """One terabyte a day reaches twelve after eleven more days; 0.3 a day never does."""
    fast = pace({NOW - n: TB // 24 for n in range(24)}, NOON, 12 * TB)
    assert fast.reached is not None
    assert timedelta(days=10.9) < fast.reached - NOON < timedelta(days=11.1)
    slow = pace({NOW - n: 3 * TB // 240 for n in range(24)}, NOON, 12 * TB)
    assert slow.reached is None
    assert slow.per_day == 3 * TB // 240 * 24
    assert pace({NOW - 24: 5, NOW - 23: 7, NOW: 9}, NOON, None).per_day == 16


def test_what_is_reached_is_reached_now() -> None:
    """And without a quota nothing is."""
    used = {NOW - 300: 12 * TB}
    assert pace(used, NOON, 12 * TB).reached == NOON
    assert pace(used, NOON, None).reached is None


def test_hours_fall_out_of_the_projection() -> None:
    """Eleven terabytes of 29 days ago are gone before two a day would reach the quota."""
    hours = {NOW - 29 * 24: 11 * TB} | {NOW - n: TB // 120 for n in range(24)}
    reached = pace(hours, NOON, 12 * TB).reached
    assert reached is None


@settings(max_examples=60, deadline=None)
@given(
    st.integers(10_000, 10**13),
    st.lists(st.tuples(st.integers(0, 400), st.floats(0.001, 1.0)), max_size=60),
)
def test_no_thirty_days_have_more_than_the_quota(
    quota: int, demands: list[tuple[int, float]]
) -> None:
    """Whatever is wanted when, as long as nothing begins that is not in the budget."""
    hours: dict[int, int] = {}
    now = NOW
    for pause, share in demands:
        now += pause
        size = max(1, int(quota / 10 * share))
        wait = hours_until(hours, now, quota, size)
        if wait:
            assert budget(hours, now + wait - 1, quota) < size
            now += wait
        assert budget(hours, now, quota) >= min(size, quota // 10)
        hours[now] = hours.get(now, 0) + min(size, quota // 10)
    for end in hours:
        assert received(hours, end) <= quota


@settings(max_examples=10, deadline=None)
@given(st.integers(10**6, 10**13))
def test_whoever_takes_all_there_is_gets_all_of_the_quota_in_a_month(quota: int) -> None:
    """But for rounding: pacing costs nothing that the hub would have given."""
    hours: dict[int, int] = {}
    for hour in range(NOW, NOW + WINDOW_HOURS + 1):
        hours[hour] = budget(hours, hour, quota)
    assert quota - WINDOW_HOURS <= sum(hours.values()) <= quota


def test_an_hour_begins_when_it_says() -> None:
    """So that waiting ends at the right moment."""
    assert begin_of(hour_of(NOON + timedelta(minutes=59))) == NOON
