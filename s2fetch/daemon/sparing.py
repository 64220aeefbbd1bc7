"""Answers that cost something, asked for by everybody who looks at the page: kept for a while."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio

from s2fetch.clock import Clock

T = TypeVar("T")

SHARE = 20.0
"""An answer is kept so many times as long as it took to find: that is a twentieth of a core."""


class Sparing(Generic[T]):
    """Keeps the last answer about each subject; who asks at the same time waits for the same one.

    Args:
        clock: Where the time comes from.
        seconds: How long an answer is kept at least.
    """

    def __init__(self, clock: Clock, *, seconds: float = 0.0) -> None:
        self._clock = clock
        self._seconds = seconds
        self._locks: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._held: dict[str, tuple[float, object, T]] = {}

    async def get(self, subject: str, what: object, find: Callable[[], Awaitable[T]]) -> T:
        """The answer, at most some time old.

        Args:
            subject: About what; there is one answer for each.
            what: What it was found by: another one is another question.
            find: Finds it; what it raises is not kept.
        """
        async with self._locks[subject]:
            held = self._held.get(subject)
            if held is not None and held[1] == what and self._clock.monotonic() < held[0]:
                return held[2]
            begun = time.monotonic()
            value = await find()
            lasts = max(self._seconds, SHARE * (time.monotonic() - begun))
            self._held[subject] = (self._clock.monotonic() + lasts, what, value)
            return value
