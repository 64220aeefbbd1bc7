"""Download slots: the cap on concurrent downloads of one account, across processes.

A slot is a lock of the operating system on a file, so it dies with its owner; nothing has to be
cleaned up after a crash. To get one, a process first takes the account's turnstile and keeps it
until a slot is free. A process that has had a slot for a moment has to queue for the turnstile like
everyone else, which keeps two archives on one account from starving each other; within that moment
it may use the slot for several small products.

Whoever has the turnstile and does not move (stopped, or in a container that is paused) keeps nobody
waiting: what it has left free for long enough is taken past it.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec

from s2fetch.clock import Clock, SystemClock
from s2fetch.errors import ArchiveError
from s2fetch.lockfile import MORE_FILES, FileLock, Holder, is_locked, read_holder

POLL_SECONDS = 0.05
"""How often a waiting process looks for a free slot of another process."""
LEASE_SECONDS = 0.5
"""A process takes the same slot again without queueing for it this long, and no longer."""
KEEP_SECONDS = 0.1
"""A slot that is not taken again by then is given back."""
STANDSTILL_LOOKS = 100
"""A slot that is free at so many looks in a row is left free by somebody who does not move."""
PASSING_SECONDS = 60.0
"""So long nobody looks again whether the turnstile's holder moves."""


class _Lease(msgspec.Struct):
    """A slot of this process: until when it may be taken again, and when it is given back."""

    number: int
    lock: FileLock
    until: float
    timer: asyncio.TimerHandle | None = None


class SlotStatistics(msgspec.Struct, frozen=True):
    """How the slots of one account are used by this process: all, held, and takers that wait."""

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
        self._places = anyio.Semaphore(count, fast_acquire=True)
        self._turn = anyio.Lock()
        self._held: set[int] = set()
        self._kept: dict[int, _Lease] = {}
        self._waiting = 0
        self._passing_until = 0.0

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
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            lease = self._take_kept() or self._renew() or await self._acquire()
            try:
                yield lease.number
            finally:
                self._end(lease)
        finally:
            self._places.release()

    def close(self) -> None:
        """Give up the slots that are kept but not in use."""
        for number in tuple(self._kept):
            self._drop(number)

    def _take_kept(self) -> _Lease | None:
        """A slot this process still has, unless it has had it for long enough."""
        for number, lease in self._kept.items():
            if self._clock.monotonic() < lease.until:
                self._pop(number)
                self._held.add(number)
                return lease
        return None

    def _renew(self) -> _Lease | None:
        """A slot this process has had for long enough, once more: if nobody queues for it.

        It is looked for here, not in a thread: both slots often end at the same moment, and what
        the threads have to do then would keep the slots empty for longer than the look takes.
        """
        if not self._kept:
            return None
        lease = self._pop(next(iter(self._kept)))
        let_go = True
        try:
            let_go = not self._passing and is_locked(turnstile_path(self.folder))
        finally:
            if let_go:
                lease.lock.release()
        if let_go:
            return None
        lease.until = self._clock.monotonic() + LEASE_SECONDS
        self._held.add(lease.number)
        return lease

    def _end(self, lease: _Lease) -> None:
        """Keep the slot for a moment: the next small product may be about to ask for it.

        Also when this process has had it for long enough, if another task is there to ask for it.
        """
        self._held.discard(lease.number)
        if self._clock.monotonic() >= lease.until and not self._waiting:
            lease.lock.release()
            return
        loop = asyncio.get_running_loop()
        lease.timer = loop.call_later(KEEP_SECONDS, self._drop, lease.number)
        self._kept[lease.number] = lease

    def _drop(self, number: int) -> None:
        self._pop(number).lock.release()

    def _pop(self, number: int) -> _Lease:
        lease = self._kept.pop(number)
        if lease.timer is not None:
            lease.timer.cancel()
        return lease

    @property
    def _passing(self) -> bool:
        """Whether the turnstile's holder was found not to move, lately."""
        return self._clock.monotonic() < self._passing_until

    async def _acquire(self) -> _Lease:
        # One thread hop when everything is free, which is the usual case. Whoever comes here has a
        # place, so that fewer than all slots are held by this process.
        async with self._turn:
            search = _Search(self.folder, self.count, self._note, past=self._passing)
            try:
                while True:
                    if (kept := self._take_kept()) is not None:
                        return kept
                    for number in tuple(self._kept):
                        self._drop(number)  # the search takes it the way that is open to everyone
                    await anyio.to_thread.run_sync(search.look, frozenset(self._held))
                    if (found := search.take()) is not None:
                        self._held.add(found[0])
                        if search.came_past and not self._passing:
                            self._passing_until = self._clock.monotonic() + PASSING_SECONDS
                        return _Lease(*found, self._clock.monotonic() + LEASE_SECONDS)
                    await self._clock.sleep(POLL_SECONDS)
            finally:
                search.end()


class _Search:
    """A search for a free slot, made in threads: whatever it locks is let go when it ends.

    A task that is cancelled while a thread looks never learns what the thread has found.

    Args:
        folder: Where the lock files are.
        count: How many slots there are.
        note: To be written into what is locked.
        past: Whether a turnstile that is taken keeps nobody from a free slot.
    """

    def __init__(
        self, folder: Path, count: int, note: Mapping[str, str], *, past: bool = False
    ) -> None:
        self._folder = folder
        self._count = count
        self._note = note
        self._guard = threading.Lock()
        self._turnstile: FileLock | None = None
        self._found: tuple[int, FileLock] | None = None
        self._over = False
        self._looks_left = 0 if past else STANDSTILL_LOOKS

    @property
    def came_past(self) -> bool:
        """Whether the turnstile is still somebody else's."""
        return self._turnstile is None

    def look(self, taken: Collection[int]) -> None:
        """Queue at the turnstile, and once through it lock a slot that is free.

        Args:
            taken: Slots that need no look, as this process holds them.
        """
        try:
            self._look(taken)
        except ArchiveError as error:
            if error.advice != MORE_FILES:
                error.advice += ", or set S2FETCH_STATE_DIR to another folder"
            raise

    def _look(self, taken: Collection[int]) -> None:
        with self._guard:
            if self._over:
                return
            if self._turnstile is None:
                self._turnstile = FileLock.try_acquire(turnstile_path(self._folder), self._note)
            paths = {
                number: slot_path(self._folder, number)
                for number in range(1, self._count + 1)
                if number not in taken
            }
            if self._turnstile is None and not self._stands_still(paths.values()):
                return
            for number, path in paths.items():
                lock = FileLock.try_acquire(path, self._note)
                if lock is not None:
                    self._found = number, lock
                    return

    def _stands_still(self, slots: Collection[Path]) -> bool:
        """Whether the turnstile's holder does not take what is free: it would at its next look."""
        if self._looks_left and not all(map(is_locked, slots)):
            self._looks_left -= 1
        elif self._looks_left:
            self._looks_left = STANDSTILL_LOOKS
        return not self._looks_left

    def take(self) -> tuple[int, FileLock] | None:
        """What was found; it is the caller's now."""
        found, self._found = self._found, None
        return found

    def end(self) -> None:
        """Give back the turnstile, and a slot that nobody has taken."""
        with self._guard:
            self._over = True
            for lock in (self._turnstile, self._found[1] if self._found else None):
                if lock is not None:
                    lock.release()


def turnstile_path(folder: Path) -> Path:
    """The lock file of whoever is next."""
    return folder / "turnstile.lock"


def slot_path(folder: Path, number: int) -> Path:
    """The lock file of one slot."""
    return folder / f"slot-{number}.lock"


def slot_folder(state_folder: Path, identity_service: str, user: str) -> Path:
    """Where the slots of an account are: the same for every archive that uses the account."""
    return state_folder / "slots" / account_digest(identity_service, user)


def account_digest(identity_service: str, user: str) -> str:
    """A name for the files of an account that does not leave the user's lying about."""
    # Logins are e-mail addresses, in which the identity service does not tell A from a.
    return hashlib.sha256(f"{identity_service}\n{user.casefold()}".encode()).hexdigest()[:16]


def holders(folder: Path, count: int) -> dict[int, Holder]:
    """Who holds which slot of an account now, over all processes of this machine."""
    found = {number: read_holder(slot_path(folder, number)) for number in range(1, count + 1)}
    return {number: holder for number, holder in found.items() if holder is not None}
