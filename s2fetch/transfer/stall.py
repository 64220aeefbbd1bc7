"""Noticing that a body has stopped arriving, or arrives too slowly to ever end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from s2fetch.errors import BodyStalledError
from s2fetch.units import format_duration, format_rate


class StallGuard:
    """Ends a transfer when less than a minimum arrives within a window of time.

    There is no limit on the whole: a body that keeps arriving may take days. Time in which we are
    the ones who keep the hub waiting (disk, bandwidth limit) does not count.

    Args:
        minimum_rate: Bytes per second that must arrive on average within each window.
        window: Seconds.
        product: Name of the product, for the message.
    """

    def __init__(self, minimum_rate: float, window: float, product: str) -> None:
        self._needed = max(1.0, minimum_rate * window)
        self._rate = minimum_rate
        self._window = window
        self._product = product
        self._received = 0
        self._loop = asyncio.get_running_loop()
        self._deadline = 0.0
        self._held_since: float | None = None
        self._scope = anyio.CancelScope()
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def watch(self) -> Iterator[None]:
        """The block in which bytes arrive.

        Raises:
            BodyStalledError: When too few did.
        """
        self._received = 0
        self._deadline = self._loop.time() + self._window
        with anyio.CancelScope() as self._scope:
            self._timer = self._loop.call_at(self._deadline, self._look)
            try:
                yield
            finally:
                self._timer.cancel()
        if self._scope.cancelled_caught:
            raise BodyStalledError(
                f"less than {format_rate(self._rate)} arrived for {format_duration(self._window)}",
                product=self._product,
            )

    def arrived(self, count: int) -> None:
        """Bytes arrived; a window that has enough is followed by a new one."""
        self._received += count
        if self._received >= self._needed:
            self._received = 0
            self._deadline = self._loop.time() + self._window

    def hold(self) -> None:
        """From now on the delay is ours."""
        self._held_since = self._loop.time()

    def go_on(self) -> None:
        """The hub may send again; the time since `hold` is added to the window."""
        if self._held_since is not None:
            self._deadline += self._loop.time() - self._held_since
            self._held_since = None

    def _look(self) -> None:
        # The timer is not moved for every block that arrives: it looks again when it was early.
        if self._held_since is not None:
            self._timer = self._loop.call_later(self._window / 4, self._look)
        elif self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look)
        else:
            self._scope.cancel()
