"""Text that can be written as UTF-8, as every file, request and log of s2fetch is."""

from __future__ import annotations


def is_utf8(text: str) -> bool:
    """Whether it holds none of the bytes that Python could not read as text (PEP 383)."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
