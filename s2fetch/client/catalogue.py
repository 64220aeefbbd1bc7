"""A hub and accounts, and what can be had of them without an archive."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
import msgspec

from s2fetch.account.account import Account
from s2fetch.account.login import Login, log_in
from s2fetch.account.meter import Usage
from s2fetch.clock import Clock, SystemClock
from s2fetch.config.values import Config
from s2fetch.connect import Connection, Shared, find_accounts, state_folder_of
from s2fetch.errors import AccountError, QueryError
from s2fetch.events import EventBus
from s2fetch.hub.base import Hub
from s2fetch.query import Query
from s2fetch.selection import Counted, Selection, count_selected, selected
from s2fetch.units import parse_time

if TYPE_CHECKING:
    from s2fetch.export import Exported, Form


class CatalogueClient:
    """A hub and accounts, ready for use. An async context manager, which can be entered again.

    Nothing is asked of the network before something is wanted from it: entering logs nobody in.

    Args:
        config: What `load_config` or `Config` say.
        events: Who is told what happens; see `events`.
        clock: Where the time comes from.
        environ: Where credentials may be; default the process's own environment.
        home: Where ``.netrc`` is; default the user's home.
        state_folder: Where the slots of accounts are; the same folder means the same slots. Default
            ``S2FETCH_STATE_DIR`` or the platform's folder for state.
        shared: A connection and accounts that somebody else opened and will close, for programs
            that keep several archives.
    """

    def __init__(
        self,
        config: Config,
        *,
        events: EventBus | None = None,
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
        home: Path | None = None,
        state_folder: Path | None = None,
        shared: Shared | None = None,
    ) -> None:
        self.config = config
        self.events = events or EventBus()
        self._clock = clock or SystemClock()
        self._environ = os.environ if environ is None else environ
        self._home = home or Path.home()
        self._state_folder = state_folder or state_folder_of(self._environ)
        self._stack = AsyncExitStack()
        self._shared = shared
        self._connected = shared.connection if shared is not None else None
        self._accounts = shared.accounts if shared is not None else None
        self._query: Query | None = None
        self._looking_up = anyio.Lock()

    async def __aenter__(self) -> Self:
        if self._shared is None:
            if self._connected is not None:
                raise RuntimeError("Client is entered already")
            opened = Connection.opened(self.config, clock=self._clock, events=self.events)
            self._connected = await self._stack.enter_async_context(opened)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shared is not None:
            return
        # Both belong to this connection; whoever enters again gets others.
        accounts, self._accounts, self._connected = self._accounts, None, None
        try:
            for account in accounts or ():
                await account.close()
        finally:
            await self._stack.aclose()

    @property
    def hub(self) -> Hub:
        """The hub of the configuration."""
        return self.connection.hub(self.accounts)

    @property
    def connection(self) -> Connection:
        """The connection to the hub; only inside the context.

        Raises:
            RuntimeError: Outside.
        """
        if self._connected is None:
            raise RuntimeError("Client is used outside its context")
        return self._connected

    async def accounts(self) -> tuple[Account, ...]:
        """The accounts of the configuration; finds their credentials when first asked for.

        Raises:
            CredentialsMissingError: If those of one cannot be found.
        """
        if self._accounts is None:
            find = partial(
                find_accounts,
                self.config,
                self.connection,
                environ=self._environ,
                home=self._home,
                state_folder=self._state_folder,
            )
            self._accounts = await anyio.to_thread.run_sync(find)
        return self._accounts

    async def query(self) -> Query:
        """The configuration's query, complete.

        An area that is the footprint of a product in the catalogue is looked up once, when this is
        first asked for. Times such as ``-90d`` count from now.

        Raises:
            QueryError: If there is no such product, or it has no footprint.
            HubError: If the catalogue cannot be read.
        """
        now, moving = self._clock.now(), self.config.moving
        times = {field: parse_time(text, now) for field, text in moving.items()}
        return msgspec.structs.replace(await self._located_query(), **times)

    async def _located_query(self) -> Query:
        if self.config.area_product is None:
            return self.config.query
        async with self._looking_up:
            if self._query is None:
                from s2fetch.footprint import with_footprint

                self._query = await with_footprint(
                    self.config.query, self.config.area_product, hub=self.hub, events=self.events
                )
            return self._query

    @asynccontextmanager
    async def search(
        self, query: Query | None = None, *, attributes: bool = True
    ) -> AsyncIterator[Selection]:
        """What matches: ``async with client.search() as products``, an async iterator.

        What it yields says also what was left out, see `selection.Selection`.

        Args:
            query: Instead of the configuration's.
            attributes: Whether the products' attributes are wanted.

        Raises:
            QueryError: If the hub does not understand the query.
            HubError: If it cannot be read completely.
        """
        query = query or await self.query()
        async with selected(self.hub, query, attributes=attributes, events=self.events) as products:
            yield products

    async def count(self, query: Query | None = None) -> Counted:
        """How many products match; by one request where the hub can count them by itself.

        Args:
            query: Instead of the configuration's.

        Raises:
            QueryError: If nothing can match, or the hub does not understand the query.
            HubError: If it cannot be read completely.
        """
        query = query or await self.query()
        counted = await count_selected(self.hub, query, events=self.events)
        if not (counted.count or counted.missing_names):
            await self._explain_empty(query)
        return counted

    async def export(
        self,
        form: str | Form,
        to: str | Path | Callable[[str], object],
        *,
        fields: Sequence[str] = (),
        query: Query | None = None,
    ) -> Exported:
        """List what matches in a form that people or programs need, of any length.

        Args:
            form: One of `export.FORMS`, a form of one's own, or ``geoparquet``.
            to: A file, which appears when it is whole; or what takes text, piece by piece (it must
                not block for long). GeoParquet needs a file.
            fields: Names of the columns; empty for the form's own.
            query: Instead of the configuration's.

        Raises:
            UsageError: If there is no such form or field, or its library is not installed.
            QueryError: If nothing can match.
            HubError: If the catalogue cannot be read completely.
            ArchiveError: If the file cannot be written.
        """
        from s2fetch.export import export_all, make_sink

        hub = self.hub
        sink = make_sink(form, Path(to) if isinstance(to, str) else to, fields, hub.url_of)
        query = query or await self.query()
        async with selected(hub, query, attributes=sink.attributes, events=self.events) as products:
            exported = await export_all(products, sink)
            exported.superseded = products.superseded
            exported.other_versions = products.other_versions
            exported.missing_names = products.missing
        if not (exported.count or exported.superseded or exported.missing_names):
            await self._explain_empty(query)
        return exported

    async def login(self, told: Callable[[Login], object] | None = None) -> list[Login]:
        """Log every account in, and look who uses its slots on this machine.

        Args:
            told: Called with each account that works, also when others turn out to be refused.

        Raises:
            AccountError: If one is refused; raised when all have been tried.
            HubError: If the identity service, or the hub without one, cannot be reached.
        """
        logins: list[Login] = []
        refused: list[AccountError] = []
        for account in await self.accounts():
            try:
                logins.append(await log_in(account, self._clock))
            except AccountError as error:
                refused.append(error)
            else:
                if told is not None:
                    told(logins[-1])
        if refused:
            raise refused[0]
        return logins

    async def usage(self) -> list[Usage]:
        """What every account has received in the last 30 days, and where that leads.

        Raises:
            CredentialsMissingError: If the credentials of one cannot be found.
            ArchiveError: If a ledger cannot be read.
        """
        return [await account.meter.usage() for account in await self.accounts()]

    async def _explain_empty(self, query: Query) -> None:
        """A typo is an error and not an empty result.

        Raises:
            QueryError: If nothing can match; says why.
        """
        if reason := await self.hub.explain_empty(query):
            raise QueryError(f"nothing matches: {reason}")
