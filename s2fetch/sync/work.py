"""The queue between planner and workers: bounded, and closed when nothing can come back to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import anyio
import msgspec

from s2fetch.product import Product


class Work(msgspec.Struct):
    """One product that has to be fetched, and what its attempts have shown so far.

    Attributes:
        product: The product.
        attempts: Failed attempts in this run.
        before: Failed attempts in earlier runs since the last success.
        wrong_digest: What a whole transfer that began at zero computed, when it was not the listed
            digest.
        busy: How often the hub asked this product to wait while it served others.
        shared_name: Whether another product of the same name has the product's place already.
    """

    product: Product
    attempts: int = 0
    before: int = 0
    wrong_digest: str = ""
    busy: int = 0
    shared_name: bool = False
    successes_seen: int = 0


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """One product that has its turn later.

    Attributes:
        product: The product.
        attempts: Failed attempts since the last success.
        reason: Why it is not tried before ``next``; empty for what only waits for a slot.
        next: When it is tried again, ISO 8601, or empty.
    """

    product: Product
    attempts: int
    reason: str = ""
    next: str = ""


class QueueStatistics(msgspec.Struct, frozen=True):
    """How full the queue is: work ready to be taken, and all that is not settled."""

    ready: int
    unsettled: int


class WorkQueue:
    """Work for the workers.

    Work that was put is unsettled until `settle` is called for it, also while a worker has it or
    while it waits for its next attempt. At most ``capacity`` are unsettled: that is what holds the
    planner back, and what keeps the memory needed independent of the number of matches.

    Args:
        capacity: Most unsettled work at a time.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = anyio.Semaphore(capacity, fast_acquire=True)
        self._ready: deque[Work] = deque()
        self._unsettled = 0
        self._sources = 0
        self._changed = anyio.Event()
        self._started = False

    def __repr__(self) -> str:
        return f"<WorkQueue: {len(self._ready)} ready, {self._unsettled} unsettled>"

    def statistics(self) -> QueueStatistics:
        """How full it is."""
        return QueueStatistics(len(self._ready), self._unsettled)

    def ready(self) -> Iterator[Work]:
        """What is ready to be taken, in the order of work; not to be kept while that goes on."""
        return iter(self._ready)

    def open_source(self) -> None:
        """Say that somebody may put work from now on."""
        self._started = True
        self._sources += 1

    def close_source(self) -> None:
        """Say that one of those will put no more."""
        self._sources -= 1
        self.notify()

    async def put(self, work: Work) -> None:
        """Add work; waits while the queue is full."""
        await self._capacity.acquire()
        self._unsettled += 1
        self._ready.append(work)
        self.notify()

    def put_back(self, work: Work, *, last: bool = False) -> None:
        """Return unsettled work that is to be tried again.

        Args:
            work: The work.
            last: After all that is ready, so that work the hub puts off cannot keep the rest from
                being tried; else before it.
        """
        if last:
            self._ready.append(work)
        else:
            self._ready.appendleft(work)
        self.notify()

    def settle(self) -> None:
        """Say that one piece of work has come to its end, whatever that was."""
        self._unsettled -= 1
        self._capacity.release()
        self.notify()

    async def get(self) -> Work | None:
        """The next work, or None when there will be no more."""
        while not self._ready:
            if self.is_over:
                return None
            await self._changed.wait()
        return self._ready.popleft()

    @property
    def is_over(self) -> bool:
        """Whether there will be no more work."""
        return self._started and self._sources == 0 and self._unsettled == 0

    def is_idle(self, *, apart_from: int) -> bool:
        """Whether all is settled and no more than ``apart_from`` sources are open."""
        return self._started and not self._unsettled and self._sources <= apart_from

    def holds_only(self, count: int) -> bool:
        """Whether no more than ``count`` are unsettled and one source at most, the desk, is open.

        Then only products that come back from tape can still follow.
        """
        return self._started and self._unsettled <= count and self._sources <= 1

    async def wait_changed(self) -> None:
        """Return when something was put, settled or closed, or somebody says so."""
        await self._changed.wait()

    def notify(self) -> None:
        """Have everybody who waits for a change look again."""
        event, self._changed = self._changed, anyio.Event()
        event.set()
