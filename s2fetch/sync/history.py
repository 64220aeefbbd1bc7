"""A listener that writes down what is decided and tried for products, in batches, in a thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio

from s2fetch.archive.history import Moment, append_history
from s2fetch.clock import Clock, timestamp
from s2fetch.errors import ArchiveError
from s2fetch.events import (
    AttemptFailed,
    CopyRefused,
    Event,
    EventBus,
    FileDamaged,
    GapFound,
    ProductAdopted,
    ProductCompleted,
    ProductConsumed,
    ProductFailed,
    ProductOnline,
    ProductPlanned,
    ProductQuarantined,
    ProductWithdrawn,
    RetrievalRequested,
    TransferStarted,
)
from s2fetch.sync.planner import Verdict
from s2fetch.units import format_duration, format_size

FLUSH_SECONDS = 2.0
"""What has happened is written down after so long."""
MOST_PENDING = 20_000
"""Moments that are kept while the disk refuses them; then the oldest are forgotten."""
_SAID_EVERY_RUN = frozenset({Verdict.OFFLINE, Verdict.QUARANTINED})
"""Decisions that every run repeats for the same products; their records say the same."""


class Historian:
    """Writes the history of one archive.

    Args:
        root: The archive's folder.
        clock: Where the time comes from.
    """

    def __init__(self, root: Path, *, clock: Clock) -> None:
        self._root = root
        self._clock = clock
        self._pending: deque[tuple[datetime, Event]] = deque(maxlen=MOST_PENDING)
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._turn = anyio.Lock()

    def __call__(self, event: Event) -> None:
        """Take one event in."""
        if type(event) not in _MOMENTS or _is_said_every_run(event):
            return
        self._pending.append((self._clock.now(), event))
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(FLUSH_SECONDS, self._begin_flush)

    async def close(self) -> None:
        """Write down the last of it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._flush()
        if self._flushing is not None:
            await asyncio.wait([self._flushing])

    def _begin_flush(self) -> None:
        self._timer = None
        self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        async with self._turn:
            events = list(self._pending)
            if not events:
                return
            self._pending.clear()
            try:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(self._append, events)
            except ArchiveError:
                # It hurts nobody but those who ask, and is tried again.
                self._pending = deque([*events, *self._pending], MOST_PENDING)

    def _append(self, events: Iterable[tuple[datetime, Event]]) -> None:
        append_history(self._root, [_moment(event, timestamp(at)) for at, event in events])


@asynccontextmanager
async def remembering(root: Path, *, clock: Clock, events: EventBus) -> AsyncIterator[None]:
    """Write down what the bus tells of products while the block runs."""
    historian = Historian(root, clock=clock)
    remove = events.subscribe(historian)
    try:
        yield
    finally:
        remove()
        with anyio.CancelScope(shield=True):
            await historian.close()


def _is_said_every_run(event: Event) -> bool:
    return isinstance(event, ProductPlanned) and event.verdict in _SAID_EVERY_RUN


def _moment(event: Event, at: str) -> Moment:
    """What is remembered of an event that `_MOMENTS` has."""
    return _MOMENTS[type(event)](event, at)


def _planned(event: ProductPlanned, at: str) -> Moment:
    return _of(event, at, f"{event.verdict}: {event.reason}")


def _started(event: TransferStarted, at: str) -> Moment:
    whole = "?" if event.size is None else format_size(event.size)
    kept = f", {format_size(event.offset)} of them kept" if event.offset else ""
    text = f"slot {event.slot}: {whole} begin to arrive{kept}"
    return _of(event, at, text, event.account, event.attempt)


def _failed_once(event: AttemptFailed, at: str) -> Moment:
    text = f"{event.error}; tried again in {format_duration(event.retry_in)}"
    return _of(event, at, text, event.account, event.attempt, event.code)


def _completed(event: ProductCompleted, at: str) -> Moment:
    text = f"{event.path}: {format_size(event.size)} verified by {event.proof}"
    return _of(event, at, text, event.account)


def _quarantined(event: ProductQuarantined, at: str) -> Moment:
    text = f"the hub sent {event.computed} twice instead of {event.expected}; {event.path}"
    return _of(event, at, text)


def _withdrawn(event: ProductWithdrawn, at: str) -> Moment:
    text = f"{event.cause or 'no cause given'}; {event.action}"
    return Moment(at=at, event=event.name, text=text, id=event.product_id)


def _damaged(event: FileDamaged, at: str) -> Moment:
    text = f"{event.path}: {event.reason}"
    return Moment(at=at, event=event.name, text=text, name=event.product_name)


def _of(
    event: _AboutProduct,
    at: str,
    text: str,
    account: str = "",
    attempt: int = 0,
    code: str = "",
) -> Moment:
    return Moment(
        at=at,
        event=event.name,
        text=text,
        id=event.product.id,
        account=account,
        attempt=attempt,
        code=code,
    )


_AboutProduct = (
    ProductPlanned
    | TransferStarted
    | AttemptFailed
    | ProductCompleted
    | ProductAdopted
    | ProductConsumed
    | CopyRefused
    | ProductFailed
    | ProductQuarantined
    | RetrievalRequested
    | ProductOnline
    | GapFound
)
_MOMENTS: dict[type[Event], Callable[[Any, str], Moment]] = {
    ProductPlanned: _planned,
    TransferStarted: _started,
    AttemptFailed: _failed_once,
    ProductCompleted: _completed,
    ProductAdopted: lambda e, at: _of(
        e, at, f"{e.path} was there and proved to be it, by {e.proof}"
    ),
    ProductConsumed: lambda e, at: _of(e, at, f"{e.path} is gone and is left so: consumed"),
    CopyRefused: lambda e, at: _of(e, at, f"{e.path} is not taken: {e.reason}"),
    ProductFailed: lambda e, at: _of(e, at, f"{e.error}; {e.next_step}", code=e.code),
    ProductQuarantined: _quarantined,
    RetrievalRequested: lambda e, at: _of(e, at, f"the hub answered: {e.answer}"),
    ProductOnline: lambda e, at: _of(e, at, "it is online again"),
    GapFound: lambda e, at: _of(e, at, e.reason),
    ProductWithdrawn: _withdrawn,
    FileDamaged: _damaged,
}
"""What is remembered, and how; other events are not."""
