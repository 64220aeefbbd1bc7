"""Waits until an archive's next run is due, whatever happens to the machine's clock meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta

import anyio

from s2fetch.clock import Clock, sleep_unless
from s2fetch.daemon.schedule import Schedule

LOOK_SECONDS = 60.0
"""How often the wall clock is looked at: it may be set, and a machine that slept does not notice
by its monotonic clock that time has passed."""
BACKWARDS_SECONDS = 60.0
"""A wall clock that goes back by more than this has been set; by less, it is being regulated."""
LONGEST_RETRY_SECONDS = 6 * 3600.0
"""Runs that fail again and again are begun this often at least, if they are not due anyway."""


class Agenda:
    """When one archive runs.

    Runs that were missed, because the machine was off or asleep, the clock was set forward or the
    last run took too long, are made up for by one run at once. After the clock was set back, the
    next due moment by the new time counts, so that a moment may come twice but none is waited for
    that is a year away.

    Args:
        schedule: The due moments.
        clock: Where the time comes from.
        last: When the last run began, or None when there was none: then one is due at once.
    """

    def __init__(self, schedule: Schedule, *, clock: Clock, last: datetime | None = None) -> None:
        self._schedule = schedule
        self._clock = clock
        self._last = last
        self._called = False
        self._failures = 0
        self._due = anyio.Event()
        self._seen = clock.now(), clock.monotonic()
        self._next = self._after_last()

    @property
    def next(self) -> datetime:
        """When the next run is due, in UTC; a moment that is over when one is due already."""
        self._mind_the_clock()
        return self._next

    def is_due(self) -> bool:
        """Whether a run is due, or was called for."""
        return self._called or self.next <= self._clock.now()

    def call(self) -> None:
        """Have a run due now, whatever the schedule says."""
        self._called = True
        self._due.set()

    def begin(self) -> None:
        """Take note that a run begins: everything that was due until now is done with it."""
        self._called = False
        self._due = anyio.Event()
        self._last = self._clock.now()
        self._next = self._schedule.next_after(self._last)

    def begin_again(self, seconds: float) -> None:
        """Have a run due after so long, if the schedule has none before; after `begin`."""
        self._next = min(self._next, self._clock.now() + timedelta(seconds=seconds))

    def failed(self, seconds: float, longest: float | None = None) -> None:
        """As `begin_again`, twice as late after each failure in a row, up to the longest pause."""
        longest = LONGEST_RETRY_SECONDS if longest is None else longest
        pause = min(seconds * 2.0 ** min(self._failures, 20), longest)
        self._failures += 1
        self.begin_again(pause)

    def went_well(self) -> None:
        """The next failure is the first one."""
        self._failures = 0

    def recall(self, last: datetime | None) -> None:
        """Take note of a run that began before this was made."""
        self._last = last
        self._next = self._after_last()

    def reschedule(self, schedule: Schedule) -> None:
        """Follow another schedule from now on."""
        if schedule != self._schedule:
            self._schedule = schedule
            self._next = self._after_last()

    async def wait(self) -> None:
        """Return when a run is due; cancellable."""
        while not self.is_due():
            left = (self._next - self._clock.now()).total_seconds()
            pause = min(max(left, 0.0), LOOK_SECONDS)
            await sleep_unless(self._clock, pause, self._due.wait)

    def _after_last(self) -> datetime:
        now = self._clock.now()
        if self._last is None:
            return now
        # A last run in the future was noted by a clock that has been set back since.
        return self._schedule.next_after(min(self._last, now))

    def _mind_the_clock(self) -> None:
        now, elapsed = self._clock.now(), self._clock.monotonic()
        expected = self._seen[0] + timedelta(seconds=elapsed - self._seen[1])
        self._seen = now, elapsed
        if now < expected - timedelta(seconds=BACKWARDS_SECONDS):
            self._next = min(self._next, self._schedule.next_after(now))
