"""Hashing an archive again little by little: so many bytes a day, oldest proof first.

Hashing needs no lock: records are read as `status` reads them, and files under their final names
do not change. Only what came of it needs the archive's lock, for the moment it takes to write it
down; a record that a sync has changed meanwhile is left as it is. How much of the day's budget is
used is kept with the archive, so that a restart does not begin anew.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import anyio
import msgspec

from s2fetch.archive.archive import Archive
from s2fetch.archive.presence import recorded_file
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State, as_consumed
from s2fetch.clock import Clock, timestamp
from s2fetch.config.values import OnMissing, ScrubConfig
from s2fetch.errors import ArchiveInUseError, ExitCode, S2FetchError
from s2fetch.events import (
    EventBus,
    FileDamaged,
    ScrubFinished,
    ScrubStarted,
    VerificationProgressed,
)
from s2fetch.sync.history import remembering
from s2fetch.sync.idle import IdleThread
from s2fetch.sync.verify import MISSING, DamagedFile, as_damaged, examine

META = "scrub"
"""Key of the state in the progress file."""
WRITE_SECONDS = 600.0
"""What was found out is written down this often, and at once when something is damaged."""
MOST_FILES = 5000
"""Files that are chosen at a time."""


class ScrubState(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept with the archive.

    Attributes:
        day: To which the sums belong, ISO 8601, in UTC.
        size_bytes: Hashed on that day.
        checked: Files hashed on that day.
        damaged: Of these, damaged ones.
        verified_share: Share of the archive's bytes whose proof is younger than the period, 0 to 1.
        at: When this was written.
    """

    day: str
    size_bytes: int = 0
    checked: int = 0
    damaged: int = 0
    verified_share: float = 1.0
    at: str = ""


class ScrubReport(msgspec.Struct, kw_only=True):
    """What one round of scrubbing found. The next sync fetches damaged products again.

    Attributes:
        exit_code: `ExitCode.OK`, or `ExitCode.DAMAGED`.
        checked: Files hashed.
        intact: Of these, those whose bytes are the verified ones.
        size_bytes: Bytes read.
        damaged: The others, apart from the consumed ones.
        consumed: Those whose files are gone, where that is to be left so.
        budget_left: What is left of the day's budget in bytes; 0 when it is used up.
        verified_share: Share of the archive's bytes whose proof is younger than the period, 0 to 1.
        unrecorded: Files whose result could not be written down, because another process works on
            the archive; they are hashed again another time.
        seconds: How long it took.
    """

    exit_code: int = ExitCode.OK
    checked: int = 0
    intact: int = 0
    size_bytes: int = 0
    damaged: list[DamagedFile] = msgspec.field(default_factory=list)
    consumed: int = 0
    budget_left: int = 0
    verified_share: float = 1.0
    unrecorded: int = 0
    seconds: float = 0.0


class _Choice(msgspec.Struct, frozen=True):
    """What is to be hashed.

    Attributes:
        files: Products with their records, oldest proof first.
        total: Bytes of all complete products.
        young: Of these, those whose proof is younger than the period.
        budget: Bytes left for today.
    """

    files: list[tuple[str, Record]]
    total: int
    young: int
    budget: int


class _Result(msgspec.Struct, frozen=True):
    """A record before and after its file was hashed; ``reason`` is empty when it is intact."""

    id: str
    before: Record
    after: Record
    reason: str


class Scrub:
    """Scrubs one archive.

    Args:
        root: The archive's folder.
        opened: Opens the archive with its lock, or gives one that is open already; used for moments
            only. When it raises `ArchiveInUseError`, what was found is kept for the next moment.
        settings: Budget and period.
        on_missing: What to do about products whose files are gone.
        clock: Where the time comes from.
        events: Who is told.
    """

    def __init__(
        self,
        root: Path,
        opened: Callable[[], AbstractAsyncContextManager[Archive]],
        settings: ScrubConfig,
        *,
        on_missing: OnMissing,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self._root = root
        self._opened = opened
        self._settings = settings
        self._on_missing = on_missing
        self._clock = clock
        self._events = events
        self._results: list[_Result] = []
        self._unwritten_bytes = 0
        self._total = self._young = 0
        self._write_at = 0.0
        self._told = False
        self._began = ""
        self.report = ScrubReport()

    async def run(self) -> ScrubReport:
        """Hash what is due until the day's budget is used up. Cancelling it ends it at once.

        A file that was begun is hashed to its end, also beyond the budget: one that is larger than
        the budget would never be looked at otherwise.

        Raises:
            ArchiveError: If the progress file cannot be read or written.
        """
        async with remembering(self._root, clock=self._clock, events=self._events):
            return await self._run()

    async def _run(self) -> ScrubReport:
        started = self._clock.monotonic()
        self._write_at = started + WRITE_SECONDS
        self._began = timestamp(self._clock.now())
        try:
            async with IdleThread() as thread:
                while await self._round(thread):
                    pass
        except anyio.get_cancelled_exc_class():
            # What cannot be written in a hurry is hashed again.
            with anyio.CancelScope(shield=True), contextlib.suppress(S2FetchError):
                await self._write()
            raise
        finally:
            self._finish(started)
        return self.report

    async def _round(self, thread: IdleThread) -> bool:
        """Hash some files; False when there is nothing more to do for now."""
        choice = await anyio.to_thread.run_sync(self._choose)
        self._total, self._young = choice.total, choice.young
        self.report.budget_left = choice.budget
        if not choice.files:
            return False
        before = self.report.checked
        size = sum(record.size for _, record in choice.files)
        self._tell_started(choice, size)
        done_bytes = 0
        for number, (product_id, record) in enumerate(choice.files, 1):
            await self._check(thread, product_id, record)
            done_bytes += record.size
            self._events.emit(
                VerificationProgressed(
                    done=number,
                    total=len(choice.files),
                    done_bytes=done_bytes,
                    total_bytes=size,
                )
            )
        await self._write()
        return not self._results and self.report.checked > before

    def _choose(self) -> _Choice:
        """The files whose proof is older than half the period, as many as today's budget allows."""
        now = self._clock.now()
        half = timedelta(seconds=self._settings.period_seconds / 2)
        old = min(timestamp(now - half), self._began)  # none is hashed twice in one go
        too_old = self._too_old()
        total = young = chosen_bytes = 0
        chosen: list[tuple[float, str, int]] = []
        with ProgressFile.load(self._root, False) as progress:
            budget = max(0, self._settings.budget_bytes - state_of(progress, now).size_bytes)
            for product_id, age in progress.ages():
                if age.state is not State.COMPLETE:
                    continue
                total += age.size
                young += age.size if age.verified > too_old else 0
                if budget and age.verified <= old:
                    heapq.heappush(chosen, (-_seconds(age.verified), product_id, age.size))
                    chosen_bytes += age.size
                # The newest go as long as the others use up the budget without them.
                while len(chosen) > MOST_FILES or (
                    len(chosen) > 1 and chosen_bytes - chosen[0][2] >= budget
                ):
                    chosen_bytes -= heapq.heappop(chosen)[2]
            oldest_first = [product_id for _, product_id, _ in sorted(chosen, reverse=True)]
            records = progress.get_many(oldest_first)
        files = [(each, records[each]) for each in oldest_first if each in records]
        return _Choice(files, total, young, budget)

    async def _check(self, thread: IdleThread, product_id: str, record: Record) -> None:
        result = await thread.run(partial(self._examine, product_id, record))
        if result is None:
            return
        self._results.append(result)
        report, was_young = self.report, record.verified > self._too_old()
        report.checked += 1
        if result.after.state is State.CONSUMED:
            self._total -= record.size
            self._young -= record.size if was_young else 0
            report.consumed += 1
        elif result.reason:
            self._total -= record.size
            self._young -= record.size if was_young else 0
            report.damaged.append(DamagedFile(product_id, record.name, record.path, result.reason))
            self._events.emit(
                FileDamaged(product_name=record.name, path=record.path, reason=result.reason)
            )
        else:
            self._young += 0 if was_young else record.size
            report.intact += 1
        if result.reason or self._clock.monotonic() >= self._write_at:
            await self._write()

    def _examine(
        self, product_id: str, record: Record, check: Callable[[], None]
    ) -> _Result | None:
        """Hash one file; None when nothing can be said, because it has changed meanwhile."""
        found = recorded_file(self._root, record)

        def tick(count: int) -> None:
            self.report.size_bytes += count
            self._unwritten_bytes += count
            check()

        reason, after = examine(self._root, record, self._clock.now, tick=tick, from_disk=True)
        if not reason:
            return _Result(product_id, record, after, "")
        with ProgressFile.load(self._root, False) as progress:
            replaced = progress.get(product_id) != record
        if replaced or recorded_file(self._root, record) != found:
            return None
        if reason == MISSING and self._on_missing is OnMissing.LEAVE:
            return _Result(product_id, record, as_consumed(record), "")
        return _Result(product_id, record, as_damaged(record, reason, self._clock.now()), reason)

    async def _write(self) -> None:
        """Write down what was found out, unless another process works on the archive."""
        if not self._unwritten_bytes and not self._results:
            return
        self._write_at = self._clock.monotonic() + WRITE_SECONDS
        try:
            async with self._opened() as archive:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(self._record, archive)
        except ArchiveInUseError:
            self.report.unrecorded = len(self._results)
        else:
            self.report.unrecorded = 0

    def _record(self, archive: Archive) -> None:
        progress, now = archive.progress, self._clock.now()
        changed = [
            (result.id, result.after)
            for result in self._results
            if progress.get(result.id) == result.before
        ]
        before = state_of(progress, now)
        progress.record_many(changed)
        state = ScrubState(
            day=before.day,
            size_bytes=before.size_bytes + self._unwritten_bytes,
            checked=before.checked + len(self._results),
            damaged=before.damaged + sum(bool(result.reason) for result in self._results),
            verified_share=self._share(),
            at=timestamp(now),
        )
        progress.set_meta(META, msgspec.to_builtins(state))
        self._results.clear()
        self._unwritten_bytes = 0
        if progress.should_fold:
            progress.fold()

    def _too_old(self) -> str:
        """What was verified before this needs another proof."""
        period = timedelta(seconds=self._settings.period_seconds)
        return timestamp(self._clock.now() - period)

    def _share(self) -> float:
        return round(self._young / self._total, 6) if self._total else 1.0

    def _finish(self, started: float) -> None:
        report = self.report
        report.seconds = round(self._clock.monotonic() - started, 3)
        report.verified_share = self._share()
        report.budget_left = max(0, report.budget_left - self._unwritten_bytes)
        if report.damaged:
            report.exit_code = ExitCode.DAMAGED
        if self._told:
            self._events.emit(
                ScrubFinished(
                    folder=str(self._root),
                    checked=report.checked,
                    damaged=len(report.damaged),
                    size=report.size_bytes,
                    verified_share=report.verified_share,
                    seconds=report.seconds,
                )
            )

    def _tell_started(self, choice: _Choice, size: int) -> None:
        if not self._told:
            self._events.emit(
                ScrubStarted(folder=str(self._root), files=len(choice.files), size=size)
            )
        self._told = True


def state_of(progress: ProgressFile, now: datetime) -> ScrubState:
    """What is kept with an archive, with sums of nothing when they are of another day."""
    today = now.astimezone(UTC).date().isoformat()
    try:
        state = msgspec.convert(progress.meta.get(META), ScrubState)
    except msgspec.ValidationError:
        return ScrubState(day=today)
    if state.day == today:
        return state
    return ScrubState(day=today, verified_share=state.verified_share, at=state.at)


def _seconds(verified: str) -> float:
    """A time as a number; what cannot be read is as old as can be."""
    try:
        return datetime.fromisoformat(verified).timestamp()
    except ValueError:
        return 0.0
