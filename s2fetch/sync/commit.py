"""Giving arrived products their final names and records, several with one flush.

The order makes every crash harmless: flush the files, rename them, flush the folders, then record.
Products that arrive while a commit is under way form the next one, so that small products share
the flushes, which are what takes the time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import takewhile
from pathlib import PurePosixPath
from typing import NamedTuple

import anyio
import msgspec

from s2fetch.archive.archive import Archive
from s2fetch.archive.proof import check_digest
from s2fetch.archive.records import Record, State
from s2fetch.clock import Clock, sleep_unless, timestamp
from s2fetch.errors import ArchiveError, ArchiveInUseError, ChecksumMismatchError, ProductError
from s2fetch.events import EventBus, Healed, ProductCompleted
from s2fetch.product import Product, Proof
from s2fetch.sync.space import SpaceGate
from s2fetch.transfer.download import Arrived
from s2fetch.transfer.landing import land

GATHER_SECONDS = 0.03
"""How long a product that has arrived waits for others to be committed with it."""
MOST_AT_ONCE = 64
"""Products in one commit."""
MOST_HELD_BYTES = 16 << 20
"""Small products in memory, above which nobody goes on to the next one."""


class Commit(msgspec.Struct, frozen=True):
    """A product that has arrived.

    Attributes:
        arrived: Its bytes.
        proof: What shows that they are the product; None while their digest has to show it.
        shared_name: Whether another product of the same name has its place.
        done: Called when it is recorded.
        refused: Called instead when it turns out to be wrong, or cannot be kept.
    """

    arrived: Arrived
    proof: Proof | None
    shared_name: bool
    done: Callable[[], None]
    refused: Callable[[ProductError | ArchiveInUseError], None]

    @property
    def held_bytes(self) -> int:
        """What of it is in memory only."""
        landing = self.arrived.landing
        return landing.size_bytes if landing is not None else 0


class _Proven(NamedTuple):
    """What is going to be committed."""

    commit: Commit
    proof: Proof

    @property
    def arrived(self) -> Arrived:
        return self.commit.arrived


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
        self._submitted: list[Commit] = []
        self._worthwhile = anyio.Event()
        self._finished = False
        self._held = 0
        self._room = anyio.Event()

    async def submit(self, commit: Commit) -> None:
        """Have a product committed. Waits only while too much is held in memory."""
        self._submitted.append(commit)
        self._held += commit.held_bytes
        if len(self._submitted) == 1 or self._is_enough():
            self._worthwhile.set()
        while self._held > MOST_HELD_BYTES:
            await self._room.wait()

    def finish(self) -> None:
        """Say that there will be no more; `run` returns when all is done."""
        self._finished = True
        self._worthwhile.set()

    async def run(self) -> None:
        """Commit what is submitted until `finish`.

        Raises:
            ArchiveError: If files cannot be renamed or recorded; nothing is lost.
        """
        while batch := await self._batch():
            outcomes = await self._gate.keep(partial(_prove, batch))
            self._submitted[:0] = batch[len(outcomes) :]
            del batch[len(outcomes) :]
            proven = []
            for commit, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, Proof):
                    proven.append(_Proven(commit, outcome))
                else:
                    commit.refused(outcome)
            if proven:
                await self._keep(proven)
            self._held -= sum(commit.held_bytes for commit in batch)
            room, self._room = self._room, anyio.Event()
            room.set()

    async def _keep(self, proven: list[_Proven]) -> None:
        if self._is_all(len(proven)):
            self._last()
        records: list[Record] = []
        await self._gate.keep(partial(self._commit, proven, records))
        self._gate.passed()
        for each, record in zip(proven, records, strict=True):
            self._tell(each, record)
            each.commit.done()

    async def _batch(self) -> list[Commit]:
        """What was submitted, once it is worth a commit; nothing when there will be no more.

        A commit waits a moment for others, but not when there are none or all are waiting for it.
        """
        while not self._submitted:
            if self._finished:
                return []
            await self._wait_until_worthwhile()
        if not self._is_enough():
            await sleep_unless(self._clock, GATHER_SECONDS, self._wait_until_enough)
        batch = self._submitted[:MOST_AT_ONCE]
        del self._submitted[:MOST_AT_ONCE]
        return batch

    def _is_enough(self) -> bool:
        waiting = len(self._submitted)
        return (
            self._finished
            or waiting >= MOST_AT_ONCE
            or self._held > MOST_HELD_BYTES
            or self._is_all(waiting)
        )

    async def _wait_until_worthwhile(self) -> None:
        await self._worthwhile.wait()
        self._worthwhile = anyio.Event()

    async def _wait_until_enough(self) -> None:
        while not self._is_enough():
            await self._wait_until_worthwhile()

    def _commit(self, proven: list[_Proven], records: list[Record]) -> None:
        """Commit, going on behind the records that are there should the disk have been full."""
        left = proven[len(records) :]
        if len(left) > 1:
            for each in left:
                each.arrived.part.begin_flush()
        for each in left:
            each.arrived.part.flush()
        taken = {record.path for record in records}
        try:
            for each in left:
                record = self._publish(each, taken)
                records.append(record)
                taken.add(record.path)
        finally:
            # Should one fail, those before it have their final names already.
            self._record(proven, records)
        if self._archive.progress.should_fold:
            self._archive.progress.fold()

    def _record(self, proven: list[_Proven], records: list[Record]) -> None:
        folders = {record.path.rpartition("/")[0] for record in records}
        self._archive.make_durable(self._archive.root / folder for folder in folders)
        self._archive.progress.record_many(
            (each.arrived.product.id, record) for each, record in zip(proven, records, strict=False)
        )

    def _publish(self, proven: _Proven, taken: set[str]) -> Record:
        arrived = proven.arrived
        product = arrived.product
        path = self._place(proven.commit, taken)
        arrived.part.rename(self._archive.root / path)
        record = Record(
            name=product.name,
            state=State.COMPLETE,
            path=str(path),
            size=arrived.part.position,
            checksum=str(arrived.checksum),
            listed=listed_text(product),
            proof=proven.proof,
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

    def _tell(self, proven: _Proven, record: Record) -> None:
        arrived = proven.arrived
        self._events.emit(
            ProductCompleted(
                product=arrived.product,
                account=arrived.account,
                path=record.path,
                size=record.size,
                proof=proven.proof,
                received=arrived.received,
                seconds=arrived.seconds,
            )
        )


def _prove(batch: list[Commit]) -> list[Proof | ProductError | ArchiveInUseError]:
    """Have all bytes in part files, and see what shows that each is the product, or why none does.

    Returns:
        As many as the disk takes: those behind them are for another time.

    Raises:
        ArchiveError: If the disk refuses the first of them; may be called again.
    """
    try:
        land(commit.arrived.landing for commit in batch if commit.arrived.landing is not None)
    except ArchiveError:
        if not _is_in_part_file(batch[0]):
            raise
    return [_outcome(commit) for commit in takewhile(_is_in_part_file, batch)]


def _is_in_part_file(commit: Commit) -> bool:
    return commit.arrived.landing is None or commit.arrived.landing.is_over


def _outcome(commit: Commit) -> Proof | ProductError | ArchiveInUseError:
    arrived = commit.arrived
    if arrived.landing is not None and arrived.landing.problem is not None:
        return arrived.landing.problem
    try:
        return commit.proof or check_digest(arrived.checksum, arrived.product)
    except ChecksumMismatchError as error:
        return error


def listed_text(product: Product) -> str:
    """The listed checksum as the progress file has it; empty when there is none."""
    listed = product.best_checksum
    return str(listed) if listed else ""
