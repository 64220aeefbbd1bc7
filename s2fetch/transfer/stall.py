"""Noticing that a body has stopped arriving, or arrives too slowly to ever end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from s2fetch.errors import BodyStalledError
from s2fetch.units import format_duration, format_rate


class StallGuard:
    """Ends a transfer when less than a minimum arrives within a window of time.

    There is no limit on the whole: a body that keeps arriving may take days.

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
        self._received = 0.0
        self._scope = anyio.CancelScope()

    @contextmanager
    def watch(self) -> Iterator[None]:
        """The block in which bytes arrive.

        Raises:
            BodyStalledError: When too few did.
        """
        self._received = 0
        with anyio.CancelScope(deadline=anyio.current_time() + self._window) as self._scope:
            yield
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
            self._scope.deadline = anyio.current_time() + self._window

    def waited(self, seconds: float) -> None:
        """The delay was ours (disk, bandwidth limit), so it does not count against the hub."""
        self._scope.deadline += seconds
