"""Byte ranges of a request (RFC 9110, 13.1.5 and 14)."""

from __future__ import annotations

import re

_ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)


class UnsatisfiableRangeError(ValueError):
    """The range starts beyond the end."""


def read_range(header: str, size: int) -> tuple[int, int] | None:
    """First position and position after the last of a single range.

    Returns:
        None for headers that are to be ignored: other units, several ranges, nonsense.

    Raises:
        UnsatisfiableRangeError: There is no such byte.
    """
    match = _ONE_RANGE.fullmatch(header)
    if match is None or match.group(1, 2) == ("", ""):
        return None
    first, last = match.group(1, 2)
    if not first:
        if not int(last) or not size:
            raise UnsatisfiableRangeError
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise UnsatisfiableRangeError
    return int(first), min(size, int(last) + 1) if last else size


def still_valid(if_range: str, etag: str, last_modified: str) -> bool:
    """Whether If-Range (empty if absent) still describes the body. Weak tags never do."""
    return not if_range or if_range in (etag, last_modified)
