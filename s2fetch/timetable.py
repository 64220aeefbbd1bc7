"""Limits that change with the time of day and week, such as ``mon-fri 08:00-18:00`` = 5 MB/s.

A span is days and hours on the wall clock of one time zone. Outside all spans another limit holds.
When clocks are put back, the hour that comes twice counts twice; when they are put forward, what
would begin in the hour that is left out begins with the next one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from itertools import pairwise

import msgspec

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
_WANTED = "write for example 08:00-18:00, mon-fri 08:00-18:00 or sat,sun"
_DAYS = re.compile(r"[a-z]{3}(?:-[a-z]{3})?(?:,[a-z]{3}(?:-[a-z]{3})?)*")
_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


class Span(msgspec.Struct, frozen=True):
    """A piece of the week. Minutes count from Monday 00:00; the end is not included.

    Attributes:
        start: Its first minute.
        end: The minute after its last.
        limit: What holds in it; None is no limit.
        key: As it was written.
    """

    start: int
    end: int
    limit: float | None
    key: str


class Timetable(msgspec.Struct, frozen=True):
    """Which limit holds when. Made by `timetable`.

    Attributes:
        spans: In order of their start, without overlaps.
        otherwise: What holds outside them; None is no limit.
        zone: Whose wall clock is meant; None is the machine's own.
    """

    spans: tuple[Span, ...]
    otherwise: float | None = None
    zone: tzinfo | None = None

    def limit_at(self, moment: datetime) -> float | None:
        """The limit at a moment, which is aware; None is no limit."""
        local = moment.astimezone(self.zone)
        minute = local.weekday() * DAY_MINUTES + local.hour * 60 + local.minute
        index = bisect_right(self.spans, minute, key=lambda span: span.start) - 1
        if index >= 0 and minute < self.spans[index].end:
            return self.spans[index].limit
        return self.otherwise


def timetable(
    limits: Mapping[str, float | None],
    *,
    otherwise: float | None = None,
    zone: tzinfo | None = None,
) -> Timetable:
    """A timetable of what the spans of a configuration say.

    Args:
        limits: By span: days (``mon``, ``mon-fri``, ``sat,sun``), hours (``08:00-18:00``), or both.
            Without days it is every day, without hours the whole day. Hours may go over midnight:
            the days are those on which they begin.
        otherwise: Outside all spans.
        zone: Whose wall clock is meant; None is the machine's own.

    Raises:
        ValueError: A key is no span, or two spans overlap; names them.
    """
    found = (span for key, limit in limits.items() for span in _spans(key, limit))
    spans = sorted(found, key=lambda span: (span.start, span.end))
    for before, after in pairwise(spans):
        if after.start < before.end:
            raise ValueError(
                f"{before.key!r} and {after.key!r} overlap on {_told(after.start)}: "
                "it is not clear which of them holds"
            )
    return Timetable(tuple(spans), otherwise, zone)


def _spans(key: str, limit: float | None) -> Iterator[Span]:
    """The pieces of the week one key stands for; what goes over the end of the week is cut."""
    days_text, hours_text = _parts(key)
    start, end = _hours(key, hours_text)
    for day in sorted(_days(key, days_text)):
        first, last = day * DAY_MINUTES + start, day * DAY_MINUTES + end
        if last <= WEEK_MINUTES:
            yield Span(first, last, limit, key)
        else:
            yield Span(first, WEEK_MINUTES, limit, key)
            yield Span(0, last - WEEK_MINUTES, limit, key)


def _parts(key: str) -> tuple[str, str]:
    words = re.sub(r"\s*([,-])\s*", r"\1", key.strip().lower()).split()
    if len(words) == 1:
        return ("", words[0]) if ":" in words[0] else (words[0], "")
    if len(words) == 2:
        return words[0], words[1]
    raise ValueError(f"{key!r} is not a span of time: {_WANTED}")


def _days(key: str, text: str) -> set[int]:
    if not text:
        return set(range(7))
    if not _DAYS.fullmatch(text):
        raise ValueError(f"{key!r} is not a span of time: {_WANTED}")
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        for name in (first, last or first):
            if name not in DAYS:
                raise ValueError(f"{key!r} is no span: {name!r} is not one of {', '.join(DAYS)}")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days |= {(begin + n) % 7 for n in range((end - begin) % 7 + 1)}
    return days


def _hours(key: str, text: str) -> tuple[int, int]:
    """First minute of the day and the minute after the last, which may be on the next day."""
    if not text:
        return 0, DAY_MINUTES
    match = _HOURS.fullmatch(text)
    if match is None:
        raise ValueError(f"{key!r} is not a span of time: {_WANTED}")
    hour, minute, end_hour, end_minute = (int(digits) for digits in match.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if minute > 59 or end_minute > 59 or start >= DAY_MINUTES or end > DAY_MINUTES:
        raise ValueError(f"{key!r} is not a span of time: a day goes from 00:00 to 24:00")
    if start == end:
        raise ValueError(f"{key!r} is no time at all: for a whole day write 00:00-24:00")
    return start, end if end > start else end + DAY_MINUTES


def _told(minute: int) -> str:
    day, of_day = divmod(minute, DAY_MINUTES)
    return f"{DAYS[day]} {of_day // 60:02}:{of_day % 60:02}"
