"""The hub and the accounts that a configuration asks for, each of the right kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import platformdirs

from s2fetch.account.account import Account, Authorisation
from s2fetch.account.credentials import (
    ENVIRONMENT_PREFIX,
    Credentials,
    find_credentials,
    netrc_hosts,
)
from s2fetch.account.ledger import Ledger, ledger_folder
from s2fetch.account.meter import Meter
from s2fetch.account.slots import Slots, slot_folder
from s2fetch.account.throttle import PUBLISHED_QUOTA_BYTES
from s2fetch.account.tokens import Tokens
from s2fetch.archive.space import Volumes
from s2fetch.clock import Clock
from s2fetch.config.access import CDSE_TOKEN
from s2fetch.config.values import AccountConfig, Config, HubConfig, HubKind
from s2fetch.events import EventBus
from s2fetch.hub.base import Hub
from s2fetch.hub.cdse import CdseHub
from s2fetch.hub.http import HttpClient
from s2fetch.transfer.bandwidth import Bandwidth

if TYPE_CHECKING:
    from s2fetch.hub.dhus.requests import Accounts
    from s2fetch.hub.subscriptions import Subscriptions

DHUS_PREFIX = "DHUS"
"""Of the variables that sentinelsat's users have set: ``DHUS_USER``, ``DHUS_PASSWORD``."""


def credentials_hosts(hub: HubConfig) -> tuple[str, ...]:
    """The names under which a hub's accounts may be in netrc, most specific first."""
    if hub.kind is HubKind.DHUS:
        return ((urlsplit(hub.url).hostname or "").lower(),)
    return netrc_hosts(hub.token_url, hub.catalogue_url)


def credentials_prefixes(hub: HubConfig) -> tuple[str, ...]:
    """What the names of environment variables with a hub's accounts begin with."""
    own = (DHUS_PREFIX,) if hub.kind is HubKind.DHUS else ()
    return (*own, ENVIRONMENT_PREFIX)


class Connection:
    """One hub, as the configuration describes it, over one HTTP client.

    Args:
        config: Which hub.
        client: How it is spoken with; open.
        clock: Where the time comes from.
        events: Who is told what happens.
    """

    def __init__(
        self, config: HubConfig, client: HttpClient, *, clock: Clock, events: EventBus
    ) -> None:
        self._config = config
        self._client = client
        self._clock = clock
        self._events = events

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, config: Config, *, clock: Clock, events: EventBus
    ) -> AsyncIterator[Connection]:
        """A connection with an HTTP client of its own, as long as the context lasts."""
        client = HttpClient(
            trusts=config.hub.trusts,
            connect_timeout=config.transfer.connect_timeout_seconds,
            first_byte_timeout=config.transfer.first_byte_timeout_seconds,
            give_up_after=config.hub.give_up_after_seconds,
            clock=clock,
            events=events,
        )
        async with client:
            yield cls(config.hub, client, clock=clock, events=events)

    def hub(self, accounts: Accounts) -> Hub:
        """The hub.

        Args:
            accounts: Finds the accounts, should its catalogue want one.
        """
        if self._config.kind is HubKind.DHUS:
            from s2fetch.hub.dhus.hub import DhusHub

            return DhusHub(
                self._client,
                url=self._config.url,
                accounts=accounts,
                clock=self._clock,
                events=self._events,
            )
        return CdseHub(
            self._client,
            catalogue_url=self._config.catalogue_url,
            download_url=self._config.download_url,
            clock=self._clock,
            events=self._events,
        )

    def subscriptions(self, account: Account) -> Subscriptions | None:
        """The account's subscriptions; None for hubs that have no such thing."""
        if self._config.kind is HubKind.DHUS:
            return None
        from s2fetch.hub.subscriptions import Subscriptions

        return Subscriptions(self._client, self._config.catalogue_url, account)

    def account(
        self, config: AccountConfig, found: Credentials, *, state_folder: Path, archive: str
    ) -> Account:
        """One account with its slots.

        Args:
            config: Its name and how many slots it has.
            found: Its user and password.
            state_folder: Where slots are; the same service and user have the same ones.
            archive: Who uses them, for others to read.
        """
        name = config.name or found.user
        slots = Slots(
            name,
            slot_folder(state_folder, self._config.account_service, found.user),
            config.slots,
            note={"archive": archive},
            clock=self._clock,
        )
        meter = Meter(
            name,
            Ledger(ledger_folder(state_folder, self._config.account_service, found.user)),
            quota=config.quota_bytes,
            hub_quota=max(PUBLISHED_QUOTA_BYTES, config.quota_bytes or 0)
            if self._config.token_url == CDSE_TOKEN
            else None,
            clock=self._clock,
            events=self._events,
        )
        return Account(name, slots, self._authorisation(name, found), meter)

    def _authorisation(self, name: str, found: Credentials) -> Authorisation:
        hub = self._config
        if hub.kind is HubKind.DHUS:
            from s2fetch.account.basic import BasicLogin
            from s2fetch.hub.dhus.requests import check_login

            ask = partial(check_login, self._client, hub.url)
            return BasicLogin(name, found, hub=urlsplit(hub.url).netloc, ask=ask)
        return Tokens(
            name,
            found,
            url=hub.token_url,
            client_id=hub.client_id,
            session=self._client.session,
            proxy=self._client.proxy_for(hub.token_url),
            give_up_after=hub.give_up_after_seconds,
            clock=self._clock,
            events=self._events,
        )


class Shared(msgspec.Struct, frozen=True):
    """What several clients use together.

    Attributes:
        connection: To the hub of their configurations.
        accounts: Of that hub; each client's own view of them.
        bandwidth: A limit on all clients together; None for each one's own.
        volumes: What archives on one file system are going to write, so that they leave its reserve
            together.
    """

    connection: Connection
    accounts: tuple[Account, ...]
    bandwidth: Bandwidth | None = None
    volumes: Volumes = msgspec.field(default_factory=Volumes)


def find_accounts(
    config: Config,
    connection: Connection,
    *,
    environ: Mapping[str, str],
    home: Path,
    state_folder: Path,
) -> tuple[Account, ...]:
    """The accounts of a configuration, with their credentials. Blocking.

    Args:
        config: Which.
        connection: To their hub.
        environ: Where credentials may be.
        home: Where ``.netrc`` is.
        state_folder: Where slots are.

    Raises:
        CredentialsMissingError: If those of one cannot be found.
    """
    only = len(config.accounts) == 1
    archive = str(config.into or "")
    accounts = []
    for account in config.accounts:
        found = find_credentials(
            user=account.user,
            credentials_file=account.credentials_file,
            hosts=credentials_hosts(config.hub),
            environ=environ,
            home=home,
            only_account=only,
            prefixes=credentials_prefixes(config.hub),
        )
        accounts.append(
            connection.account(account, found, state_folder=state_folder, archive=archive)
        )
    return tuple(accounts)


def state_folder_of(environ: Mapping[str, str]) -> Path:
    """Where slots of accounts are, unless somebody says otherwise."""
    given = environ.get("S2FETCH_STATE_DIR")
    return Path(given) if given else platformdirs.user_state_path("s2fetch")
