"""Download slots: the cap on concurrent downloads of one account, across processes.

A slot is a lock of the operating system on a file, so it dies with its owner; nothing has to be
cleaned up after a crash. To get one, a process first takes the account's turnstile and keeps it
until a slot is free. A process that has just given a slot back has to queue for the turnstile like
everyone else, which keeps two archives on one account from starving each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec

from s2fetch.clock import Clock, SystemClock
from s2fetch.lockfile import FileLock, Holder, read_holder

POLL_SECONDS = 0.05
"""How often a waiting process looks for a free slot of another process."""


class SlotStatistics(msgspec.Struct, frozen=True):
    """How the slots of one account are used by this process."""

    total: int
    held: int
    waiting: int


class Slots:
    """The slots of one account.

    Args:
        account: Name used in logs and in the note inside the lock file.
        folder: Where the lock files are; the same folder means the same slots.
        count: How many downloads the account may have at a time.
        note: What else to write into a lock file for others to read, e.g. the archive.
        clock: Where the time comes from.
    """

    def __init__(
        self,
        account: str,
        folder: Path,
        count: int,
        *,
        note: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.account = account
        self.count = count
        self.folder = folder
        self._note = {"account": account, **(note or {})}
        self._clock = clock or SystemClock()
        self._turn = anyio.Lock()
        self._held: set[int] = set()
        self._waiting = 0

    def __repr__(self) -> str:
        return f"<Slots of {self.account}: {len(self._held)}/{self.count}, {self._waiting} waiting>"

    def statistics(self) -> SlotStatistics:
        """How many are held and waited for by this process."""
        return SlotStatistics(self.count, len(self._held), self._waiting)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[int]:
        """Hold a slot; yields its number, from 1. Waits as long as it takes; cancellable.

        Raises:
            LocksUnsupportedError: If the folder's file system has no working locks.
        """
        self._waiting += 1
        try:
            number, lock = await self._acquire()
        finally:
            self._waiting -= 1
        try:
            yield number
        finally:
            self._held.discard(number)
            lock.release()

    async def _acquire(self) -> tuple[int, FileLock]:
        # One thread hop when everything is free, which is the usual case.
        async with self._turn:
            turnstile: FileLock | None = None
            try:
                while True:
                    if len(self._held) < self.count:
                        turnstile, found = await anyio.to_thread.run_sync(self._try, turnstile)
                        if found is not None:
                            self._held.add(found[0])
                            return found
                    await self._clock.sleep(POLL_SECONDS)
            finally:
                if turnstile is not None:
                    turnstile.release()

    def _try(
        self, turnstile: FileLock | None
    ) -> tuple[FileLock | None, tuple[int, FileLock] | None]:
        if turnstile is None:
            turnstile = FileLock.try_acquire(self.folder / "turnstile.lock", self._note)
            if turnstile is None:
                return None, None
        for number in range(1, self.count + 1):
            if number not in self._held:
                lock = FileLock.try_acquire(slot_path(self.folder, number), self._note)
                if lock is not None:
                    return turnstile, (number, lock)
        return turnstile, None


def slot_path(folder: Path, number: int) -> Path:
    """The lock file of one slot."""
    return folder / f"slot-{number}.lock"


def slot_folder(state_folder: Path, identity_service: str, user: str) -> Path:
    """Where the slots of an account are: the same for every archive that uses the account.

    The name is a digest, so that a user name is not left lying about as a file name.
    """
    digest = hashlib.sha256(f"{identity_service}\n{user}".encode()).hexdigest()[:16]
    return state_folder / "slots" / digest


def holders(folder: Path, count: int) -> dict[int, Holder]:
    """Who holds which slot of an account now, over all processes of this machine."""
    found = {number: read_holder(slot_path(folder, number)) for number in range(1, count + 1)}
    return {number: holder for number, holder in found.items() if holder is not None}
