"""A listener that writes down what is decided and tried for products, in batches, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

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
from s2fetch.product import Product
from s2fetch.sync.planner import Verdict
from s2fetch.units import format_duration, format_size

FLUSH_SECONDS = 2.0
"""What has happened is written down after so long."""
MOST_PENDING = 20_000
"""Moments that are kept while the disk refuses them; then the oldest are forgotten."""
_SAID_EVERY_RUN = frozenset({Verdict.OFFLINE, Verdict.QUARANTINED})
"""Decisions that every run repeats for the same products; their records say the same."""
_REMEMBERED = (
    ProductPlanned,
    TransferStarted,
    AttemptFailed,
    ProductCompleted,
    ProductAdopted,
    ProductFailed,
    ProductQuarantined,
    RetrievalRequested,
    ProductOnline,
    FileDamaged,
)


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
        if not isinstance(event, _REMEMBERED) or _is_said_every_run(event):
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
            # A history that cannot be written hurts nobody but those who ask; it is tried again.
            with contextlib.suppress(ArchiveError), anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._append, events)
                for _ in range(min(len(events), len(self._pending))):
                    self._pending.popleft()

    def _append(self, events: Iterable[tuple[datetime, Event]]) -> None:
        moments = (_moment(event, timestamp(at)) for at, event in events)
        append_history(self._root, [moment for moment in moments if moment is not None])


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


def _moment(event: Event, at: str) -> Moment | None:
    """What is to be remembered of an event, if anything."""
    match event:
        case ProductPlanned():
            return _of(event.product, event, at, f"{event.verdict}: {event.reason}")
        case TransferStarted():
            whole = "?" if event.size is None else format_size(event.size)
            kept = f", {format_size(event.offset)} of them kept" if event.offset else ""
            text = f"slot {event.slot}: {whole} begin to arrive{kept}"
            return _of(event.product, event, at, text, event.account, event.attempt)
        case AttemptFailed():
            text = f"{event.error}; tried again in {format_duration(event.retry_in)}"
            return _of(event.product, event, at, text, event.account, event.attempt, event.code)
        case ProductCompleted():
            text = f"{event.path}: {format_size(event.size)} verified by {event.proof}"
            return _of(event.product, event, at, text, event.account)
        case ProductAdopted():
            text = f"{event.path} was there and proved to be it, by {event.proof}"
            return _of(event.product, event, at, text)
        case ProductConsumed():
            return _of(event.product, event, at, f"{event.path} is gone and is left so: consumed")
        case CopyRefused():
            return _of(event.product, event, at, f"{event.path} is not taken: {event.reason}")
        case ProductFailed():
            text = f"{event.error}; {event.next_step}"
            return _of(event.product, event, at, text, code=event.code)
        case ProductQuarantined():
            text = f"the hub sent {event.computed} twice instead of {event.expected}; {event.path}"
            return _of(event.product, event, at, text)
        case RetrievalRequested():
            return _of(event.product, event, at, f"the hub answered: {event.answer}")
        case ProductOnline():
            return _of(event.product, event, at, "it is online again")
        case GapFound():
            return _of(event.product, event, at, event.reason)
        case ProductWithdrawn():
            text = f"{event.cause or 'no cause given'}; {event.action}"
            return Moment(at=at, event=event.name, text=text, id=event.product_id)
        case FileDamaged():
            text = f"{event.path}: {event.reason}"
            return Moment(at=at, event=event.name, text=text, name=event.product_name)
    return None


def _of(
    product: Product,
    event: Event,
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
        id=product.id,
        account=account,
        attempt=attempt,
        code=code,
    )
