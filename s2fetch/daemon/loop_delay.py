"""How late the event loop is: what blocks it shows here first."""

from __future__ import annotations

import asyncio
from collections import deque

PERIOD_SECONDS = 1.0
SAMPLES = 60
"""The worst of so many periods is told."""


class LoopDelay:
    """Measures by sleeping, in real time: the delay of this very process is meant."""

    def __init__(self) -> None:
        self._delays: deque[float] = deque(maxlen=SAMPLES)

    @property
    def worst_seconds(self) -> float:
        """The longest delay of about the last minute."""
        return max(self._delays, default=0.0)

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PERIOD_SECONDS
            await asyncio.sleep(PERIOD_SECONDS)
            self._delays.append(max(0.0, loop.time() - due))
