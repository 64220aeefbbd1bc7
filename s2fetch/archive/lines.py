"""Reading lines of a file from where they begin, with as few system calls as that takes."""

from __future__ import annotations

import os
from collections.abc import Iterator

LINE_BYTES = 1024
"""Enough for the line of nearly every record; longer ones are read in two steps."""
BLOCK_BYTES = 1 << 18
"""Read at a time where lines follow each other."""


def read_line(descriptor: int, offset: int) -> bytes:
    """The line that begins at ``offset``, newline included unless the file ends before."""
    size = LINE_BYTES
    while True:
        block = os.pread(descriptor, size, offset)
        end = block.find(b"\n")
        if end >= 0:
            return block[: end + 1]
        if len(block) < size:
            return block
        size *= 8


def read_lines(descriptor: int, offsets: list[int]) -> Iterator[bytes]:
    """The lines that begin at some offsets, which are in order; see `read_line`.

    Those that are near each other are read together.
    """
    first = 0
    for last, offset in enumerate(offsets):
        is_end = last + 1 == len(offsets) or offsets[last + 1] - offset > LINE_BYTES
        if not is_end and offset - offsets[first] < BLOCK_BYTES:
            continue
        begin = offsets[first]
        block = os.pread(descriptor, offset - begin + LINE_BYTES, begin)
        for each in offsets[first : last + 1]:
            end = block.find(b"\n", each - begin) + 1
            yield block[each - begin : end] if end else read_line(descriptor, each)
        first = last + 1


def read_blocks(descriptor: int, start: int, stop: int) -> Iterator[tuple[int, list[bytes]]]:
    """Groups of whole lines between two offsets, each group with the offset it begins at.

    A last line without its newline is left out.
    """
    offset = start
    rest = b""
    while offset + len(rest) < stop:
        wanted = min(BLOCK_BYTES, stop - offset - len(rest))
        block = os.pread(descriptor, wanted, offset + len(rest))
        if not block:
            break
        block = rest + block
        cut = block.rfind(b"\n") + 1
        if cut:
            lines = block[:cut].splitlines(keepends=True)
            yield offset, lines
        rest = block[cut:]
        offset += cut
