"""A daemon over a real hub: time jumps, everything else is real."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import msgspec

import s2fetch
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record
from s2fetch.daemon.daemon import Daemon
from s2fetch.daemon.schedule import Schedule
from s2fetch.daemon.state import ArchiveState
from s2fetch.daemon.values import ArchiveEntry, HookConfig, Intake
from s2fetch.embedded.entry import Entry, hub_time
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.events import Event
from s2fetch.sync.withdrawals import WithdrawalSettings
from tests.sync.clock import JumpingClock
from tests.sync.site import Site, body_of, entry_of

PATIENCE_SECONDS = 30.0
"""Real time after which something that should happen has not."""


class DaemonSite:
    """Archives of one hub, kept by one daemon.

    Attributes:
        daemon: While `running`.
        environ: Where the daemon looks for credentials.
        events: Everything that was emitted by all archives.
    """

    def __init__(self, hub: EmbeddedHub, clock: JumpingClock, folder: Path) -> None:
        self.hub = hub
        self.clock = clock
        self.folder = folder
        self.environ = hub.environment()
        self.plans: tuple[ArchiveEntry, ...] = ()
        self.events: list[Event] = []
        self.daemon = self.made()

    def plan(self, name: str, every: float = 3600.0, **options: Any) -> ArchiveEntry:
        """A plan for one archive; options are those of a sync, with underscores."""
        own = {
            "priority": 0,
            "intake": Intake.CATALOGUE,
            "withdrawals": WithdrawalSettings(),
            "recount_seconds": 7 * 86_400.0,
            "overlap_seconds": 3600.0,
            "after_run": HookConfig(limit_seconds=60),
            "after_product": HookConfig(limit_seconds=60),
        }
        mine = {key: options.pop(key, value) for key, value in own.items()}
        scrubbed = "scrub_budget" in options
        site = Site(self.hub, self.folder, self.clock, name)
        config = site.config(**options)
        if not scrubbed:  # hashing goes on beside everything else, and is not the point here
            scrub = msgspec.structs.replace(config.scrub, budget_bytes=0)
            config = msgspec.structs.replace(config, scrub=scrub)
        return ArchiveEntry(
            name=name,
            config=config,
            schedule=Schedule(text=f"{every}s", every_seconds=every),
            **mine,
        )

    def made(self) -> Daemon:
        """A daemon with the plans there are."""
        return Daemon(
            self.plans,
            lambda: self.plans,
            environ=self.environ,
            home=self.folder,
            state_folder=self.folder / "state",
            clock=self.clock,
        )

    @asynccontextmanager
    async def running(self, *plans: ArchiveEntry) -> AsyncIterator[Daemon]:
        """Run a daemon with these plans, then stop it."""
        self.plans = plans
        self.daemon = self.made()
        self.daemon.events.subscribe(self.events.append)
        with anyio.fail_after(2 * PATIENCE_SECONDS):
            async with anyio.create_task_group() as group:
                group.start_soon(self.daemon.run)
                await self.until(lambda: len(self.daemon.state().archives) == len(plans))
                yield self.daemon
                self.daemon.stop()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return as soon as something is so."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while not holds():
                await anyio.sleep(0.005)

    def state(self, name: str) -> ArchiveState:
        """What the daemon says of one archive."""
        (state,) = (each for each in self.daemon.state().archives if each.name == name)
        return state

    @property
    def listed(self) -> list[Entry]:
        """What the hub lists."""
        return self.hub.folder.entries

    def complete(self, name: str) -> int:
        """How many products the daemon says one archive has."""
        return self.state(name).products.get("complete", 0)

    def publish(self, number: int, size: int = 3000, **changes: Any) -> Entry:
        """One more product at the hub, listed as of now."""
        body = body_of(size, number)
        at = hub_time(self.clock.now())
        listed = {"publication_date": at, "modification_date": at, "checksum_date": at} | changes
        entry = entry_of(number, body, **listed)
        self.hub.folder.add(entry, body)
        return entry

    def withdraw(self, entry: Entry) -> None:
        """Have the hub take a product away."""
        self.hub.folder.delete(entry.id, "Corrupted product", self.clock.now())

    def records(self, name: str) -> dict[str, Record]:
        """What the progress file of one archive says."""
        return Site(self.hub, self.folder, self.clock, name).records()

    def client(self, name: str) -> s2fetch.Client:
        """Somebody else who works on one archive."""
        return Site(self.hub, self.folder, self.clock, name).client()

    def note(self, name: str, key: str, value: object) -> None:
        """Write one of the small values into the progress file of an archive that nobody keeps."""
        with ProgressFile.load(self.folder / name, True) as progress:
            progress.set_meta(key, value)

    def assert_whole(self, name: str) -> None:
        """The archive has exactly what the hub lists."""
        Site(self.hub, self.folder, self.clock, name).assert_whole()

    async def pass_time(self, span: timedelta) -> None:
        """Let time pass for everybody."""
        await self.clock.sleep(span.total_seconds())
