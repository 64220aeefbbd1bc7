"""One clock for two processes: the hub's leads, the daemon's follows, and nobody waits.

Over a socket the leader says what time it is, and the follower answers when it has to be woken
next. Time jumps to the next waking of either, as soon as nothing moves any more: while a run is
under way, or a request or a thread, it stands still for the blink it takes to do what is real.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import math
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from types import TracebackType
from typing import Self

import anyio.to_thread
import msgspec

from tests.sync.clock import JumpingClock

EPOCH = datetime(2024, 7, 1, 12, tzinfo=UTC)
BUSY_QUIET_SECONDS = 0.004
"""So long nothing has moved, in real time, before time jumps during a run."""
IDLE_QUIET_SECONDS = 0.001
"""The same between runs."""
_SPINS = 4


class Seen(msgspec.Struct):
    """What the follower answers.

    Attributes:
        next: When it wants to be woken, seconds; None for never.
        moves: Changes whenever something moves.
        busy: Whether something is under way.
        blocks: Blocks of memory that its objects take, see `sys.getallocatedblocks`.
    """

    next: float | None
    moves: list[int]
    busy: bool
    blocks: int = 0


class FollowingClock:
    """The clock of a process that is told the time. An async context manager.

    Args:
        connection: To the leader.
        look: How many things have moved so far, and whether something is under way.
    """

    def __init__(self, connection: socket.socket, look: Callable[[], tuple[int, bool]]) -> None:
        self.look = look
        self.elapsed = 0.0
        self._connection = connection
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.elapsed + seconds, next(self._numbers), woken))
        await woken

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(sock=self._connection)
        self.elapsed = float(await self._reader.readline())
        return self

    def begin(self) -> None:
        """Let time pass."""
        self._writer.write(b"{}\n")
        self._follower = asyncio.create_task(self._follow())

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def _follow(self) -> None:
        while line := await self._reader.readline():
            self.elapsed = max(self.elapsed, float(line))
            while self._sleepers and self._sleepers[0][0] <= self.elapsed:
                woken = heapq.heappop(self._sleepers)[2]
                if not woken.done():
                    woken.set_result(None)
            for _ in range(_SPINS):
                await asyncio.sleep(0)
            self._writer.write(msgspec.json.encode(self._seen()) + b"\n")
        os._exit(1)  # whoever leads is gone

    def _seen(self) -> Seen:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        moves, busy = self.look()
        threads = anyio.to_thread.current_default_thread_limiter().borrowed_tokens
        following = self._sleepers[0][0] if self._sleepers else None
        return Seen(following, [moves, threads], busy or threads > 0, sys.getallocatedblocks())


class LeadingClock(JumpingClock):
    """The clock of this process, which another one may follow.

    Args:
        look: How many things have moved so far in this process, and whether something is under way.

    Attributes:
        blocks: See `Seen`.
    """

    def __init__(self, look: Callable[[], tuple[int, bool]]) -> None:
        super().__init__()
        self.start = EPOCH
        self._look = look
        self.blocks = 0
        self._held = 0
        self._follower: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Time stands still for everybody."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    async def follow(self, connection: socket.socket) -> bool:
        """Have somebody follow from now on; False when it ends before it is ready."""
        await self._lose()
        self._follower = reader, writer = await asyncio.open_connection(sock=connection)
        writer.write(b"%r\n" % self.elapsed)
        return bool(await reader.readline())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await super().__aexit__(kind, error, trace)
        await self._lose()

    async def _drive(self) -> None:
        loop = asyncio.get_running_loop()
        last: object = None
        since = loop.time()
        while True:
            await asyncio.sleep(0)
            if self._held:
                await asyncio.sleep(IDLE_QUIET_SECONDS)
                continue
            seen = await self._ask()
            moves, busy = self._look()
            if (moves, seen.moves) != last:
                last, since = (moves, seen.moves), loop.time()
            quiet = BUSY_QUIET_SECONDS if busy or seen.busy else IDLE_QUIET_SECONDS
            if loop.time() - since < quiet:
                await asyncio.sleep(max(IDLE_QUIET_SECONDS, quiet / 2))
            elif not self._held:
                self._jump(math.inf if seen.next is None else seen.next)
                since = loop.time()

    async def _ask(self) -> Seen:
        """What the follower says to the present time; of no account when there is none."""
        if self._follower is not None:
            reader, writer = self._follower
            try:
                writer.write(b"%r\n" % self.elapsed)
                line = await reader.readline()
            except OSError:
                line = b""
            if line:
                seen = msgspec.json.decode(line, type=Seen)
                self.blocks = seen.blocks
                return seen
            await self._lose()
        return Seen(None, [], False)

    async def _lose(self) -> None:
        if self._follower is not None:
            writer, self._follower = self._follower[1], None
            writer.close()
            with contextlib.suppress(OSError):  # it was killed
                await writer.wait_closed()

    def _jump(self, theirs: float) -> None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        mine = self._sleepers[0][0] if self._sleepers else math.inf
        target = min(mine, theirs)
        if target == math.inf:
            return
        self.elapsed = max(self.elapsed, target)
        while self._sleepers and self._sleepers[0][0] <= self.elapsed:
            woken = heapq.heappop(self._sleepers)[2]
            if not woken.done():
                woken.set_result(None)
