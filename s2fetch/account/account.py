"""One account as the engine uses it: its slots and its tokens."""

from __future__ import annotations

from dataclasses import dataclass

from s2fetch.account.slots import Slots
from s2fetch.account.tokens import Tokens


@dataclass(frozen=True)
class Account:
    """An account of a hub.

    Attributes:
        name: For logs and events.
        slots: Its cap on concurrent downloads.
        tokens: Its access tokens.
    """

    name: str
    slots: Slots
    tokens: Tokens
