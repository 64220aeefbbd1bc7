"""Times as the query languages of hubs count them: ``NOW-1DAY``, ``2018-08-01T00:00:00Z+3HOURS``.

Source: Apache Solr reference guide, date math; sentinelsat and dhusget hand such times on as they
are. Everything is in UTC. A month or a year that has no such day ends on its last one.
"""

from __future__ import annotations

import calendar
import re
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta

_STEP = re.compile(r"([+-])(\d{1,6})([A-Z]+)|/([A-Z]+)")
_DATE_MATH = re.compile(r"(NOW|\d{4}-\d\d-\d\dT[\d:.]+Z)((?:[+-]\d{1,6}[A-Z]+|/[A-Z]+)+)")
_UNITS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
_LENGTHS = {
    "DAY": timedelta(days=1),
    "HOUR": timedelta(hours=1),
    "MINUTE": timedelta(minutes=1),
    "SECOND": timedelta(seconds=1),
}
_FIRST = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}


def read_date_math(text: str, now: datetime) -> datetime | None:
    """The time that such an expression means; None when it is none.

    Args:
        text: In any case. ``NOW`` or a time in ISO 8601 with a ``Z``, then any number of steps
            forwards (``+2DAYS``), backwards (``-3HOURS``) or down to the beginning of a unit
            (``/DAY``), which are taken in their order.
        now: Aware; what ``NOW`` is.

    Returns:
        Aware, in UTC.

    Raises:
        ValueError: A unit or the time does not exist.
        OverflowError: The steps lead out of the calendar.

    >>> read_date_math("NOW/DAY-1DAY", datetime(2024, 6, 1, 12, tzinfo=UTC))
    datetime.datetime(2024, 5, 31, 0, 0, tzinfo=datetime.timezone.utc)
    """
    match = _DATE_MATH.fullmatch("".join(text.upper().split()))
    if match is None:
        return None
    time = now.astimezone(UTC) if match[1] == "NOW" else datetime.fromisoformat(match[1])
    for sign, number, unit, beginning in _STEP.findall(match[2]):
        if beginning:
            time = _beginning(time, _unit(beginning))
        else:
            time = _moved(time, int(f"{sign}{number}"), _unit(unit))
    return time


def _unit(name: str) -> str:
    unit = "DAY" if name == "DATE" else name.removesuffix("S")
    if unit not in _UNITS:
        raise ValueError(f"{name} is no unit of time: known are {', '.join(_UNITS)}")
    return unit


def _moved(time: datetime, number: int, unit: str) -> datetime:
    if unit in _LENGTHS:
        return time + number * _LENGTHS[unit]
    months = time.year * 12 + time.month - 1 + number * (12 if unit == "YEAR" else 1)
    year, month = divmod(months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise OverflowError(f"there is no year {year}")
    day = min(time.day, calendar.monthrange(year, month + 1)[1])
    return time.replace(year=year, month=month + 1, day=day)


def _beginning(time: datetime, unit: str) -> datetime:
    later = list(_FIRST)[_UNITS.index(unit) :]
    return time.replace(**{name: _FIRST[name] for name in later})  # type: ignore[arg-type]
