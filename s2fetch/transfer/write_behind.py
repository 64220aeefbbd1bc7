"""Bytes from the network to the disk: collected in blocks, written and hashed in threads.

Two blocks take turns: while one is being written and hashed, the other is filled. A fast stream
fills whole blocks. What a slower one brings is written meanwhile, so that a crash costs little of
it, and hashed when its block is full: to hand bytes over to be hashed costs as much as hashing
100 kB. A block may wait to be hashed together with another transfer's until this one needs its
memory back.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
from collections import deque
from concurrent.futures import Executor, Future
from typing import Self

import anyio

from s2fetch.archive.direct_io import ALIGNMENT_BYTES
from s2fetch.archive.part import PartFile
from s2fetch.errors import S2FetchError
from s2fetch.transfer.hashing import Hashing, Turn

BLOCK_BYTES = 2 << 20
"""What is hashed at a time, and written when bytes come fast; a multiple of every file system's
block."""
PATIENT_BYTES = BLOCK_BYTES // 2
"""With so much in a block, the one before it is hashed at once: in time before this one is full."""
EARLY_SECONDS = 0.015
"""A block that takes longer than this to become full …"""
EARLY_BYTES = 128 << 10
"""… is written so much at a time: what is in memory is lost with the process."""
THREADS = 2
"""That a transfer needs at most: one hashes a block, one writes what comes after it."""


class Blocks:
    """Page-aligned memory for blocks (direct I/O needs that), used again and again."""

    def __init__(self) -> None:
        self._free: deque[mmap.mmap] = deque()

    def take(self) -> mmap.mmap:
        """A block of `BLOCK_BYTES`."""
        return self._free.pop() if self._free else mmap.mmap(-1, BLOCK_BYTES)

    def give_back(self, block: mmap.mmap) -> None:
        """The block may be used by another transfer."""
        self._free.append(block)


class _Block:
    """A block on its way to the disk.

    Args:
        part: Where it goes.
        new: What of it is to be written.
        undigested: What of it is to be hashed.
        turn: With which others.

    Attributes:
        stored: Whether it is written; from then on, what follows can be.
    """

    def __init__(self, part: PartFile, new: memoryview, undigested: memoryview, turn: Turn) -> None:
        self._part = part
        self._new = new
        self._undigested = undigested
        self.turn = turn
        self.stored = False

    def write(self) -> None:
        """Write and hash it; blocks.

        Raises:
            ArchiveError: If the disk refuses it.
        """
        try:
            self._part.write(self._new)
            self.stored = True
            self._part.digest(self._undigested, self.turn.take)
        finally:
            self.turn.end()


class WriteBehind:
    """Feeds one part file. An async context manager: on leaving, nothing is being written any more.

    Args:
        part: Where the bytes go.
        blocks: Where memory comes from.
        hashing: What hashes, for all transfers.
        executor: The threads that write and hash; `THREADS` for every transfer.
    """

    def __init__(
        self, part: PartFile, blocks: Blocks, hashing: Hashing, executor: Executor
    ) -> None:
        self._part = part
        self._blocks = blocks
        self._hashing = hashing
        self._executor = executor
        self._loop = asyncio.get_running_loop()
        self._memory = (blocks.take(), blocks.take())
        self._views = tuple(memoryview(block) for block in self._memory)
        self._current = 0
        self._filled = self._written = self._digested = 0
        self._early_due = self._loop.time() + EARLY_SECONDS
        self._closed = False
        self._block: _Block | None = None
        self._handed_over: Future[None] | None = None
        self._early: Future[None] | None = None
        hashing.begin_transfer()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Keep what has arrived, as far as the disk lets us, and let go; may be called twice.

        To know that everything was written, `drain` first.
        """
        if self._closed:
            return
        self._closed = True
        with anyio.CancelScope(shield=True):
            with contextlib.suppress(S2FetchError):
                await self.drain()
            jobs = [job for job in (self._early, self._handed_over) if job is not None]
            await asyncio.gather(*map(asyncio.wrap_future, jobs), return_exceptions=True)
        self._hashing.end_transfer()
        for view in self._views:
            view.release()
        for block in self._memory:
            self._blocks.give_back(block)

    async def room(self) -> memoryview:
        """Memory for the next bytes, to be said `filled`; waits while the disk is slower.

        Raises:
            ArchiveError: If an earlier block could not be written.
        """
        if self._filled == BLOCK_BYTES:
            await self._idle()
            self._hand_over()
        return self._views[self._current][self._filled :]

    def filled(self, count: int) -> None:
        """So many bytes are in the room that was given last."""
        self._filled += count
        if self._filled >= PATIENT_BYTES:
            self._hurry()
        if self._filled == BLOCK_BYTES:
            if self._is_idle():
                self._hand_over()
        elif (
            self._filled - self._written >= EARLY_BYTES
            and self._loop.time() >= self._early_due
            and self._is_stored()
        ):
            self._early = self._executor.submit(self._write_early)

    async def feed(self, data: bytes) -> None:
        """Take bytes that are elsewhere.

        Raises:
            ArchiveError: As `room`.
        """
        source = memoryview(data)
        while source:
            room = await self.room()
            count = min(len(source), len(room))
            room[:count] = source[:count]
            source = source[count:]
            self.filled(count)

    async def drain(self) -> None:
        """Have everything written and hashed that was fed.

        Raises:
            ArchiveError: If it could not be.
        """
        await self._idle()
        if self._filled > self._digested:
            self._hand_over()
            await self._idle()

    def _is_stored(self) -> bool:
        """Whether everything is written that was to be, and nothing has failed."""
        return (self._block is None or self._block.stored) and _went_well(self._early)

    def _is_idle(self) -> bool:
        """Whether nothing is being written or hashed, and nothing has failed."""
        return _went_well(self._handed_over) and _went_well(self._early)

    def _hand_over(self) -> None:
        """Start writing and hashing the current block; when it is full, go on in the other.

        What comes after it can be filled meanwhile: it is other memory.
        """
        view, end = self._views[self._current], self._filled
        block = self._block = _Block(
            self._part, view[self._written : end], view[self._digested : end], Turn(self._hashing)
        )
        self._handed_over = self._executor.submit(block.write)
        self._early_due = self._loop.time() + EARLY_SECONDS
        self._written = self._digested = end
        if end == BLOCK_BYTES:
            self._current = 1 - self._current
            self._filled = self._written = self._digested = 0

    def _write_early(self) -> None:
        """In a thread: write what is in the current block; it is hashed with the rest of it.

        Until this has ended, the current block stays the current one.
        """
        view = self._views[self._current]
        while (end := self._filled - self._filled % ALIGNMENT_BYTES) - self._written >= EARLY_BYTES:
            self._part.write(view[self._written : end])
            self._written = end

    def _hurry(self) -> None:
        if self._block is not None:
            self._block.turn.hurry()

    async def _idle(self) -> None:
        self._hurry()
        for job in (self._early, self._handed_over):
            if job is not None:
                # The future must survive a cancellation of this task: __aexit__ waits for it.
                await asyncio.shield(asyncio.wrap_future(job))
        self._early = self._handed_over = None


def _went_well(job: Future[None] | None) -> bool:
    return job is None or (job.done() and job.exception() is None)
