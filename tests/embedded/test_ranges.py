"""Byte ranges of RFC 9110, section 14."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.embedded.ranges import UnsatisfiableRangeError, read_range, still_valid


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-500", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-500", (0, 100)),
        ("Bytes = 99-", (99, 100)),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("bytes=9-3", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
    ],
)
def test_a_range_is_read_or_ignored(header: str, span: tuple[int, int] | None) -> None:
    """First and last position, open ends and suffixes; whatever else is ignored."""
    assert read_range(header, 100) == span


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_beyond_the_end_cannot_be_satisfied(header: str) -> None:
    """The answer to those is 416."""
    with pytest.raises(UnsatisfiableRangeError):
        read_range(header, 100)


@given(st.integers(1, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_satisfied_range_lies_within_the_body(size: int, first: int, more: int) -> None:
    """Never empty, never outside, never longer than asked for."""
    if first >= size:
        first %= size
    span = read_range(f"bytes={first}-{first + more}", size)
    assert span is not None
    assert span[0] == first < span[1] <= min(size, first + more + 1)


@pytest.mark.parametrize(
    ("if_range", "valid"), [("", True), ('"a"', True), ('"b"', False), ('W/"a"', False)]
)
def test_if_range_compares_strongly(if_range: str, valid: bool) -> None:
    """RFC 9110 13.1.5: a weak tag never matches."""
    assert still_valid(if_range, '"a"', "Mon, 01 Jul 2024 12:00:00 GMT") is valid
