"""A clock on which nobody waits: when somebody sleeps, time jumps to the next waking."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from types import TracebackType
from typing import Any, Self

import anyio.to_thread

SETTLING_SECONDS = 2.0
"""How long a thread may work, in real time, before time goes on nevertheless."""


class JumpingClock:
    """Time that jumps to the earliest waking of all who sleep. An async context manager.

    One clock is shared by the engine and the embedded hub, so that ten minutes of "wait" pass for
    both, in a moment.

    It never jumps while somebody has something to do that needs no time: callbacks, what has come
    by sockets, and work in threads, however slow the machine is.

    Attributes:
        slept: How often somebody has gone to sleep.
    """

    def __init__(self) -> None:
        self.start = datetime(2024, 7, 1, 12, tzinfo=UTC)
        self.elapsed = 0.0
        self.slept = 0
        self.wall_offset = timedelta(0)
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._somebody_sleeps = asyncio.Event()
        self._numbers = count()
        self._driver: asyncio.Task[None] | None = None
        self._restore: Callable[[], None] = lambda: None
        self._threads = 0
        self._no_thread = asyncio.Event()
        self._no_thread.set()

    def now(self) -> datetime:
        return self.start + self.wall_offset + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        self.slept += 1
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.elapsed + seconds, next(self._numbers), woken))
        self._somebody_sleeps.set()
        await woken

    async def __aenter__(self) -> Self:
        self._count_threads()
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
        self._restore()

    def _count_threads(self) -> None:
        """Know how many threads work, for a task or beside all tasks, as long as time is kept."""
        loop = asyncio.get_running_loop()
        executors: Any = ThreadPoolExecutor
        threads: Any = anyio.to_thread
        submit, run_sync = executors.submit, threads.run_sync

        def tell(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody keeps time
                loop.call_soon_threadsafe(self._one_less)

        def counted(*arguments: Any, **options: Any) -> Future[Any]:
            future: Future[Any] = submit(*arguments, **options)
            self._one_more()
            future.add_done_callback(tell)
            return future

        async def counted_sync(*arguments: Any, **options: Any) -> Any:
            self._one_more()
            try:
                return await run_sync(*arguments, **options)
            finally:
                self._one_less()

        def restore() -> None:
            executors.submit, threads.run_sync = submit, run_sync

        executors.submit, threads.run_sync = counted, counted_sync
        self._restore = restore

    def _one_more(self) -> None:
        self._threads += 1
        self._no_thread.clear()

    def _one_less(self) -> None:
        self._threads -= 1
        if not self._threads:
            self._no_thread.set()

    async def _settle(self) -> None:
        """Return when nobody has anything to do; twice, as sockets are looked at in between."""
        loop: Any = asyncio.get_running_loop()
        end, quiet = time.monotonic() + SETTLING_SECONDS, 0
        while quiet < 2 and (left := end - time.monotonic()) > 0:
            await asyncio.sleep(0)
            if self._threads:
                await asyncio.wait([asyncio.ensure_future(self._no_thread.wait())], timeout=left)
            quiet = 0 if self._threads or loop._ready else quiet + 1

    async def _drive(self) -> None:
        while True:
            await self._settle()
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if not self._sleepers:
                self._somebody_sleeps.clear()
                await self._somebody_sleeps.wait()
                continue
            self.elapsed = max(self.elapsed, self._sleepers[0][0])
            while self._sleepers and self._sleepers[0][0] <= self.elapsed:
                woken = heapq.heappop(self._sleepers)[2]
                if not woken.done():
                    woken.set_result(None)
