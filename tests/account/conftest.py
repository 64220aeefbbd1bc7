"""Accounts of a real identity service, on a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from s2fetch.account.credentials import Credentials
from s2fetch.account.ledger import Ledger
from s2fetch.account.tokens import Tokens
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.events import EventBus
from tests.clock import FakeClock

TokensFactory = Callable[..., Awaitable[Tokens]]


@pytest.fixture
async def tokens_factory(clock: FakeClock, bus: EventBus) -> AsyncIterator[TokensFactory]:
    """Makes tokens of a hub's first account: ``await tokens_factory(hub, password=…)``."""
    async with AsyncExitStack() as stack:

        async def make(hub: EmbeddedHub, **options: Any) -> Tokens:
            user = hub.users[0]
            credentials = Credentials(
                options.pop("user", user.name),
                options.pop("password", user.password),
                options.pop("totp_secret", None),
            )
            session = await stack.enter_async_context(aiohttp.ClientSession())
            settings: dict[str, Any] = {
                "url": hub.token_url,
                "client_id": "cdse-public",
                "session": session,
                "clock": clock,
                "events": bus,
            }
            return Tokens("archive's", credentials, **(settings | options))

        yield make


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger without anything in it."""
    return Ledger(tmp_path / "account")
