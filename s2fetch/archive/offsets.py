"""Where each line of a large file begins, found by key, in 8 bytes per line."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from itertools import pairwise
from operator import sub

_BITS = 64


class Offsets:
    """Keys with the file offsets of their lines, without keeping the keys.

    A dict of a million strings costs some 200 MB; this costs 8. The price: what it finds are
    candidates, and the caller compares the key with the one in the file. In a file of a gigabyte
    with a million lines, one lookup in 15,000 yields a wrong candidate.

    Args:
        end: No line begins there or later.
    """

    # An entry is hash bits of the key above the offset; entries are in order, so that those of a
    # key are found by bisection.

    def __init__(self, end: int = 0) -> None:
        self._shift = end.bit_length()
        self._mask = (1 << (_BITS - self._shift)) - 1
        self._entries = array("Q")

    def __len__(self) -> int:
        return len(self._entries)

    def add_all(self, keys: Iterable[str], offsets: Iterable[int]) -> None:
        """Take in keys with their offsets; nothing is found before `settle`."""
        mask, shift = self._mask, self._shift
        self._entries.extend(
            [
                (hash(key) & mask) << shift | offset
                for key, offset in zip(keys, offsets, strict=True)
            ]
        )

    def settle(self) -> list[int]:
        """Put what was taken in into order; returns offsets of keys that may be there twice."""
        entries, apart = sorted(self._entries), 1 << self._shift
        self._entries = array("Q", entries)
        if min(map(sub, entries[1:], entries), default=apart) >= apart:
            return []
        alike = [pair for pair in pairwise(entries) if pair[0] // apart == pair[1] // apart]
        return sorted({entry % apart for pair in alike for entry in pair})

    def find(self, *keys: str) -> list[int]:
        """The offsets at which any of the keys may be; all are among them that were added."""
        entries, mask, shift = self._entries, self._mask, self._shift
        count, offsets = len(entries), (1 << shift) - 1
        found = []
        for key in keys:
            first = (hash(key) & mask) << shift
            last = first | offsets
            index = bisect_left(entries, first)
            while index < count and (entry := entries[index]) <= last:
                found.append(entry & offsets)
                index += 1
        return found
