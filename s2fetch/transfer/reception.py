"""Reading one body into one part file, under watch."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import msgspec

from s2fetch.account.meter import Meter
from s2fetch.archive.formats import error_page, recognise, suffix_for
from s2fetch.archive.part import SMALL_BYTES, PartFile
from s2fetch.clock import Clock
from s2fetch.config.values import TransferConfig
from s2fetch.errors import NotAProductError
from s2fetch.events import EventBus, TransferEnded, TransferProgressed, TransferStarted
from s2fetch.hub.base import Body, Validator
from s2fetch.product import Product
from s2fetch.transfer.bandwidth import Bandwidth
from s2fetch.transfer.claims import ProductClaim
from s2fetch.transfer.hashing import Hashing
from s2fetch.transfer.landing import Landing
from s2fetch.transfer.resume import ExpectedLength
from s2fetch.transfer.stall import StallGuard
from s2fetch.transfer.write_behind import Blocks, WriteBehind

HEAD_BYTES = 512
"""Enough of a body's beginning to tell what it is (a tar's magic is at 257)."""
PROGRESS_SECONDS = 0.1
"""How often a running transfer says how far it is."""


class Means(msgspec.Struct, frozen=True):
    """What all transfers of a run share."""

    settings: TransferConfig
    bandwidth: Bandwidth
    blocks: Blocks
    hashing: Hashing
    executor: ThreadPoolExecutor
    clock: Clock
    events: EventBus


@dataclass(kw_only=True)
class Reception:
    """One body on its way into one part file.

    Attributes:
        product: The product.
        part: Positioned where the body begins.
        opening: Opens the part file, when nobody has; None when it is open.
        account: Name of the account, for events.
        slot: Number of the slot, for events.
        attempt: Number of the attempt, for events.
        claim: Space set aside for the bytes that are still to come.
        meter: Where the account's bytes are counted.
        means: What all transfers share.
        received: Bytes that have come.
        suffix: What the file's name gets after the product's; known when `read` returns.
        landing: Puts a small product into the part file; None when its bytes are there.
    """

    product: Product
    part: PartFile
    opening: Callable[[], None] | None
    account: str
    slot: int
    attempt: int
    claim: ProductClaim
    meter: Meter
    means: Means
    received: int = 0
    suffix: str = ""
    landing: Landing | None = None
    _offset: int = 0
    _next_report: float = 0.0
    _length: ExpectedLength = field(init=False)
    _writer: WriteBehind | None = None

    async def read(self, body: Body, total: int | None) -> None:
        """Read to the end. Afterwards `finish`, or `abandon` should anything have failed.

        Args:
            body: Begins where the part file ends.
            total: Length of the whole product as the hub has told it, or None.

        Raises:
            ProductError: If the body is no product, stalls, breaks, or has the wrong length.
            ArchiveError: If the disk refuses it.
        """
        self._offset = self.part.position
        self._length = ExpectedLength(
            total,
            self.product.size,
            has_digest=self.product.best_checksum is not None,
            product=self.product.name,
        )
        self._tell_started()
        settings = self.means.settings
        guard = StallGuard(
            settings.minimum_rate, settings.minimum_rate_window_seconds, self.product.name
        )
        self._next_report = self.means.clock.monotonic() + PROGRESS_SECONDS
        try:
            with guard.watch():
                data = await self._first_bytes(body)
                guard.hold()
                self._check_beginning(body, await self._head(data))
                if self.opening is not None and self._length.total == self.product.size:
                    await self._keep(body, data, guard, self.opening)
                else:
                    await anyio.to_thread.run_sync(self._make_room, body.validator, total)
                    await self._write(body, data, guard)
            self._length.check_whole(self._offset + self.received)
        finally:
            self._tell_ended()

    @property
    def from_zero(self) -> bool:
        """Whether all bytes of the product came in this attempt."""
        return not self._offset

    async def _keep(
        self, body: Body, data: bytes, guard: StallGuard, opening: Callable[[], None]
    ) -> None:
        """Read a small product into memory: whoever commits it writes it, together with others."""
        content = bytearray()
        while data:
            await self._expect(len(data), guard)
            content += data
            await self._took(len(data))
            guard.go_on()
            data = await body.read()
            guard.hold()
        self.landing = Landing(self.part, opening, self.claim, content)

    async def _write(self, body: Body, data: bytes, guard: StallGuard) -> None:
        """Read a body into the part file."""
        writer = WriteBehind(self.part, self.means.blocks, self.means.hashing, self.means.executor)
        self._writer = writer
        watch, now = self.meter.watch(), self.means.clock.monotonic
        count = len(data)
        if count:
            await self._expect(count, guard)
            await writer.feed(data)
            await self._took(count)
        while count:
            room = await writer.room()
            guard.go_on()
            asked = now()
            count = await body.read_into(room)
            watch.arrived(count, now() - asked)
            guard.hold()
            await self._expect(count, guard)
            writer.filled(count)
            await self._took(count)

    async def finish(self) -> None:
        """Have every byte that was read written and hashed. Needs no slot any more.

        Raises:
            ArchiveError: If the disk refuses the last of them.
        """
        if self._writer is None:
            # Whoever waits for the slot asks for the next body before this one is looked at.
            await anyio.lowlevel.checkpoint()
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

    async def _head(self, first: bytes) -> bytes:
        """The beginning of the product, whose first bytes may have come long ago."""
        if self._offset:
            return await anyio.to_thread.run_sync(self.part.head, HEAD_BYTES)
        if not first:
            raise NotAProductError("the hub sent an empty body", product=self.product.name)
        return first[:HEAD_BYTES]

    def _check_beginning(self, body: Body, head: bytes) -> None:
        """Refuse what is no product before a byte of it is kept."""
        name = self.product.name
        problem = error_page(name, head, body.content_type)
        if problem:
            raise NotAProductError(f"the hub did not send the product: {problem}", product=name)
        self.suffix = suffix_for(name, recognise(name, head))

    def _make_room(self, validator: Validator, announced: int | None) -> None:
        if self.opening is not None:
            self.opening()
            self.opening = None
            self.claim.begin(0)
        total = self._length.total
        self.claim.correct(total, self._offset)
        if total is not None and total <= SMALL_BYTES:
            return  # too small to be worth resuming
        reserved = self.part.describe(
            total=announced, etag=validator.etag, last_modified=validator.last_modified
        )
        if reserved:
            self.claim.release()  # what is reserved no longer counts as free

    async def _expect(self, count: int, guard: StallGuard) -> None:
        """Count bytes that have come, before any of them is written."""
        self.received += count
        self.meter.add(count)
        self._length.check_not_longer(self._offset + self.received)
        guard.arrived(count)
        if self.claim.needs_more(count):
            await anyio.to_thread.run_sync(self.claim.grow, count)

    async def _took(self, count: int) -> None:
        """Bytes are on their way to the disk; wait until they are paid for."""
        self.claim.arrived(count)
        if self.means.bandwidth.limited:
            await self.means.bandwidth.pay(count)
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
