"""One run: from a query to an archive that has everything that matches."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from s2fetch.account.account import Account
from s2fetch.archive.archive import Archive, Known
from s2fetch.archive.records import Record, State, as_consumed
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
    UnsafeNameError,
)
from s2fetch.events import (
    CopyRefused,
    EventBus,
    Healed,
    NamesNotListed,
    ProductAdopted,
    ProductConsumed,
    ProductFailed,
    ProductPlanned,
    ProductsPresent,
    RunFinished,
    RunStarted,
)
from s2fetch.hub.base import Hub
from s2fetch.product import Algorithm, Product, Proof
from s2fetch.query import Query
from s2fetch.selection import Selection, selected
from s2fetch.sync.adopt import Candidate, adopt
from s2fetch.sync.batches import BATCH_PRODUCTS, batches
from s2fetch.sync.commit import Committer, listed_text
from s2fetch.sync.extent import check_extent
from s2fetch.sync.history import remembering
from s2fetch.sync.increment import Increment
from s2fetch.sync.planner import Plan, Verdict, plan
from s2fetch.sync.report import Report, Reporter
from s2fetch.sync.retrieval import RetrievalDesk
from s2fetch.sync.space import SpaceGate
from s2fetch.sync.work import Queued, Work, WorkQueue
from s2fetch.sync.workers import WORKERS_PER_SLOT, Workers
from s2fetch.taskgroups import one_error_task_group
from s2fetch.transfer.bandwidth import Bandwidth
from s2fetch.transfer.download import Downloader

UNSETTLED_PRODUCTS = 256
"""Most products between planner and record."""
MOST_NAMED = 50
"""Names that are not listed and told one by one; the report has all of them."""
ADOPTING_TASKS = 2
"""Files that are hashed for adoption at a time."""


@dataclass(frozen=True)
class RunSettings:
    """How a run behaves.

    Attributes:
        transfer: Limits of a download.
        retrieval: What to do with offline products.
        renew: Fetch everything that matches, whatever is there.
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
        self._increment = (
            Increment(
                hub, self._select, archive, query, settings.increment, clock=clock, events=events
            )
            if settings.increment is not None and not settings.renew
            else None
        )
        self._workers: Workers | None = None
        self._selection: Selection | None = None
        self._bodies_ended = anyio.Event()
        self._listing_error: HubError | QueryError | None = None
        self.reporter = Reporter()

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
        later = self._workers.later if self._workers is not None else ()
        return list(islice(chain(ready, later), limit))

    async def run(self) -> Report:
        """Run to the end.

        Returns:
            What came of it; also when something ended it early, which the report names. Only
            cancellation and defects are raised, and `reporter` has the sums so far then.
        """
        async with remembering(self._archive.root, clock=self._clock, events=self._events):
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
            error = self._listing_error or self._desk.error or await self._explain_empty()
            if error is None and self._increment is not None:
                await self._increment.settle()
            ended = None
        except S2FetchError as problem:
            error = problem
        except anyio.get_cancelled_exc_class():
            ended = ExitCode.INTERRUPTED
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
        workers = self._workers = Workers(
            self._accounts,
            hub=self._hub,
            archive=self._archive,
            queue=self._queue,
            downloader=downloader,
            committer=committer,
            desk=self._desk,
            gate=self._gate,
            attempts=self._settings.transfer.attempts,
            clock=self._clock,
            events=self._events,
        )
        to_adopt, from_planner = anyio.create_memory_object_stream[Candidate](BATCH_PRODUCTS)
        try:
            async with one_error_task_group() as group:
                for _ in range(2 + ADOPTING_TASKS):
                    self._queue.open_source()
                group.start_soon(self._plan_all, to_adopt)
                for _ in range(ADOPTING_TASKS):
                    group.start_soon(self._adopt_all, from_planner.clone())
                from_planner.close()
                group.start_soon(self._desk.run)
                group.start_soon(committer.run)
                group.start_soon(self._meet_accounts)
                await workers.run()
                self._bodies_ended.set()
                committer.finish()
        finally:
            to_adopt.close()
            from_planner.close()
            committer.close()
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

    async def _plan_all(self, to_adopt: MemoryObjectSendStream[Candidate]) -> None:
        """Decide about everything the catalogue lists; held back by the queue."""
        try:
            with to_adopt:
                async with self._listing() as products:
                    async for batch in batches(products):
                        await self._plan_batch(batch, to_adopt)
        except (HubError, QueryError) as error:
            # What is queued is still fetched; the run ends with this error.
            self._listing_error = error
        finally:
            self._queue.close_source()

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

    async def _plan_batch(
        self, batch: list[Product], to_adopt: MemoryObjectSendStream[Candidate]
    ) -> None:
        found = await anyio.to_thread.run_sync(self._archive.look_up, batch)
        present = consumed = 0
        settings = self._settings
        for product, known in zip(batch, found, strict=True):
            decision = plan(
                product,
                known.record,
                known.file,
                renew=settings.renew,
                on_missing=settings.on_missing,
            )
            if decision.verdict is Verdict.HAVE:
                present += 1
                continue
            if decision.verdict is Verdict.CONSUMED and is_consumed(known):
                consumed += 1
                continue
            self._events.emit(
                ProductPlanned(product=product, verdict=decision.verdict, reason=decision.reason)
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
                if known.candidates and not self._settings.renew:
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

    async def _adopt_all(self, candidates: MemoryObjectReceiveStream[Candidate]) -> None:
        try:
            async with candidates:
                async for candidate in candidates:
                    await self._adopt(candidate)
        finally:
            self._queue.close_source()

    async def _adopt(self, candidate: Candidate) -> None:
        product = candidate.product
        adopted = await self._gate.passing(
            partial(adopt, self._archive, candidate, source=self._hub.url, clock=self._clock)
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


def is_consumed(known: Known) -> bool:
    """Whether a product is recorded as consumed, and nothing like it has come back."""
    state = known.record.state if known.record is not None else None
    return state is State.CONSUMED and not known.candidates


async def _log_in(account: Account) -> None:
    with contextlib.suppress(AccountError, HubError):
        await account.tokens.get()
