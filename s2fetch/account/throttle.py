"""Recognising that a hub has slowed an account's connections down.

The Copernicus Data Space sends no error above the monthly volume: each connection falls to 1 MB/s
(documentation, Quotas and Limitations). One slow body proves nothing, as networks are slow for many
reasons. What counts as slowed down is a body that keeps close to that rate, neither faster nor
much slower, for five minutes in a row, while the account's own ledger says that the volume is
all but used up. Time in which the hub waits for us (disk, bandwidth limit) does not count.
"""

from __future__ import annotations

from collections.abc import Callable

THROTTLED_RATE = 1_000_000.0
"""Bytes per second of a connection that is slowed down."""
LOWEST, HIGHEST = 0.5 * THROTTLED_RATE, 1.1 * THROTTLED_RATE
"""Rates that are taken for it; what is slower than that has another reason."""
FREE_RATE = 2 * THROTTLED_RATE
"""A connection that reaches this is not slowed down."""
MINUTE_SECONDS = 60.0
MINUTES = 5
"""So many minutes in a row have to be at that rate."""
USED_SHARE = 0.95
"""Of the quota, that the ledger must hold; it does not know what other machines received."""
PUBLISHED_QUOTA_BYTES = 12_000_000_000_000
"""What a general user of the Copernicus Data Space may receive in 30 days."""


class RateWatch:
    """Watches the rate of one body.

    Args:
        tell: Called with the rate after every minute: True when it has been the throttled one for
            long enough, False when it is far above it.
    """

    def __init__(self, tell: Callable[[bool, float], None]) -> None:
        self._tell = tell
        self._bytes = 0
        self._seconds = 0.0
        self._slow_minutes = 0

    def arrived(self, count: int, seconds: float) -> None:
        """So many bytes came after so much waiting for the hub."""
        self._bytes += count
        self._seconds += seconds
        if self._seconds < MINUTE_SECONDS:
            return
        rate = self._bytes / self._seconds
        self._bytes, self._seconds = 0, 0.0
        self._slow_minutes = self._slow_minutes + 1 if LOWEST <= rate <= HIGHEST else 0
        if self._slow_minutes >= MINUTES:
            self._tell(True, rate)
        elif rate >= FREE_RATE:
            self._tell(False, rate)
