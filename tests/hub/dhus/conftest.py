"""Clients of embedded hubs of this kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from s2fetch.account.account import Account
from s2fetch.account.basic import BasicLogin
from s2fetch.account.credentials import Credentials
from s2fetch.account.ledger import Ledger
from s2fetch.account.meter import Meter
from s2fetch.account.slots import Slots
from s2fetch.embedded.dhus.hub import DhusSettings, EmbeddedDhus, User
from s2fetch.embedded.faults import Fault
from s2fetch.embedded.folder import FolderCatalogue
from s2fetch.events import EventBus
from s2fetch.hub.dhus.hub import DhusHub
from s2fetch.hub.dhus.requests import check_login
from tests.clock import FakeClock
from tests.hub.conftest import ClientFactory

TwinFactory = Callable[..., Awaitable[EmbeddedDhus]]
DhusFactory = Callable[..., Awaitable[DhusHub]]


@pytest.fixture
async def twin(clock: FakeClock) -> AsyncIterator[TwinFactory]:
    """Starts hubs: ``await twin(catalogue, faults=…, generation=…, …)``."""
    async with AsyncExitStack() as stack:

        async def start(
            source: FolderCatalogue | Path,
            *,
            users: tuple[User, ...] = (User(name="me", password="secret"),),
            faults: tuple[Fault, ...] = (),
            **settings: Any,
        ) -> EmbeddedDhus:
            hub = EmbeddedDhus(
                source, users=users, faults=faults, settings=DhusSettings(**settings), clock=clock
            )
            return await stack.enter_async_context(hub)

        yield start


@pytest.fixture
def dhus(
    client_factory: ClientFactory, clock: FakeClock, bus: EventBus, tmp_path: Path
) -> DhusFactory:
    """A client of a hub: ``await dhus(url, {"me": "secret"})``."""

    async def start(url: str, users: dict[str, str] | None = None, **options: Any) -> DhusHub:
        client = await client_factory(url, **options)

        async def ask(token: str) -> None:
            await check_login(client, url, token)

        accounts = [
            Account(
                user,
                Slots(user, tmp_path / user, 2, clock=clock),
                BasicLogin(user, Credentials(user, password), hub="the hub", ask=ask),
                Meter(user, Ledger(tmp_path / f"{user}-ledger"), clock=clock, events=bus),
            )
            for user, password in (users or {"me": "secret"}).items()
        ]

        async def find() -> list[Account]:
            return accounts

        return DhusHub(client, url=url, accounts=find, clock=clock, events=bus)

    return start
