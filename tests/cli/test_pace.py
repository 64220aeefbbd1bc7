"""Rates and remaining times."""

from __future__ import annotations

import pytest

from s2fetch.cli.pace import Pace, expected_bytes, format_left, seconds_left, share


def test_the_rate_is_what_grew_over_the_window() -> None:
    """What came before the window does not count."""
    pace = Pace(window_seconds=10)
    for second in range(100):
        pace.note(second, second * second)
    pace.note(100, 10_000)
    assert pace.rate == (10_000 - 90 * 90) / 10


def test_there_is_no_rate_at_the_very_start() -> None:
    """One sample, or two at nearly the same time, say nothing."""
    pace = Pace()
    assert pace.rate is None
    pace.note(5.0, 100)
    assert pace.rate is None
    pace.note(5.1, 100_000)
    assert pace.rate is None
    pace.note(6.0, 100_100)
    assert pace.rate == 100_000


def test_a_counter_that_goes_back_begins_anew() -> None:
    """A download that starts from zero has no negative rate."""
    pace = Pace()
    pace.note(0, 1000)
    pace.note(1, 2000)
    pace.note(2, 0)
    assert pace.rate is None
    pace.note(3, 500)
    assert pace.rate == 500


def test_a_stopped_counter_comes_to_rest() -> None:
    """When nothing arrives for the whole window, the rate is zero."""
    pace = Pace(window_seconds=5)
    pace.note(0, 0)
    pace.note(1, 1000)
    for second in range(2, 12):
        pace.note(second, 1000)
    assert pace.rate == 0


@pytest.mark.parametrize(
    ("remaining", "rate", "expected"),
    [(100, 10, 10), (-5, 10, 0), (100, 0, None), (100, None, None), (None, 10, None)],
)
def test_the_time_left_is_told_only_when_it_is_known(
    remaining: float | None, rate: float | None, expected: float | None
) -> None:
    """An unknown size or rate gives no time, and never a negative one."""
    assert seconds_left(remaining, rate) == expected


@pytest.mark.parametrize(
    ("done", "total", "expected"),
    [(1, 4, 0.25), (5, 4, 1), (-1, 4, 0), (1, 0, None), (1, None, None)],
)
def test_a_share_stays_between_nothing_and_all(
    done: float, total: float | None, expected: float | None
) -> None:
    """Whatever the hub's sizes are."""
    assert share(done, total) == expected


def test_a_catalogue_that_is_read_in_part_is_taken_to_go_on_like_that() -> None:
    """100 of 1000 products with 5 GB to fetch are expected to be 50 GB."""
    assert expected_bytes(5, 100, 1000) == 50
    assert expected_bytes(5, 100, 100) == 5
    assert expected_bytes(5, 100, 0) == 5
    assert expected_bytes(0, 0, 1000) == 0


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "-:--"),
        (0, "0:00"),
        (59.6, "1:00"),
        (754, "12:34"),
        (10_931, "3:02:11"),
        (86_400 * 5 + 3 * 3600, "5d 03h"),
        (1e12, "years"),
    ],
)
def test_a_remaining_time_is_short(seconds: float | None, expected: str) -> None:
    """It has to fit its column."""
    assert format_left(seconds) == expected
    assert len(expected) <= 8
