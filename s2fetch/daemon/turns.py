"""Whose turn it is when archives share an account: by priority, yet nobody starves.

Each archive that waits has a tag, the virtual time at which its next turn begins, and the least tag
is next. A turn moves the archive's tag by one over its weight, and an archive that comes back after
a pause begins at the present virtual time, so that it is neither punished for its past nor saves up
turns. This is start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) with a cost of one a
turn: a daily increment is served within a few turns whatever backlog another archive has.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path

import anyio
import msgspec

from s2fetch.account.account import SlotSource

LEAST_PRIORITY = 0
MOST_PRIORITY = 9


class _Waiter(msgspec.Struct, eq=False):
    granted: bool = False
    called: anyio.Event = msgspec.field(default_factory=anyio.Event)


class _Line(msgspec.Struct):
    """One archive: its tag, its priority as last told, and who waits for it."""

    tag: Fraction
    priority: int = 0
    waiters: deque[_Waiter] = msgspec.field(default_factory=deque)


class Turns:
    """Decides which archive gets the next of a few places. For one event loop.

    While an archive waits, each other archive gets at most ``w // v + 2`` turns before it, where
    ``w`` is the other's weight and ``v`` its own (see `weight`).

    Args:
        count: How many turns there are at a time, as many as the account has slots.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._in_use: Counter[str] = Counter()
        self._lines: dict[str, _Line] = {}
        self._now = Fraction(0)

    def __repr__(self) -> str:
        waiting = sum(self.waiting().values())
        return f"<Turns: {self._in_use.total()}/{self._count}, {waiting} waiting>"

    @property
    def count(self) -> int:
        """How many turns there are at a time."""
        return self._count

    def in_use(self) -> Mapping[str, int]:
        """How many turns each archive has now; those that have none are left out."""
        return dict(self._in_use)

    def waiting(self) -> Mapping[str, int]:
        """How many tasks of each archive wait for a turn; archives without any are left out."""
        return {name: len(line.waiters) for name, line in self._lines.items() if line.waiters}

    def resize(self, count: int) -> None:
        """Have so many turns from now on; those that are under way end in their own time."""
        self._count = count
        self._call_next()

    @asynccontextmanager
    async def turn(self, archive: str, priority: int = 0) -> AsyncIterator[None]:
        """Have a turn inside the block; waits as long as it takes, and can be cancelled.

        Args:
            archive: Whose turn it is to be; its tasks are served in the order they came.
            priority: Greater goes first; may change from turn to turn.

        Raises:
            ValueError: If the priority is out of bounds.
        """
        await self._take(archive, priority)
        try:
            yield
        finally:
            self._give_back(archive)

    async def _take(self, archive: str, priority: int) -> None:
        weight(priority)
        line = self._lines.setdefault(archive, _Line(self._now))
        line.priority = priority
        if not line.waiters:
            line.tag = max(line.tag, self._now)
        waiter = _Waiter()
        line.waiters.append(waiter)
        self._call_next()
        try:
            await waiter.called.wait()
        except BaseException:
            if waiter.granted:
                self._give_back(archive)
            else:
                line.waiters.remove(waiter)
            raise

    def _give_back(self, archive: str) -> None:
        self._in_use[archive] -= 1
        self._in_use += Counter()  # without those that have none
        self._call_next()
        if not self._in_use and not self.waiting():
            # Nobody competes, so everyone begins anew: names do not pile up in a year.
            self._lines.clear()
            self._now = Fraction(0)

    def _call_next(self) -> None:
        while self._in_use.total() < self._count:
            waiting = [(name, line) for name, line in self._lines.items() if line.waiters]
            if not waiting:
                return
            name, line = min(waiting, key=lambda entry: (entry[1].tag, -entry[1].priority))
            self._now = line.tag
            line.tag += Fraction(1, weight(line.priority))
            self._in_use[name] += 1
            waiter = line.waiters.popleft()
            waiter.granted = True
            waiter.called.set()


class TurnedSlots:
    """The slots of a shared account as one archive sees them: it waits for its turn first.

    Args:
        slots: Those of the account.
        turns: Of the account, with as many turns as it has slots.
        archive: Name of the archive.
        priority: Of the archive.
    """

    def __init__(self, slots: SlotSource, turns: Turns, archive: str, priority: int = 0) -> None:
        self.priority = priority
        self._slots = slots
        self._turns = turns
        self._archive = archive

    @property
    def count(self) -> int:
        """How many downloads the account may have at a time."""
        return self._slots.count

    @property
    def folder(self) -> Path:
        """Where the lock files are."""
        return self._slots.folder

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[int]:
        """Hold a slot; yields its number, from 1. Waits as long as it takes; cancellable.

        Raises:
            LocksUnsupportedError: If the folder's file system has no working locks.
        """
        async with (
            self._turns.turn(self._archive, self.priority),
            self._slots.slot() as number,
        ):
            yield number

    def close(self) -> None:
        """Nothing: the account's slots are given up by whoever shares them out."""


def weight(priority: int) -> int:
    """How many turns an archive of this priority gets for one of an archive of priority 0.

    Raises:
        ValueError: If the priority is out of bounds.
    """
    if not LEAST_PRIORITY <= priority <= MOST_PRIORITY:
        raise ValueError(f"a priority is from {LEAST_PRIORITY} to {MOST_PRIORITY}, not {priority}")
    return priority + 1
