"""The ``Retry-After`` field in both of its forms."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def parse_retry_after(
    value: str | None, date: str | None = None, *, now: datetime | None = None
) -> float | None:
    """Seconds to wait, from a number of seconds or an HTTP date (RFC 9110 10.2.3).

    Args:
        value: The field's value, or None.
        date: The answer's own ``Date``: a date form is measured against it, so that a wrong clock
            on this machine does no harm.
        now: Used when the answer has no usable ``Date``; default the machine's clock.

    Returns:
        At least 0.0, or None when the field is missing or makes no sense.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isdecimal():
        return float(text)
    until = _parse_date(text)
    if until is None:
        return None
    since = _parse_date(date) or now or datetime.now(UTC)
    return max(0.0, (until - since).total_seconds())


def _parse_date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        parsed = parsedate_to_datetime(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
