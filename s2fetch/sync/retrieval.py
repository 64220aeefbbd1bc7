"""The retrieval desk: products that are offline wait here, and never in a slot.

What is waited for is in the progress file, with every order, so that a restart forgets nothing and
orders nothing twice. An order is written down right before it is placed: after a crash in between,
when nobody knows whether the hub has it, the product is only looked at for a while before it is
asked for again, which the software of the hubs counts as the same order. Whether a product is back
is asked in bulk.
"""

from __future__ import annotations

import contextlib
import heapq
import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

import anyio
import anyio.lowlevel
import msgspec

from s2fetch.account.account import Account
from s2fetch.archive.archive import Archive
from s2fetch.archive.records import Record, Retrieval, RetrievalState, State
from s2fetch.clock import Clock, sleep_unless, timestamp
from s2fetch.config.values import Offline, RetrievalConfig
from s2fetch.errors import (
    AccountError,
    ArchiveError,
    HubBusyError,
    HubDownError,
    HubError,
    ProductError,
    QueryError,
    TokenRefusedError,
)
from s2fetch.events import EventBus, ProductOnline, ProductWaiting, RetrievalRequested
from s2fetch.hub.base import Hub, RetrievalAnswer
from s2fetch.product import Product
from s2fetch.sync.commit import listed_text
from s2fetch.sync.space import SpaceGate
from s2fetch.sync.work import Work, WorkQueue

ORDER_EXPIRY = timedelta(days=3)
"""An order that has brought nothing for so long is placed again."""
REFUSED_PAUSE = timedelta(days=1)
"""After a refusal the product is asked for again no sooner than this; it is looked at meanwhile."""
LATER_PAUSE = timedelta(hours=1)
"""After an order that went wrong, or whose answer nobody has heard because the run ended, it is
placed again, unless the product is back by then."""
MOST_WRONG = 3
"""So many orders that go wrong one after the other count as a quota: the hub has enough."""
QUOTA_PAUSE = timedelta(minutes=30)
"""After a quota answer no order is placed for so long."""
MOST_POLLED = 1000
"""Products that are looked at in one round, in turn."""
REQUEST_TRIES = 3
MOST_HAND_BACKS = 3
"""So often in a run a catalogue is believed that says "online" while the download says not."""

_PLACE_KEPT = frozenset({State.COMPLETE, State.FAILED, State.WAITING})
"""States of a product whose older copy, if there is one, is ours and gives way to the new one."""
_Situation = tuple[bool, tuple[float, str] | None]
_PLACED = frozenset({RetrievalState.REQUESTED, RetrievalState.ACCEPTED})
_STATES = {
    RetrievalAnswer.ACCEPTED: RetrievalState.ACCEPTED,
    RetrievalAnswer.ONLINE: RetrievalState.ACCEPTED,
    RetrievalAnswer.QUOTA: RetrievalState.QUOTA,
    RetrievalAnswer.LATER: RetrievalState.WAITING,
    RetrievalAnswer.REFUSED: RetrievalState.REFUSED,
}
_PAUSES = {
    RetrievalAnswer.QUOTA: QUOTA_PAUSE,
    RetrievalAnswer.LATER: LATER_PAUSE,
    RetrievalAnswer.REFUSED: REFUSED_PAUSE,
}


class RetrievalDesk:
    """Waits for offline products on behalf of one run.

    Args:
        hub: Whom to ask.
        archive: Where what is waited for is recorded.
        accounts: Through whose slots orders are placed: the first that can be used.
        queue: Where products go that are back.
        settings: What to do with offline products, and how long.
        gate: Where records wait when the disk is full.
        clock: Where the time comes from.
        events: Who is told.

    Attributes:
        error: Why it could not be seen which products are back, if that is so still.
    """

    def __init__(
        self,
        hub: Hub,
        archive: Archive,
        accounts: Sequence[Account],
        queue: WorkQueue,
        settings: RetrievalConfig,
        *,
        gate: SpaceGate,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self.error: HubError | QueryError | None = None
        self._hub = hub
        self._archive = archive
        self._accounts = list(accounts)
        self._queue = queue
        self._settings = settings
        self._gate = gate
        self._clock = clock
        self._events = events
        self._waiting: dict[str, tuple[Product, Record]] = {}
        self._to_order: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}
        self._no_orders_until = clock.monotonic()
        self._handed_back: Counter[str] = Counter()
        self._wrong = 0

    def __repr__(self) -> str:
        return f"<RetrievalDesk: {len(self._waiting)} waiting, {len(self._to_order)} to order>"

    @property
    def waiting(self) -> int:
        """How many products wait."""
        return len(self._waiting)

    async def add(self, product: Product, *, ordered: bool = False) -> None:
        """Take a product that is offline, and record that it is waited for.

        Args:
            product: The product.
            ordered: Whether the hub has begun to retrieve it, because it was asked for its bytes.

        Raises:
            ArchiveError: If it cannot be recorded.
        """
        product = msgspec.structs.replace(product, footprint=None)  # thousands may wait
        before = await anyio.to_thread.run_sync(self._archive.progress.get, product.id)
        retrieval = before.retrieval if before is not None else None
        if retrieval is None:
            retrieval = Retrieval(state=RetrievalState.WAITING, since=self._now())
        if ordered and retrieval.state not in _PLACED:
            retrieval = msgspec.structs.replace(
                retrieval,
                state=RetrievalState.ACCEPTED,
                asked=retrieval.asked + 1,
                next=timestamp(self._clock.now() + ORDER_EXPIRY),
            )
        record = Record(
            name=product.name,
            state=State.WAITING,
            path=before.path if before is not None and before.state in _PLACE_KEPT else "",
            listed=listed_text(product),
            modified=timestamp(product.modified),
            retrieval=retrieval,
        )
        if record != before:
            await self._record(product, record)
        self._waiting[product.id] = product, record
        next_before = self._to_order[:1]
        self._order_when_due(product.id, retrieval)
        if len(self._waiting) == 1 or self._to_order[:1] != next_before:
            self._queue.notify()
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
        given_up = isinstance(self.error, HubDownError)
        return bool(self._waiting) and self._settings.offline is not Offline.SKIP and not given_up

    async def _pause(self, next_look: float, deadline: float | None) -> None:
        """Sleep until there is something to do: an order, a look, the end."""
        if not self._is_polling:
            await self._queue.wait_changed()
            return
        before = self._situation()
        until = min(next_look, self._next_turn(), math.inf if deadline is None else deadline)
        seconds = max(0.0, until - self._clock.monotonic())
        await sleep_unless(self._clock, seconds, partial(self._wait_for_another, before))

    async def _wait_for_another(self, situation: _Situation) -> None:
        while self._situation() == situation:
            await self._queue.wait_changed()

    def _situation(self) -> _Situation:
        """Whether all others are done, and which order is the next."""
        return self._queue.is_idle(apart_from=1), next(iter(self._to_order), None)

    def _next_turn(self) -> float:
        """When the next order may be placed, as far as is known now; infinite if there is none."""
        if not self._to_order:
            return math.inf
        at = max(self._to_order[0][0], self._no_orders_until)
        placed = self._placed()
        if at > self._clock.monotonic() or len(placed) < self._settings.limit:
            return at
        return min((self._due[product_id] for product_id in placed), default=math.inf)

    def _order_when_due(self, product_id: str, retrieval: Retrieval) -> None:
        """Have an order placed as soon as none is under way and no quota stands against it."""
        if self._settings.offline is not Offline.REQUEST:
            return
        at = self._clock.monotonic() + self._seconds_until(retrieval.next)
        if retrieval.state is RetrievalState.QUOTA:
            self._no_orders_until = max(self._no_orders_until, at)
        self._due[product_id] = at
        heapq.heappush(self._to_order, (at, product_id))

    def _seconds_until(self, recorded: str | None) -> float:
        """How long until a recorded time; no time at all for what cannot be right.

        One that is further away than any pause was written by a clock that has been put right
        since: an order is not kept from being placed for years.
        """
        try:
            due = datetime.fromisoformat(recorded or "")
        except ValueError:
            return 0.0
        left = due - self._clock.now() if due.tzinfo is not None else timedelta()
        return max(0.0, left.total_seconds()) if left <= ORDER_EXPIRY else 0.0

    async def _place_orders(self) -> None:
        while (product_id := self._next_order()) is not None:
            product, record = self._waiting[product_id]
            if await self._order(product, record) is RetrievalAnswer.ONLINE:
                await self._hand_back(await self._as_listed_now(product))

    async def _as_listed_now(self, product: Product) -> Product:
        """A product that is back: the copy that was retrieved may have another checksum."""
        try:
            found = await self._hub.by_name([product.name])
        except (HubError, QueryError):
            return product
        return next((each for each in found if each.id == product.id), product)

    def _next_order(self) -> str | None:
        """The product that is to be ordered now, if any."""
        now = self._clock.monotonic()
        while self._to_order and now >= max(self._to_order[0][0], self._no_orders_until):
            at, product_id = self._to_order[0]
            if product_id in self._waiting and self._due[product_id] == at:
                if len(self._placed()) >= self._settings.limit:
                    return None
                heapq.heappop(self._to_order)
                return product_id
            heapq.heappop(self._to_order)
        return None

    def _placed(self) -> list[str]:
        """The products whose orders are under way."""
        now = self._clock.monotonic()
        return [
            product_id
            for product_id, (_, record) in self._waiting.items()
            if record.retrieval is not None
            and record.retrieval.state in _PLACED
            and self._due.get(product_id, 0.0) > now
        ]

    async def _order(self, product: Product, record: Record) -> RetrievalAnswer:
        before = record.retrieval or Retrieval(state=RetrievalState.WAITING, since=self._now())
        intent = msgspec.structs.replace(
            before, state=RetrievalState.REQUESTED, asked=before.asked + 1
        )
        answer, text = await self._ask(product, record, intent)
        self._wrong = self._wrong + 1 if answer is RetrievalAnswer.LATER else 0
        if self._wrong >= MOST_WRONG:
            answer = RetrievalAnswer.QUOTA
        result = self._answered(intent, answer, text)
        await self._update(product, record, result)
        self._order_when_due(product.id, result)
        self._events.emit(RetrievalRequested(product=product, answer=f"{answer} {text}"))
        return answer

    def _answered(self, intent: Retrieval, answer: RetrievalAnswer, text: str) -> Retrieval:
        return msgspec.structs.replace(
            intent,
            state=_STATES[answer],
            answer=text[:200],
            next=timestamp(self._clock.now() + _PAUSES.get(answer, ORDER_EXPIRY)),
        )

    async def _ask(
        self, product: Product, record: Record, intent: Retrieval
    ) -> tuple[RetrievalAnswer, str]:
        """Place one order, in a slot. What goes wrong means that it has to be waited for.

        A hub that keeps saying "busy" means a quota: it does not want more orders now. The order is
        written down at the last moment, and taken back when it was refused: a run that ends while
        it waits for a slot, which can take hours, has ordered nothing.
        """
        result = RetrievalAnswer.LATER, ""
        tries = 0
        while tries < REQUEST_TRIES:
            account = self._accounts[0]
            await self._hub.wait_until_ready(account.name)
            async with account.slots.slot():
                if self._hub.is_paused(account.name):
                    continue  # since we have waited for the slot
                tries += 1
                try:
                    token = await account.tokens.get()
                    until = timestamp(self._clock.now() + LATER_PAUSE)
                    placed = msgspec.structs.replace(intent, next=until)
                    await self._write_down(product, record, placed)
                    return await self._hub.request_retrieval(
                        product, token=token, account=account.name
                    )
                except TokenRefusedError as error:
                    account.tokens.refuse(token)
                    result = RetrievalAnswer.LATER, error.what
                except ProductError as error:
                    result = RetrievalAnswer.LATER, error.what
                except HubBusyError as error:
                    result = RetrievalAnswer.QUOTA, error.what
                except AccountError:
                    if len(self._accounts) == 1:
                        raise
                    del self._accounts[0]
                    continue
                await self._update(product, record, self._answered(intent, *result))
        return result

    async def _write_down(self, product: Product, record: Record, placed: Retrieval) -> None:
        """Record an order that is to be placed now; nothing should the run have ended by then."""
        await self._update(product, record, placed)
        try:
            await anyio.lowlevel.checkpoint_if_cancelled()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True), contextlib.suppress(ArchiveError):
                await self._record(product, record)
            raise

    async def _look(self) -> None:
        """Ask in bulk which products are back; those looked at least recently go first."""
        looked_at = list(islice(self._waiting, MOST_POLLED))
        names = [self._waiting[product_id][0].name for product_id in looked_at]
        try:
            found = await self._hub.by_name(list(dict.fromkeys(names)))
        except (HubError, QueryError) as error:
            self.error = error  # looked at again later, unless the hub is given up
            return
        self.error = None
        for product in found:
            again = self._handed_back[product.id] < MOST_HAND_BACKS
            if product.online and again and product.id in self._waiting:
                await self._hand_back(product)
        for product_id in looked_at:
            if product_id in self._waiting:
                self._waiting[product_id] = self._waiting.pop(product_id)

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
        await self._gate.keep(partial(self._archive.progress.record, product.id, record))

    def _now(self) -> str:
        return timestamp(self._clock.now())
