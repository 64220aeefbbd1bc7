"""The arithmetic of rates and remaining times. Pure: the time is handed in."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 8.0
"""Rates are shown over the last so many seconds: calm, but not deaf to change."""
LEAST_SECONDS = 0.4
"""Below this, a rate says nothing yet."""


class Pace:
    """How fast a counter grows, over a sliding window.

    Args:
        window_seconds: How far back samples count.
    """

    def __init__(self, window_seconds: float = WINDOW_SECONDS) -> None:
        self._window = window_seconds
        self._samples: deque[tuple[float, int]] = deque()

    def note(self, now: float, count: int) -> None:
        """Take a sample; a counter that went back begins anew.

        Args:
            now: Seconds that never go back.
            count: The counter.
        """
        samples = self._samples
        if samples and count < samples[-1][1]:
            samples.clear()
        samples.append((now, count))
        while len(samples) > 2 and samples[1][0] <= now - self._window:
            samples.popleft()

    @property
    def rate(self) -> float | None:
        """Counts per second between the oldest and the newest sample, or None if too early."""
        if len(self._samples) < 2:
            return None
        (start, first), (end, last) = self._samples[0], self._samples[-1]
        return (last - first) / (end - start) if end - start >= LEAST_SECONDS else None


def seconds_left(remaining: float | None, rate: float | None) -> float | None:
    """How long the rest takes, or None when that cannot be told."""
    if remaining is None or rate is None or rate <= 0:
        return None
    return max(0.0, remaining) / rate


def share(done: float, total: float | None) -> float | None:
    """What part is done, 0 to 1, or None when the whole is unknown."""
    if not total or total < 0:
        return None
    return min(1.0, max(0.0, done / total))


def expected_bytes(planned_bytes: int, planned: int, counted: int) -> int:
    """Bytes of a whole catalogue of which a part is read, taking the rest to be like that part."""
    if planned <= 0 or counted <= planned:
        return planned_bytes
    return planned_bytes * counted // planned


def format_left(seconds: float | None) -> str:
    """A remaining time in at most 8 columns: ``0:07``, ``12:34``, ``3:02:11``, ``5d 03h``."""
    if seconds is None:
        return "-:--"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    if whole < 86_400:
        return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
    days, hours = whole // 86_400, whole % 86_400 // 3600
    return f"{days}d {hours:02}h" if days < 1000 else "years"
