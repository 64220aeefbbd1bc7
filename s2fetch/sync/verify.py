"""Hashing what is on disk again, against the proof that was recorded when it arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path

import anyio
import msgspec
from anyio.abc import ObjectReceiveStream

from s2fetch.archive.archive import Archive
from s2fetch.archive.presence import recorded_file
from s2fetch.archive.proof import Tick, digest
from s2fetch.archive.records import Failure, Record, State, as_consumed
from s2fetch.archive.unpacked import prove_unpacked
from s2fetch.clock import Clock, timestamp
from s2fetch.config.values import OnMissing
from s2fetch.errors import ArchiveError, ExitCode, ProductError
from s2fetch.events import EventBus, FileDamaged, Healed, VerificationProgressed
from s2fetch.product import Algorithm, Checksum
from s2fetch.sync.history import remembering
from s2fetch.taskgroups import one_error_task_group
from s2fetch.threads import stop_if_cancelled

READERS = 2
"""Files that are hashed at a time; more makes a disk seek."""
BATCH_RECORDS = 500
"""Records that are taken from the progress file at a time."""
MISSING = "missing"
"""Why a file is not what was verified when there is none."""
DAMAGED = "damaged"
"""Code of the failure in the record of a file that is not what was verified."""


class DamagedFile(msgspec.Struct, frozen=True):
    """A recorded file that is not what was verified.

    Attributes:
        id: The product.
        name: Its name.
        path: Where the file is, or was, relative to the archive's root.
        reason: What is wrong with it.
    """

    id: str
    name: str
    path: str
    reason: str


class VerifyReport(msgspec.Struct, kw_only=True):
    """What a verification found. The next sync fetches damaged products again.

    Attributes:
        exit_code: `ExitCode.OK`, or `ExitCode.DAMAGED`.
        checked: Recorded products that were looked at.
        intact: Of these, those whose bytes are the verified ones.
        size_bytes: Bytes read.
        damaged: The others, apart from the consumed ones.
        consumed: Those whose files are gone, where that is to be left so.
        healed: Records that were brought up to date, e.g. with a new modification time.
        seconds: How long it took.
    """

    exit_code: int = ExitCode.OK
    checked: int = 0
    intact: int = 0
    size_bytes: int = 0
    damaged: list[DamagedFile] = msgspec.field(default_factory=list)
    consumed: int = 0
    healed: int = 0
    seconds: float = 0.0


class Verification:
    """Verifies one archive.

    Args:
        archive: Open and locked.
        on_missing: What to do about products whose files are gone.
        clock: Where the time comes from.
        events: Who is told.
    """

    def __init__(
        self, archive: Archive, *, on_missing: OnMissing, clock: Clock, events: EventBus
    ) -> None:
        self._archive = archive
        self._on_missing = on_missing
        self._clock = clock
        self._events = events
        self._total = 0
        self._total_bytes = 0
        self.report = VerifyReport()

    async def run(self) -> VerifyReport:
        """Hash every recorded file.

        Raises:
            ArchiveError: If the progress file cannot be written.
        """
        async with remembering(self._archive.root, clock=self._clock, events=self._events):
            return await self._run()

    async def _run(self) -> VerifyReport:
        started = self._clock.monotonic()
        if self._archive.progress.damage:
            self._events.emit(Healed(subject="progress file", what=self._archive.progress.damage))
        tally = (await anyio.to_thread.run_sync(self._archive.progress.counts))[State.COMPLETE]
        self._total, self._total_bytes = tally.count, tally.size_bytes
        send, receive = anyio.create_memory_object_stream[tuple[str, Record]](READERS)
        async with one_error_task_group() as group:
            for _ in range(READERS):
                group.start_soon(self._check_all, receive.clone())
            receive.close()
            with send:
                records = self._archive.progress.items()
                while batch := await anyio.to_thread.run_sync(_take, records):
                    for product_id, record in batch:
                        if record.state is State.COMPLETE:
                            await send.send((product_id, record))
        self.report.seconds = round(self._clock.monotonic() - started, 3)
        if self.report.damaged:
            self.report.exit_code = ExitCode.DAMAGED
        await anyio.to_thread.run_sync(self._archive.progress.fold)
        return self.report

    async def _check_all(self, records: ObjectReceiveStream[tuple[str, Record]]) -> None:
        async with records:
            async for product_id, record in records:
                await self._check(product_id, record)

    async def _check(self, product_id: str, record: Record) -> None:
        examining = partial(
            examine, self._archive.root, record, self._clock.now, tick=self._count_bytes
        )
        reason, changed = await anyio.to_thread.run_sync(examining)
        report = self.report
        report.checked += 1
        if reason == MISSING and self._on_missing is OnMissing.LEAVE:
            report.consumed += 1
            changed = as_consumed(record)
        elif reason:
            report.damaged.append(DamagedFile(product_id, record.name, record.path, reason))
            self._events.emit(
                FileDamaged(product_name=record.name, path=record.path, reason=reason)
            )
            changed = as_damaged(record, reason, self._clock.now())
        else:
            report.intact += 1
            report.healed += record.mtime_ns != changed.mtime_ns
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._archive.progress.record, product_id, changed)
        self._tell()

    def _count_bytes(self, count: int) -> None:
        stop_if_cancelled(count)
        self.report.size_bytes += count

    def _tell(self) -> None:
        self._events.emit(
            VerificationProgressed(
                done=self.report.checked,
                total=self._total,
                done_bytes=self.report.size_bytes,
                total_bytes=self._total_bytes,
            )
        )


def examine(
    root: Path,
    record: Record,
    now: Callable[[], datetime],
    *,
    tick: Tick,
    from_disk: bool = False,
) -> tuple[str, Record]:
    """Hash a recorded file, or all files of an unpacked product. Blocking.

    Args:
        root: The archive's folder.
        record: Of a complete product.
        now: The wall clock.
        tick: Told the bytes of every block read; may raise to stop.
        from_disk: Whether to read past what the system has in memory of the file.

    Returns:
        Why the file is not what was verified, or empty; and the record brought up to date.
    """
    file = recorded_file(root, record)
    if file is None:
        return MISSING, record
    if file.size != record.size:
        return f"{file.size} bytes instead of {record.size}", record
    algorithm, _, value = record.checksum.partition(":")
    try:
        expected = Checksum(Algorithm(algorithm), value)
    except ValueError:  # somebody has edited the progress file
        return f"its record has no checksum that can be computed ({record.checksum!r})", record
    path = root / record.path
    try:
        if record.unpacked:
            computed = prove_unpacked(path, record.name, tick=tick, from_disk=from_disk).checksum
        else:
            computed = digest(path, expected.algorithm, tick=tick, from_disk=from_disk)
    except (ArchiveError, ProductError) as error:
        return error.what, record
    if computed != expected:
        return f"{computed} instead of {expected}", record
    return "", msgspec.structs.replace(record, verified=timestamp(now()), mtime_ns=file.mtime_ns)


def as_damaged(record: Record, reason: str, now: datetime) -> Record:
    """The record of a damaged file, which stays where it is; the next sync replaces it."""
    failure = Failure(code=DAMAGED, message=f"{record.path}: {reason}", at=timestamp(now))
    return Record(
        name=record.name,
        state=State.FAILED,
        path=record.path,
        listed=record.listed,
        modified=record.modified,
        failure=failure,
    )


def _take(records: Iterator[tuple[str, Record]]) -> list[tuple[str, Record]]:
    return list(islice(records, BATCH_RECORDS))
