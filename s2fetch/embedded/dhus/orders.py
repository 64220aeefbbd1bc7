"""The long-term archive: orders, their queue, restored copies and their end.

Source: the asynchronous data stores of the open DHuS core. A GET of an offline product is an
order; asking again for one that is under way costs nothing. A user's orders count while they are
active; a restored product goes offline again after a while.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum

import msgspec

from s2fetch.clock import Clock
from s2fetch.embedded.dhus.documents import identifier
from s2fetch.embedded.dhus.refusals import Refusal
from s2fetch.embedded.dhus.settings import DhusSettings
from s2fetch.embedded.dhus.stats import DhusStats
from s2fetch.embedded.entry import NEVER_EVICTED, Entry, hub_time
from s2fetch.embedded.listing import Body, Catalogue


class OrderState(Enum):
    """Where an order is."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class Order(msgspec.Struct):
    """An order of one product.

    Attributes:
        product: Its id.
        user: Who placed it.
        state: Where it is.
        ends: When it will be over, in monotonic seconds; 0 while it is pending.
        fails: Whether it will end badly.
    """

    product: str
    user: str
    state: OrderState
    ends: float = 0.0
    fails: bool = False

    @property
    def active(self) -> bool:
        """Whether it counts against its user's quota."""
        return self.state in (OrderState.PENDING, OrderState.RUNNING)


class Orders:
    """The orders of one hub.

    Args:
        catalogue: Where products are listed.
        clock: Time of restoring.
        stats: What was counted.
        settings: How the hub behaves now.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        stats: DhusStats,
        settings: Callable[[], DhusSettings],
    ) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._stats = stats
        self._settings = settings
        self._orders: dict[str, Order] = {}
        self._leaving: dict[str, float] = {}
        self._bodies: dict[str, Body] = {}

    @property
    def all(self) -> list[Order]:
        """Every order still known, newest state of each product only."""
        return list(self._orders.values())

    def active(self, product_id: str) -> bool:
        """Whether a product is ordered already."""
        known = self._orders.get(product_id)
        return known is not None and known.active

    def place(self, entry: Entry, user: str, *, fails: bool = False) -> None:
        """Order a product for a user, unless that is done already.

        Raises:
            Refusal: The user has too many orders, or the hub has.
        """
        if self.active(entry.id):
            return
        settings = self._settings()
        mine = sum(order.active and order.user == user for order in self._orders.values())
        if mine >= settings.most_orders:
            self._refuse(entry, 403, _quota_text(entry, user, settings.most_orders))
        if self._count(OrderState.RUNNING) < settings.most_running_orders:
            state, ends = OrderState.RUNNING, self._clock.monotonic() + settings.restore_seconds
        elif self._count(OrderState.PENDING) < settings.most_pending_orders:
            state, ends = OrderState.PENDING, 0.0
        else:
            text = "The retrieval of offline data is temporary unavailable, please try again later"
            self._refuse(entry, 503, text)
        self._orders.pop(entry.id, None)
        self._orders[entry.id] = Order(entry.id, user, state, ends, fails)
        self._stats.count(self._stats.orders, entry.id)

    async def settle(self) -> None:
        """Bring everything to where it is by now."""
        now = self._clock.monotonic()
        while due := self._due(now):
            await self._finish(due)
        for product_id in [key for key, end in self._leaving.items() if end <= now]:
            del self._leaving[product_id]
            if self._catalogue.entry(product_id) is not None:
                self._catalogue.relist(product_id, online=False, eviction_date=NEVER_EVICTED)

    def body(self, entry: Entry) -> Body | None:
        """The bytes of a product, restored ones where there are such."""
        return self._bodies.get(entry.id) or self._catalogue.body(entry.id)

    def _due(self, now: float) -> Order | None:
        running = [one for one in self._orders.values() if one.state is OrderState.RUNNING]
        first = min(running, key=lambda order: order.ends, default=None)
        return first if first is not None and first.ends <= now else None

    async def _finish(self, order: Order) -> None:
        order.state = OrderState.FAILED if order.fails else OrderState.COMPLETED
        self._start_next(order.ends)
        entry = self._catalogue.entry(order.product)
        if entry is None or order.fails:
            return
        settings = self._settings()
        ago = timedelta(seconds=self._clock.monotonic() - order.ends)
        ended = self._clock.now() - ago
        leaves = ended + timedelta(seconds=settings.restored_for_seconds)
        changes = await self._repacked(entry, ended) if settings.repacked_on_restore else {}
        self._catalogue.relist(
            entry.id,
            online=True,
            modification_date=hub_time(ended),
            eviction_date=hub_time(leaves),
            **changes,
        )
        self._leaving[entry.id] = order.ends + settings.restored_for_seconds

    def _start_next(self, at: float) -> None:
        for order in self._orders.values():
            if order.state is OrderState.PENDING:
                order.state = OrderState.RUNNING
                order.ends = at + self._settings().restore_seconds
                return

    async def _repacked(self, entry: Entry, ended: datetime) -> dict[str, object]:
        body = self.body(entry)
        if body is None:
            return {}
        data = await asyncio.to_thread(_other_packing, body, f"restored {hub_time(ended)}".encode())
        self._bodies[entry.id] = data
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return {"content_length": len(data), "md5": md5, "checksum_date": hub_time(ended)}

    def _count(self, state: OrderState) -> int:
        return sum(order.state is state for order in self._orders.values())

    def _refuse(self, entry: Entry, status: int, text: str) -> None:
        self._stats.count(self._stats.refused_orders, entry.id)
        raise Refusal(status, text, always=True)


def _quota_text(entry: Entry, user: str, quota: int) -> str:
    return (
        f"User '{user}' offline products retrieval quota exceeded ({quota} fetches max)  trying to"
        f" fetch product {identifier(entry.name)} ({entry.content_length} bytes compressed)"
    )


def _other_packing(body: Body, comment: bytes) -> bytes:
    """The product packed anew: a zip with a comment, other files with bytes after their end."""
    data = body if isinstance(body, bytes) else body.read_bytes()
    buffer = io.BytesIO(data)
    if not zipfile.is_zipfile(buffer):
        return data + comment
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = comment
    return buffer.getvalue()
