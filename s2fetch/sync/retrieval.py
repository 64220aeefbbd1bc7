"""The retrieval desk: products that are offline wait here, and never in a slot.

What is waited for is in the progress file, with every order, so that a restart forgets nothing and
orders nothing twice. An order is written down before it is placed: after a crash in between it
counts as placed until it expires. Whether a product is back is asked in bulk.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import anyio
import msgspec

from s2fetch.account.account import Account
from s2fetch.archive.archive import Archive
from s2fetch.archive.records import Record, Retrieval, RetrievalState, State
from s2fetch.clock import Clock, timestamp
from s2fetch.config.values import Offline, RetrievalConfig
from s2fetch.errors import HubBusyError, ProductError, TokenRefusedError
from s2fetch.events import EventBus, ProductOnline, ProductWaiting, RetrievalRequested
from s2fetch.hub.base import Hub, RetrievalAnswer
from s2fetch.product import Product
from s2fetch.sync.commit import listed_text
from s2fetch.sync.work import Work, WorkQueue

ORDER_EXPIRY = timedelta(days=3)
"""An order that has brought nothing for so long is placed again."""
QUOTA_PAUSE = timedelta(minutes=30)
"""After a quota answer no order is placed for so long."""
MOST_POLLED = 1000
"""Products that are looked at in one round; the longest waiting first."""
REQUEST_TRIES = 3
MOST_HAND_BACKS = 3
"""So often in a run a catalogue is believed that says "online" while the download says not."""

_PLACED = frozenset({RetrievalState.REQUESTED, RetrievalState.ACCEPTED})
_STATES = {
    RetrievalAnswer.ACCEPTED: RetrievalState.ACCEPTED,
    RetrievalAnswer.ONLINE: RetrievalState.ACCEPTED,
    RetrievalAnswer.QUOTA: RetrievalState.QUOTA,
    RetrievalAnswer.REFUSED: RetrievalState.REFUSED,
}


class RetrievalDesk:
    """Waits for offline products on behalf of one run.

    Args:
        hub: Whom to ask.
        archive: Where what is waited for is recorded.
        account: Through whose slots orders are placed.
        queue: Where products go that are back.
        settings: What to do with offline products, and how long.
        clock: Where the time comes from.
        events: Who is told.
    """

    def __init__(
        self,
        hub: Hub,
        archive: Archive,
        account: Account,
        queue: WorkQueue,
        settings: RetrievalConfig,
        *,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self._hub = hub
        self._archive = archive
        self._account = account
        self._queue = queue
        self._settings = settings
        self._clock = clock
        self._events = events
        self._waiting: dict[str, tuple[Product, Record]] = {}
        self._to_order: list[str] = []
        self._handed_back: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<RetrievalDesk: {len(self._waiting)} waiting, {len(self._to_order)} to order>"

    @property
    def waiting(self) -> int:
        """How many products wait."""
        return len(self._waiting)

    async def add(self, product: Product) -> None:
        """Take a product that is offline, and record that it is waited for.

        Raises:
            ArchiveError: If it cannot be recorded.
        """
        before = await anyio.to_thread.run_sync(self._archive.progress.get, product.id)
        retrieval = before.retrieval if before is not None else None
        if retrieval is None:
            retrieval = Retrieval(state=RetrievalState.WAITING, since=self._now())
        record = Record(
            name=product.name,
            state=State.WAITING,
            listed=listed_text(product),
            modified=timestamp(product.modified),
            retrieval=retrieval,
        )
        if record != before:
            await self._record(product, record)
        self._waiting[product.id] = product, record
        if self._settings.offline is Offline.REQUEST and self._is_due(retrieval):
            self._to_order.append(product.id)
        self._events.emit(ProductWaiting(product=product, since=retrieval.since))

    async def run(self) -> None:
        """Order and look until nothing waits, or the time for waiting is over.

        The time begins when everything else is done.
        """
        deadline: float | None = None
        next_look = self._clock.monotonic()
        try:
            while True:
                await self._place_orders()
                if self._clock.monotonic() >= next_look and self._is_polling:
                    await self._look()
                    next_look = self._clock.monotonic() + self._settings.poll_interval_seconds
                if not self._queue.is_idle(apart_from=1):
                    deadline = None
                elif not self._is_polling:
                    return
                elif deadline is None:
                    deadline = self._clock.monotonic() + self._settings.wait_offline_seconds
                if deadline is not None and self._clock.monotonic() >= deadline:
                    return
                await self._pause(next_look, deadline)
        finally:
            self._queue.close_source()

    @property
    def _is_polling(self) -> bool:
        return bool(self._waiting) and self._settings.offline is not Offline.SKIP

    async def _pause(self, next_look: float, deadline: float | None) -> None:
        """Sleep until there is something to do: an order, a look, the end."""
        if not self._is_polling:
            await self._queue.wait_changed()
            return
        until = next_look if deadline is None else min(next_look, deadline)
        await self._clock.sleep(min(1.0, max(0.0, until - self._clock.monotonic())))

    def _is_due(self, retrieval: Retrieval) -> bool:
        """Whether an order may be placed: none is under way, and no quota stands against it."""
        if retrieval.next is None:
            return True
        return datetime.fromisoformat(retrieval.next) <= self._clock.now()

    async def _place_orders(self) -> None:
        placed = sum(
            record.retrieval is not None and record.retrieval.state in _PLACED
            for _, record in self._waiting.values()
        )
        while self._to_order and placed < self._settings.limit:
            product_id = self._to_order.pop(0)
            product, record = self._waiting[product_id]
            answer = await self._order(product, record)
            if answer is RetrievalAnswer.QUOTA:
                self._to_order.clear()
            elif answer is RetrievalAnswer.ONLINE:
                await self._hand_back(product)
            placed += answer is RetrievalAnswer.ACCEPTED

    async def _order(self, product: Product, record: Record) -> RetrievalAnswer:
        before = record.retrieval or Retrieval(state=RetrievalState.WAITING, since=self._now())
        intent = msgspec.structs.replace(
            before,
            state=RetrievalState.REQUESTED,
            asked=before.asked + 1,
            next=timestamp(self._clock.now() + ORDER_EXPIRY),
        )
        await self._update(product, record, intent)
        answer, text = await self._ask(product)
        pause = QUOTA_PAUSE if answer is RetrievalAnswer.QUOTA else ORDER_EXPIRY
        result = msgspec.structs.replace(
            intent,
            state=_STATES[answer],
            answer=text[:200],
            next=timestamp(self._clock.now() + pause),
        )
        await self._update(product, record, result)
        self._events.emit(RetrievalRequested(product=product, answer=f"{answer} {text}"))
        return answer

    async def _ask(self, product: Product) -> tuple[RetrievalAnswer, str]:
        """Place one order, in a slot. What goes wrong means that it has to be waited for."""
        problem = ""
        for _ in range(REQUEST_TRIES):
            await self._hub.wait_until_ready(self._account.name)
            async with self._account.slots.slot():
                token = await self._account.tokens.get()
                try:
                    return await self._hub.request_retrieval(
                        product, token=token, account=self._account.name
                    )
                except TokenRefusedError as error:
                    self._account.tokens.refuse(token)
                    problem = error.what
                except (ProductError, HubBusyError) as error:
                    problem = error.what
        return RetrievalAnswer.REFUSED, problem

    async def _look(self) -> None:
        """Ask in bulk which products are back."""
        oldest = sorted(
            self._waiting.values(),
            key=lambda entry: entry[1].retrieval.since if entry[1].retrieval else "",
        )[:MOST_POLLED]
        for product in await self._hub.by_name([product.name for product, _ in oldest]):
            again = self._handed_back[product.id] < MOST_HAND_BACKS
            if product.online and again and product.id in self._waiting:
                await self._hand_back(product)

    async def _hand_back(self, product: Product) -> None:
        del self._waiting[product.id]
        self._handed_back[product.id] += 1
        self._events.emit(ProductOnline(product=product))
        await self._queue.put(Work(product))

    async def _update(self, product: Product, record: Record, retrieval: Retrieval) -> None:
        changed = msgspec.structs.replace(record, retrieval=retrieval)
        await self._record(product, changed)
        self._waiting[product.id] = product, changed

    async def _record(self, product: Product, record: Record) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._archive.progress.record, product.id, record)

    def _now(self) -> str:
        return timestamp(self._clock.now())
