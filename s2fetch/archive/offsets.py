"""Where each line of a large file begins, found by key, in 8 to 16 bytes per line."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

_SMALLEST = 1 << 10
_TAG_BITS = 16
_TAG_SHIFT = 44
_TAG_MASK = (1 << _TAG_BITS) - 1


class Offsets:
    """A hash table from keys to file offsets that does not keep the keys.

    A dict of a million strings costs some 200 MB; this costs 16. The price: what it finds are
    candidates, and the caller compares the key with the one in the file. About one lookup in 65,000
    yields a wrong candidate.
    """

    # Open addressing with linear probing, at most half full. A slot is 0 when free, else
    # (offset + 1) << 16 | tag, the tag being hash bits that do not choose the slot.

    def __init__(self, expected: int = 0) -> None:
        size = _SMALLEST
        while size < 2 * expected:
            size *= 2
        self._slots = array("Q", bytes(8 * size))
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def add(self, key: str, offset: int) -> bool:
        """Remember one more offset for ``key``; False when ``key`` may have had one before."""
        if 2 * self._used >= len(self._slots):
            msg = "the table was made for fewer keys"
            raise OverflowError(msg)
        hashed = hash(key)
        tag = hashed >> _TAG_SHIFT & _TAG_MASK
        slots = self._slots
        mask = len(slots) - 1
        slot = hashed & mask
        new = True
        while entry := slots[slot]:
            if entry & _TAG_MASK == tag:
                new = False
            slot = (slot + 1) & mask
        slots[slot] = (offset + 1) << _TAG_BITS | tag
        self._used += 1
        return new

    def find(self, key: str) -> Iterator[int]:
        """The offsets at which ``key`` may be; the right one is among them if it was added."""
        hashed = hash(key)
        tag = hashed >> _TAG_SHIFT & _TAG_MASK
        slots = self._slots
        mask = len(slots) - 1
        slot = hashed & mask
        while entry := slots[slot]:
            if entry & _TAG_MASK == tag:
                yield (entry >> _TAG_BITS) - 1
            slot = (slot + 1) & mask
