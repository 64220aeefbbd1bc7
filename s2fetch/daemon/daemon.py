"""The daemon itself: its archives, what they share, and what every face of it can ask.

It owns no socket and no signal: those belong to `daemon.service`, which puts the faces round it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

import anyio
import msgspec
from anyio.abc import TaskGroup

import s2fetch
from s2fetch.archive.space import free_bytes
from s2fetch.clock import Clock, timestamp
from s2fetch.daemon import inspection
from s2fetch.daemon.accounts import Accounts
from s2fetch.daemon.engagement import Surroundings
from s2fetch.daemon.keeper import QUEUED, Keeper
from s2fetch.daemon.loop_delay import LoopDelay
from s2fetch.daemon.pool import Pool
from s2fetch.daemon.sparing import Sparing
from s2fetch.daemon.state import (
    AlertState,
    DaemonState,
    DayCoverage,
    ProductRow,
    RunState,
    Throughput,
)
from s2fetch.daemon.transfers import Transfers
from s2fetch.daemon.values import ArchiveEntry
from s2fetch.daemon.watchdog import Heartbeat
from s2fetch.errors import ArchiveError, ExitCode, UsageError
from s2fetch.events import Event, EventBus, HubPaused, HubResumed
from s2fetch.transfer.bandwidth import Bandwidth

PACE_SECONDS = 60.0
"""How often the accounts' volumes and the archives' disks are looked at."""

MOST_QUEUED = 10_000
"""Queued products that are looked at for an archive's calendar; a run holds hundreds."""

Reread = Callable[[], tuple[ArchiveEntry, ...]]
"""Reads the configuration again; raises UsageError, with every mistake, when it is bad. Called in a
thread."""
Take = Callable[[Reread], Awaitable[tuple[ArchiveEntry, ...]]]
"""Calls `Reread`, and puts in force what is not the daemon's own business; may refuse it too."""


class Daemon:
    """Keeps several archives; see `daemon.controls.Controls` for what can be asked of it.

    Args:
        plans: One for each archive, with names of their own.
        reread: For `reload`.
        take: Has it called, before the archives change.
        environ: Where credentials may be.
        home: Where ``.netrc`` is.
        state_folder: Where the slots of accounts are.
        clock: Where the time comes from.
        bandwidth: Limit on all archives together, or None for each one's own.
        after_run: Told of every run of every archive that is over.
        alerts: What was alerted of and is not over.

    Attributes:
        events: Everything that happens in all archives, as it happens.
        heartbeat: Whether anything moves.
        needs_restart: As `DaemonState.needs_restart`; for whoever reads the configuration.
    """

    def __init__(
        self,
        plans: tuple[ArchiveEntry, ...],
        reread: Reread,
        *,
        take: Take = anyio.to_thread.run_sync,
        environ: Mapping[str, str],
        home: Path,
        state_folder: Path,
        clock: Clock,
        bandwidth: Bandwidth | None = None,
        after_run: Callable[[ArchiveEntry, RunState], None] = lambda _archive, _run: None,
        alerts: Callable[[], tuple[AlertState, ...]] = lambda: (),
    ) -> None:
        self.events = EventBus()
        self.heartbeat = Heartbeat(clock=clock)
        self.needs_restart = ""
        self._after_run = after_run
        self._alerts = alerts
        self._plans = plans
        self._reread = reread
        self._take = take
        self._environ = environ
        self._home = home
        self._clock = clock
        self._engine = EventBus()
        """What archives and accounts do, which are signs of life; `events` has orders and alerts
        besides."""
        self._pool = Pool(
            environ=environ,
            home=home,
            state_folder=state_folder,
            clock=clock,
            bandwidth=bandwidth,
            events=self._engine,
        )
        self._accounts = Accounts(self._pool)
        self._around = Surroundings(
            self._pool, state_folder, environ, home, clock, self.events, self._hear, self._ran
        )
        self._keepers: dict[str, Keeper] = {}
        self._scopes: dict[str, anyio.CancelScope] = {}
        self._ending: dict[Keeper, anyio.Event] = {}
        self._transfers = Transfers(clock)
        self._loop_delay = LoopDelay()
        self._coverage = Sparing[list[DayCoverage]](clock)
        self._unreachable: dict[str, str] = {}
        self._moved = 0, clock.monotonic()
        self._paused = False
        self._reloading = anyio.Lock()
        self._up = anyio.Event()
        self._stopping = anyio.Event()
        self._started = ""
        self._group: TaskGroup | None = None
        self._engine.subscribe(self._watch_hubs)
        self._engine.subscribe(self.events.emit)
        self.heartbeat.follow(self._engine)

    def __repr__(self) -> str:
        return f"<Daemon with {len(self._keepers)} archives>"

    async def run(
        self,
        started: Callable[[], object] = lambda: None,
        stopping: Callable[[], object] = lambda: None,
    ) -> None:
        """Keep the archives until `stop`; part files stay resumable.

        Args:
            started: Called when everything is under way.
            stopping: Called when it has been told to end, before it does.
        """
        async with self._pool, anyio.create_task_group() as group:
            self._group = group
            group.start_soon(self._loop_delay.run)
            group.start_soon(self._meet_accounts)
            group.start_soon(self._follow_disks)
            for plan in self._plans:
                self._begin(plan)
            self._started = timestamp(self._clock.now())
            self._up.set()
            started()
            await self._stopping.wait()
            stopping()
            group.cancel_scope.cancel()

    @property
    def is_idle(self) -> bool:
        """Whether nothing has to move now: no run is under way, or what is waits with a reason."""
        at_work = [keeper for keeper in self._keepers.values() if keeper.has_to_move]
        return not at_work or self.heartbeat.resting

    # What can be asked

    def state(self) -> DaemonState:
        """See `Controls.state`."""
        slots = {account.name: account.slots.count for account in self._pool.accounts}
        return DaemonState(
            version=s2fetch.__version__,
            now=timestamp(self._clock.now()),
            started=self._started,
            paused=self._paused,
            stopping=self._stopping.is_set(),
            hub_reachable=not self._unreachable,
            hub_trouble="; ".join(self._unreachable.values()),
            bandwidth=self._pool.bandwidth.rate if self._pool.bandwidth is not None else None,
            loop_delay_seconds=self._loop_delay.worst_seconds,
            stalled_seconds=self._stalled_seconds(),
            archives=tuple(keeper.state() for keeper in self._keepers.values()),
            accounts=self._accounts.states(),
            slots=self._transfers.slots(slots),
            alerts=self._alerts(),
            needs_restart=self.needs_restart,
        )

    async def products(self, archive: str, state: str, *, limit: int) -> list[ProductRow]:
        """See `Controls.products`."""
        keeper = self._keeper(archive)
        if state == QUEUED:
            return keeper.queued(limit)
        read = partial(inspection.products, keeper.engine.folder, archive, state, limit)
        return await anyio.to_thread.run_sync(read)

    async def coverage(self, archive: str) -> list[DayCoverage]:
        """See `Controls.coverage`."""
        keeper = self._keeper(archive)

        async def count() -> list[DayCoverage]:
            queued = {row.id: row.name for row in keeper.queued(MOST_QUEUED)}
            queued |= self._transfers.under_way(archive)
            folder = keeper.engine.folder
            return await anyio.to_thread.run_sync(inspection.coverage, folder, queued)

        return await self._coverage.get(archive, keeper.engine.folder, count)

    async def footprints(self, archive: str, *, limit: int) -> list[tuple[str, str, str]]:
        """See `Controls.footprints`."""
        return await self._keeper(archive).engine.footprints(limit)

    def throughput(self) -> list[Throughput]:
        """See `Controls.throughput`."""
        return self._transfers.history()

    # What can be ordered

    async def pause(self, archive: str = "") -> None:
        """See `Controls.pause`."""
        if archive:
            self._keeper(archive).pause()
            return
        self._paused = True
        for keeper in self._keepers.values():
            keeper.pause(everything=True)

    async def resume(self, archive: str = "") -> None:
        """See `Controls.resume`."""
        if archive:
            self._keeper(archive).resume()
            return
        self._paused = False
        for keeper in self._keepers.values():
            keeper.resume(everything=True)

    async def sync(self, archive: str) -> None:
        """See `Controls.sync`."""
        self._keeper(archive).call()

    async def reload(self) -> None:
        """See `Controls.reload`. Archives that are gone from it end; others go on."""
        await self._up.wait()  # the faces listen before the archives are begun
        async with self._reloading:
            self._follow(await self._take(self._reread))
            await self._find_accounts()  # another quota holds for those who wait for it, too
            self._forget_troubles()
            await self._accounts.count()

    def _follow(self, plans: tuple[ArchiveEntry, ...]) -> None:
        self._pool.forget_credentials()
        wanted = {plan.name: plan for plan in plans}
        for name, keeper in tuple(self._keepers.items()):
            plan = wanted.get(name)
            if plan is None or _is_kept_otherwise(keeper.plan, plan):
                self._end(name)
        for plan in plans:
            if plan.name in self._keepers:
                self._keepers[plan.name].follow(plan)
            else:
                self._begin(plan)
        self._keepers = {plan.name: self._keepers[plan.name] for plan in plans}

    def _forget_troubles(self) -> None:
        """Forget what is wrong with hubs and accounts that no archive has any more.

        Nobody asks them, so nobody would ever learn that it is over.
        """
        configs = [keeper.plan.config for keeper in self._keepers.values()]
        hosts = {host for config in configs for host in config.hub.trusted_hosts}
        self._unreachable = {h: why for h, why in self._unreachable.items() if h in hosts}
        self._accounts.forget_others(configs)

    def stop(self) -> None:
        """See `Controls.stop`."""
        self._stopping.set()

    # Inside

    def _keeper(self, archive: str) -> Keeper:
        keeper = self._keepers.get(archive)
        if keeper is None:
            known = ", ".join(self._keepers) or "none"
            raise UsageError(f"there is no archive {archive!r}", advice=f"There are: {known}")
        return keeper

    def _begin(self, plan: ArchiveEntry) -> None:
        assert self._group is not None  # noqa: S101 - only while it runs
        keeper = Keeper(plan, self._around)
        if self._paused:
            keeper.pause(everything=True)
        self._keepers[plan.name] = keeper
        self._scopes[plan.name] = anyio.CancelScope()
        before = [
            end for each, end in self._ending.items() if each.engine.folder == plan.config.into
        ]
        self._group.start_soon(self._keep, keeper, self._scopes[plan.name], before)

    async def _keep(
        self, keeper: Keeper, scope: anyio.CancelScope, before: list[anyio.Event]
    ) -> None:
        with scope:
            for end in before:  # an archive that has another name now is still being closed
                await end.wait()
            await keeper.run()
        if (ended := self._ending.pop(keeper, None)) is not None:
            ended.set()

    def _end(self, name: str) -> None:
        self._scopes.pop(name).cancel()
        self._ending[self._keepers.pop(name)] = anyio.Event()
        self._pool.forget_archive(name)

    def _stalled_seconds(self) -> float:
        """For how long nothing has moved although something should have."""
        now, beats = self._clock.monotonic(), self.heartbeat.beats
        if self.is_idle or beats != self._moved[0]:
            self._moved = beats, now
        return now - self._moved[1]

    async def _meet_accounts(self) -> None:
        """Find the accounts before the first run needs them: they are shown from the start."""
        await self._find_accounts()
        await self._follow_quotas()

    async def _find_accounts(self) -> None:
        await self._accounts.find([keeper.plan for keeper in self._keepers.values()])

    async def _follow_quotas(self) -> None:
        while True:
            await self._accounts.count()
            await self._pool.close_unused(self._keepers.keys())
            await self._clock.sleep(PACE_SECONDS)

    async def _follow_disks(self) -> None:
        while True:
            for keeper in tuple(self._keepers.values()):
                # A disk that cannot be asked is told by the next run; the last number stays.
                with contextlib.suppress(ArchiveError):
                    look = partial(free_bytes, keeper.engine.folder)
                    keeper.free_bytes = await anyio.to_thread.run_sync(look)
            await self._clock.sleep(PACE_SECONDS)

    def _ran(self, archive: ArchiveEntry, run: RunState, code: ExitCode) -> None:
        self._accounts.take(archive.config, code, run.error)
        self._after_run(archive, run)

    def _hear(self, archive: str, event: Event) -> None:
        self._transfers.take(archive, event)
        self._engine.emit(msgspec.structs.replace(event, archive=archive))

    def _watch_hubs(self, event: Event) -> None:
        if isinstance(event, HubPaused) and event.down:
            named = event.host in event.reason
            self._unreachable[event.host] = (
                event.reason if named else f"{event.host}: {event.reason}"
            )
        elif isinstance(event, HubResumed) and event.host in self._unreachable:
            del self._unreachable[event.host]
            for keeper in self._keepers.values():
                keeper.hub_is_back(event.host)


def _is_kept_otherwise(before: ArchiveEntry, now: ArchiveEntry) -> bool:
    """Whether an archive takes another keeper by its new plan."""
    return (before.intake, before.config.into) != (now.intake, now.config.into)
