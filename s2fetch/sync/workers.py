"""Workers of every account: take work, make an attempt in one of its slots, pass on the outcome."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import anyio
from anyio.abc import TaskGroup

from s2fetch.account.account import Account
from s2fetch.archive.proof import prove_unlisted
from s2fetch.errors import (
    AccountError,
    ArchiveInUseError,
    ChecksumMismatchError,
    DiskFullError,
    HubAnswerError,
    HubBusyError,
    ProductError,
    TokenRefusedError,
    TokensRefusedError,
)
from s2fetch.hub.base import Hub
from s2fetch.product import Proof
from s2fetch.retry import BUSY_LIMIT
from s2fetch.sync.commit import Commit, Committer
from s2fetch.sync.failures import Failures
from s2fetch.sync.space import SpaceGate
from s2fetch.sync.work import Work, WorkQueue
from s2fetch.threads import stop_if_cancelled
from s2fetch.transfer.download import Arrived, Downloader

WORKERS_PER_SLOT = 2
"""While one waits for the end of a body, the other has the next product ready for the slot."""

UNWELCOME_PRODUCTS = 3
"""An account whose new tokens are refused for so many products, and work for none, is given up."""


class Workers:
    """All workers of a run.

    Args:
        accounts: Whose slots there are.
        hub: To know whether it serves others.
        queue: Where work comes from.
        downloader: Who makes attempts.
        committer: Who gets what has arrived.
        failures: Who judges what has not.
        gate: Where work waits when the disk is full.
    """

    def __init__(
        self,
        accounts: tuple[Account, ...],
        *,
        hub: Hub,
        queue: WorkQueue,
        downloader: Downloader,
        committer: Committer,
        failures: Failures,
        gate: SpaceGate,
    ) -> None:
        self._accounts = accounts
        self._hub = hub
        self._queue = queue
        self._downloader = downloader
        self._committer = committer
        self._failures = failures
        self._gate = gate
        self._refused: set[str] = set()
        self._unwelcome: defaultdict[str, set[str]] = defaultdict(set)
        self._put_off: set[str] = set()
        self._ended = False

    async def run(self) -> None:
        """Work until the queue is closed and everything is settled.

        Raises:
            AccountError: When no account is left that can be used.
            HubError: When the hub is given up.
            ArchiveError: When the disk is the problem.
        """
        try:
            async with anyio.create_task_group() as group:
                for account in self._accounts:
                    for _ in range(account.slots.count * WORKERS_PER_SLOT):
                        group.start_soon(self._work, account, group)
        finally:
            self._ended = True

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
            if self._ended:  # the run was, while this was looked at: the next one begins with it
                return
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
                await self._failures.quarantine(work, arrived, error)
                return
            work.wrong_digest = computed
        await anyio.to_thread.run_sync(_discard, arrived)
        await self._failed(work, account, error, group)

    async def _failed(
        self,
        work: Work,
        account: Account,
        error: ProductError | ArchiveInUseError,
        group: TaskGroup,
    ) -> None:
        if await self._failures.judge(work, account.name, error, group):
            self._put_off.discard(work.product.id)


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
