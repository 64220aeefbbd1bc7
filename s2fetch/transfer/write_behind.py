"""Bytes from the network to the disk: collected in blocks, written and hashed in a thread.

Two blocks take turns: while one is being written and hashed, the other is filled. A fast stream
fills whole blocks; a slow one hands over what it has as soon as the disk is idle, so that a crash
costs little of it. A block that is written may wait to be hashed together with another transfer's
until this one needs its memory back.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
from collections import deque
from concurrent.futures import Executor
from typing import Self

import anyio

from s2fetch.archive.part import ALIGNMENT_BYTES, PartFile
from s2fetch.errors import S2FetchError
from s2fetch.transfer.hashing import Hashing, Turn

BLOCK_BYTES = 2 << 20
"""What is written at a time when bytes come fast; a multiple of every file system's block. Every
hand-over between threads takes as long as hashing 100 kB."""
PATIENT_BYTES = BLOCK_BYTES // 2
"""With so much in a block, the one before it is hashed at once: in time before this one is full."""
EARLY_BYTES = 64 << 10
"""A block with this much in it does not wait to be full for longer than …"""
EARLY_SECONDS = 0.01
"""… this since the block before it was written: what is in memory is lost with the process."""


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


class WriteBehind:
    """Feeds one part file. An async context manager: on leaving, nothing is being written any more.

    Args:
        part: Where the bytes go.
        blocks: Where memory comes from.
        hashing: What hashes, for all transfers.
        executor: The threads that write and hash.
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
        self._begun = self._filled = 0
        self._handed_over_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._writing: asyncio.Future[None] | None = None
        self._turn: Turn | None = None
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
            if self._writing is not None:
                await asyncio.wait([self._writing])
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
            self._hand_over(BLOCK_BYTES)
        return self._views[self._current][self._filled :]

    def filled(self, count: int) -> None:
        """So many bytes are in the room that was given last."""
        self._filled += count
        if self._filled >= PATIENT_BYTES:
            self._hurry()
        if self._filled == BLOCK_BYTES:
            if self._is_free():
                self._hand_over(BLOCK_BYTES)
        elif self._timer is None and self._filled - self._begun >= EARLY_BYTES:
            self._timer = self._loop.call_at(self._early_due(), self._hand_over_early)

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
        """Have everything written that was fed.

        Raises:
            ArchiveError: If it could not be.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._filled > self._begun:
            await self._idle()
            self._hand_over(self._filled)
        await self._idle()

    def _early_due(self) -> float:
        return max(self._handed_over_at + EARLY_SECONDS, self._loop.time())

    def _hand_over_early(self) -> None:
        """No block has become full for a moment: write what there is, unless the disk is busy."""
        self._timer = None
        end = self._filled - self._filled % ALIGNMENT_BYTES
        if end <= self._begun or self._filled == BLOCK_BYTES:
            return  # a full block is handed over by whoever wants room after it
        if self._is_free() and self._early_due() <= self._loop.time():
            self._hand_over(end)
        elif self._writing is None or not self._writing.done() or not self._writing.exception():
            self._hurry()
            due = max(self._early_due(), self._loop.time() + EARLY_SECONDS / 4)
            self._timer = self._loop.call_at(due, self._hand_over_early)

    def _is_free(self) -> bool:
        """Whether nothing is being written and nothing has failed."""
        return self._writing is None or (self._writing.done() and self._writing.exception() is None)

    def _hand_over(self, end: int) -> None:
        """Start writing the current block up to there; when that is all of it, go on in the other.

        What comes after ``end`` can be filled meanwhile: it is other memory.
        """
        block = self._views[self._current][self._begun : end]
        self._turn = Turn(self._hashing)
        self._writing = self._loop.run_in_executor(self._executor, self._write, block, self._turn)
        self._handed_over_at = self._loop.time()
        self._begun = end
        if end == BLOCK_BYTES:
            self._current = 1 - self._current
            self._begun = self._filled = 0

    def _write(self, block: memoryview, turn: Turn) -> None:
        try:
            self._part.write(block, turn.take)
        finally:
            turn.end()

    def _hurry(self) -> None:
        if self._turn is not None:
            self._turn.hurry()

    async def _idle(self) -> None:
        if self._writing is not None:
            self._hurry()
            # The future must survive a cancellation of this task: __aexit__ waits for it.
            await asyncio.shield(self._writing)
            self._writing = None
