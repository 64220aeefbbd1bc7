"""What is known of the accounts of a daemon: what they have received, and which are refused."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable

from s2fetch.account.account import Account
from s2fetch.account.meter import Usage
from s2fetch.config.values import Config
from s2fetch.daemon.pause import Pause
from s2fetch.daemon.pool import UNNAMED, Pool
from s2fetch.daemon.state import AccountState
from s2fetch.daemon.values import ArchiveEntry
from s2fetch.errors import ArchiveError, ExitCode, S2FetchError


class Accounts:
    """Follows the accounts of a pool.

    Args:
        pool: Has them.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._refused: dict[str, str] = {}
        self._usage: dict[str, Usage] = {}

    async def find(self, plans: Iterable[ArchiveEntry]) -> None:
        """Look up the accounts of archives, so that they are shown before a run needs them."""
        for plan in plans:
            # Who cannot be found is told by the run that needs it.
            with contextlib.suppress(S2FetchError):
                await self._pool.shared(plan.config, plan.name, plan.priority, Pause())

    async def count(self) -> None:
        """Add up what each has received in the rolling 30 days."""
        for account in self._pool.accounts:
            # A ledger that cannot be read is told by the meter itself; the last numbers stay.
            with contextlib.suppress(ArchiveError):
                self._usage[account.name] = await account.meter.usage()

    def take(self, config: Config, code: ExitCode, error: str) -> None:
        """Learn from the end of a run whether its accounts can be used.

        Args:
            config: Of the run.
            code: How it ended.
            error: What ended it, for people.
        """
        for name in self._pool.names_of(config):
            if code is ExitCode.ACCOUNT:
                self._refused[name] = error
            else:
                self._refused.pop(name, None)
                self._refused.pop(UNNAMED, None)

    def forget_others(self, configs: Collection[Config]) -> None:
        """Forget what is wrong with accounts that none of these configurations has."""
        names = {name for config in configs for name in self._pool.names_of(config)}
        self._refused = {name: why for name, why in self._refused.items() if name in names}

    def states(self) -> tuple[AccountState, ...]:
        """All of them; those that were refused before they were found come last."""
        accounts = self._pool.accounts
        named = {account.name for account in accounts}
        return (
            *(self._state(account) for account in accounts),
            *(
                AccountState(name=name, slots=0, refused=why)
                for name, why in self._refused.items()
                if name not in named
            ),
        )

    def _state(self, account: Account) -> AccountState:
        usage = self._usage.get(account.name)
        refusal = account.tokens.refusal
        return AccountState(
            name=account.name,
            slots=account.slots.count,
            in_use=self._pool.in_use(account),
            refused=str(refusal) if refusal else self._refused.get(account.name, ""),
            token_seconds=account.tokens.seconds_left,
            received_30_days=usage.received if usage is not None else 0,
            quota=usage.quota if usage is not None else account.meter.quota,
            quota_reached=usage.reached if usage is not None else "",
            throttled=account.meter.throttled,
        )
