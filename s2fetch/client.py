"""The Python API: everything the command line does, from a configuration.

async with s2fetch.Client(config) as client:
    report = await client.sync()
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import msgspec
import platformdirs

from s2fetch.account.account import Account
from s2fetch.account.credentials import find_credentials, netrc_hosts
from s2fetch.account.ledger import Ledger, ledger_folder
from s2fetch.account.meter import Meter, Usage
from s2fetch.account.slots import Slots, holders, slot_folder
from s2fetch.account.throttle import PUBLISHED_QUOTA_BYTES
from s2fetch.account.tokens import Tokens
from s2fetch.archive.archive import Archive
from s2fetch.archive.layout import Layout
from s2fetch.archive.space import Volumes
from s2fetch.clock import Clock, SystemClock
from s2fetch.config.settings import CDSE_TOKEN
from s2fetch.config.values import AccountConfig, Config
from s2fetch.errors import ArchiveInUseError, S2FetchError, UsageError
from s2fetch.events import EventBus
from s2fetch.hub.base import Hub
from s2fetch.hub.cdse import CdseHub
from s2fetch.hub.http import HttpClient
from s2fetch.lockfile import Holder
from s2fetch.product import Product
from s2fetch.query import Query
from s2fetch.sync.audit import Audit, AuditReport, Gap
from s2fetch.sync.explain import Explanation, explain
from s2fetch.sync.preview import Preview, preview
from s2fetch.sync.report import Report
from s2fetch.sync.run import Run, RunSettings
from s2fetch.sync.scrub import Scrub, ScrubReport
from s2fetch.sync.status import Status, read_status
from s2fetch.sync.verify import Verification, VerifyReport

LOCK_POLL_SECONDS = 0.5
"""How often an archive that is in use is looked at while waiting for it."""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """An account that works, and who uses it.

    Attributes:
        account: Its name.
        seconds: How long the login took.
        slots: How many downloads it may have at a time.
        holders: Who on this machine holds which slot, by its number from 1.
    """

    account: str
    seconds: float
    slots: int
    holders: dict[int, Holder]


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
        volumes: Shared by the clients of a process, so that archives on one file system leave its
            reserve together.
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
        volumes: Volumes | None = None,
    ) -> None:
        self.config = config
        self.events = events or EventBus()
        self._clock = clock or SystemClock()
        self._environ = os.environ if environ is None else environ
        self._home = home or Path.home()
        self._state_folder = state_folder or _state_folder(self._environ)
        self._volumes = volumes or Volumes()
        self._stack = AsyncExitStack()
        self._http: HttpClient | None = None
        self._accounts: tuple[Account, ...] | None = None
        self._run: Run | None = None

    async def __aenter__(self) -> Self:
        hub = self.config.hub
        self._http = await self._stack.enter_async_context(
            HttpClient(
                trusts=hub.trusts,
                connect_timeout=self.config.transfer.connect_timeout_seconds,
                first_byte_timeout=self.config.transfer.first_byte_timeout_seconds,
                give_up_after=hub.give_up_after_seconds,
                clock=self._clock,
                events=self.events,
            )
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for account in self._accounts or ():
            account.slots.close()
            await account.meter.close()
            await account.tokens.logout()
        await self._stack.aclose()

    @property
    def hub(self) -> Hub:
        """The hub of the configuration."""
        return CdseHub(
            self._client,
            catalogue_url=self.config.hub.catalogue_url,
            download_url=self.config.hub.download_url,
            clock=self._clock,
            events=self.events,
        )

    @property
    def report(self) -> Report | None:
        """The sums of the run that is under way or was last, if any."""
        return self._run.reporter.report if self._run is not None else None

    async def accounts(self) -> tuple[Account, ...]:
        """The accounts of the configuration; finds their credentials when first asked for.

        Raises:
            CredentialsMissingError: If those of one cannot be found.
        """
        if self._accounts is None:
            self._accounts = await anyio.to_thread.run_sync(self._find_accounts)
        return self._accounts

    @asynccontextmanager
    async def search(
        self, query: Query | None = None, *, attributes: bool = True
    ) -> AsyncIterator[AsyncIterator[Product]]:
        """What matches: ``async with client.search() as products``.

        Args:
            query: Instead of the configuration's.
            attributes: Whether the products' attributes are wanted.

        Raises:
            QueryError: If the hub does not understand the query.
            HubError: If it cannot be read completely.
        """
        async with self.hub.search(query or self.config.query, attributes=attributes) as products:
            yield products

    async def sync(self, *, renew: bool = False) -> Report:
        """Fetch everything that matches and is not on disk.

        Args:
            renew: Fetch also what is there.

        Returns:
            What came of it, failures and a fatal error included; `Report.exit_code` sums it up.

        Raises:
            UsageError: If the configuration names no folder.
            AccountError: If there are no credentials.
            ArchiveError, ArchiveInUseError: If the archive cannot be worked on.
        """
        accounts = await self.accounts()
        settings = RunSettings(
            self.config.transfer,
            self.config.retrieval,
            renew,
            on_full=self.config.on_full,
            log_out=True,
        )
        async with self.archive() as archive:
            self._run = Run(
                self.hub,
                archive,
                accounts,
                self.config.query,
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
            UsageError: If the configuration names no folder.
            ArchiveError, ArchiveInUseError: If the archive cannot be worked on.
        """
        async with self.archive() as archive:
            return await Verification(archive, clock=self._clock, events=self.events).run()

    async def scrub(self) -> ScrubReport:
        """Hash again what the day's budget allows, oldest proof first; see `sync.scrub`.

        Cancelling it ends it at once. The archive is locked for moments only.

        Raises:
            UsageError: If the configuration names no folder.
            ArchiveError: If the archive cannot be worked on.
        """
        opened = partial(self.archive, wait_seconds=0)
        return await Scrub(
            self.into, opened, self.config.scrub, clock=self._clock, events=self.events
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
        return await Audit(
            self.hub, self.into, self.config.query, clock=self._clock, on_gap=on_gap
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
        hub = None if local else self.hub
        layout = Layout(self.config.layout)
        return await explain(hub, self.into, layout, self.config.query, product)

    async def preview(self, *, renew: bool = False) -> Preview:
        """What `sync` would do; changes nothing, and needs neither account nor lock.

        Args:
            renew: As for `sync`.

        Raises:
            UsageError: If the configuration names no folder.
            QueryError, HubError: If the catalogue cannot be read.
            ArchiveError: If the archive cannot be read.
        """
        return await preview(
            self.hub,
            self.into,
            self.config.query,
            reserve_bytes=self.config.reserve_bytes,
            renew=renew,
            events=self.events,
        )

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
        """Get a token for every account, and look who uses its slots on this machine.

        Raises:
            AccountError: If one is refused.
            HubError: If the identity service cannot be reached.
        """
        logins = []
        for account in await self.accounts():
            started = self._clock.monotonic()
            await account.tokens.get()
            held = await anyio.to_thread.run_sync(
                holders, account.slots.folder, account.slots.count
            )
            logins.append(
                Login(
                    account=account.name,
                    seconds=self._clock.monotonic() - started,
                    slots=account.slots.count,
                    holders=held,
                )
            )
        return logins

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
        deadline = self._clock.monotonic() + wait_seconds
        while True:
            opened = opening()
            try:
                archive = await anyio.to_thread.run_sync(opened.__enter__)
                break
            except ArchiveInUseError:
                if self._clock.monotonic() >= deadline:
                    raise
            await self._clock.sleep(LOCK_POLL_SECONDS)
        try:
            yield archive
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(partial(opened.__exit__, None, None, None))

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
    def _client(self) -> HttpClient:
        if self._http is None:
            raise RuntimeError("Client is used outside its context")
        return self._http

    def _find_accounts(self) -> tuple[Account, ...]:
        configs = self.config.accounts
        return tuple(self._find_account(config, len(configs) == 1) for config in configs)

    def _find_account(self, config: AccountConfig, only_account: bool) -> Account:
        hub = self.config.hub
        found = find_credentials(
            user=config.user,
            credentials_file=config.credentials_file,
            hosts=netrc_hosts(hub.token_url, hub.catalogue_url),
            environ=self._environ,
            home=self._home,
            only_account=only_account,
        )
        name = config.name or found.user
        slots = Slots(
            name,
            slot_folder(self._state_folder, hub.token_url, found.user),
            config.slots,
            note={"archive": str(self.config.into or "")},
            clock=self._clock,
        )
        tokens = Tokens(
            name,
            found,
            url=hub.token_url,
            client_id=hub.client_id,
            session=self._client.session,
            proxy=self._client.proxy_for(hub.token_url),
            give_up_after=hub.give_up_after_seconds,
            clock=self._clock,
            events=self.events,
        )
        meter = Meter(
            name,
            Ledger(ledger_folder(self._state_folder, hub.token_url, found.user)),
            quota=config.quota_bytes,
            hub_quota=max(PUBLISHED_QUOTA_BYTES, config.quota_bytes or 0)
            if hub.token_url == CDSE_TOKEN
            else None,
            clock=self._clock,
            events=self.events,
        )
        return Account(name, slots, tokens, meter)


def _state_folder(environ: Mapping[str, str]) -> Path:
    given = environ.get("S2FETCH_STATE_DIR")
    return Path(given) if given else platformdirs.user_state_path("s2fetch")
