"""From the listing to where each product goes: it is here, is hashed, is fetched, or waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from s2fetch.archive.archive import Archive, Known
from s2fetch.archive.records import Record, State, as_consumed
from s2fetch.clock import Clock, timestamp
from s2fetch.config.values import OnMissing
from s2fetch.errors import HubError, QueryError, UnsafeNameError
from s2fetch.events import (
    CopyRefused,
    EventBus,
    Healed,
    ProductAdopted,
    ProductConsumed,
    ProductFailed,
    ProductPlanned,
    ProductsPresent,
)
from s2fetch.product import Algorithm, Product, Proof
from s2fetch.sync.adopt import Candidate, adopt
from s2fetch.sync.batches import BATCH_PRODUCTS, batches
from s2fetch.sync.commit import listed_text
from s2fetch.sync.planner import Plan, Verdict, is_untouched, plan
from s2fetch.sync.retrieval import RetrievalDesk
from s2fetch.sync.space import SpaceGate
from s2fetch.sync.work import Work, WorkQueue

ADOPTING_TASKS = 2
"""Files that are hashed for adoption at a time."""


_Stream = MemoryObjectSendStream[Candidate] | MemoryObjectReceiveStream[Candidate]


class Dispatcher:
    """Decides about every product that is listed, and hands it on.

    Args:
        archive: Where products go; open.
        source: Base URL of the hub, for the records.
        queue: Where products go that are to be fetched.
        desk: Where products go that are offline.
        gate: Where records wait when the disk is full.
        renew: Fetch everything, whatever is there.
        everywhere: Look for copies in all folders of the archive.
        on_missing: What to do about verified products whose files are gone.
        clock: Where the time comes from.
        events: Who is told.

    Attributes:
        error: Why the listing could not be read to its end, if that is so.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        source: str,
        queue: WorkQueue,
        desk: RetrievalDesk,
        gate: SpaceGate,
        renew: bool,
        everywhere: bool,
        on_missing: OnMissing,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self.error: HubError | QueryError | None = None
        self._archive = archive
        self._source = source
        self._queue = queue
        self._desk = desk
        self._gate = gate
        self._renew = renew
        self._everywhere = everywhere
        self._on_missing = on_missing
        self._clock = clock
        self._events = events
        self._streams: list[_Stream] = []

    def tasks(
        self, listing: AbstractAsyncContextManager[AsyncIterator[Product]]
    ) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """What is to run at the same time; each is a source of the queue and closes it.

        Args:
            listing: What the catalogue lists.
        """
        to_adopt, candidates = anyio.create_memory_object_stream[Candidate](BATCH_PRODUCTS)
        ends = [candidates, *(candidates.clone() for _ in range(ADOPTING_TASKS - 1))]
        self._streams += [to_adopt, *ends]
        adopting = [partial(self._adopt_all, end) for end in ends]
        return [partial(self._plan_all, listing, to_adopt), *adopting]

    def close(self) -> None:
        """Forget what was not handed on; only after a failure is there any."""
        for stream in self._streams:
            stream.close()

    async def _plan_all(
        self,
        listing: AbstractAsyncContextManager[AsyncIterator[Product]],
        to_adopt: MemoryObjectSendStream[Candidate],
    ) -> None:
        """Decide about everything the catalogue lists; held back by the queue."""
        try:
            with to_adopt:
                async with listing as products:
                    async for batch in batches(products):
                        await self._plan_batch(batch, to_adopt)
        except (HubError, QueryError) as error:
            # What is queued is still fetched; the run ends with this error.
            self.error = error
        finally:
            self._queue.close_source()

    async def _adopt_all(self, candidates: MemoryObjectReceiveStream[Candidate]) -> None:
        try:
            async with candidates:
                async for candidate in candidates:
                    await self._adopt(candidate)
        finally:
            self._queue.close_source()

    async def _plan_batch(
        self, batch: list[Product], to_adopt: MemoryObjectSendStream[Candidate]
    ) -> None:
        look_up = partial(self._archive.look_up, batch, everywhere=self._everywhere)
        if not self._renew:
            look_up = partial(look_up, is_settled=is_untouched)
        unsettled = await anyio.to_thread.run_sync(look_up)
        present, consumed = len(batch) - len(unsettled), 0
        for product, known in unsettled:
            decision = plan(
                product,
                known.record,
                known.file,
                renew=self._renew,
                on_missing=self._on_missing,
            )
            if decision.verdict is Verdict.HAVE:
                present += 1
                continue
            if decision.verdict is Verdict.CONSUMED and _is_consumed(known):
                consumed += 1
                continue
            self._events.emit(
                ProductPlanned(
                    product=product,
                    verdict=decision.verdict,
                    reason=decision.reason,
                    was=known.record.state if known.record is not None else "",
                )
            )
            await self._carry_out(product, known, decision, to_adopt)
        if present or consumed:
            self._events.emit(ProductsPresent(count=present, consumed=consumed))

    async def _carry_out(
        self,
        product: Product,
        known: Known,
        decision: Plan,
        to_adopt: MemoryObjectSendStream[Candidate],
    ) -> None:
        if decision.healed:
            self._events.emit(Healed(subject=product.name, what=decision.healed))
        attempts = known.record.attempts if known.record is not None else 0
        match decision.verdict:
            case Verdict.RECORD:
                await self._update_record(product, known.record)
            case Verdict.VERIFY | Verdict.FETCH | Verdict.OFFLINE | Verdict.CONSUMED:
                wanted = decision.verdict is not Verdict.CONSUMED
                if known.candidates and not self._renew:
                    candidate = Candidate(product, known.candidates, known.record, wanted)
                    await to_adopt.send(candidate)
                elif not wanted:
                    await self._consume(product, known.record)
                else:
                    await self._fetch_or_wait(product, attempts)
            case _:
                return

    async def _fetch_or_wait(
        self, product: Product, attempts: int, *, shared_name: bool = False
    ) -> None:
        try:
            self._archive.check_name(product)
        except UnsafeNameError as error:
            self._events.emit(
                ProductFailed(
                    product=product,
                    code=error.code,
                    error=str(error),
                    next_step="it is skipped as long as it has this name",
                )
            )
            return
        if product.online:
            await self._queue.put(Work(product, before=attempts, shared_name=shared_name))
        else:
            await self._desk.add(product)

    async def _adopt(self, candidate: Candidate) -> None:
        product = candidate.product
        adopted = await self._gate.passing(
            partial(adopt, self._archive, candidate, source=self._source, clock=self._clock)
        )
        record = adopted.record
        if record is not None and record.proof is not None:
            self._events.emit(
                ProductAdopted(
                    product=product, path=record.path, size=record.size, proof=record.proof
                )
            )
            return
        for path, reason in adopted.refused.items():
            self._events.emit(CopyRefused(product=product, path=path, reason=reason))
        if not candidate.wanted:
            await self._consume(product, candidate.record)
            return
        owners = await anyio.to_thread.run_sync(self._archive.progress.paths)
        taken = any(owners.get(file.path, product.id) != product.id for file in candidate.files)
        await self._fetch_or_wait(product, candidate.attempts, shared_name=taken)

    async def _consume(self, product: Product, record: Record | None) -> None:
        """Take a product whose file is gone for used up."""
        if record is None:
            return
        consumed = as_consumed(record)
        if consumed != record:
            record_it = partial(self._archive.progress.record, product.id, consumed)
            await self._gate.keep(record_it)
        self._events.emit(ProductConsumed(product=product, path=record.path))

    async def _update_record(self, product: Product, record: Record | None) -> None:
        if record is None:
            return
        changed = msgspec.structs.replace(
            record, modified=timestamp(product.modified), withdrawn=None
        )
        if (listed := product.best_checksum) is not None and record.unpacked:
            changed = msgspec.structs.replace(changed, listed=listed_text(product))
        elif listed is not None:
            proof = Proof.MD5 if listed.algorithm is Algorithm.MD5 else Proof.BLAKE3
            changed = msgspec.structs.replace(changed, listed=listed_text(product), proof=proof)
        await self._gate.keep(partial(self._archive.progress.record, product.id, changed))


def _is_consumed(known: Known) -> bool:
    """Whether a product is recorded as consumed, and nothing like it has come back."""
    state = known.record.state if known.record is not None else None
    return state is State.CONSUMED and not known.candidates
