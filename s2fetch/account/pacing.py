"""What a quota over a rolling month leaves to be received, from the bytes of each hour.

The Copernicus Data Space counts the bytes of the last 30 days once an hour, and slows an account
down that has had more than its quota (documentation, Quotas and Limitations). A budget keeps below
it: a tenth of the quota may come at once, the rest is spread evenly over the 720 hours. This is a
token bucket, so that no 30 days whatsoever have more than the quota, and yet a backlog never leaves
nothing for the day's new products.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

HOUR_SECONDS = 3600
WINDOW_HOURS = 30 * 24
"""The month over which the hub counts."""
BURST_PARTS = 10
"""One part of so many may come at once."""
AHEAD_HOURS = 24
"""Bytes of hours so far ahead count too: a clock was set back. Later ones are mistakes."""

Hours = Mapping[int, int]
"""Bytes received by hour; hours are counted from the beginning of 1970 in UTC."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a month's volume is used, and where that leads.

    Attributes:
        received: Bytes in the last 30 days.
        per_day: Bytes in the last 24 hours.
        reached: When the quota is reached if every day is like the last one; None when it never is,
            or when there is none.
    """

    received: int
    per_day: int
    reached: datetime | None


def hour_of(moment: datetime) -> int:
    """The hour a moment is in."""
    return int(moment.timestamp() // HOUR_SECONDS)


def begin_of(hour: int) -> datetime:
    """When an hour begins."""
    return datetime.fromtimestamp(hour * HOUR_SECONDS, UTC)


def received(hours: Hours, now: int) -> int:
    """Bytes of the last 30 days; the hour that is only partly within them counts whole."""
    return sum(
        count for hour, count in hours.items() if now - WINDOW_HOURS <= hour <= now + AHEAD_HOURS
    )


def hours_until(hours: Hours, now: int, quota: int, size: int) -> int:
    """After how many hours so many bytes are in the budget, should nothing be received before.

    What is larger than the budget ever is waits until that is whole.

    Args:
        hours: What was received.
        now: The present hour.
        quota: Bytes that 30 days may have.
        size: Bytes that are wanted.
    """
    burst = quota // BURST_PARTS
    missing = _level(hours, now, quota) + min(size, burst) - burst
    if missing <= 0:
        return 0
    hourly = _hourly(quota)
    return min(-(-missing // hourly), WINDOW_HOURS + 1) if hourly else WINDOW_HOURS + 1


def pace(hours: Hours, moment: datetime, quota: int | None) -> Pace:
    """Where the pace of the last 24 hours leads.

    Args:
        hours: What was received.
        moment: Now.
        quota: Bytes that 30 days may have; None when nobody knows.
    """
    now = hour_of(moment)
    total = received(hours, now)
    per_day = sum(hours.get(hour, 0) for hour in range(now - 23, now + 1))
    reached: datetime | None = None
    if quota is not None and total >= quota:
        reached = moment
    elif quota is not None:
        still = total
        for ahead in range(1, WINDOW_HOURS + 1):
            still -= hours.get(now + ahead - WINDOW_HOURS - 1, 0)
            if still + per_day * ahead // 24 >= quota:
                reached = moment + timedelta(hours=ahead)
                break
    return Pace(received=total, per_day=per_day, reached=reached)


def _hourly(quota: int) -> int:
    """Bytes by which the budget grows in an hour."""
    return (quota - quota // BURST_PARTS) // WINDOW_HOURS


def _level(hours: Hours, now: int, quota: int) -> int:
    """How full the bucket is: bytes received that the hours since have not paid for.

    An hour pays when it is over, so that every 721 hours in a row, which is what any 30 days touch,
    stay within the quota.
    """
    hourly = _hourly(quota)
    level, last = 0, now - WINDOW_HOURS
    for hour in sorted(hour for hour in hours if last <= hour <= now):
        level = max(0, level - hourly * (hour - last)) + hours[hour]
        last = hour
    level = max(0, level - hourly * (now - last))
    return level + sum(hours.get(hour, 0) for hour in range(now + 1, now + AHEAD_HOURS + 1))
