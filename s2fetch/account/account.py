"""One account as the engine uses it: its slots, its tokens and the bytes it has received."""

from __future__ import annotations

from dataclasses import dataclass

from s2fetch.account.meter import Meter
from s2fetch.account.slots import Slots
from s2fetch.account.tokens import Tokens


@dataclass(frozen=True)
class Account:
    """An account of a hub.

    Attributes:
        name: For logs and events.
        slots: Its cap on concurrent downloads.
        tokens: Its access tokens.
        meter: What it has received, and its quota.
    """

    name: str
    slots: Slots
    tokens: Tokens
    meter: Meter
