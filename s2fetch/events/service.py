"""The hub and the accounts."""

from __future__ import annotations

from typing import ClassVar

from s2fetch.events.base import Event


class HubPaused(Event, frozen=True, kw_only=True):
    """Requests to a host wait; ``account`` is set when only that account has to.

    ``down`` tells a host that cannot be reached, or sends everybody away again and again, from one
    that asks for a moment.
    """

    name: ClassVar[str] = "hub-paused"
    level: ClassVar[str] = "warning"
    host: str
    account: str
    seconds: float
    reason: str
    down: bool = False


class HubResumed(Event, frozen=True, kw_only=True):
    """The host answers again."""

    name: ClassVar[str] = "hub-resumed"
    host: str


class QuotaUsedUp(Event, frozen=True, kw_only=True):
    """An account waits: its quota leaves nothing for now. Sizes in bytes, ``until`` is ISO 8601."""

    name: ClassVar[str] = "quota-used-up"
    level: ClassVar[str] = "warning"
    account: str
    received: int
    quota: int
    until: str


class QuotaFreed(Event, frozen=True, kw_only=True):
    """The account may receive again."""

    name: ClassVar[str] = "quota-freed"
    account: str


class QuotaNotKept(Event, frozen=True, kw_only=True):
    """What an account received could not be written down; it is kept in memory and tried again."""

    name: ClassVar[str] = "quota-not-kept"
    level: ClassVar[str] = "warning"
    account: str
    error: str


class AccountThrottled(Event, frozen=True, kw_only=True):
    """The hub has slowed the account down, as it does above its quota. ``rate`` in bytes/s."""

    name: ClassVar[str] = "account-throttled"
    level: ClassVar[str] = "warning"
    account: str
    rate: float
    received: int
    quota: int


class AccountUnthrottled(Event, frozen=True, kw_only=True):
    """The hub serves the account at full speed again."""

    name: ClassVar[str] = "account-unthrottled"
    account: str
    rate: float


class TokenObtained(Event, frozen=True, kw_only=True):
    """An access token was issued, by login or by renewal. Never carries the token."""

    name: ClassVar[str] = "token-obtained"
    level: ClassVar[str] = "debug"
    account: str
    renewed: bool
    seconds: float
