"""Counts what an account receives, and has it wait when its quota leaves nothing.

Counting costs an addition: what has come is written to the ledger every few seconds, in a thread.
An account whose budget is used up begins no new body until it has grown again; what is on its way
comes to its end at full speed, because a connection that is kept waiting would be cut by the hub.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import anyio
import msgspec

from s2fetch.account import pacing
from s2fetch.account.ledger import Ledger
from s2fetch.account.throttle import USED_SHARE, RateWatch
from s2fetch.clock import Clock, sleep_unless, timestamp
from s2fetch.errors import ArchiveError
from s2fetch.events import (
    AccountThrottled,
    AccountUnthrottled,
    EventBus,
    QuotaFreed,
    QuotaNotKept,
    QuotaUsedUp,
)

FLUSH_SECONDS = 10.0
"""What has come is written down after so long; a process that is killed loses no more than that."""
READ_SECONDS = 60.0
"""What other processes received is read again after so long."""
LOOK_SECONDS = 600.0
"""Whoever waits for the budget looks at it again after so long: clocks are set, files removed."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What an account has received, and where that leads. Sizes in bytes.

    Attributes:
        account: Its name.
        received: In the last 30 days.
        per_day: In the last 24 hours.
        quota: What 30 days may have: the setting, else what the hub is known to allow, else None.
        reached: When that is reached at the pace of the last day, ISO 8601; empty when it is not.
        throttled: Whether the hub was seen to have slowed the account down, in this process.
    """

    account: str
    received: int
    per_day: int
    quota: int | None = None
    reached: str = ""
    throttled: bool = False


class Meter:
    """The bytes of one account.

    Args:
        account: Its name, for events.
        ledger: Where they are kept.
        quota: Most bytes in 30 days, or None for no limit of our own.
        hub_quota: Bytes in 30 days above which the hub slows the account down, if known.
        clock: Where the time comes from.
        events: Who is told.

    Attributes:
        quota: As given, or as last told by `limit`.
        throttled: Whether the hub has slowed the account down.
    """

    def __init__(
        self,
        account: str,
        ledger: Ledger,
        *,
        quota: int | None = None,
        hub_quota: int | None = None,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self.quota = quota
        self.throttled = False
        self._account = account
        self._ledger = ledger
        self._known_quota = hub_quota
        self._changed = anyio.Event()
        self._clock = clock
        self._events = events
        self._hours: dict[int, int] = {}
        self._read_at: float | None = None
        self._unwritten: Counter[int] = Counter()
        self._pending = self._pending_hour = 0
        self._claimed = 0
        self._needed = 0
        self._waiting = False
        self._waiters = 0
        self._failed = False
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._turn = anyio.Lock()

    def __repr__(self) -> str:
        unwritten = self._pending + sum(self._unwritten.values())
        return f"<Meter of {self._account}: {unwritten} bytes to be written down>"

    # Counting

    def add(self, count: int) -> None:
        """Bytes have come."""
        if not self._pending:
            self._pending_hour = self._hour()
        self._pending += count
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(FLUSH_SECONDS, self._begin_flush)

    def watch(self) -> RateWatch:
        """A watch over the rate of one body."""
        return RateWatch(self._tell_rate)

    async def flush(self) -> None:
        """Write down what has come. A failure is told and costs nothing: it is tried again."""
        async with self._turn:
            self._assign()
            try:
                with anyio.CancelScope(shield=True):
                    for hour, count in list(self._unwritten.items()):
                        await anyio.to_thread.run_sync(self._ledger.append, hour, count)
                        self._unwritten[hour] -= count
                        self._hours[hour] = self._hours.get(hour, 0) + count
                    self._unwritten = +self._unwritten
                    await self._read_if_old()
                self._failed = False
            except ArchiveError as error:
                if not self._failed:
                    self._events.emit(QuotaNotKept(account=self._account, error=str(error)))
                self._failed = True

    async def close(self) -> None:
        """Write down the last of it, also when everything else is being cancelled."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with anyio.CancelScope(shield=True):
            if self._flushing is not None:
                await asyncio.wait([self._flushing])
            if self._pending or self._unwritten:
                await self.flush()

    async def usage(self) -> Usage:
        """Where the account's pace leads, from what all processes have received.

        Raises:
            ArchiveError: If the ledger cannot be read.
        """
        async with self._turn:
            await self._read()
        quota = self.quota or self._hub_quota
        pace = pacing.pace(self._known(), self._clock.now(), quota)
        return Usage(
            account=self._account,
            received=pace.received,
            per_day=pace.per_day,
            quota=quota,
            reached=timestamp(pace.reached),
            throttled=self.throttled,
        )

    # Keeping below the quota

    def limit(self, quota: int | None) -> None:
        """Have another quota from now on, also for those who wait."""
        if quota != self.quota:
            self.quota = quota
            changed, self._changed = self._changed, anyio.Event()
            changed.set()

    def may_start(self, size: int | None) -> bool:
        """Whether a body of that size may begin now; if not, `wait` waits until it may."""
        if self.quota is None:
            return True
        size = size or 0
        if self._left_until(size) > 0:
            self._needed = max(self._needed, size)
            return False
        self._needed = 0
        return True

    @contextmanager
    def claim(self, size: int | None) -> Iterator[None]:
        """Hold while a body of that size is under way, so that others do not count on its share."""
        size = size or 0
        self._claimed += size
        self._assign()
        try:
            yield
        finally:
            self._claimed -= size
            self._assign()

    @property
    def must_wait(self) -> bool:
        """Whether `wait` would wait, as far as is known."""
        return self.quota is not None and (self._is_old() or self._left_until(self._needed) > 0)

    @property
    def keeps_waiting(self) -> bool:
        """Whether somebody waits until the account may receive again."""
        return self._waiters > 0

    @property
    def waits_until(self) -> datetime | None:
        """When the account may receive again, as far as is known; None when nobody waits."""
        left = self._left_until(self._needed) if self._waiters else 0.0
        return self._clock.now() + timedelta(seconds=left) if left > 0 else None

    async def wait(self) -> None:
        """Return when the account may receive again; cancellable.

        A ledger that cannot be read keeps nobody waiting: then what this process knows counts.
        """
        if self.quota is None:
            return
        self._waiters += 1
        try:
            await self._wait()
        finally:
            self._waiters -= 1

    async def _wait(self) -> None:
        await self._look()
        while (left := self._left_until(self._needed)) > 0:
            self._tell_waiting(left)
            await sleep_unless(self._clock, min(left, LOOK_SECONDS), self._changed.wait)
            await self._look()
        if self._waiting:
            self._waiting = False
            self._events.emit(QuotaFreed(account=self._account))

    @property
    def _hub_quota(self) -> int | None:
        return self.quota if self._known_quota is None else self._known_quota

    def _left_until(self, size: int) -> float:
        """Seconds until so many bytes are in the budget; 0 when they are."""
        if self.quota is None:
            return 0.0
        hour = self._hour()
        hours = pacing.hours_until(self._known(self._claimed), hour, self.quota, max(1, size))
        if not hours:
            return 0.0
        return (pacing.begin_of(hour + hours) - self._clock.now()).total_seconds()

    def _tell_waiting(self, left: float) -> None:
        if self._waiting or self.quota is None:
            return
        self._waiting = True
        self._events.emit(
            QuotaUsedUp(
                account=self._account,
                received=pacing.received(self._known(), self._hour()),
                quota=self.quota,
                until=timestamp(self._clock.now() + timedelta(seconds=left)),
            )
        )

    # What is known

    def _known(self, claimed: int = 0) -> dict[int, int]:
        """Bytes by hour as read, with what is not written down yet."""
        self._assign()
        known = Counter(self._hours)
        known.update(self._unwritten)
        known[self._hour()] += claimed
        return known

    def _assign(self) -> None:
        """Assign what has come to the hour in which it began to come: that of a body, at most."""
        if self._pending:
            self._unwritten[self._pending_hour] += self._pending
            self._pending = 0

    async def _look(self) -> None:
        if self._is_old():
            await self.flush()

    async def _read_if_old(self) -> None:
        if self._is_old():
            await self._read()

    def _is_old(self) -> bool:
        return self._read_at is None or self._clock.monotonic() - self._read_at >= READ_SECONDS

    async def _read(self) -> None:
        self._hours = await anyio.to_thread.run_sync(self._ledger.read)
        self._read_at = self._clock.monotonic()

    def _hour(self) -> int:
        return pacing.hour_of(self._clock.now())

    def _begin_flush(self) -> None:
        self._timer = None
        self._flushing = asyncio.get_running_loop().create_task(self.flush())

    # Being slowed down

    def _tell_rate(self, slow: bool, rate: float) -> None:
        quota = self._hub_quota
        if quota is None:
            return
        received = pacing.received(self._known(), self._hour())
        if slow and not self.throttled and received >= USED_SHARE * quota:
            self.throttled = True
            self._events.emit(
                AccountThrottled(account=self._account, rate=rate, received=received, quota=quota)
            )
        elif self.throttled and not slow:
            self.throttled = False
            self._events.emit(AccountUnthrottled(account=self._account, rate=rate))
