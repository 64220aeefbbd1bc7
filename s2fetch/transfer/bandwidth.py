"""A limit on the bytes per second of all transfers together."""

from __future__ import annotations

from s2fetch.clock import Clock
from s2fetch.timetable import Timetable

BURST_SECONDS = 0.25
"""How much unused allowance may be saved up, so that a pause is not followed by a flood."""
LOOK_SECONDS = 1.0
"""How often the timetable is looked at, also by those who wait: a limit may end before they do."""


class Bandwidth:
    """Shares a rate among transfers: whoever has received bytes waits until they are paid for.

    Args:
        limit: Bytes per second, or None for no limit; or a timetable of them, which is followed as
            time goes by.
        clock: Where the time comes from.
    """

    def __init__(self, limit: float | Timetable | None, *, clock: Clock) -> None:
        self._timetable = limit if isinstance(limit, Timetable) else None
        self._rate = None if isinstance(limit, Timetable) else limit
        self._clock = clock
        self._look_at = self._settled_at = clock.monotonic()
        self._received = self._paid = 0.0

    @property
    def limited(self) -> bool:
        """Whether there is, or may come, a limit at all."""
        return self._rate is not None or self._timetable is not None

    @property
    def rate(self) -> float | None:
        """The limit that holds now, in bytes per second; None for none."""
        self._look()
        return self._rate

    async def pay(self, count: int) -> None:
        """Wait until ``count`` more bytes are within the limit."""
        if not self.limited:
            return
        self._settle()
        self._received += count
        mine = self._received
        while self._rate is not None and self._paid < mine - 1:  # less than a byte is rounding
            wait = (mine - self._paid) / self._rate
            if self._timetable is not None:
                wait = min(wait, LOOK_SECONDS)
            await self._clock.sleep(wait)
            if self._timetable is None:
                break
            self._settle()

    def _settle(self) -> None:
        """Count what the time since the last look has paid for, at the rate that held then."""
        now = self._clock.monotonic()
        if self._rate is None:
            self._paid = self._received
        else:
            self._paid += (now - self._settled_at) * self._rate
            self._paid = min(self._paid, self._received + self._rate * BURST_SECONDS)
        self._settled_at = now
        self._look()

    def _look(self) -> None:
        if self._timetable is not None and self._clock.monotonic() >= self._look_at:
            self._rate = self._timetable.limit_at(self._clock.now())
            self._look_at = self._clock.monotonic() + LOOK_SECONDS
