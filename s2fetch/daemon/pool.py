"""What archives share: one connection for each hub, one login and one set of slots an account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import msgspec

from s2fetch.account.account import Account, SlotSource
from s2fetch.archive.space import Volumes
from s2fetch.client import Shared
from s2fetch.clock import Clock
from s2fetch.config.values import AccountConfig, Config, HubConfig
from s2fetch.connect import Connection, find_accounts
from s2fetch.daemon.pause import Pause
from s2fetch.daemon.turns import TurnedSlots, Turns
from s2fetch.events import EventBus
from s2fetch.transfer.bandwidth import Bandwidth

UNNAMED = "account"
"""What an account is called whose name nobody knows, because its credentials were not found."""


class PausedSlots:
    """Slots that nobody gets while an archive is paused; what is under way goes on.

    Args:
        slots: The slots behind it.
        pause: Of the archive.
    """

    def __init__(self, slots: SlotSource, pause: Pause) -> None:
        self._slots = slots
        self._pause = pause

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
        while True:
            await self._pause.over()
            async with self._slots.slot() as number:
                if not self._pause.is_on:
                    yield number
                    return

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
        """All accounts that were asked for so far."""
        return tuple(self._accounts.values())

    def in_use(self, account: Account) -> int:
        """How many downloads the archives of this daemon have through an account now."""
        return sum(self._turns[account.slots.folder].in_use().values())

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

    async def _connection(self, config: Config) -> Connection:
        if config.hub not in self._connections:
            opened = Connection.opened(config, clock=self._clock, events=self._events)
            self._connections[config.hub] = await self._stack.enter_async_context(opened)
        return self._connections[config.hub]

    async def _find(self, config: Config, connection: Connection) -> tuple[Account, ...]:
        key = config.hub, config.accounts
        if key not in self._found:
            find = partial(
                find_accounts,
                msgspec.structs.replace(config, into=None),
                connection,
                environ=self._environ,
                home=self._home,
                state_folder=self._state_folder,
            )
            found = await anyio.to_thread.run_sync(find)
            self._found[key] = tuple(self._kept(account) for account in found)
        return self._found[key]

    def _kept(self, account: Account) -> Account:
        """The account, or the one that has the same slots already."""
        kept = self._accounts.setdefault(account.slots.folder, account)
        turns = self._turns.setdefault(account.slots.folder, Turns(kept.slots.count))
        turns.resize(kept.slots.count)
        return kept

    def _view(self, account: Account, archive: str, priority: int, pause: Pause) -> Account:
        turned = TurnedSlots(account.slots, self._turns[account.slots.folder], archive, priority)
        return Account(account.name, PausedSlots(turned, pause), account.tokens, account.meter)
