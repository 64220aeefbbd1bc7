"""The daemon itself: its archives, what they share, and what every face of it can ask.

It owns no socket and no signal: those belong to `daemon.service`, which puts the faces round it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

import s2fetch
from s2fetch.clock import Clock, timestamp
from s2fetch.daemon import inspection
from s2fetch.daemon.keeper import ArchivePlan, Keeper, Surroundings
from s2fetch.daemon.loop_delay import LoopDelay
from s2fetch.daemon.pool import Pool
from s2fetch.daemon.state import (
    AccountState,
    DaemonState,
    DayCoverage,
    ProductRow,
    Throughput,
)
from s2fetch.daemon.transfers import Transfers
from s2fetch.errors import UsageError
from s2fetch.events import Event, EventBus, HubPaused, HubResumed
from s2fetch.sync.report import Report

Reread = Callable[[], tuple[ArchivePlan, ...]]
"""Reads the configuration again; raises UsageError, with every mistake, when it is bad."""


class Daemon:
    """Keeps several archives; see `daemon.controls.Controls` for what can be asked of it.

    Args:
        plans: One for each archive, with names of their own.
        reread: For `reload`.
        environ: Where credentials may be.
        home: Where ``.netrc`` is.
        state_folder: Where the slots of accounts are.
        clock: Where the time comes from.
        after_run: Told the report of every run of every archive, by its name.

    Attributes:
        events: Everything that happens in all archives, as it happens.
    """

    def __init__(
        self,
        plans: tuple[ArchivePlan, ...],
        reread: Reread,
        *,
        environ: Mapping[str, str],
        home: Path,
        state_folder: Path,
        clock: Clock,
        after_run: Callable[[str, Report], None] = lambda _name, _report: None,
    ) -> None:
        self.events = EventBus()
        self._plans = plans
        self._reread = reread
        self._environ = environ
        self._home = home
        self._clock = clock
        self._pool = Pool(
            environ=environ,
            home=home,
            state_folder=state_folder,
            clock=clock,
            events=self.events,
        )
        self._around = Surroundings(
            self._pool, environ, home, clock, self.events, self._hear, after_run
        )
        self._keepers: dict[str, Keeper] = {}
        self._scopes: dict[str, anyio.CancelScope] = {}
        self._transfers = Transfers(clock)
        self._loop_delay = LoopDelay()
        self._unreachable: set[str] = set()
        self._paused = False
        self._stopping = anyio.Event()
        self._started = ""
        self._group: TaskGroup | None = None
        self.events.subscribe(self._watch_hubs)

    def __repr__(self) -> str:
        return f"<Daemon with {len(self._keepers)} archives>"

    async def run(self, started: Callable[[], object] = lambda: None) -> None:
        """Keep the archives until `stop`; part files stay resumable.

        Args:
            started: Called when everything is under way.
        """
        self._started = timestamp(self._clock.now())
        async with self._pool, anyio.create_task_group() as group:
            self._group = group
            group.start_soon(self._loop_delay.run)
            for plan in self._plans:
                self._begin(plan)
            started()
            await self._stopping.wait()
            group.cancel_scope.cancel()

    @property
    def is_idle(self) -> bool:
        """Whether nothing has to move now: no run is under way, or all of it is paused."""
        return self._paused or not any(keeper.is_busy for keeper in self._keepers.values())

    # What can be asked

    def state(self) -> DaemonState:
        """See `Controls.state`."""
        accounts = self._pool.accounts
        return DaemonState(
            version=s2fetch.__version__,
            now=timestamp(self._clock.now()),
            started=self._started,
            paused=self._paused,
            stopping=self._stopping.is_set(),
            hub_reachable=not self._unreachable,
            loop_delay_seconds=self._loop_delay.worst_seconds,
            archives=tuple(keeper.state() for keeper in self._keepers.values()),
            accounts=tuple(
                AccountState(
                    name=account.name,
                    slots=account.slots.count,
                    in_use=self._pool.in_use(account),
                )
                for account in accounts
            ),
            slots=self._transfers.slots({each.name: each.slots.count for each in accounts}),
        )

    async def products(self, archive: str, state: str, *, limit: int) -> list[ProductRow]:
        """See `Controls.products`."""
        folder = self._keeper(archive).folder
        read = partial(inspection.products, folder, archive, state, limit)
        return await anyio.to_thread.run_sync(read)

    async def coverage(self, archive: str) -> list[DayCoverage]:
        """See `Controls.coverage`."""
        folder = self._keeper(archive).folder
        return await anyio.to_thread.run_sync(inspection.coverage, folder)

    async def footprints(self, archive: str, *, limit: int) -> list[tuple[str, str, str]]:
        """See `Controls.footprints`."""
        return await self._keeper(archive).footprints(limit)

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
        plans = await anyio.to_thread.run_sync(self._reread)
        self._pool.forget_credentials()
        wanted = {plan.name for plan in plans}
        for name in [name for name in self._keepers if name not in wanted]:
            self._end(name)
        for plan in plans:
            keeper = self._keepers.get(plan.name)
            if keeper is None:
                self._begin(plan)
            elif keeper.plan.subscription != plan.subscription or keeper.folder != plan.config.into:
                self._end(plan.name)
                self._begin(plan)
            else:
                keeper.follow(plan)
        self._keepers = {plan.name: self._keepers[plan.name] for plan in plans}

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

    def _begin(self, plan: ArchivePlan) -> None:
        assert self._group is not None  # noqa: S101 - only while it runs
        keeper = Keeper(plan, self._around)
        if self._paused:
            keeper.pause(everything=True)
        self._keepers[plan.name] = keeper
        self._scopes[plan.name] = anyio.CancelScope()
        self._group.start_soon(self._keep, keeper, self._scopes[plan.name])

    async def _keep(self, keeper: Keeper, scope: anyio.CancelScope) -> None:
        with scope:
            await keeper.run()

    def _end(self, name: str) -> None:
        self._scopes.pop(name).cancel()
        del self._keepers[name]

    def _hear(self, archive: str, event: Event) -> None:
        self._transfers.take(archive, event)
        self.events.emit(event)

    def _watch_hubs(self, event: Event) -> None:
        if isinstance(event, HubPaused) and not event.account:
            self._unreachable.add(event.host)
        elif isinstance(event, HubResumed):
            self._unreachable.discard(event.host)
