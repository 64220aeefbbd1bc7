"""The engine at the service of one archive: what is asked of hub, account and disk, and how."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import anyio
import msgspec

from s2fetch.archive.archive import Archive
from s2fetch.client import Client
from s2fetch.clock import Clock, timestamp
from s2fetch.config.values import Config, IncrementConfig, OnFull
from s2fetch.daemon import inspection, memory
from s2fetch.daemon.intake import Notifications
from s2fetch.daemon.pause import Pause
from s2fetch.daemon.pool import Pool
from s2fetch.daemon.sparing import Sparing
from s2fetch.daemon.state import RunState
from s2fetch.daemon.tally import ArchiveTally
from s2fetch.daemon.values import ArchiveEntry
from s2fetch.errors import ArchiveInUseError, ExitCode, HubError, QueryError, S2FetchError
from s2fetch.events import DeletionsUnread, Event, EventBus
from s2fetch.hub.odata import filter_of
from s2fetch.product import Product
from s2fetch.query import Order
from s2fetch.sync.report import Report
from s2fetch.sync.scrub import ScrubReport
from s2fetch.sync.withdrawals import Withdrawals

FIRST_DELETIONS = timedelta(days=30)
"""How far back the hub's deletions are read the first time."""
NEWEST_SECONDS = 300.0
"""How old the catalogue's answer may be of which the map is made."""

_NOT_OF_A_RUN = frozenset({"area_notes", "file", "increment", "on_full", "scrub", "showing"})
"""Of a configuration: what is another's business, or set by the daemon itself."""


class Surroundings(msgspec.Struct, frozen=True):
    """What all archives of a daemon work with.

    Attributes:
        pool: Connections and accounts.
        state_folder: Where it is remembered which archives there are.
        environ: For `Client`.
        home: For `Client`.
        clock: Where the time comes from.
        events: The daemon's own bus.
        hear: Told every event of an archive, by the archive's name.
        after_run: Told of every run that is over, and with which exit code.
    """

    pool: Pool
    state_folder: Path
    environ: Mapping[str, str]
    home: Path
    clock: Clock
    events: EventBus
    hear: Callable[[str, Event], None]
    after_run: Callable[[ArchiveEntry, RunState, ExitCode], None]


class Engagement:
    """Does for one archive what has to be done.

    Args:
        plan: How; may be replaced by another one for the same folder.
        around: What it works with.
        pause: What keeps it from beginning downloads.
        tally: Told of everything, as is ``around.hear``.

    Attributes:
        syncing: The client of the run that is under way, or None.
        last_success: When the last run that came to its end did so, or empty.
        deletions_trouble: Why the last run did not follow the hub's deletions, or empty.
    """

    def __init__(
        self, plan: ArchiveEntry, around: Surroundings, pause: Pause, tally: ArchiveTally
    ) -> None:
        self.plan = plan
        self.syncing: Client | None = None
        self.last_success = ""
        self.deletions_trouble = ""
        self._turn = anyio.Lock()
        self._around = around
        self._clock = around.clock
        self._pause = pause
        self._tally = tally
        self._newest = Sparing[list[Product]](self._clock, seconds=NEWEST_SECONDS)

    @property
    def folder(self) -> Path:
        """Where the archive is."""
        assert self.plan.config.into is not None  # noqa: S101 - a plan without one is refused
        return self.plan.config.into

    async def recall(self) -> memory.Recalled:
        """What the daemon before this one knew.

        Raises:
            ArchiveError: If the archive cannot be read.
        """
        found = await anyio.to_thread.run_sync(memory.recall, self.folder, self.plan.config)
        self.last_success = found.kept.last_success
        self._tally.recall(found.kept)
        return found

    async def synchronise(self) -> Report:
        """One run, and what follows one that comes to its end.

        Raises:
            ArchiveInUseError: If another process works on the archive. Nobody waits for it here,
                because whoever waits has to say so and not to look as if it worked.
            S2FetchError: As `Client.sync`.
        """
        config = msgspec.structs.replace(
            self.plan.config,
            increment=_increment(self.plan),
            on_full=OnFull.WAIT,
            wait_for_lock_seconds=0.0,
        )
        await anyio.to_thread.run_sync(memory.check_there, self._around.state_folder, self.folder)
        async with await self._opened(config) as client:
            async with self._turn:  # a scrub may have the archive open for a moment
                self.syncing = client
            try:
                report = await client.sync()
                return report if report.error else await self._finish(client, report)
            finally:
                self.syncing = None

    async def scrub(self) -> ScrubReport:
        """Hash again what is due, as `Client.scrub`; also while a run is under way.

        Raises:
            S2FetchError: As that.
        """
        async with await self._opened(self.plan.config) as client:
            return await client.scrub(partial(self._archive_for_a_moment, client))

    @asynccontextmanager
    async def _archive_for_a_moment(self, client: Client) -> AsyncIterator[Archive]:
        """The archive of the run that is under way, or else for itself.

        Raises:
            ArchiveInUseError: If the run is about to open it or to close it, or somebody else works
                on it.
        """
        async with self._turn:
            opened = self.syncing.lent_archive() if self.syncing else client.archive(wait_seconds=0)
            async with opened as archive:
                yield archive

    async def footprints(self, limit: int) -> list[tuple[str, str, str]]:
        """Name, state and footprint (WKT) of the products sensed last, as the catalogue has them.

        The catalogue is asked now and then, however many look at the map; states are those of now.

        Raises:
            HubError, QueryError, AccountError: If the catalogue cannot be asked.
        """
        config = self.plan.config

        async def search() -> list[Product]:
            async with await self._opened(config) as client:
                query = msgspec.structs.replace(
                    await client.query(), order=Order.SENSING, newest_first=True, limit=limit
                )
                async with client.search(query, attributes=False) as products:
                    return [product async for product in products]

        found = await self._newest.get("", (limit, config), search)
        ids = [product.id for product in found]
        states = await anyio.to_thread.run_sync(inspection.states_of, self.folder, ids)
        unknown = "queued" if self.syncing is not None else "missing"
        return [
            (product.name, states.get(product.id, unknown), product.footprint)
            for product in found
            if product.footprint is not None
        ]

    async def notifications(self) -> Notifications | None:
        """What the hub's notifications are read with; None where the hub has none.

        Raises:
            S2FetchError: If the accounts or the selection's area cannot be found.
        """
        async with await self._opened(self.plan.config) as client:
            (account, *_) = await client.accounts()
            subscriptions = client.connection.subscriptions(account)
            if subscriptions is None:
                return None
            # Where the selection begins may move with the days, and every other filter takes one
            # more of the few subscriptions that an account may have.
            unbound = dict.fromkeys(("limit", "sensing_from", *self.plan.config.moving))
            query = msgspec.structs.replace(await client.query(), **unbound)
        return Notifications(subscriptions, filter_of(query))

    async def _opened(self, config: Config) -> Client:
        """A client over what the daemon's archives share; nothing is asked of the network yet."""
        plan, around = self.plan, self._around
        bus = EventBus()
        bus.subscribe(self._hear)
        return Client(
            config,
            events=bus,
            clock=self._clock,
            environ=around.environ,
            home=around.home,
            shared=await around.pool.shared(config, plan.name, plan.priority, self._pause),
        )

    async def _finish(self, client: Client, report: Report) -> Report:
        """The hub's deletions, and what is remembered; the run's report, with what went wrong."""
        done = timestamp(self._clock.now())
        kept = self._tally.kept(done)
        try:
            async with client.archive() as archive:
                await self._follow_deletions(client, archive)
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(memory.keep, archive, kept)
                    await anyio.to_thread.run_sync(
                        memory.know, self._around.state_folder, self.folder
                    )
        except ArchiveInUseError as error:
            self._deletions_unread(client.events, str(error))
        except S2FetchError as error:
            code = error.exit_code
            return msgspec.structs.replace(
                report, exit_code=code, outcome=code.outcome, error=str(error)
            )
        self.last_success = done
        return report

    async def _follow_deletions(self, client: Client, archive: Archive) -> None:
        """Deal with what the hub has withdrawn; a list that cannot be read fails no run.

        Everything that was to be fetched is here by then, some hubs have no such list, and the next
        run reads on from where this one did.
        """
        withdrawals = Withdrawals(
            client.hub, archive, self.plan.withdrawals, clock=self._clock, events=client.events
        )
        since = self._clock.now() - FIRST_DELETIONS
        try:
            await withdrawals.follow(self.plan.config.query.collection, since)
        except (HubError, QueryError) as error:
            self._deletions_unread(client.events, str(error))
        else:
            self.deletions_trouble = withdrawals.refused

    def _deletions_unread(self, events: EventBus, why: str) -> None:
        if why != self.deletions_trouble:
            self.deletions_trouble = why
            events.emit(DeletionsUnread(error=why))

    def _hear(self, event: Event) -> None:
        self._tally.take(event)
        self._around.hear(self.plan.name, event)


def would_differ(before: Config, now: Config) -> bool:
    """Whether a run by one configuration would be another than by the other.

    Times that move with the clock are compared as they were written. Quotas do not count: a run
    that is under way follows them.
    """
    return _of_a_run(before) != _of_a_run(now)


def _of_a_run(config: Config) -> dict[str, object]:
    times = msgspec.structs.replace(config.query, **dict.fromkeys(config.moving))
    accounts = [msgspec.structs.replace(each, quota_bytes=None) for each in config.accounts]
    fields = {**msgspec.structs.asdict(config), "query": times, "accounts": accounts}
    return {name: value for name, value in fields.items() if name not in _NOT_OF_A_RUN}


def _increment(plan: ArchiveEntry) -> IncrementConfig:
    recount = plan.recount_seconds
    return IncrementConfig(
        overlap_seconds=plan.overlap_seconds,
        recount_seconds=math.inf if recount is None else recount,
    )
