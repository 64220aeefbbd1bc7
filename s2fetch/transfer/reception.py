"""Reading one body into one part file, under watch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import anyio

from s2fetch.account.meter import Meter
from s2fetch.archive.formats import error_page, recognise, suffix_for
from s2fetch.archive.part import BLOCK_BYTES, PartFile
from s2fetch.clock import Clock
from s2fetch.config.values import TransferConfig
from s2fetch.errors import NotAProductError
from s2fetch.events import EventBus, TransferEnded, TransferProgressed, TransferStarted
from s2fetch.hub.base import Body
from s2fetch.product import Product
from s2fetch.transfer.bandwidth import Bandwidth
from s2fetch.transfer.claims import ProductClaim
from s2fetch.transfer.hashing import Hashing
from s2fetch.transfer.resume import ExpectedLength
from s2fetch.transfer.stall import StallGuard
from s2fetch.transfer.write_behind import Blocks, WriteBehind

HEAD_BYTES = 512
"""Enough of a body's beginning to tell what it is (a tar's magic is at 257)."""
PROGRESS_SECONDS = 0.1
"""How often a running transfer says how far it is."""


@dataclass(frozen=True)
class Means:
    """What all transfers of a run share."""

    settings: TransferConfig
    bandwidth: Bandwidth
    blocks: Blocks
    hashing: Hashing
    executor: ThreadPoolExecutor
    clock: Clock
    events: EventBus


@dataclass
class Reception:
    """One body on its way into one part file.

    Attributes:
        product: The product.
        part: Open, positioned where the body begins.
        account: Name of the account, for events.
        slot: Number of the slot, for events.
        attempt: Number of the attempt, for events.
        claim: Space set aside for the bytes that are still to come.
        meter: Where the account's bytes are counted.
        means: What all transfers share.
        received: Bytes that have come.
        suffix: What the file's name gets after the product's; known when `read` returns.
    """

    product: Product
    part: PartFile
    account: str
    slot: int
    attempt: int
    claim: ProductClaim
    meter: Meter
    means: Means
    received: int = 0
    suffix: str = ""
    _offset: int = 0
    _next_report: float = 0.0
    _length: ExpectedLength = field(init=False)
    _writer: WriteBehind | None = None

    async def read(self, body: Body) -> None:
        """Read to the end. Afterwards `finish`, or `abandon` should anything have failed.

        Raises:
            ProductError: If the body is no product, stalls, breaks, or has the wrong length.
            ArchiveError: If the disk refuses it.
        """
        self._offset = self.part.position
        self._length = ExpectedLength(
            body.total,
            self.product.size,
            has_digest=self.product.best_checksum is not None,
            product=self.product.name,
        )
        self._tell_started()
        settings = self.means.settings
        guard = StallGuard(
            settings.minimum_rate, settings.minimum_rate_window_seconds, self.product.name
        )
        writer = WriteBehind(self.part, self.means.blocks, self.means.hashing, self.means.executor)
        self._writer = writer
        watch, now = self.meter.watch(), self.means.clock.monotonic
        self._next_report = now() + PROGRESS_SECONDS
        try:
            with guard.watch():
                data = await self._first_bytes(body)
                guard.hold()
                await self._prepare(body, data)
                guard.go_on()
                while data:
                    await self._take(data, writer, guard)
                    asked = now()
                    data = await body.read()
                    watch.arrived(len(data), now() - asked)
            self._length.check_whole(self._offset + self.received)
        finally:
            self._tell_ended()

    async def finish(self) -> None:
        """Have every byte that was read written and hashed. Needs no slot any more.

        Raises:
            ArchiveError: If the disk refuses the last of them.
        """
        if self._writer is None:
            return
        try:
            await self._writer.drain()
        finally:
            await self._writer.close()

    async def abandon(self) -> None:
        """Let go after a failure; what has arrived is kept as far as the disk lets us."""
        if self._writer is not None:
            await self._writer.close()

    async def _first_bytes(self, body: Body) -> bytes:
        """The beginning, long enough to tell what it is; less only when there is no more."""
        data = await body.read()
        while 0 < len(data) < HEAD_BYTES:
            more = await body.read()
            if not more:
                break
            data += more
        return data

    async def _prepare(self, body: Body, first: bytes) -> None:
        """Refuse what is no product before a byte of it is kept; make the part resumable."""
        name = self.product.name
        head = first[:HEAD_BYTES]
        if self._offset:
            head = await anyio.to_thread.run_sync(self.part.head, HEAD_BYTES)
        elif not first:
            raise NotAProductError("the hub sent an empty body", product=name)
        problem = error_page(name, head, body.content_type)
        if problem:
            raise NotAProductError(f"the hub did not send the product: {problem}", product=name)
        self.suffix = suffix_for(name, recognise(name, head))
        total = self._length.total
        if total is None or total > BLOCK_BYTES or total != self.product.size:
            await anyio.to_thread.run_sync(self._make_room, body)

    def _make_room(self, body: Body) -> None:
        self.part.ensure_open()  # claims what is listed, which the next line corrects
        total = self._length.total
        self.claim.correct(total, self._offset)
        if total is not None and total <= BLOCK_BYTES:
            return  # too small to be worth resuming
        validator = body.validator
        reserved = self.part.describe(
            total=body.total, etag=validator.etag, last_modified=validator.last_modified
        )
        if reserved:
            self.claim.release()  # what is reserved no longer counts as free

    async def _take(self, data: bytes, writer: WriteBehind, guard: StallGuard) -> None:
        self.received += len(data)
        self.meter.add(len(data))
        self._length.check_not_longer(self._offset + self.received)
        guard.arrived(len(data))
        guard.hold()
        if self.claim.needs_more(len(data)):
            await anyio.to_thread.run_sync(self.claim.grow, len(data))
        await writer.feed(data)
        self.claim.arrived(len(data))
        if self.means.bandwidth.limited:
            await self.means.bandwidth.pay(len(data))
        guard.go_on()
        now = self.means.clock.monotonic()
        if now >= self._next_report:
            self._next_report = now + PROGRESS_SECONDS
            self._tell_progress()

    def _tell_started(self) -> None:
        self.means.events.emit(
            TransferStarted(
                product=self.product,
                account=self.account,
                slot=self.slot,
                attempt=self.attempt,
                offset=self._offset,
                size=self._length.total,
            )
        )

    def _tell_progress(self) -> None:
        self.means.events.emit(
            TransferProgressed(
                product=self.product,
                account=self.account,
                slot=self.slot,
                position=self._offset + self.received,
                size=self._length.total,
            )
        )

    def _tell_ended(self) -> None:
        self.means.events.emit(
            TransferEnded(
                product=self.product,
                account=self.account,
                slot=self.slot,
                received=self.received,
            )
        )
