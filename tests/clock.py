"""A clock for tests: sleeping takes no time, it moves the clock."""

from __future__ import annotations

import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

import anyio.lowlevel

START = datetime(2024, 7, 1, 12, tzinfo=UTC)


class FakeClock:
    """Whoever sleeps lets the others run and then moves the clock to the end of the sleep.

    Sleepers wake in the order of their times. `slept` lists all sleeps that were begun.
    """

    def __init__(self, start: datetime = START) -> None:
        self.slept: list[float] = []
        self._start = start
        self._elapsed = 0.0
        self._wall = timedelta(0)
        self._numbers = count()
        self._wakings: list[tuple[float, int]] = []

    def now(self) -> datetime:
        return self._start + self._wall + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        waking = self._elapsed + seconds, next(self._numbers)
        heapq.heappush(self._wakings, waking)
        try:
            while True:
                await anyio.lowlevel.checkpoint()
                if self._wakings[0] == waking:
                    break
        finally:
            self._wakings.remove(waking)
            heapq.heapify(self._wakings)
        self._elapsed = max(self._elapsed, waking[0])

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._elapsed += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock alone, forward or back."""
        self._wall += timedelta(seconds=seconds)
