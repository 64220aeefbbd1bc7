"""Keeps one archive current: runs when they are due, deletions after them, its state."""

from __future__ import annotations

import traceback
from datetime import datetime, timedelta
from functools import partial

import anyio

from s2fetch.clock import timestamp
from s2fetch.daemon import memory
from s2fetch.daemon.agenda import Agenda
from s2fetch.daemon.engagement import Engagement, Surroundings, would_differ
from s2fetch.daemon.events import KeeperFailed
from s2fetch.daemon.intake import Intake as Queue
from s2fetch.daemon.pause import Pause
from s2fetch.daemon.state import Activity, ArchiveState, ProductRow, RunState
from s2fetch.daemon.subscribed import Subscribed
from s2fetch.daemon.tally import ArchiveTally
from s2fetch.daemon.values import ArchiveEntry, Intake
from s2fetch.errors import (
    ArchiveInUseError,
    CredentialsMissingError,
    ExitCode,
    S2FetchError,
)
from s2fetch.sync.increment import is_within
from s2fetch.sync.report import Report
from s2fetch.sync.status import Status, read_status

SCRUB_SECONDS = 3600.0
"""How often it is looked at whether there is anything to hash again."""
IN_USE_SECONDS = 30.0
"""An archive that another process works on is tried again after so long."""
RETRY_SECONDS = 300.0
"""A run that failed is tried again after so long the first time, see `Agenda.failed`."""
REFUSED_SECONDS = 3600.0
"""The same for an account that was refused: services lock accounts for too many attempts."""
HUB_LONGEST_SECONDS = 3600.0
"""A hub that cannot be reached is tried again at least this often: outages end without notice."""
QUEUED = "queued"
"""The state, in lists, of products whose turn comes in the run that is under way."""
_ORDERED = "an operator has paused it"
_ALL_ORDERED = "an operator has paused the daemon"


class Keeper:
    """Keeps one archive.

    Args:
        plan: How.
        around: What it works with.

    Attributes:
        engine: What does the work.
        tally: The archive's numbers.
        free_bytes: Free space on its volume when that was last looked at.
    """

    def __init__(self, plan: ArchiveEntry, around: Surroundings) -> None:
        self.tally = ArchiveTally(around.clock)
        self._around = around
        self._clock = around.clock
        self._pause = Pause()
        self.engine = Engagement(plan, around, self._pause, self.tally)
        self._agenda = Agenda(plan.schedule, clock=around.clock)
        self._activity = Activity.IDLE
        self._run = anyio.CancelScope()
        self._trouble = ""
        self._has_news = False
        self._ended_as: ExitCode | None = None
        self._last_run: RunState | None = None
        self._watermark = ""
        self.free_bytes = 0
        self._queue: Queue | None = None
        self._status: Status | None = None

    @property
    def plan(self) -> ArchiveEntry:
        """How it is kept."""
        return self.engine.plan

    def __repr__(self) -> str:
        return f"<Keeper of {self.plan.name}: {self._activity}>"

    async def run(self) -> None:
        """Keep it until cancelled; nothing a hub, a disk or an account does ends this.

        A defect of s2fetch is told with its traceback and ends what this archive does now, and
        nothing else: it begins anew after a while.
        """
        await self._recall()
        while True:
            try:
                await self._keep()
            except Exception as defect:  # noqa: BLE001 - told with its traceback
                self._broke(defect)
            await self._agenda.wait()

    async def _keep(self) -> None:
        await self._look()
        async with anyio.create_task_group() as group:
            if self.plan.intake is Intake.SUBSCRIPTION:
                group.start_soon(self._watch_notifications)
            if self.plan.config.scrub.budget_bytes:
                group.start_soon(self._scrub)
            while True:
                await self._agenda.wait()
                await self._pause.over()
                self._agenda.begin()
                await self._keep_once()

    def _broke(self, defect: Exception) -> None:
        self._activity = Activity.FAILED
        self._agenda.failed(RETRY_SECONDS)
        self._trouble = self._tell_defect(defect, self._agenda.next)

    def _tell_defect(self, defect: Exception, next_try: datetime) -> str:
        """Tell of a defect of s2fetch; the same in words."""
        words = f"a defect of s2fetch: {_first_of(defect)!r}"
        self._around.events.emit(
            KeeperFailed(
                archive=self.plan.name,
                error=words,
                traceback="".join(traceback.format_exception(defect)),
                next_try=timestamp(next_try),
            )
        )
        return words

    async def _recall(self) -> None:
        """Go on where the daemon before this one has ended."""
        try:
            found = await self.engine.recall()
        except S2FetchError as error:
            self._trouble = str(error)
            return
        self._last_run = found.last_run
        self._agenda.recall(found.begun)

    async def _scrub(self) -> None:
        """Hash files again, as much as a day allows; beside the runs too, which may take weeks."""
        while True:
            if not self._pause.is_on:
                try:
                    report = await self.engine.scrub()
                    if report.damaged:
                        self._agenda.call()  # the run fetches them again
                except S2FetchError as error:
                    self._trouble = str(error)
                except Exception as defect:  # noqa: BLE001 - told with its traceback
                    again = self._clock.now() + timedelta(seconds=SCRUB_SECONDS)
                    self._trouble = self._tell_defect(defect, again)
            await self._clock.sleep(SCRUB_SECONDS)

    def call(self) -> None:
        """Have a run begin now."""
        self._agenda.call()

    def hub_is_back(self, host: str) -> None:
        """Have a run begin if the last one failed because of that hub, which answers again."""
        failed = self._activity is Activity.FAILED and self._ended_as is ExitCode.HUB
        if failed and host in self.plan.config.hub.trusted_hosts:
            self._agenda.call()

    def _told_of_news(self) -> None:
        """Have a run begin, after the present one if there is one.

        Not after one that fails or finds the archive in use, which is tried again in its own time.
        """
        if self.is_busy:
            self._has_news = True
        elif self._activity not in (Activity.FAILED, Activity.QUEUED):
            self._agenda.call()

    def follow(self, plan: ArchiveEntry) -> None:
        """Go by another plan.

        A run that is under way begins anew if it would be another one now: it may take weeks, or
        wait for what was just changed. Its part files are continued.
        """
        before, self.engine.plan = self.plan.config, plan
        if self._queue is not None and plan.config != before:
            self._queue.reopen()
        self._agenda.reschedule(plan.schedule)
        wants_more = plan.config.area_product != before.area_product or not is_within(
            plan.config.query, before.query
        )
        if self.is_busy and would_differ(before, plan.config):
            self._agenda.call()
            self._run.cancel()
        elif wants_more or self._activity in (Activity.FAILED, Activity.QUEUED):
            self._agenda.call()  # what was changed may be what was wrong, and no try is forgotten

    def pause(self, *, everything: bool = False) -> None:
        """Begin no more downloads and no more runs; what is under way ends."""
        self._pause.order(_ALL_ORDERED if everything else _ORDERED)

    def resume(self, *, everything: bool = False) -> None:
        """Go on."""
        self._pause.lift(_ALL_ORDERED if everything else _ORDERED)

    @property
    def is_busy(self) -> bool:
        """Whether a run is under way."""
        return self._activity is Activity.SYNCING

    @property
    def has_to_move(self) -> bool:
        """Whether a run is under way that waits for nothing outside.

        A pause, a full disk, a used-up quota, slots or an archive that another process has, and
        products that the hub brings back from tape may take days.
        """
        return (
            self.is_busy
            and not self._pause.is_on
            and not self.tally.out_of_space
            and not self._around.pool.waits(self.plan.name)
            and not (self.engine.syncing is not None and self.engine.syncing.waits_for_hub)
        )

    def state(self) -> ArchiveState:
        """The archive now; cheap."""
        status, tally = self._status, self.tally
        activity, why = self._doing()
        return ArchiveState(
            name=self.plan.name,
            folder=str(self.engine.folder),
            activity=activity,
            why=why,
            priority=self.plan.priority,
            products=tally.products,
            bytes=tally.size_bytes,
            queued=tally.queued,
            last_run=self._last_run,
            last_success=self.engine.last_success,
            next_run="" if self._pause.is_on else timestamp(self._agenda.next),
            watermark=self._watermark,
            lag_seconds=tally.lag_seconds,
            newest=timestamp(tally.newest),
            oldest_waiting=tally.oldest_waiting,
            free_bytes=self.free_bytes,
            floor_bytes=self.plan.config.reserve_bytes if status is not None else 0,
            last_arrival=timestamp(tally.last_arrival),
            damaged=tally.damaged,
            verified_share=tally.verified_share,
        )

    def _doing(self) -> tuple[Activity, str]:
        """What the archive does, and why when that is not what it should."""
        if self.tally.out_of_space:
            return Activity.OUT_OF_SPACE, self.tally.out_of_space
        if self._pause.is_on:
            return Activity.PAUSED, self._pause.why
        if self.is_busy and (why := self._around.pool.why_it_waits(self.plan.name)):
            return Activity.QUEUED, self._trouble or why
        if self._activity is Activity.IDLE and self.tally.scrubbing:
            return Activity.SCRUBBING, self._trouble
        return self._activity, self._trouble

    def queued(self, limit: int) -> list[ProductRow]:
        """Products of the run that is under way, in the order of work."""
        if self.engine.syncing is None:
            return []
        return [
            ProductRow(
                archive=self.plan.name,
                id=each.product.id,
                name=each.product.name,
                state=QUEUED,
                reason=each.reason,
                attempts=each.attempts,
                next="tried again" if each.next else "",
                next_at=each.next,
                size=each.product.size,
            )
            for each in self.engine.syncing.queued(limit)
        ]

    async def _keep_once(self) -> None:
        """One run; what goes wrong is shown, and the next one is due as ever."""
        begun = self._clock.now()
        self._activity, self._trouble, self._has_news = Activity.SYNCING, "", False
        self.tally.begin()
        try:
            with anyio.CancelScope() as self._run:
                report = await self.engine.synchronise()
            if self._run.cancelled_caught:
                return
        except ArchiveInUseError as error:
            self._activity, self._trouble = Activity.QUEUED, str(error)
            self._agenda.begin_again(IN_USE_SECONDS)
        except S2FetchError as error:
            self._reported(begun, _report_of(error, error.exit_code))
            if isinstance(error, CredentialsMissingError):
                self._agenda.begin_again(RETRY_SECONDS)  # looking for them costs nothing
        except Exception as defect:
            report = _report_of(defect, ExitCode.BUG)
            self._ended(begun, report)
            raise
        else:
            self._reported(begun, report)
        finally:
            with anyio.CancelScope(shield=True):
                await self._look()
            if self._activity is Activity.SYNCING:
                self._activity = Activity.IDLE

    def _reported(self, begun: datetime, report: Report) -> None:
        self._ended(begun, report)
        if report.error:
            self._activity, self._trouble = Activity.FAILED, report.error
            match self._ended_as:
                case ExitCode.ACCOUNT:
                    self._agenda.failed(REFUSED_SECONDS)
                case ExitCode.HUB:
                    self._agenda.failed(RETRY_SECONDS, HUB_LONGEST_SECONDS)
                case _:
                    self._agenda.failed(RETRY_SECONDS)
            return
        self._trouble = self.engine.deletions_trouble
        self._agenda.went_well()
        if self._has_news:
            self._agenda.call()
        if self._queue is not None:
            self._queue.settled(begun)

    def _ended(self, begun: datetime, report: Report) -> None:
        seconds = (self._clock.now() - begun).total_seconds()
        self._last_run = memory.run_state(report, timestamp(begun), seconds)
        self._ended_as = ExitCode(report.exit_code)
        self._around.after_run(self.plan, self._last_run, self._ended_as)

    async def _look(self) -> None:
        """Read what the archive's own record says; it need not be there yet."""
        try:
            status = await anyio.to_thread.run_sync(partial(read_status, self.engine.folder))
        except S2FetchError as error:
            self._trouble = str(error)
            return
        self._status = status
        self.free_bytes = status.free_bytes
        self.tally.start_from(status)
        self._watermark = memory.settled_at(status.watermark)

    async def _watch_notifications(self) -> None:
        """Have the hub's notifications wake this archive, where the hub has them."""
        plan, events = self.plan, self._around.events
        self._queue = Queue(
            plan.name,
            self.engine.notifications,
            Subscribed(self._around.state_folder, self.engine.folder),
            self._told_of_news,
            clock=self._clock,
            events=events,
        )
        await self._queue.run()


def _first_of(defect: BaseException) -> BaseException:
    while isinstance(defect, BaseExceptionGroup):
        defect = defect.exceptions[0]
    return defect


def _report_of(error: Exception, code: ExitCode) -> Report:
    return Report(exit_code=code, outcome=code.outcome, error=str(error) or repr(error))
