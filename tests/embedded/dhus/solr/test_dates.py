"""Date mathematics."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from s2fetch.embedded.dhus.solr.dates import read_date, written_date
from s2fetch.embedded.dhus.solr.syntax import SolrError

NOW = datetime(2020, 3, 31, 13, 14, 15, 678_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("NOW", "2020-03-31T13:14:15.678Z"),
        ("NOW-1DAY", "2020-03-30T13:14:15.678Z"),
        ("NOW-2DAYS", "2020-03-29T13:14:15.678Z"),
        ("NOW-3HOURS", "2020-03-31T10:14:15.678Z"),
        ("NOW/DAY", "2020-03-31T00:00:00Z"),
        ("NOW/HOUR", "2020-03-31T13:00:00Z"),
        ("NOW/MONTH-1DAY", "2020-02-29T00:00:00Z"),
        ("NOW-1MONTH", "2020-02-29T13:14:15.678Z"),
        ("NOW-1YEAR/YEAR", "2019-01-01T00:00:00Z"),
        ("NOW+90MINUTES", "2020-03-31T14:44:15.678Z"),
        ("2018-01-01T00:00:00Z", "2018-01-01T00:00:00Z"),
        ("2018-01-01T00:00:00.5Z", "2018-01-01T00:00:00.500Z"),
        ("2018-12-31T00:00:00Z+1DAY", "2019-01-01T00:00:00Z"),
        ("2018-01-01T00:00:00Z+500MILLIS", "2018-01-01T00:00:00.500Z"),
    ],
)
def test_dates_can_be_reckoned_with(text: str, moment: str) -> None:
    """From now or from a moment, by units, rounded down."""
    assert read_date(text, NOW) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "text", ["", "2018", "2018-01-01", "2018-01-01T00:00:00", "now", "2018-02-30T00:00:00Z"]
)
def test_other_dates_are_refused(text: str) -> None:
    """Only complete times in UTC."""
    with pytest.raises(SolrError, match="Invalid Date String"):
        read_date(text, NOW)


@pytest.mark.parametrize(
    "text", ["NOW-1", "NOW-DAY", "NOW-1WEEK", "NOW-1day", "NOW/2DAY", "NOW+99999999YEARS", "NOW "]
)
def test_other_mathematics_is_refused(text: str) -> None:
    """Units are needed, and in capitals."""
    with pytest.raises(SolrError, match="Invalid Date Math String"):
        read_date(text, NOW)


@pytest.mark.parametrize(
    ("microsecond", "text"),
    [(24_000, "00.024Z"), (760_000, "00.76Z"), (0, "00Z"), (500_000, "00.5Z")],
)
def test_written_dates_lose_their_last_zeros(microsecond: int, text: str) -> None:
    """Readers have to expect none to three decimals."""
    moment = datetime(2020, 1, 1, microsecond=microsecond, tzinfo=UTC)
    assert written_date(moment) == f"2020-01-01T00:00:{text}"
