"""Dates and date mathematics of Solr: ``NOW-3HOURS``, ``NOW/DAY``, ``2018-01-01T00:00:00Z+1DAY``.

Source: Apache Solr reference guide, working with dates. Units are written in capitals.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from s2fetch.embedded.dhus.solr.syntax import SolrError

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_STEP = re.compile(r"/([A-Z]+)|([+-]\d+)([A-Z]+)")
_SPANS: Mapping[str, timedelta] = {
    "DAY": timedelta(days=1),
    "DATE": timedelta(days=1),
    "HOUR": timedelta(hours=1),
    "MINUTE": timedelta(minutes=1),
    "SECOND": timedelta(seconds=1),
    "MILLI": timedelta(milliseconds=1),
    "MILLISECOND": timedelta(milliseconds=1),
}
_UNITS: Mapping[str, str] = {
    "DATE": "DATE",
    **{f"{unit}{plural}": unit for unit in ("YEAR", "MONTH", *_SPANS) for plural in ("", "S")},
}


def read_date(text: str, now: datetime) -> datetime:
    """A date value of a query.

    Args:
        text: An ISO time ending in Z, or NOW, and mathematics after it.
        now: What NOW is; aware.

    Raises:
        SolrError: It is neither.
    """
    if text.startswith("NOW"):
        moment, steps = now, text[3:]
    else:
        match = _MOMENT.match(text)
        if match is None:
            raise SolrError(f"Invalid Date String:'{text}'")
        try:
            moment = datetime.fromisoformat(match[0])
        except ValueError:
            raise SolrError(f"Invalid Date String:'{text}'") from None
        steps = text[match.end() :]
    return _walk(moment, steps, text)


def written_date(moment: datetime) -> str:
    """A date as Solr writes it: milliseconds, without the zeros at their end."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23]
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"


def _walk(moment: datetime, steps: str, text: str) -> datetime:
    at = 0
    try:
        while at < len(steps):
            step = _STEP.match(steps, at)
            if step is None:
                raise SolrError(f"Invalid Date Math String:'{text}'")
            at = step.end()
            if step[1]:
                moment = _rounded(moment, _UNITS[step[1]])
            else:
                moment = _moved(moment, int(step[2]), _UNITS[step[3]])
    except (KeyError, OverflowError, ValueError) as error:
        if isinstance(error, SolrError):
            raise
        raise SolrError(f"Invalid Date Math String:'{text}'") from None
    return moment


def _moved(moment: datetime, count: int, unit: str) -> datetime:
    if unit not in ("YEAR", "MONTH"):
        return moment + count * _SPANS[unit]
    months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "YEAR" else 1)
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def _rounded(moment: datetime, unit: str) -> datetime:
    if unit == "YEAR":
        moment = moment.replace(month=1, day=1)
    if unit == "MONTH":
        moment = moment.replace(day=1)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit in ("YEAR", "MONTH"):
        return midnight
    since = moment - midnight
    return midnight + (since // _SPANS[unit]) * _SPANS[unit]
