"""Giving arrived products their final names and records, several with one flush.

The order makes every crash harmless: flush the files, rename them, flush the folders, then record.
Products that arrive while a commit is under way form the next one, so that small products share
the flushes, which are what takes the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import anyio

from s2fetch.archive.archive import Archive
from s2fetch.archive.records import Record, State
from s2fetch.clock import Clock, timestamp
from s2fetch.events import EventBus, Healed, ProductCompleted
from s2fetch.product import Product, Proof
from s2fetch.sync.space import SpaceGate
from s2fetch.transfer.download import Arrived

GATHER_SECONDS = 0.03
"""How long a product that has arrived waits for others to be committed with it."""
MOST_AT_ONCE = 64
"""Products in one commit."""


@dataclass(frozen=True)
class Commit:
    """A product that has arrived and is proven.

    Attributes:
        arrived: Its bytes.
        proof: What shows that they are the product.
        shared_name: Whether another product of the same name has its place.
        done: Called when it is recorded.
    """

    arrived: Arrived
    proof: Proof
    shared_name: bool
    done: Callable[[], None]


class Committer:
    """Commits for one archive.

    Args:
        archive: Where products go.
        source: Base URL of the hub, for the records.
        is_all: Whether so many products are all that the run has to settle.
        last: Called when a commit of all there is begins.
        gate: Where it waits when the disk is full.
        clock: Where the time comes from.
        events: Who is told.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        source: str,
        is_all: Callable[[int], bool],
        last: Callable[[], None],
        gate: SpaceGate,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self._is_all = is_all
        self._last = last
        self._gate = gate
        self._archive = archive
        self._source = source
        self._clock = clock
        self._events = events
        self._send, self._receive = anyio.create_memory_object_stream[Commit](math.inf)

    def submit(self, commit: Commit) -> None:
        """Have a product committed. Never waits: unsettled work is bounded elsewhere."""
        self._send.send_nowait(commit)

    def finish(self) -> None:
        """Say that there will be no more; `run` returns when all is done."""
        self._send.close()

    def close(self) -> None:
        """Forget what was submitted and not committed; only after a failure is there any."""
        self._send.close()
        self._receive.close()

    async def run(self) -> None:
        """Commit what is submitted until `finish`.

        Raises:
            ArchiveError: If files cannot be renamed or recorded; nothing is lost.
        """
        with self._receive:
            async for first in self._receive:
                batch = await self._batch(first)
                if self._is_all(len(batch)):
                    self._last()
                recorded: list[Record] = []
                await self._gate.keep(partial(self._commit, batch, recorded))
                self._gate.passed()
                for commit, record in zip(batch, recorded, strict=True):
                    self._tell(commit, record)
                    commit.done()

    async def _batch(self, first: Commit) -> list[Commit]:
        """A commit with those that follow at once; nobody waits when there are no others."""
        batch = [first]
        with anyio.move_on_after(GATHER_SECONDS):
            while len(batch) < MOST_AT_ONCE and not self._is_all(len(batch)):
                try:
                    batch.append(await self._receive.receive())
                except anyio.EndOfStream:
                    break
        return batch

    def _commit(self, batch: list[Commit], records: list[Record]) -> None:
        """Commit, going on behind the records that are there should the disk have been full."""
        left = batch[len(records) :]
        if len(left) > 1:
            for commit in left:
                commit.arrived.part.begin_flush()
        for commit in left:
            commit.arrived.part.flush()
        try:
            for commit in left:
                records.append(self._publish(commit, {record.path for record in records}))
        finally:
            # Should one fail, those before it have their final names already.
            self._keep(batch, records)
        if self._archive.progress.should_fold:
            self._archive.progress.fold()

    def _keep(self, batch: list[Commit], records: list[Record]) -> None:
        folders = {record.path.rpartition("/")[0] for record in records}
        self._archive.make_durable(self._archive.root / folder for folder in folders)
        self._archive.progress.record_many(
            (commit.arrived.product.id, record)
            for commit, record in zip(batch, records, strict=False)
        )

    def _publish(self, commit: Commit, taken: set[str]) -> Record:
        arrived = commit.arrived
        product = arrived.product
        path = self._place(commit, taken)
        arrived.part.rename(self._archive.root / path)
        record = Record(
            name=product.name,
            state=State.COMPLETE,
            path=str(path),
            size=arrived.part.position,
            checksum=str(arrived.checksum),
            listed=listed_text(product),
            proof=commit.proof,
            verified=timestamp(self._clock.now()),
            source=self._source,
            modified=timestamp(product.modified),
            mtime_ns=arrived.part.mtime_ns(),
        )
        arrived.part.close()
        return record

    def _place(self, commit: Commit, taken: set[str]) -> PurePosixPath:
        """Where the product goes; what is there and is not known to be ours is moved aside.

        Args:
            commit: The product.
            taken: Paths given to others in this batch, which are not recorded yet.
        """
        product, suffix = commit.arrived.product, commit.arrived.suffix
        path = self._archive.layout.path_for(product, suffix)
        if commit.shared_name or str(path) in taken:
            path = self._archive.shared_path(product, suffix)
        if not self._archive.is_taken(path):
            return path
        if self._archive.progress.paths().get(str(path), product.id) != product.id:
            path = self._archive.shared_path(product, suffix)
        ours = self._archive.progress.get(product.id)
        if self._archive.is_taken(path) and (ours is None or ours.path != str(path)):
            aside = self._archive.set_aside(path, self._clock.now())
            moved = Healed(
                subject=product.name,
                what=f"a file that is not the product was in its place; it is {aside} now",
            )
            anyio.from_thread.run_sync(self._events.emit, moved)
        return path  # an older or damaged copy of ours is replaced by the verified one

    def _tell(self, commit: Commit, record: Record) -> None:
        arrived = commit.arrived
        self._events.emit(
            ProductCompleted(
                product=arrived.product,
                account=arrived.account,
                path=record.path,
                size=record.size,
                proof=commit.proof,
                received=arrived.received,
                seconds=arrived.seconds,
            )
        )


def listed_text(product: Product) -> str:
    """The listed checksum as the progress file has it; empty when there is none."""
    listed = product.best_checksum
    return str(listed) if listed else ""
