"""One run: from a query to an archive that has everything that matches."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import chain, islice

import anyio
import msgspec

from s2fetch.account.account import Account
from s2fetch.archive.abandoned import ABANDONED_AFTER, remove_abandoned
from s2fetch.archive.archive import Archive
from s2fetch.clock import Clock, timestamp
from s2fetch.config.values import (
    IncrementConfig,
    OnFull,
    OnMissing,
    RetrievalConfig,
    TransferConfig,
)
from s2fetch.errors import (
    AccountError,
    ExitCode,
    HubError,
    QueryError,
    S2FetchError,
)
from s2fetch.events import (
    EventBus,
    Healed,
    NamesNotListed,
    RunFinished,
    RunStarted,
)
from s2fetch.hub.base import Hub
from s2fetch.hub.gate import own_patience
from s2fetch.product import Product
from s2fetch.query import Query
from s2fetch.selection import Selection, selected
from s2fetch.sync.commit import Committer
from s2fetch.sync.dispatch import Dispatcher
from s2fetch.sync.extent import check_extent
from s2fetch.sync.failures import Failures
from s2fetch.sync.history import remembering
from s2fetch.sync.increment import Increment
from s2fetch.sync.report import Report, Reporter
from s2fetch.sync.retrieval import RetrievalDesk
from s2fetch.sync.space import SpaceGate
from s2fetch.sync.work import Queued, WorkQueue
from s2fetch.sync.workers import WORKERS_PER_SLOT, Workers
from s2fetch.taskgroups import one_error_task_group
from s2fetch.transfer.bandwidth import Bandwidth
from s2fetch.transfer.download import Downloader
from s2fetch.units import format_size

UNSETTLED_PRODUCTS = 256
"""Most products between planner and record."""
PARTS_LOOKED_AT = "parts_looked_at"
"""Key of the progress file: the day on which abandoned part files were last looked for."""
MOST_NAMED = 50
"""Names that are not listed and told one by one; the report has all of them."""


class RunSettings(msgspec.Struct, frozen=True):
    """How a run behaves.

    Attributes:
        transfer: Limits of a download.
        retrieval: What to do with offline products.
        renew: Fetch everything that matches, whatever is there.
        everywhere: Look for copies in all folders of the archive, not only in their places.
        increment: How to ask for changes only; None asks for everything.
        on_full: What to do when the disk is down to its reserve.
        on_missing: What to do about verified products whose files are gone.
        everything: Whether a large collection may be fetched as a whole.
        bandwidth: A limit shared with other runs; None for the limit in ``transfer``.
        log_out: End the accounts' sessions when the last bytes have come; for whoever makes one
            run only.
    """

    transfer: TransferConfig
    retrieval: RetrievalConfig
    renew: bool = False
    everywhere: bool = False
    increment: IncrementConfig | None = None
    on_full: OnFull = OnFull.STOP
    on_missing: OnMissing = OnMissing.FETCH
    everything: bool = False
    bandwidth: Bandwidth | None = None
    log_out: bool = False


class Run:
    """One run over one archive.

    Args:
        hub: Where products come from.
        archive: Where they go; open.
        accounts: At least one.
        query: Which products.
        settings: How.
        clock: Where the time comes from.
        events: Who is told.

    Attributes:
        cancelled_as: What it counts as when it is cancelled.
        reporter: The sums so far.
    """

    def __init__(
        self,
        hub: Hub,
        archive: Archive,
        accounts: tuple[Account, ...],
        query: Query,
        settings: RunSettings,
        *,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self._hub = hub
        self._archive = archive
        self._accounts = accounts
        self._query = query
        self._settings = settings
        self._clock = clock
        self._events = events
        self._queue = WorkQueue(UNSETTLED_PRODUCTS)
        self._gate = SpaceGate(archive.space, settings.on_full, clock=clock, events=events)
        self._desk = RetrievalDesk(
            hub,
            archive,
            accounts,
            self._queue,
            settings.retrieval,
            gate=self._gate,
            clock=clock,
            events=events,
        )
        self._failures = Failures(
            archive=archive,
            queue=self._queue,
            desk=self._desk,
            gate=self._gate,
            attempts=settings.transfer.attempts,
            clock=clock,
            events=events,
        )
        self._dispatcher = Dispatcher(
            archive,
            source=hub.url,
            queue=self._queue,
            desk=self._desk,
            gate=self._gate,
            renew=settings.renew,
            everywhere=settings.everywhere,
            on_missing=settings.on_missing,
            clock=clock,
            events=events,
        )
        self._increment = self._incrementally()
        self._selection: Selection | None = None
        self._bodies_ended = anyio.Event()
        self.cancelled_as = ExitCode.INTERRUPTED
        self.reporter = Reporter()

    def _incrementally(self) -> Increment | None:
        """How the archive is continued, when not the whole listing is to be read."""
        if self._settings.increment is None or self._settings.renew:
            return None
        return Increment(
            self._hub,
            self._select,
            self._archive,
            self._query,
            self._settings.increment,
            clock=self._clock,
            events=self._events,
        )

    @property
    def waits_for_hub(self) -> bool:
        """Whether nothing is left to do but to wait for products the hub brings back."""
        return self._desk.waiting > 0 and self._queue.is_idle(apart_from=1)

    def queued(self, limit: int) -> list[Queued]:
        """What waits for its turn, in the order of work, and then what is tried again later."""
        ready = (
            Queued(product=work.product, attempts=work.before + work.attempts)
            for work in self._queue.ready()
        )
        return list(islice(chain(ready, self._failures.later), limit))

    async def run(self) -> Report:
        """Run to the end.

        Returns:
            What came of it; also when something ended it early, which the report names. Only
            cancellation and defects are raised, and `reporter` has the sums so far then.
        """
        async with remembering(self._archive.root, clock=self._clock, events=self._events):
            with own_patience(self._clock):
                return await self._run()

    async def _run(self) -> Report:
        remove = self._events.subscribe(self.reporter)
        started = self._clock.monotonic()
        self.reporter.report.started = timestamp(self._clock.now())
        self._events.emit(
            RunStarted(
                folder=str(self._archive.root),
                hub=self._hub.url,
                slots=sum(account.slots.count for account in self._accounts),
            )
        )
        if self._archive.progress.damage:
            self._events.emit(Healed(subject="progress file", what=self._archive.progress.damage))
        error: S2FetchError | None = None
        ended: ExitCode | None = ExitCode.BUG
        try:
            await check_extent(self._hub, self._query, everything=self._settings.everything)
            await self._run_tasks()
            error = self._dispatcher.error or self._desk.error or await self._explain_empty()
            if error is None and self._increment is not None:
                await self._increment.settle()
            ended = None
        except S2FetchError as problem:
            error = problem
        except anyio.get_cancelled_exc_class():
            ended = self.cancelled_as
            raise
        finally:
            remove()
            with anyio.CancelScope(shield=True):
                await self._end(error, ended, self._clock.monotonic() - started)
        return self.reporter.report

    async def _run_tasks(self) -> None:
        downloader = Downloader(
            self._hub,
            self._archive,
            self._settings.transfer,
            transfers=WORKERS_PER_SLOT * sum(account.slots.count for account in self._accounts),
            bandwidth=self._settings.bandwidth,
            clock=self._clock,
            events=self._events,
        )
        committer = Committer(
            self._archive,
            source=self._hub.url,
            is_all=self._queue.holds_only,
            last=self._bodies_ended.set,
            gate=self._gate,
            clock=self._clock,
            events=self._events,
        )
        workers = Workers(
            self._accounts,
            hub=self._hub,
            queue=self._queue,
            downloader=downloader,
            committer=committer,
            failures=self._failures,
            gate=self._gate,
        )
        try:
            async with one_error_task_group() as group:
                for task in (*self._dispatcher.tasks(self._listing()), self._desk.run):
                    self._queue.open_source()
                    group.start_soon(task)
                group.start_soon(committer.run)
                group.start_soon(self._meet_accounts)
                await workers.run()
                self._bodies_ended.set()
                committer.finish()
        finally:
            self._dispatcher.close()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(downloader.close)

    async def _meet_accounts(self) -> None:
        """Log in while an empty archive's first page is read, log out during the last commit.

        Either takes as long as a small product, and both are what somebody with one new product
        would wait for. A refusal is left to the worker that needs the token.
        """
        async with anyio.create_task_group() as group:
            if not len(self._archive.progress):
                for account in self._accounts:
                    group.start_soon(_log_in, account)
            await self._bodies_ended.wait()
            group.cancel_scope.cancel()
        if self._settings.log_out and not self._desk.waiting:
            for account in self._accounts:
                await account.tokens.logout()

    def _listing(self) -> AbstractAsyncContextManager[AsyncIterator[Product]]:
        if self._increment is not None:
            return self._increment.products()
        return self._select(self._query)

    @asynccontextmanager
    async def _select(self, query: Query) -> AsyncIterator[AsyncIterator[Product]]:
        """What a query selects; what was left out is known afterwards."""
        async with selected(self._hub, query, events=self._events) as products:
            self._selection = products
            yield products

    async def _explain_empty(self) -> QueryError | None:
        """A query that matches nothing is a mistake more often than not; find out which."""
        report = self.reporter.report
        if self._selection is not None:
            report.missing_names = self._selection.missing
            if missing := report.missing_names:
                first = tuple(missing[:MOST_NAMED])
                self._events.emit(NamesNotListed(count=len(missing), first=first))
            report.other_versions = self._selection.other_versions
        if report.found or report.superseded or report.missing_names:
            return None
        if self._increment is not None and self._increment.since is not None:
            return None  # that nothing has changed is nothing odd
        reason = await self._hub.explain_empty(self._query)
        return QueryError(f"nothing matches: {reason}") if reason else None

    async def _end(
        self, error: S2FetchError | None, ended: ExitCode | None, seconds: float
    ) -> None:
        report = self.reporter.finish(error, seconds=seconds, ended=ended)
        try:
            await anyio.to_thread.run_sync(self._keep_summary, report, ended is None)
        except S2FetchError as problem:
            if error is None and ended is None:
                report = self.reporter.finish(problem, seconds=seconds)
        self._events.emit(
            RunFinished(
                exit_code=report.exit_code,
                found=report.found,
                already=report.already,
                fetched=report.fetched,
                adopted=report.adopted,
                consumed=report.consumed,
                waiting=report.waiting,
                failed=report.failed,
                received=report.received,
                seconds=report.seconds,
            )
        )

    def _keep_summary(self, report: Report, fold: bool) -> None:
        """Record what came of the run; folding, which takes a while, is left out in a hurry."""
        summary = msgspec.structs.replace(report, failures=[], offline=[], missing_names=[])
        self._archive.progress.set_meta("last_run", msgspec.to_builtins(summary))
        if fold and report.found != report.already + report.consumed:
            self._archive.progress.fold()
            self._remove_abandoned()

    def _remove_abandoned(self) -> None:
        """Look for part files that nobody goes on with; once a day, because it can take long."""
        progress, today = self._archive.progress, self._clock.now().date().isoformat()
        if progress.meta.get(PARTS_LOOKED_AT) == today:
            return
        for part in remove_abandoned(self._archive.root, self._clock.now()):
            days = ABANDONED_AFTER.days
            what = f"a partial download of {format_size(part.size)}, {days} days old, is removed"
            event = Healed(subject=part.name or "archive", what=what)
            anyio.from_thread.run_sync(self._events.emit, event)
        progress.set_meta(PARTS_LOOKED_AT, today)


async def _log_in(account: Account) -> None:
    with contextlib.suppress(AccountError, HubError):
        await account.tokens.get()
