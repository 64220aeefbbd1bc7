"""What becomes of a product whose attempt failed: again after a pause, given up, or kept aside."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Protocol

import msgspec
from anyio.abc import TaskGroup

from s2fetch.archive.archive import Archive
from s2fetch.archive.records import Failure, Record, State
from s2fetch.clock import Clock, timestamp
from s2fetch.errors import (
    ArchiveInUseError,
    ChecksumMismatchError,
    Fate,
    ProductError,
    ProductOfflineError,
)
from s2fetch.events import AttemptFailed, EventBus, ProductFailed, ProductQuarantined
from s2fetch.product import Product
from s2fetch.retry import product_pause
from s2fetch.sync.commit import listed_text
from s2fetch.sync.space import SpaceGate
from s2fetch.sync.work import Queued, Work, WorkQueue
from s2fetch.transfer.download import Arrived


class OfflineDesk(Protocol):
    """Who takes products that turn out to be offline."""

    async def add(self, product: Product, *, ordered: bool = False) -> None:
        """Take one; ``ordered`` when the hub has just begun to retrieve it."""


class Failures:
    """Judges failed attempts.

    Args:
        archive: Where failures are recorded.
        queue: Where work goes back to.
        desk: Who gets what is offline.
        gate: Where records wait when the disk is full.
        attempts: How often a product is tried in a run.
        clock: Where the time comes from.
        events: Who is told.
    """

    def __init__(
        self,
        *,
        archive: Archive,
        queue: WorkQueue,
        desk: OfflineDesk,
        gate: SpaceGate,
        attempts: int,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self._archive = archive
        self._queue = queue
        self._desk = desk
        self._gate = gate
        self._attempts = attempts
        self._clock = clock
        self._events = events
        self._later: dict[str, Queued] = {}

    @property
    def later(self) -> Iterable[Queued]:
        """Products whose last attempt failed, until they are back in the queue."""
        return self._later.values()

    async def judge(
        self,
        work: Work,
        account: str,
        error: ProductError | ArchiveInUseError,
        group: TaskGroup,
    ) -> bool:
        """Decide by the error and the attempts there were.

        Args:
            work: The product.
            account: Name of the account it was tried with.
            error: Why it failed.
            group: Where to wait for the next attempt.

        Returns:
            Whether this run is done with the product.
        """
        work.attempts += 1
        if isinstance(error, ProductOfflineError):
            await self._desk.add(work.product, ordered=error.ordered)
            self._queue.settle()
            return True
        fate = error.fate if isinstance(error, ProductError) else Fate.RETRY
        limit = self._attempts
        if isinstance(error, ProductError) and error.most_attempts is not None:
            limit = min(limit, error.most_attempts)
        if fate is Fate.RETRY and work.attempts < limit:
            self._try_again_later(work, account, error, group)
            return False
        await self._give_up(work, error, fate)
        return True

    async def quarantine(self, work: Work, arrived: Arrived, error: ChecksumMismatchError) -> None:
        """Keep aside what came twice with the same wrong checksum: it is the hub's."""
        product = work.product
        record = Record(
            name=product.name,
            state=State.QUARANTINED,
            size=arrived.part.position,
            checksum=str(arrived.checksum),
            listed=listed_text(product),
            modified=timestamp(product.modified),
            attempts=work.before + work.attempts + 1,
            failure=self._failure(error),
        )

        def keep() -> None:
            nonlocal record
            if not record.path:
                arrived.part.flush()
                target = self._archive.quarantine(product, arrived.part.rename)
                path = str(target.relative_to(self._archive.root))
                record = msgspec.structs.replace(record, path=path)
            arrived.part.close()
            self._archive.make_durable([(self._archive.root / record.path).parent])
            self._archive.progress.record(product.id, record)

        await self._gate.keep(keep)
        self._events.emit(
            ProductQuarantined(
                product=product,
                path=record.path,
                expected=listed_text(product),
                computed=record.checksum,
            )
        )
        self._queue.settle()

    def _try_again_later(
        self,
        work: Work,
        account: str,
        error: ProductError | ArchiveInUseError,
        group: TaskGroup,
    ) -> None:
        pause = product_pause(work.attempts)
        self._later[work.product.id] = Queued(
            product=work.product,
            attempts=work.before + work.attempts,
            reason=error.what,
            next=timestamp(self._clock.now() + timedelta(seconds=pause)),
        )
        self._events.emit(
            AttemptFailed(
                product=work.product,
                account=account,
                attempt=work.before + work.attempts,
                code=error.code,
                error=error.what,
                retry_in=pause,
            )
        )

        async def wait() -> None:
            await self._clock.sleep(pause)
            del self._later[work.product.id]
            self._queue.put_back(work)

        group.start_soon(wait)

    async def _give_up(
        self, work: Work, error: ProductError | ArchiveInUseError, fate: Fate
    ) -> None:
        product = work.product
        record = Record(
            name=product.name,
            state=State.FAILED,
            listed=listed_text(product),
            modified=timestamp(product.modified),
            attempts=work.before + work.attempts,
            failure=self._failure(error),
        )
        await self._gate.keep(partial(self._record_failure, product.id, record))
        self._events.emit(
            ProductFailed(
                product=product,
                code=error.code,
                error=str(error),
                next_step="needs a change by you or the hub first"
                if fate is Fate.NEVER
                else "the next run tries again",
            )
        )
        self._queue.settle()

    def _record_failure(self, product_id: str, record: Record) -> None:
        """Record it, unless a renewal failed and what was there before is right still."""
        before = self._archive.progress.get(product_id)
        if before is not None and before.state is State.COMPLETE:
            if before.listed == record.listed and self._archive.is_untouched(before):
                return
            # The older file stays; knowing that it is ours, the next success replaces it.
            record = msgspec.structs.replace(record, path=before.path)
        elif before is not None and before.state in (State.FAILED, State.WAITING):
            record = msgspec.structs.replace(record, path=before.path)
        self._archive.progress.record(product_id, record)

    def _failure(self, error: ProductError | ArchiveInUseError) -> Failure:
        return Failure(code=error.code, message=error.what, at=timestamp(self._clock.now()))
