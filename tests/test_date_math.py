"""Times as hubs count them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.date_math import read_date_math
from s2fetch.embedded.dhus.solr.matching import Rules
from s2fetch.embedded.dhus.solr.matching import compiled as solr_compiled

NOW = datetime(2024, 3, 31, 15, 30, 20, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NOW-1DAY", NOW - timedelta(days=1)),
        ("NOW-3HOURS", NOW - timedelta(hours=3)),
        ("now - 2 days", NOW - timedelta(days=2)),
        ("NOW+90SECONDS", NOW + timedelta(seconds=90)),
        ("NOW/DAY", datetime(2024, 3, 31, tzinfo=UTC)),
        ("NOW/HOUR", datetime(2024, 3, 31, 15, tzinfo=UTC)),
        ("NOW/MONTH-1DAY", datetime(2024, 2, 29, tzinfo=UTC)),
        ("NOW-1MONTH", datetime(2024, 2, 29, 15, 30, 20, 500_000, tzinfo=UTC)),
        ("NOW-13MONTHS", datetime(2023, 2, 28, 15, 30, 20, 500_000, tzinfo=UTC)),
        ("NOW+9MONTHS", datetime(2024, 12, 31, 15, 30, 20, 500_000, tzinfo=UTC)),
        ("NOW/YEAR-1YEAR", datetime(2023, 1, 1, tzinfo=UTC)),
        ("NOW-1DAY/DAY+6HOURS", datetime(2024, 3, 30, 6, tzinfo=UTC)),
        ("2018-08-01T00:00:00Z-1DAY", datetime(2018, 7, 31, tzinfo=UTC)),
        ("2018-08-01T12:00:00.250Z/DATE", datetime(2018, 8, 1, tzinfo=UTC)),
    ],
)
def test_steps_are_taken_in_their_order(text: str, expected: datetime) -> None:
    """Backwards, forwards, and down to the beginning of a unit; months end with their last day."""
    assert read_date_math(text, NOW) == expected


@pytest.mark.parametrize("text", ["NOW", "-1DAY", "2018-08-01", "2018-08-01-1DAY", "", "NOW-DAY"])
def test_what_counts_nothing_is_left_to_others(text: str) -> None:
    """Among them everything that is an ordinary time or duration."""
    assert read_date_math(text, NOW) is None


@pytest.mark.parametrize("text", ["NOW-1WEEK", "NOW/DAYLIGHT", "2018-13-01T00:00:00Z-1DAY"])
def test_what_does_not_exist_is_an_error(text: str) -> None:
    """The index knows no weeks either."""
    with pytest.raises(ValueError, match=r"is no unit of time|month must be in"):
        read_date_math(text, NOW)


def test_now_is_counted_in_utc() -> None:
    """The day begins at midnight UTC, wherever one is."""
    now = datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert read_date_math("NOW/DAY", now) == datetime(2026, 2, 28, tzinfo=UTC)


steps = st.lists(
    st.one_of(
        st.builds(
            "{}{}{}".format,
            st.sampled_from("+-"),
            st.integers(0, 40),
            st.sampled_from(("YEARS", "MONTH", "MONTHS", "DAY", "HOURS", "MINUTES", "SECOND")),
        ),
        st.sampled_from(("/YEAR", "/MONTH", "/DAY", "/HOUR", "/MINUTE", "/SECOND")),
    ),
    min_size=1,
    max_size=3,
).map("".join)


@given(steps)
def test_the_index_counts_the_same(text: str) -> None:
    """The embedded hub's own reader of the language finds just this moment."""
    moment = read_date_math(f"NOW{text}", NOW)
    assert moment is not None
    asked = solr_compiled(f"beginposition:[NOW{text} TO NOW{text}]", Rules(now=NOW))
    near = (moment - timedelta(milliseconds=1), moment, moment + timedelta(milliseconds=1))
    assert [asked({"beginposition": time}) for time in near] == [False, True, False]
