"""One account as the engine uses it: its slots and its tokens."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from s2fetch.account.tokens import Tokens


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


@dataclass(frozen=True)
class Account:
    """An account of a hub.

    Attributes:
        name: For logs and events.
        slots: Its cap on concurrent downloads.
        tokens: Its access tokens.
    """

    name: str
    slots: SlotSource
    tokens: Tokens
