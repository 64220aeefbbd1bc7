"""One account as the engine uses it: its slots, what it shows to the hub, what it received."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from s2fetch.account.meter import Meter
from s2fetch.errors import S2FetchError


class Authorisation(Protocol):
    """What an account shows with every request: the credentials after the name of the scheme.

    RFC 9110 11.4 calls them a token, whatever the scheme: an access token, or user and password.
    """

    async def get(self) -> str:
        """The token for the next request.

        Raises:
            AccountError: If the account is refused.
            HubError: If a service that has to be asked cannot be reached.
        """

    def refuse(self, token: str) -> None:
        """Say that a hub did not accept this token."""

    def doubt(self, token: str) -> bool:
        """Say that a hub failed in a way in which it may fail over a token that has expired.

        Returns:
            Whether the next `get` gives another one.
        """

    async def check(self) -> None:
        """Find out now whether the account works; raises as `get`."""

    async def logout(self) -> None:
        """End what has been begun. Never fails."""

    @property
    def refusal(self) -> S2FetchError | None:
        """Why the account cannot be used any more, or None."""

    @property
    def seconds_left(self) -> float | None:
        """How long the present token lives; None without one, or where tokens do not end."""


class SlotSource(Protocol):
    """Where downloads get their slots: `Slots`, or something that stands in front of them."""

    @property
    def count(self) -> int:
        """How many downloads the account may have at a time."""

    @property
    def folder(self) -> Path:
        """Where the lock files are."""

    def slot(self) -> AbstractAsyncContextManager[int]:
        """Hold a slot; yields its number, from 1."""

    def close(self) -> None:
        """Give up the slots that are kept but not in use."""


class Account(msgspec.Struct, frozen=True):
    """An account of a hub.

    Attributes:
        name: For logs and events.
        slots: Its cap on concurrent downloads.
        tokens: What it shows to the hub.
        meter: What it has received, and its quota.
    """

    name: str
    slots: SlotSource
    tokens: Authorisation
    meter: Meter

    async def close(self) -> None:
        """Give up the slots, keep what was counted and end the session."""
        self.slots.close()
        await self.meter.close()
        await self.tokens.logout()
