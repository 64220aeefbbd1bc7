"""A limit on the bytes per second of all transfers together."""

from __future__ import annotations

from s2fetch.clock import Clock

BURST_SECONDS = 0.25
"""How much unused allowance may be saved up, so that a pause is not followed by a flood."""


class Bandwidth:
    """Shares a rate among transfers: whoever has received bytes waits until they are paid for.

    Args:
        rate: Bytes per second, or None for no limit.
        clock: Where the time comes from.
    """

    def __init__(self, rate: float | None, *, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._paid_until = clock.monotonic()

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self._rate is not None

    async def pay(self, count: int) -> float:
        """Wait until ``count`` more bytes are within the limit; returns the seconds waited."""
        if self._rate is None:
            return 0.0
        now = self._clock.monotonic()
        self._paid_until = max(self._paid_until, now - BURST_SECONDS) + count / self._rate
        wait = self._paid_until - now
        if wait <= 0:
            return 0.0
        await self._clock.sleep(wait)
        return wait
