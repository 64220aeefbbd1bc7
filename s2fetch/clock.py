"""Time as the engine sees it, handed in so that tests can move it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

import anyio


class Clock(Protocol):
    """Where the engine takes the time from, and how it waits."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC. May jump; used only for what is written down."""

    def monotonic(self) -> float:
        """Seconds that never go back; used for everything that is waited for."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long; cancellable."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


async def sleep_unless(
    clock: Clock, seconds: float, happens: Callable[[], Awaitable[object]]
) -> None:
    """Wait that long, or only until something happens.

    Args:
        clock: Whose time it is.
        seconds: The longest to wait.
        happens: Returns when it has happened; cancelled if that is too late.
    """
    async with anyio.create_task_group() as group:

        async def end() -> None:
            await happens()
            group.cancel_scope.cancel()

        group.start_soon(end)
        await clock.sleep(seconds)
        group.cancel_scope.cancel()


def timestamp(time: datetime | None) -> str:
    """ISO 8601 in UTC ending in Z, as in the progress file; empty for None."""
    if time is None:
        return ""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
