"""A clock on which nobody waits: when somebody sleeps, time jumps to the next waking."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count
from types import TracebackType
from typing import Self

REAL_PAUSE_SECONDS = 0.001
"""Between some jumps; what is not waiting for time (sockets, threads) goes on meanwhile."""
JUMPS_PER_PAUSE = 5


class JumpingClock:
    """Time that jumps to the earliest waking of all who sleep. An async context manager.

    One clock is shared by the engine and the embedded hub, so that ten minutes of "wait" pass for
    both, in a moment.
    """

    def __init__(self) -> None:
        self.start = datetime(2024, 7, 1, 12, tzinfo=UTC)
        self.elapsed = 0.0
        self.wall_offset = timedelta(0)
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._driver: asyncio.Task[None] | None = None

    def now(self) -> datetime:
        return self.start + self.wall_offset + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.elapsed + seconds, next(self._numbers), woken))
        await woken

    async def __aenter__(self) -> Self:
        self._driver = asyncio.create_task(self._drive())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._driver is not None:
            self._driver.cancel()
            await asyncio.wait([self._driver])

    async def _drive(self) -> None:
        for jump in count():
            await asyncio.sleep(0 if jump % JUMPS_PER_PAUSE else REAL_PAUSE_SECONDS)
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if not self._sleepers:
                continue
            self.elapsed = max(self.elapsed, self._sleepers[0][0])
            while self._sleepers and self._sleepers[0][0] <= self.elapsed:
                woken = heapq.heappop(self._sleepers)[2]
                if not woken.done():
                    woken.set_result(None)
