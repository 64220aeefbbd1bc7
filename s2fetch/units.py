"""Durations, sizes, rates and times as people write them, and back.

Decimal units are powers of 1000 (kB, MB, GB), binary ones of 1024 (KiB, MiB, GiB), IEC 80000-13.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time, timedelta

from s2fetch.date_math import read_date_math

SECONDS = {
    "ms": 0.001,
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}
LONGEST_DAYS = 36_525
"""A century, so that now and then, plus or minus a duration, are times that the calendar has."""
PREFIXES = "kMGTP"
BYTES: dict[str, int] = {
    "": 1,
    "b": 1,
    **{p.lower() + end: 1000**n for n, p in enumerate(PREFIXES, 1) for end in ("", "b")},
    **{p.lower() + end: 1024**n for n, p in enumerate(PREFIXES, 1) for end in ("i", "ib")},
}
TOO_LARGE_BYTES = 2**63
"""More than file systems and messages can count."""

_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
_DURATION_PART = re.compile(rf"{_NUMBER}\s*([a-z]*)\s*")
_SIZE = re.compile(rf"{_NUMBER}\s*([A-Za-z]*)")
_BITS = re.compile(r"[KMGTP]b|.*bits?", re.ASCII)
_RELATIVE = re.compile(r"-\s*(\S.*)")
_ISO_START = re.compile(r"(\d{4}-\d{2}-\d{2}|\d{8})([T ]|$)")


def parse_duration(value: object) -> float:
    """Seconds from ``"90s"``, ``"10 min"``, ``"2h"``, ``"1d"``, ``"1h30m"`` or a number of seconds.

    Raises:
        ValueError: Not a duration, negative, or longer than a century.
    """
    wanted = "write a number and a unit, for example 90s, 10 min, 2h or 1h30m"
    seconds = _number(value, wanted)
    if seconds is None:
        seconds = _seconds(value, wanted)
    if seconds > LONGEST_DAYS * SECONDS["d"]:
        raise ValueError(f"{value!r} is longer than anything lasts: write at most {LONGEST_DAYS}d")
    return seconds


def _seconds(value: object, wanted: str) -> float:
    text = value.strip().lower() if isinstance(value, str) else ""
    total, position, units = 0.0, 0, []
    while part := _DURATION_PART.match(text, position):
        if part[2] not in SECONDS:
            raise ValueError(f"{part[2]!r} is no unit of time: {wanted}")
        total += float(part[1]) * SECONDS[part[2]]
        units.append(part[2])
        position = part.end()
    if not units or position != len(text) or (len(units) > 1 and "" in units):
        raise ValueError(f"{value!r} is not a duration: {wanted}")
    return total


def parse_size(value: object) -> int:
    """Bytes from ``"5 GB"``, ``"10GiB"`` or a number of bytes.

    Raises:
        ValueError: Not a size, negative, or in bits.
    """
    return _bytes(value, "size", "write a number and a unit, for example 500 MB, 5 GB or 10 GiB")


def parse_rate(value: object) -> float:
    """Bytes per second from ``"20 MB/s"`` or a number of bytes per second.

    Raises:
        ValueError: Not a rate, negative, or in bits.
    """
    text = value.strip().removesuffix("/s") if isinstance(value, str) else value
    wanted = "write bytes per second, for example 500 kB/s or 20 MB/s"
    return float(_bytes(text, "rate", wanted))


def parse_time(value: object, now: datetime) -> datetime:
    """An instant from ISO 8601, ``today``, ``yesterday``, ``now`` or ``-30d`` (so long before now).

    A time without a zone is UTC, and a date, also in the form ``20240601``, is its midnight. What
    hubs count themselves, such as ``NOW-1DAY``, is counted here; see `date_math`.

    Args:
        value: Text, or a date or datetime as TOML has them.
        now: Aware; what relative times count from.

    Returns:
        Aware, in UTC.

    Raises:
        ValueError: Not a time.
    """
    wanted = "write for example 2024-06-01, 2024-06-01T10:00Z, yesterday or -30d"
    if isinstance(value, datetime):
        try:
            return _in_utc(value)
        except OverflowError:
            raise ValueError(f"{value.isoformat()} is out of bounds in UTC: {wanted}") from None
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    text = value.strip() if isinstance(value, str) else ""
    days_back = {"today": 0, "yesterday": 1}.get(text.lower())
    try:
        if days_back is not None:
            return datetime.combine(_in_utc(now), time(), UTC) - timedelta(days=days_back)
        if text.lower() == "now":
            return _in_utc(now)
        if (counted := read_date_math(text, now)) is not None:
            return counted
        if relative := _RELATIVE.fullmatch(text):
            return _in_utc(now) - timedelta(seconds=parse_duration(relative[1]))
        if _ISO_START.match(text):
            return _in_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{value!r} is not a time ({error}): {wanted}") from None
    told = (
        f"{value.isoformat()} has no day" if isinstance(value, time) else f"{value!r} is not a time"
    )
    raise ValueError(f"{told}: {wanted}")


def moves(value: str, now: datetime) -> bool:
    """Whether this is a time that depends on when it is asked for, such as ``-30d``.

    Args:
        value: Text as for `parse_time`.
        now: Aware.
    """
    try:
        # Two years make a difference to whatever counts from now, also to ``NOW/YEAR``.
        return parse_time(value, now) != parse_time(value, now - timedelta(days=731))
    except ValueError:
        return False


def format_size(size: float) -> str:
    """Bytes for people, three digits and a decimal unit: ``1.23 GB``."""
    value, unit = float(size), "B"
    for prefix in PREFIXES:
        if abs(value) < 999.5:
            break
        value, unit = value / 1000, prefix + "B"
    return f"{value:.0f} B" if unit == "B" else f"{_three_digits(value)} {unit}"


def format_rate(bytes_per_second: float) -> str:
    """A rate for people: ``20.0 MB/s``."""
    return f"{format_size(bytes_per_second)}/s"


def format_duration(seconds: float) -> str:
    """A duration for people, in its two leading units: ``42 s``, ``5 min 03 s``, ``2 h 05 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(seconds / 60)
    if minutes < 1440:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24:02} h"


def _bytes(value: object, noun: str, wanted: str) -> int:
    size = _number(value, wanted)
    if size is None:
        match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise ValueError(f"{value!r} is not a {noun}: {wanted}")
        if _BITS.fullmatch(match[2]):
            raise ValueError(f"{match[2]!r} could mean bits, but a {noun} is in bytes: {wanted}")
        if match[2].lower() not in BYTES:
            raise ValueError(f"{match[2]!r} is no unit of a {noun}: {wanted}")
        size = float(match[1]) * BYTES[match[2].lower()]
    if size >= TOO_LARGE_BYTES:
        raise ValueError(f"a {noun} has to be less than 8 EiB: {wanted}")
    return round(size)


def _number(value: object, wanted: str) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer, which in a file may be of any length
        number = math.inf
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{number!r} is negative or not finite: {wanted}")
    return number


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _three_digits(value: float) -> str:
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
