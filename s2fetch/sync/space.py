"""Waiting for space: while the disk is full a run begins nothing, holds no slot, loses nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import anyio

from s2fetch.archive.space import SpaceGuard
from s2fetch.clock import Clock
from s2fetch.config.values import OnFull
from s2fetch.errors import DiskFullError
from s2fetch.events import EventBus, SpaceBack, SpaceLow

POLL_SECONDS = 10.0
"""How often a full disk is looked at."""
LONGEST_POLL_SECONDS = 600.0
"""Where space seems to be free and every write fails all the same (quotas), pauses grow to this."""
LEAST_BYTES = 1 << 20
"""Has to be free beside the reserve before anything goes on, so that records can be written."""

T = TypeVar("T")


class SpaceGate:
    """Closes when the disk is full, and opens when there is space again.

    Args:
        space: The archive's free space.
        on_full: Whether to wait; otherwise closing it raises what closed it, which ends the run.
        clock: Where the time comes from.
        events: Who is told.
    """

    def __init__(
        self, space: SpaceGuard, on_full: OnFull, *, clock: Clock, events: EventBus
    ) -> None:
        self._space = space
        self._on_full = on_full
        self._clock = clock
        self._events = events
        self._turn = anyio.Lock()
        self._closed = False
        self._needed = 0
        self._pause = POLL_SECONDS

    def __repr__(self) -> str:
        return f"<SpaceGate of {self._space.root}: {'closed' if self._closed else 'open'}>"

    @property
    def is_closed(self) -> bool:
        """Whether the run waits for space."""
        return self._closed

    def close(self, error: DiskFullError) -> None:
        """The disk is full; nothing is begun from now on.

        Args:
            error: What says so. When it does not tell how much is needed, the next attempt will.

        Raises:
            DiskFullError: The same, when the run is not to wait.
        """
        if self._on_full is OnFull.STOP:
            raise error
        self._closed = True
        self._needed = max(self._needed, error.needed_bytes, LEAST_BYTES)

    def passed(self) -> None:
        """Something was written: the next full disk is a new one."""
        self._pause = POLL_SECONDS

    async def wait(self) -> None:
        """Return when there is space; cancellable.

        Raises:
            ArchiveError: The file system cannot be asked any more.
        """
        if not self._closed:
            return
        async with self._turn:  # one looks, all others wait for that one
            told = False
            while self._closed:
                free, fits = await self._look()
                if not told:
                    self._tell_low(free)
                    told = True
                elif fits:
                    self._open(free)
                    return
                await self._clock.sleep(self._pause)

    async def passing(self, action: Callable[[], Awaitable[T]]) -> T:
        """Do something that writes, as often as it takes until the disk lets it.

        Raises:
            DiskFullError: The disk is full and the run is not to wait.
        """
        while True:
            try:
                return await action()
            except DiskFullError as error:
                self.close(error)
                await self.wait()

    async def keep(self, function: Callable[[], T]) -> T:
        """As `passing`, with a blocking function that is not to be cut short once it has begun."""
        return await self.passing(partial(_whole, function))

    async def _look(self) -> tuple[int, bool]:
        return await anyio.to_thread.run_sync(self._space.free_beside, self._needed)

    def _tell_low(self, free: int) -> None:
        self._events.emit(
            SpaceLow(
                folder=str(self._space.root),
                free=free,
                floor=self._space.reserve_bytes,
                needed=self._needed,
            )
        )

    def _open(self, free: int) -> None:
        self._closed = False
        self._needed = 0
        self._pause = min(2 * self._pause, LONGEST_POLL_SECONDS)
        floor = self._space.reserve_bytes
        self._events.emit(SpaceBack(folder=str(self._space.root), free=free, floor=floor))


async def _whole(function: Callable[[], T]) -> T:
    results: list[T] = []
    with anyio.CancelScope(shield=True):
        results.append(await anyio.to_thread.run_sync(function))
    return results[0]
