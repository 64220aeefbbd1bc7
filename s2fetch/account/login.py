"""Trying an account, and looking who uses it."""

from __future__ import annotations

import anyio
import msgspec

from s2fetch.account.account import Account
from s2fetch.account.slots import holders
from s2fetch.clock import Clock
from s2fetch.lockfile import Holder


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """An account that works, and who uses it.

    Attributes:
        account: Its name.
        seconds: How long the login took.
        slots: How many downloads it may have at a time.
        holders: Who on this machine holds which slot, by its number from 1.
    """

    account: str
    seconds: float
    slots: int
    holders: dict[int, Holder]


async def log_in(account: Account, clock: Clock) -> Login:
    """Log an account in, and look who uses its slots on this machine.

    Raises:
        AccountError: If it is refused.
        HubError: If the identity service, or the hub without one, cannot be reached.
    """
    started = clock.monotonic()
    await account.tokens.check()
    slots = account.slots
    held = await anyio.to_thread.run_sync(holders, slots.folder, slots.count)
    seconds = clock.monotonic() - started
    return Login(account=account.name, seconds=seconds, slots=slots.count, holders=held)
