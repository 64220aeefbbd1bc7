"""What archives share: one connection for each hub, one login and one set of slots an account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import anyio
import msgspec

from s2fetch.account.account import Account, SlotSource
from s2fetch.archive.space import Volumes
from s2fetch.clock import Clock
from s2fetch.config.values import AccountConfig, Config, HubConfig
from s2fetch.connect import Connection, Shared, find_accounts
from s2fetch.daemon.pause import Pause
from s2fetch.daemon.turns import TurnedSlots, Turns
from s2fetch.events import EventBus
from s2fetch.transfer.bandwidth import Bandwidth

UNNAMED = "account"
"""What an account is called whose name nobody knows, because its credentials were not found."""

REFUSED_REST_SECONDS = 6 * 3600.0
"""After so long an account that was refused is looked up and tried again: a password may be right
by now, and asking more often could lock the account."""


class Use(msgspec.Struct):
    """What one archive does with slots now.

    Attributes:
        holding: How many it has.
        waiting: How many it waits for: a pause, its turn, or another process that has them.
    """

    holding: int = 0
    waiting: int = 0


class ArchiveSlots:
    """The slots of an account as one archive sees them: none while it is paused.

    What is under way when the pause begins goes on.

    Args:
        slots: The slots behind it.
        pause: Of the archive.
        use: Counts what the archive has and waits for.
    """

    def __init__(self, slots: SlotSource, pause: Pause, use: Use) -> None:
        self._slots = slots
        self._pause = pause
        self._use = use

    @property
    def count(self) -> int:
        """How many downloads the account may have at a time."""
        return self._slots.count

    @property
    def folder(self) -> Path:
        """Where the lock files are."""
        return self._slots.folder

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[int]:
        """Hold a slot; yields its number, from 1. Waits as long as it takes; cancellable."""
        async with AsyncExitStack() as stack:
            self._use.waiting += 1
            try:
                number = await self._enter(stack)
            finally:
                self._use.waiting -= 1
            self._use.holding += 1
            try:
                yield number
            finally:
                self._use.holding -= 1

    async def _enter(self, stack: AsyncExitStack) -> int:
        while True:
            await self._pause.over()
            number = await stack.enter_async_context(self._slots.slot())
            if not self._pause.is_on:
                return number
            await stack.aclose()

    def close(self) -> None:
        """Nothing: the account's slots are given up by whoever shares them out."""


class Pool:
    """Connections and accounts of a daemon. An async context manager: logs out at its end.

    Args:
        environ: Where credentials may be.
        home: Where ``.netrc`` is.
        state_folder: Where the slots of accounts are.
        clock: Where the time comes from.
        bandwidth: Limit on all archives together, or None for each one's own.
        events: Who is told what happens to connections and accounts.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        home: Path,
        state_folder: Path,
        clock: Clock,
        bandwidth: Bandwidth | None = None,
        events: EventBus,
    ) -> None:
        self.bandwidth = bandwidth
        self._volumes = Volumes()
        self._environ = environ
        self._home = home
        self._state_folder = state_folder
        self._clock = clock
        self._events = events
        self._stack = AsyncExitStack()
        self._opening = anyio.Lock()
        self._connections: dict[HubConfig, Connection] = {}
        self._found: dict[tuple[HubConfig, tuple[AccountConfig, ...]], tuple[Account, ...]] = {}
        self._accounts: dict[Path, Account] = {}
        self._turns: dict[Path, Turns] = {}
        self._uses: dict[str, Use] = {}
        self._used: dict[str, tuple[Account, ...]] = {}
        self._refused_at: dict[Path, float] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):
            for account in self._accounts.values():
                await account.close()
            await self._stack.aclose()

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All accounts that archives use, or still have slots of."""
        return tuple(each for each in self._accounts.values() if self._is_used(each))

    def in_use(self, account: Account) -> int:
        """How many downloads the archives of this daemon have through an account now."""
        return sum(self._turns[account.slots.folder].in_use().values())

    def use(self, archive: str) -> Use:
        """What an archive does with slots now."""
        return self._uses.setdefault(archive, Use())

    def accounts_of(self, archive: str) -> tuple[Account, ...]:
        """The accounts an archive had in its last run."""
        return self._used.get(archive, ())

    def waits(self, archive: str) -> bool:
        """Whether an archive has no slot, and waits for one or for an account's quota."""
        use = self.use(archive)
        accounts = self.accounts_of(archive)
        return not use.holding and (
            use.waiting > 0 or any(account.meter.keeps_waiting for account in accounts)
        )

    def why_it_waits(self, archive: str) -> str:
        """For people; empty for an archive that does not."""
        if not self.waits(archive):
            return ""
        found = [(each.name, each.meter.waits_until) for each in self.accounts_of(archive)]
        told = [
            f"the quota of {name} leaves nothing until {until:%Y-%m-%d %H:%M} UTC"
            for name, until in found
            if until is not None
        ]
        return "; ".join(told) or "all slots are in use by other archives or processes"

    async def shared(self, config: Config, archive: str, priority: int, pause: Pause) -> Shared:
        """Connection and accounts as one archive is to see them.

        Args:
            config: Of the archive.
            archive: Its name.
            priority: Of its turns.
            pause: What keeps it from beginning new downloads.

        Raises:
            CredentialsMissingError: If those of an account cannot be found.
        """
        async with self._opening:
            connection = await self._connection(config)
            accounts = await self._find(config, connection)
        self._used[archive] = accounts
        views = tuple(self._view(account, archive, priority, pause) for account in accounts)
        return Shared(connection, views, self.bandwidth, self._volumes)

    def names_of(self, config: Config) -> tuple[str, ...]:
        """What the accounts of a configuration are called, also where they were not found."""
        found = self._found.get((config.hub, config.accounts))
        if found is not None:
            return tuple(account.name for account in found)
        return tuple(each.name or each.user or UNNAMED for each in config.accounts)

    def forget_credentials(self) -> None:
        """Look credentials up again when they are next needed; those in use stay in use."""
        self._found.clear()

    def forget_archive(self, archive: str) -> None:
        """Take note that an archive is not kept any more."""
        self._used.pop(archive, None)

    async def close_unused(self, archives: Collection[str]) -> None:
        """End the sessions of accounts that none of these archives uses, and give up their slots.

        One that was looking its accounts up when it ended may have been noted after that.
        """
        async with self._opening:
            self._used = {name: used for name, used in self._used.items() if name in archives}
            gone = [each for each in self._accounts.values() if not self._is_used(each)]
            for account in gone:
                del self._accounts[account.slots.folder]
                self._refused_at.pop(account.slots.folder, None)
            self._found = {
                key: found for key, found in self._found.items() if not {*gone} & {*found}
            }
        for account in gone:
            with anyio.CancelScope(shield=True):
                await account.close()

    def _is_used(self, account: Account) -> bool:
        folder = account.slots.folder
        turns = self._turns[folder]
        return bool(turns.in_use() or turns.waiting()) or any(
            each.slots.folder == folder for used in self._used.values() for each in used
        )

    async def _connection(self, config: Config) -> Connection:
        if config.hub not in self._connections:
            opened = Connection.opened(config, clock=self._clock, events=self._events)
            self._connections[config.hub] = await self._stack.enter_async_context(opened)
        return self._connections[config.hub]

    async def _find(self, config: Config, connection: Connection) -> tuple[Account, ...]:
        key = config.hub, config.accounts
        if any(self._is_worth_another_try(account) for account in self._found.get(key, ())):
            del self._found[key]
        if key not in self._found:
            found = await self._look_up(config, connection)
            if any(self._has_anothers_name(account) for account in found):
                found = await self._look_up(self._with_names(config, found), connection)
            kept = tuple([await self._kept(account) for account in found])
            if any(map(_differ, kept, found)):
                return kept  # what the configuration says now is taken when nobody uses them
            self._found[key] = kept
        return self._found[key]

    async def _look_up(self, config: Config, connection: Connection) -> tuple[Account, ...]:
        find = partial(
            find_accounts,
            msgspec.structs.replace(config, into=None),
            connection,
            environ=self._environ,
            home=self._home,
            state_folder=self._state_folder,
        )
        return await anyio.to_thread.run_sync(find)

    def _is_worth_another_try(self, account: Account) -> bool:
        if account.tokens.refusal is None:
            return False
        now = self._clock.monotonic()
        since = self._refused_at.setdefault(account.slots.folder, now)
        return now - since >= REFUSED_REST_SECONDS

    def _has_anothers_name(self, account: Account) -> bool:
        """Whether an account of another hub is called so: events and metrics know names only."""
        folder = account.slots.folder
        return any(
            other.name == account.name and place != folder
            for place, other in self._accounts.items()
        )

    def _with_names(self, config: Config, found: tuple[Account, ...]) -> Config:
        """The configuration with the hub's host in the names that another hub's accounts have."""
        host = urlsplit(config.hub.account_service).netloc
        named = tuple(
            msgspec.structs.replace(each, name=f"{account.name} at {host}")
            if self._has_anothers_name(account)
            else each
            for each, account in zip(config.accounts, found, strict=True)
        )
        return msgspec.structs.replace(config, accounts=named)

    async def _kept(self, account: Account) -> Account:
        """The account, or the one that has the same slots already and is as good."""
        folder = account.slots.folder
        before = self._accounts.get(folder)
        turns = self._turns.setdefault(folder, Turns(account.slots.count))
        if before is not None and before.tokens.refusal is None:
            before.meter.limit(account.meter.quota)
            is_used = turns.in_use() or before.meter.keeps_waiting
            if is_used or not _differ(before, account):
                return before
        self._accounts[folder] = account
        self._refused_at.pop(folder, None)
        turns.resize(account.slots.count)
        if before is not None:
            await before.close()
        return account

    def _view(self, account: Account, archive: str, priority: int, pause: Pause) -> Account:
        turned = TurnedSlots(account.slots, self._turns[account.slots.folder], archive, priority)
        slots = ArchiveSlots(turned, pause, self.use(archive))
        return Account(account.name, slots, account.tokens, account.meter)


def _differ(one: Account, other: Account) -> bool:
    """Whether two accounts of the same user have other slots."""
    return one.slots.count != other.slots.count
