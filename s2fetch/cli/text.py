"""Text that is safe and short enough to show."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SENTINEL_2 = re.compile(
    r"(S2[A-Z]_[A-Z0-9]{6}_\d{8}T\d{6})_N\d{4}_R\d{3}(_T\d{2}[A-Z]{3})_\d{8}T\d{6}(?:\.SAFE)?"
)


def printable(text: str) -> str:
    """Text from outside without anything that could steer a terminal or break a line."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def short_name(name: str, width: int) -> str:
    """A product's name in so many columns: Sentinel-2 without baseline, orbit and discriminator.

    What is still too long loses its middle, because products differ at both ends.
    """
    shown = printable(name)
    if len(shown) <= width:
        return shown
    if match := _SENTINEL_2.fullmatch(shown):
        shown = match[1] + match[2]
    if len(shown) <= width:
        return shown
    if width < 3:
        return shown[: max(0, width)]
    tail = (width - 1) // 2
    return f"{shown[: width - 1 - tail]}…{shown[len(shown) - tail :]}"


def sentence(text: str) -> str:
    """Text that ends like a sentence; line breaks s2fetch made itself stay."""
    shown = "\n".join(printable(line) for line in text.split("\n")).rstrip()
    return shown if not shown or shown[-1] in ".!?" else f"{shown}."


def counted(count: int, noun: str) -> str:
    """``1 product``, ``12,345 products``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def time_shown(iso: str) -> str:
    """An ISO 8601 time in UTC for people: ``2026-11-20 14:26 UTC``."""
    return f"{iso[:10]} {iso[11:16]} UTC" if len(iso) >= 16 else printable(iso)


def folder_shown(folder: str, exists: bool) -> str:
    """An archive's folder, and that there is none in it."""
    return printable(folder) + (
        "" if exists else " (there is no archive in it; s2fetch sync makes it)"
    )
