"""The Python API: everything the command line does, from a configuration.

async with s2fetch.Client(config) as client:
    report = await client.sync()
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
import msgspec

from s2fetch.account.account import Account
from s2fetch.account.login import Login, log_in
from s2fetch.account.meter import Usage
from s2fetch.archive.archive import Archive, is_archive
from s2fetch.archive.layout import Layout
from s2fetch.archive.space import Volumes
from s2fetch.archive.waiting import opened_in_turn
from s2fetch.clock import Clock, SystemClock
from s2fetch.config.values import Config
from s2fetch.connect import Connection, Shared, find_accounts, state_folder_of
from s2fetch.errors import ArchiveInUseError, ExitCode, QueryError, S2FetchError, UsageError
from s2fetch.events import EventBus
from s2fetch.hub.base import Hub
from s2fetch.query import Query
from s2fetch.selection import Counted, Selection, count_selected, selected
from s2fetch.sync.extent import check_extent
from s2fetch.sync.report import Report
from s2fetch.sync.run import Run, RunSettings
from s2fetch.sync.status import Status, read_status
from s2fetch.sync.work import Queued
from s2fetch.units import parse_time

if TYPE_CHECKING:
    from s2fetch.export import Exported, Form
    from s2fetch.sync.audit import AuditReport, Gap
    from s2fetch.sync.explain import Explanation
    from s2fetch.sync.preview import Preview
    from s2fetch.sync.scrub import ScrubReport
    from s2fetch.sync.verify import VerifyReport


class Client:
    """A hub, accounts and an archive, ready for use. An async context manager.

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
        self._volumes = shared.volumes if shared is not None else Volumes()
        self._stack = AsyncExitStack()
        self._shared = shared
        self._connected = shared.connection if shared is not None else None
        self._accounts = shared.accounts if shared is not None else None
        self._run: Run | None = None
        self._query: Query | None = None
        self._looking_up = anyio.Lock()
        self._lent: Archive | None = None
        self._borrowing = anyio.Lock()

    async def __aenter__(self) -> Self:
        if self._shared is None:
            opened = Connection.opened(self.config, clock=self._clock, events=self.events)
            self._connected = await self._stack.enter_async_context(opened)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shared is None:
            for account in self._accounts or ():
                await account.close()
        await self._stack.aclose()

    @property
    def hub(self) -> Hub:
        """The hub of the configuration."""
        return self.connection.hub(self.accounts)

    @property
    def report(self) -> Report | None:
        """The sums of the run that is under way or was last, if any."""
        return self._run.reporter.report if self._run is not None else None

    def will_be_cancelled(self, code: ExitCode) -> None:
        """Say what it counts as that the run under way is about to be cancelled.

        Args:
            code: For its report and the event of its end; `ExitCode.INTERRUPTED` unless this says
                something else.
        """
        if self._run is not None:
            self._run.cancelled_as = code

    @property
    def waits_for_hub(self) -> bool:
        """Whether a run is under way that only waits for products the hub brings back."""
        return self._run is not None and self._run.waits_for_hub

    def queued(self, limit: int) -> list[Queued]:
        """Products that the run under way has yet to fetch, in the order of work, the first ones.

        The run keeps no more than a few hundred at hand, however many match.
        """
        return [] if self._run is None else self._run.queued(limit)

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
        to: Path | Callable[[str], object],
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
        sink = make_sink(form, to, fields, hub.url_of)
        query = query or await self.query()
        async with selected(hub, query, attributes=sink.attributes, events=self.events) as products:
            exported = await export_all(products, sink)
            exported.superseded = products.superseded
            exported.other_versions = products.other_versions
            exported.missing_names = products.missing
        if not (exported.count or exported.superseded or exported.missing_names):
            await self._explain_empty(query)
        return exported

    async def sync(self, *, renew: bool = False, everywhere: bool = False) -> Report:
        """Fetch everything that matches and is not on disk.

        Args:
            renew: Fetch also what is there.
            everywhere: Look for copies in all folders of the archive, and not only where the
                layout puts them.

        Returns:
            What came of it, failures and a fatal error included; `Report.exit_code` sums it up.

        Raises:
            UsageError: If the configuration names no folder.
            AccountError: If there are no credentials.
            ArchiveError, ArchiveInUseError: If the archive cannot be worked on.
            QueryError, HubError: If the product that is the area cannot be looked up.
        """
        accounts = await self.accounts()
        query = await self.query()
        settings = RunSettings(
            self.config.transfer,
            self.config.retrieval,
            renew,
            everywhere,
            increment=self.config.increment,
            on_full=self.config.on_full,
            on_missing=self.config.on_missing,
            everything=self.config.everything,
            bandwidth=self._shared.bandwidth if self._shared is not None else None,
            log_out=self._shared is None,
        )
        async with self.archive() as archive, self._lending(archive):
            self._run = Run(
                self.hub,
                archive,
                accounts,
                query,
                settings,
                clock=self._clock,
                events=self.events,
            )
            return await self._run.run()

    async def save(self, summary: msgspec.Struct, path: Path) -> None:
        """Write what one of the other methods returned to a file, as JSON, atomically.

        Raises:
            ArchiveError: If it cannot be written.
        """
        from s2fetch.sync.save import save_summary

        await save_summary(summary, path)

    async def verify(self) -> VerifyReport:
        """Hash everything recorded again; what is damaged is named, and fetched by the next sync.

        Raises:
            UsageError: If the configuration names no folder, or there is no archive in it.
            ArchiveError, ArchiveInUseError: If the archive cannot be worked on.
        """
        from s2fetch.sync.verify import Verification

        await self.require_archive()
        async with self.archive() as archive:
            return await Verification(
                archive,
                on_missing=self.config.on_missing,
                clock=self._clock,
                events=self.events,
            ).run()

    async def scrub(
        self, opened: Callable[[], AbstractAsyncContextManager[Archive]] | None = None
    ) -> ScrubReport:
        """Hash again what the day's budget allows, oldest proof first; see `sync.scrub`.

        Cancelling it ends it at once. The archive is locked for moments only.

        Args:
            opened: Gives the archive for these moments, where this process works on it anyway.

        Raises:
            UsageError: If the configuration names no folder.
            ArchiveError: If the archive cannot be worked on.
        """
        opened = opened or partial(self.archive, wait_seconds=0)
        from s2fetch.sync.scrub import Scrub

        return await Scrub(
            self.into,
            opened,
            self.config.scrub,
            on_missing=self.config.on_missing,
            clock=self._clock,
            events=self.events,
        ).run()

    async def audit(self, on_gap: Callable[[Gap], object] | None = None) -> AuditReport:
        """Compare catalogue and archive; changes nothing, and needs neither account nor lock.

        Args:
            on_gap: Called with every gap as it is found; the report lists only the first of them.

        Raises:
            UsageError: If the configuration names no folder.
            QueryError, HubError: If the catalogue cannot be read completely.
            ArchiveError: If the archive cannot be read.
        """
        from s2fetch.sync.audit import Audit

        return await Audit(
            self.hub,
            self.into,
            await self.query(),
            on_missing=self.config.on_missing,
            clock=self._clock,
            on_gap=on_gap,
        ).run()

    async def explain(self, product: str, *, local: bool = False) -> Explanation:
        """Everything that is known of one product, and what happens to it next.

        Args:
            product: Its name or identifier, or the path of its file.
            local: Ask nothing of the network.

        Raises:
            UsageError: If neither archive nor catalogue know it, or there is no archive's folder.
            ArchiveError: If the archive cannot be read.
        """
        from s2fetch.sync.explain import explain

        layout = Layout(self.config.layout)
        if local:
            return await explain(
                None, self.into, layout, self.config.query, product, self.config.on_missing
            )
        query = await self.query()
        return await explain(self.hub, self.into, layout, query, product, self.config.on_missing)

    async def preview(self, *, renew: bool = False, everywhere: bool = False) -> Preview:
        """What `sync` would do; changes nothing, and needs neither account nor lock.

        Args:
            renew: As for `sync`.
            everywhere: As for `sync`.

        Raises:
            UsageError: If the configuration names no folder.
            QueryError: If nothing can match, the hub does not understand the query, or it is a
                large collection that nothing restricts.
            HubError: If the catalogue cannot be read.
            ArchiveError: If the archive cannot be read.
        """
        from s2fetch.sync.preview import preview

        query = await self.query()
        await check_extent(self.hub, query, everything=self.config.everything)
        found = await preview(
            self.hub,
            self.into,
            Layout(self.config.layout),
            query,
            reserve_bytes=self.config.reserve_bytes,
            on_missing=self.config.on_missing,
            renew=renew,
            everywhere=everywhere,
            events=self.events,
        )
        if not (found.found or found.superseded or found.missing_names):
            await self._explain_empty(query)
        return found

    async def status(self) -> Status:
        """The state of the archive; can be asked for while a sync is running.

        Raises:
            UsageError: If the configuration names no folder.
            ArchiveError: If the archive cannot be read.
        """
        status = await anyio.to_thread.run_sync(read_status, self.into)
        if await anyio.to_thread.run_sync((self._state_folder / "received").exists):
            # Without credentials it is not known whose ledger is meant; the rest is told.
            with contextlib.suppress(S2FetchError):
                status.accounts = await self.usage()
        return status

    async def usage(self) -> list[Usage]:
        """What every account has received in the last 30 days, and where that leads.

        Raises:
            CredentialsMissingError: If the credentials of one cannot be found.
            ArchiveError: If a ledger cannot be read.
        """
        return [await account.meter.usage() for account in await self.accounts()]

    async def login(self) -> list[Login]:
        """Log every account in, and look who uses its slots on this machine.

        Raises:
            AccountError: If one is refused.
            HubError: If the identity service, or the hub without one, cannot be reached.
        """
        return [await log_in(account, self._clock) for account in await self.accounts()]

    async def require_archive(self) -> None:
        """See whether there is an archive in the folder; only a sync makes one.

        Raises:
            UsageError: If the configuration names no folder, or there is no archive in it.
        """
        if not await anyio.to_thread.run_sync(is_archive, self.into):
            raise UsageError(
                f"there is no archive in {self.into}",
                did="Nothing was done",
                advice="Check the folder (--into); s2fetch sync makes an archive",
            )

    @asynccontextmanager
    async def archive(self, *, wait_seconds: float | None = None) -> AsyncIterator[Archive]:
        """The archive, locked for this process.

        Args:
            wait_seconds: How long to wait while another process works on it; as the configuration
                says when None.

        Raises:
            ArchiveInUseError: If another process works on it still.
            ArchiveError: If the folder cannot be used.
        """
        layout = Layout(self.config.layout)
        opening = partial(
            Archive.opened,
            self.into,
            layout,
            reserve_bytes=self.config.reserve_bytes,
            volumes=self._volumes,
        )
        if wait_seconds is None:
            wait_seconds = self.config.wait_for_lock_seconds
        async with opened_in_turn(opening, wait_seconds, self._clock) as archive:
            yield archive

    @asynccontextmanager
    async def lent_archive(self) -> AsyncIterator[Archive]:
        """The archive `sync` has open, which waits with closing it; for moments only.

        Raises:
            ArchiveInUseError: If it has none open now.
        """
        async with self._borrowing:
            if self._lent is None:
                raise ArchiveInUseError(f"the archive {self.into} is being opened or closed")
            yield self._lent

    @asynccontextmanager
    async def _lending(self, archive: Archive) -> AsyncIterator[None]:
        self._lent = archive
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                async with self._borrowing:
                    self._lent = None

    @property
    def into(self) -> Path:
        """The archive's folder.

        Raises:
            UsageError: If the configuration names none.
        """
        if self.config.into is None:
            raise UsageError(
                "no folder for the archive was given", advice="Give --into FOLDER, or the key into"
            )
        return self.config.into

    @property
    def connection(self) -> Connection:
        """The connection to the hub; only inside the context."""
        if self._connected is None:
            raise RuntimeError("Client is used outside its context")
        return self._connected

    async def _explain_empty(self, query: Query) -> None:
        """A typo is an error and not an empty result.

        Raises:
            QueryError: If nothing can match; says why.
        """
        if reason := await self.hub.explain_empty(query):
            raise QueryError(f"nothing matches: {reason}")
