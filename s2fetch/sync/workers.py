"""Workers of every account: take work, make an attempt in one of its slots, judge the outcome."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Protocol

import anyio
import msgspec
from anyio.abc import TaskGroup

from s2fetch.account.account import Account
from s2fetch.archive.archive import Archive
from s2fetch.archive.proof import prove_unlisted
from s2fetch.archive.records import Failure, Record, State
from s2fetch.clock import Clock, timestamp
from s2fetch.errors import (
    AccountError,
    ArchiveInUseError,
    ChecksumMismatchError,
    DiskFullError,
    Fate,
    HubAnswerError,
    HubBusyError,
    ProductError,
    ProductOfflineError,
    TokenRefusedError,
    TokensRefusedError,
)
from s2fetch.events import (
    AttemptFailed,
    EventBus,
    ProductFailed,
    ProductQuarantined,
)
from s2fetch.hub.base import Hub
from s2fetch.product import Product, Proof
from s2fetch.retry import BUSY_LIMIT, product_pause
from s2fetch.sync.commit import Commit, Committer, listed_text
from s2fetch.sync.space import SpaceGate
from s2fetch.sync.work import Queued, Work, WorkQueue
from s2fetch.threads import stop_if_cancelled
from s2fetch.transfer.download import Arrived, Downloader

WORKERS_PER_SLOT = 2
"""While one waits for the end of a body, the other has the next product ready for the slot."""

UNWELCOME_PRODUCTS = 3
"""An account whose new tokens are refused for so many products, and work for none, is given up."""


class OfflineDesk(Protocol):
    """Who takes products that turn out to be offline."""

    async def add(self, product: Product, *, ordered: bool = False) -> None:
        """Take one; ``ordered`` when the hub has just begun to retrieve it."""


class Workers:
    """All workers of a run.

    Args:
        accounts: Whose slots there are.
        hub: To know whether it serves others.
        archive: Where failures are recorded.
        queue: Where work comes from.
        downloader: Who makes attempts.
        committer: Who gets what has arrived.
        desk: Who gets what is offline.
        gate: Where work waits when the disk is full.
        attempts: How often a product is tried in a run.
        clock: Where the time comes from.
        events: Who is told.
    """

    def __init__(
        self,
        accounts: tuple[Account, ...],
        *,
        hub: Hub,
        archive: Archive,
        queue: WorkQueue,
        downloader: Downloader,
        committer: Committer,
        desk: OfflineDesk,
        gate: SpaceGate,
        attempts: int,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self._accounts = accounts
        self._hub = hub
        self._archive = archive
        self._queue = queue
        self._downloader = downloader
        self._committer = committer
        self._desk = desk
        self._gate = gate
        self._attempts = attempts
        self._clock = clock
        self._events = events
        self._refused: set[str] = set()
        self._unwelcome: defaultdict[str, set[str]] = defaultdict(set)
        self._put_off: set[str] = set()
        self._later: dict[str, Queued] = {}

    async def run(self) -> None:
        """Work until the queue is closed and everything is settled.

        Raises:
            AccountError: When no account is left that can be used.
            HubError: When the hub is given up.
            ArchiveError: When the disk is the problem.
        """
        async with anyio.create_task_group() as group:
            for account in self._accounts:
                for _ in range(account.slots.count * WORKERS_PER_SLOT):
                    group.start_soon(self._work, account, group)

    @property
    def later(self) -> Iterable[Queued]:
        """Products whose last attempt failed, until they are back in the queue."""
        return self._later.values()

    async def _work(self, account: Account, group: TaskGroup) -> None:
        while (work := await self._next(account)) is not None:
            number = work.before + work.attempts + 1
            try:
                with account.meter.claim(work.product.size):
                    arrived = await self._downloader.attempt(work.product, account, number)
            except DiskFullError as error:
                self._queue.put_back(work)
                self._gate.close(error)
            except HubBusyError as error:
                await self._busy(work, account, error, group)
            except AccountError as error:
                self._queue.put_back(work)
                self._give_up_account(account, error)
                return
            except (ProductError, ArchiveInUseError) as error:
                if isinstance(error, TokenRefusedError):
                    self._unwelcome[account.name].add(work.product.id)
                    if len(self._unwelcome[account.name]) >= UNWELCOME_PRODUCTS:
                        self._queue.put_back(work)
                        self._give_up_account(account, _unwelcome(account, error))
                        return
                await self._failed(work, account, error, group)
            else:
                self._unwelcome[account.name].clear()
                self._put_off.discard(work.product.id)
                await self._arrived(work, account, arrived, group)

    async def _next(self, account: Account) -> Work | None:
        """The next work, once there is space and the account's quota allows it.

        Whoever waits has no work and no slot, so that another account may take it meanwhile.
        """
        while True:
            await self._gate.wait()
            if account.meter.must_wait:
                await self._wait_for_quota(account)
            work = await self._queue.get()
            if work is None:
                return None
            if not self._gate.is_closed and account.meter.may_start(work.product.size):
                return work
            self._queue.put_back(work)

    async def _wait_for_quota(self, account: Account) -> None:
        """Wait until the account may receive again, or there is nothing left to do."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._cancel_when_over, group.cancel_scope)
            await account.meter.wait()
            group.cancel_scope.cancel()

    async def _cancel_when_over(self, scope: anyio.CancelScope) -> None:
        while not self._queue.is_over:
            await self._queue.wait_changed()
        scope.cancel()

    def _give_up_account(self, account: Account, error: AccountError) -> None:
        """Go on with the other accounts; without any, the run ends."""
        self._refused.add(account.name)
        if len(self._refused) == len(self._accounts):
            raise error

    async def _busy(
        self, work: Work, account: Account, error: HubBusyError, group: TaskGroup
    ) -> None:
        """No attempt was spent, unless the hub serves all others and only this one never.

        When nothing is left but products it has put off while it served others, there are no others
        any more to tell them from; then it goes on counting against them.
        """
        served_others = self._hub.successes > work.successes_seen
        only_such_left = len(self._put_off) >= self._queue.statistics().unsettled
        if (served_others or only_such_left) and not error.account_only:
            work.busy += 1
            self._put_off.add(work.product.id)
        work.successes_seen = self._hub.successes
        if work.busy >= BUSY_LIMIT:
            answer = HubAnswerError(
                f"the hub serves others but not this one: {error.what}", product=work.product.name
            )
            await self._failed(work, account, answer, group)
        else:
            self._queue.put_back(work, last=True)

    async def _arrived(
        self, work: Work, account: Account, arrived: Arrived, group: TaskGroup
    ) -> None:
        if arrived.product.best_checksum is None:
            # Looking at all members takes a while; the slot goes on with another product.
            group.start_soon(self._prove, work, account, arrived, group)
        else:
            await self._submit(work, account, arrived, None, group)

    async def _submit(
        self, work: Work, account: Account, arrived: Arrived, proof: Proof | None, group: TaskGroup
    ) -> None:
        def refused(problem: ProductError | ArchiveInUseError) -> None:
            group.start_soon(self._not_committed, work, account, arrived, problem, group)

        commit = Commit(arrived, proof, work.shared_name, self._queue.settle, refused)
        await self._committer.submit(commit)

    async def _prove(
        self, work: Work, account: Account, arrived: Arrived, group: TaskGroup
    ) -> None:
        prove = partial(
            prove_unlisted,
            arrived.part.path,
            arrived.product,
            computed=arrived.checksum,
            tick=stop_if_cancelled,
        )
        try:
            evidence = await anyio.to_thread.run_sync(prove)
        except ProductError as error:
            await anyio.to_thread.run_sync(_discard, arrived)
            await self._failed(work, account, error, group)
        else:
            await self._submit(work, account, arrived, evidence.proof, group)

    async def _not_committed(
        self,
        work: Work,
        account: Account,
        arrived: Arrived,
        error: ProductError | ArchiveInUseError,
        group: TaskGroup,
    ) -> None:
        """Not committed: begin again; twice the same wrong bytes are the hub's, and kept aside."""
        if isinstance(error, ChecksumMismatchError) and arrived.from_zero:
            computed = str(arrived.checksum)
            if work.wrong_digest == computed:
                await self._quarantine(work, arrived, error)
                return
            work.wrong_digest = computed
        await anyio.to_thread.run_sync(_discard, arrived)
        await self._failed(work, account, error, group)

    async def _quarantine(self, work: Work, arrived: Arrived, error: ChecksumMismatchError) -> None:
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

    async def _failed(
        self,
        work: Work,
        account: Account,
        error: ProductError | ArchiveInUseError,
        group: TaskGroup,
    ) -> None:
        work.attempts += 1
        if isinstance(error, ProductOfflineError):
            await self._desk.add(work.product, ordered=error.ordered)
            self._queue.settle()
            return
        fate = error.fate if isinstance(error, ProductError) else Fate.RETRY
        limit = self._attempts
        if isinstance(error, ProductError) and error.most_attempts is not None:
            limit = min(limit, error.most_attempts)
        if fate is Fate.RETRY and work.attempts < limit:
            self._try_again_later(work, account, error, group)
        else:
            await self._give_up(work, error, fate)

    def _try_again_later(
        self,
        work: Work,
        account: Account,
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
                account=account.name,
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
        self._put_off.discard(product.id)
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


def _unwelcome(account: Account, error: TokenRefusedError) -> TokensRefusedError:
    return TokensRefusedError(
        f"the hub accepts no token of account {account.name}, however new: {error.what}",
        did="No product was given up; the next run goes on with them",
        advice="Check that token-url belongs to download-url, and that the account may download",
    )


def _discard(arrived: Arrived) -> None:
    if arrived.part.is_open:
        arrived.part.discard()
        arrived.part.close(remove_if_useless=True)
