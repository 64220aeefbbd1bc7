"""The Python API: everything the command line does, from a configuration.

async with s2fetch.Client(config) as client:
    report = await client.sync()
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import msgspec

from s2fetch.archive.archive import Archive, is_archive
from s2fetch.archive.layout import Layout
from s2fetch.archive.space import Volumes
from s2fetch.archive.waiting import opened_in_turn
from s2fetch.client.catalogue import CatalogueClient
from s2fetch.errors import ArchiveInUseError, ExitCode, S2FetchError, UsageError
from s2fetch.paths import is_there
from s2fetch.sync.extent import check_extent
from s2fetch.sync.report import Report
from s2fetch.sync.run import Run, RunSettings
from s2fetch.sync.status import Status, read_status
from s2fetch.sync.work import Queued

if TYPE_CHECKING:
    from s2fetch.sync.audit import AuditReport, Gap
    from s2fetch.sync.explain import Explanation
    from s2fetch.sync.preview import Preview
    from s2fetch.sync.scrub import ScrubReport
    from s2fetch.sync.verify import VerifyReport


class Client(CatalogueClient):
    """A hub, accounts and an archive, ready for use. An async context manager.

    Its arguments are those of `CatalogueClient`.
    """

    _run: Run | None = None
    _lent: Archive | None = None

    @cached_property
    def _volumes(self) -> Volumes:
        return Volumes() if self._shared is None else self._shared.volumes

    @cached_property
    def _borrowing(self) -> anyio.Lock:
        return anyio.Lock()

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
            events=self.events,
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
        ledgers = self._state_folder / "received"
        if await anyio.to_thread.run_sync(is_there, ledgers):
            # Without credentials it is not known whose ledger is meant; the rest is told.
            with contextlib.suppress(S2FetchError):
                status.accounts = await self.usage()
        return status

    async def save(self, summary: msgspec.Struct, path: str | Path) -> None:
        """Write what one of the other methods returned to a file, as JSON, atomically.

        Raises:
            ArchiveError: If it cannot be written.
        """
        from s2fetch.sync.save import save_summary

        await save_summary(summary, Path(path))

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
