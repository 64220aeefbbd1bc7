"""Opening an archive that another process may be working on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager

from s2fetch.archive.archive import Archive
from s2fetch.clock import Clock
from s2fetch.errors import ArchiveInUseError
from s2fetch.threads import enter_in_thread, leave_in_thread

LOCK_POLL_SECONDS = 0.5
"""How often an archive that is in use is looked at while waiting for it."""


@asynccontextmanager
async def opened_in_turn(
    opening: Callable[[], AbstractContextManager[Archive]], wait_seconds: float, clock: Clock
) -> AsyncIterator[Archive]:
    """The archive, when the process that works on it has ended.

    Args:
        opening: Makes an attempt, see `Archive.opened`; it is entered in a thread.
        wait_seconds: How long to wait.
        clock: Where the time comes from.

    Raises:
        ArchiveInUseError: If another process works on it still.
        ArchiveError: If the folder cannot be used.
    """
    deadline = clock.monotonic() + wait_seconds
    while True:
        opened = opening()
        try:
            archive = await enter_in_thread(opened)
            break
        except ArchiveInUseError:
            if clock.monotonic() >= deadline:
                raise
        await clock.sleep(LOCK_POLL_SECONDS)
    try:
        yield archive
    finally:
        await leave_in_thread(opened)
