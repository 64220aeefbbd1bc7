"""A daemon with all its faces: control socket, HTTP, service manager, alerts, hooks, signals."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import anyio
from anyio.abc import TaskGroup

from s2fetch import __version__
from s2fetch.clock import Clock
from s2fetch.connect import state_folder_of
from s2fetch.daemon.alert_delivery import AlertDelivery
from s2fetch.daemon.alert_memory import AlertMemory, remember_alerts, remembered_alerts
from s2fetch.daemon.alerts import Alerts
from s2fetch.daemon.config import load_daemon_config
from s2fetch.daemon.control import ControlServer
from s2fetch.daemon.control_socket import server_path
from s2fetch.daemon.daemon import Daemon, Reread
from s2fetch.daemon.events import (
    AlertsNotKept,
    ConfigurationRefused,
    ConfigurationTaken,
    DaemonAsked,
    DaemonStarted,
    DaemonStopped,
)
from s2fetch.daemon.hooks import Hooks
from s2fetch.daemon.notify import Notifier, watchdog_seconds
from s2fetch.daemon.receivers import make_receivers
from s2fetch.daemon.schedule import load_zone
from s2fetch.daemon.state import AlertState, RunState
from s2fetch.daemon.values import ArchiveEntry, BandwidthConfig, DaemonConfig, HttpConfig
from s2fetch.daemon.watchdog import Watchdog
from s2fetch.errors import S2FetchError, UsageError
from s2fetch.events import Event, ProductCompleted, ScrubFinished
from s2fetch.network import find_proxy
from s2fetch.taskgroups import one_error_task_group
from s2fetch.timetable import timetable
from s2fetch.transfer.bandwidth import Bandwidth

if TYPE_CHECKING:
    from s2fetch.daemon.http.face import HttpFace

LOOK_SECONDS = 15.0
"""How often it is looked at whether there is something to alert of, and the status is told."""
MEMORY_FILE = "alerts.json"


class Service:
    """Runs a daemon as its file says.

    Args:
        path: The file.
        config: What it said.
        environ: Credentials, and what the service manager tells.
        home: Where ``.netrc`` is.
        user: Number of the user, for the place of the control socket.
        clock: Where the time comes from.
    """

    def __init__(
        self,
        path: Path,
        config: DaemonConfig,
        *,
        environ: Mapping[str, str],
        home: Path,
        user: int,
        clock: Clock,
    ) -> None:
        self._path = path
        self._config = config
        self._environ = environ
        self._user = user
        self._clock = clock
        self._state_folder = state_folder_of(environ)
        self._notifier = Notifier.from_environment(environ)
        self._face: HttpFace | None = None
        self._read = config
        self._archives = {archive.name: archive for archive in config.archives}
        self.daemon = Daemon(
            config.archives,
            self._reread,
            take=self._take,
            environ=environ,
            home=home,
            state_folder=self._state_folder,
            clock=clock,
            bandwidth=_bandwidth(config, clock),
            after_run=self._after_run,
            alerts=self._open_alerts,
        )
        self._hooks: Hooks | None = None
        self.daemon.events.subscribe(self._after_product)
        self._alerts: Alerts | None = None

    async def run(self, listening: Callable[[str], object] = lambda _: None) -> None:
        """Run until stopped.

        Args:
            listening: Told where the HTTP face is, once it is there.

        Raises:
            UsageError: If a face cannot be put up: the address or the socket is taken, a secret
                cannot be used, an extra is not installed.
        """
        async with AsyncExitStack() as stack, one_error_task_group() as group:
            self._hooks = Hooks(
                group, environ=self._environ, clock=self._clock, events=self.daemon.events
            )
            stack.callback(self._notifier.close)
            if self._config.http.enabled:
                self._face = await self._put_up_http(stack, self._config.http)
                listening(self._face.url)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            stack.callback((await self._begin_alerts(group, session)).close)
            self._begin_watchdog(group)
            socket = self._config.control_socket or server_path(self._environ, self._user)
            control = ControlServer(self.daemon, socket)
            up = anyio.Event()
            group.start_soon(control.run, up.set)
            await up.wait()
            group.start_soon(self._tell_status)
            await self.daemon.run(partial(self._started, socket), self._stopping)
            group.cancel_scope.cancel()
        self.daemon.events.emit(DaemonStopped())

    def _started(self, socket: Path) -> None:
        self._notifier.ready(_status_line(self.daemon))
        self.daemon.events.emit(
            DaemonStarted(
                version=__version__,
                archives=len(self._config.archives),
                page=self._face.url if self._face is not None else "",
                socket=str(socket),
            )
        )

    def _stopping(self) -> None:
        self._notifier.stopping("stopping; part files stay resumable")

    async def reload(self) -> None:
        """Read the file again, as a signal asks for; what is wrong with it is an event."""
        self.daemon.events.emit(DaemonAsked(what="reload", via="a signal"))
        with contextlib.suppress(UsageError):
            await self.daemon.reload()

    def _reread(self) -> tuple[ArchiveEntry, ...]:
        self._read = load_daemon_config(self._path, self._environ, self._clock.now())
        return self._read.archives

    async def _take(self, reread: Reread) -> tuple[ArchiveEntry, ...]:
        """Read the file, and put in force what concerns the faces; the archives follow."""
        self._notifier.reloading()
        try:
            plans = await anyio.to_thread.run_sync(reread)
            await self._renew_secrets()
        except UsageError as error:
            self.daemon.events.emit(ConfigurationRefused(file=str(self._path), error=str(error)))
            raise
        finally:
            self._notifier.ready()
        config = self._read
        self._archives = {archive.name: archive for archive in plans}
        if self._alerts is not None:
            self._alerts.follow(config.alerts.rules)
        self.daemon.needs_restart = ", ".join(_only_at_start(self._config, config))
        self.daemon.events.emit(
            ConfigurationTaken(
                file=str(self._path),
                archives=len(plans),
                needs_restart=self.daemon.needs_restart,
            )
        )
        return plans

    async def _renew_secrets(self) -> None:
        """Read the HTTP face's files again.

        Raises:
            UsageError: If one cannot be used. One that is not named any more may be gone: what it
                said is in force until the restart that brings the other settings.
        """
        if self._face is None:
            return
        try:
            await self._face.reload()
        except UsageError:
            if self._read.http == self._config.http:
                raise

    async def _put_up_http(self, stack: AsyncExitStack, config: HttpConfig) -> HttpFace:
        from s2fetch.daemon.http.face import HttpFace
        from s2fetch.daemon.http.settings import HttpSettings

        wanted = {f: getattr(config, f) for f in config.__struct_fields__ if f != "enabled"}
        face = HttpFace(
            self.daemon, HttpSettings(**wanted), clock=self._clock, environ=self._environ
        )
        return await stack.enter_async_context(face)

    async def _begin_alerts(
        self, group: TaskGroup, session: aiohttp.ClientSession
    ) -> AlertDelivery:
        config, clock, events = self._config.alerts, self._clock, self.daemon.events
        make = partial(
            make_receivers,
            config,
            session=session,
            clock=clock,
            environ=self._environ,
            proxy_for=find_proxy,
        )
        path = self._state_folder / MEMORY_FILE
        known = await anyio.to_thread.run_sync(remembered_alerts, path)
        receivers = await anyio.to_thread.run_sync(make)
        delivery = AlertDelivery(receivers, events=events, before=known.undelivered)
        self._alerts = Alerts(
            config.rules, delivery.put, clock=clock, events=events, remembered=known.open
        )
        events.subscribe(self._after_scrub)
        group.start_soon(delivery.run)
        group.start_soon(self._look_for_trouble, self._alerts, delivery, known)
        return delivery

    async def _look_for_trouble(
        self, alerts: Alerts, delivery: AlertDelivery, known: AlertMemory
    ) -> None:
        async def remember() -> AlertMemory:
            now = AlertMemory(open=alerts.open, undelivered=delivery.waiting)
            if now != known:
                path = self._state_folder / MEMORY_FILE
                try:
                    await anyio.to_thread.run_sync(remember_alerts, path, now)
                except S2FetchError as error:
                    self.daemon.events.emit(AlertsNotKept(error=str(error)))
            return now

        try:
            while True:
                await self._clock.sleep(LOOK_SECONDS)
                alerts.observe(self.daemon.state())
                known = await remember()
        finally:
            with anyio.CancelScope(shield=True):
                await remember()

    def _open_alerts(self) -> tuple[AlertState, ...]:
        found = self._alerts.open if self._alerts is not None else ()
        return tuple(
            AlertState(
                rule=each.trouble.rule,
                subject=each.trouble.subject,
                message=each.trouble.message,
                since=each.since,
            )
            for each in found
        )

    def _begin_watchdog(self, group: TaskGroup) -> None:
        seconds = watchdog_seconds(self._environ)
        if seconds is None:
            return
        watchdog = Watchdog(
            self._notifier,
            seconds,
            progress=lambda: self.daemon.heartbeat.beats,
            idle=lambda: self.daemon.is_idle,
            clock=self._clock,
        )
        group.start_soon(watchdog.run)

    async def _tell_status(self) -> None:
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            self._notifier.status(_status_line(self.daemon))

    def _after_run(self, archive: ArchiveEntry, run: RunState) -> None:
        if self._hooks is not None:
            self._hooks.after_run(archive, run)

    def _after_scrub(self, event: Event) -> None:
        """Tell damage that is repaired before anybody looks: the disk is not to be trusted."""
        if isinstance(event, ScrubFinished) and event.damaged and self._alerts is not None:
            self._alerts.observe(self.daemon.state())

    def _after_product(self, event: Event) -> None:
        if self._hooks is None or not isinstance(event, ProductCompleted):
            return
        if (archive := self._archives.get(event.archive)) is not None:
            self._hooks.after_product(archive, event)


def _only_at_start(before: DaemonConfig, now: DaemonConfig) -> Iterator[str]:
    """What differs from when the daemon started and is only taken then, by the file's names."""
    pairs = {
        "http": (before.http, now.http),
        "control": (before.control_socket, now.control_socket),
        "bandwidth": (before.bandwidth, now.bandwidth),
        "time-zone": (before.time_zone, now.time_zone),
        "alerts.commands": (before.alerts.commands, now.alerts.commands),
        "alerts.webhooks": (before.alerts.webhooks, now.alerts.webhooks),
        "log-format, quiet, verbose": (before.showing, now.showing),
    }
    return (name for name, (old, new) in pairs.items() if old != new)


def _bandwidth(config: DaemonConfig, clock: Clock) -> Bandwidth | None:
    limits: BandwidthConfig = config.bandwidth
    if not limits.spans:
        return Bandwidth(limits.otherwise, clock=clock) if limits.otherwise else None
    table = timetable(
        dict(limits.spans), otherwise=limits.otherwise, zone=load_zone(config.time_zone)
    )
    return Bandwidth(table, clock=clock)


def _status_line(daemon: Daemon) -> str:
    state = daemon.state()
    busy = sum(bool(slot.product) for slot in state.slots)
    waiting = sum(each.products.get("waiting", 0) for each in state.archives)
    queued = sum(each.queued for each in state.archives)
    paused = "paused, " if state.paused else ""
    count = len(state.archives)
    told = ", ".join(f"{alert.rule} ({alert.subject})" for alert in state.alerts)
    alerts = f"; {told}" if told else ""
    archives = f"{paused}{count} {'archive' if count == 1 else 'archives'}"
    slots = f"{busy} of {len(state.slots)} slots busy"
    return f"{archives}, {slots}, {queued} queued, {waiting} waiting{alerts}"
