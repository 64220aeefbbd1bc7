"""Being told that something is new: a queue at the hub that makes a run begin at once.

A notification is a reason to ask the catalogue for changes, never a replacement for that: queues
overflow, and subscriptions end. So nothing is lost with one. What was told is acknowledged only
after a run that began later has settled everything, by which time it is in the progress file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec

from s2fetch.clock import Clock
from s2fetch.daemon.events import IntakeChanged
from s2fetch.daemon.subscribed import Subscribed
from s2fetch.errors import S2FetchError
from s2fetch.events import EventBus
from s2fetch.hub.subscriptions import (
    Notification,
    SubscriptionLostError,
    Subscriptions,
    entries_before,
)

POLL_SECONDS = 60.0
"""How often the queue is looked at."""
TROUBLE_SECONDS = 900.0
"""How long nothing is asked after trouble with the subscription; the schedule goes on meanwhile."""
SETTLED_MARGIN = timedelta(seconds=5)
"""The hub's clock may be a little ahead: what was told just before a run is left in the queue."""


class Notifications(msgspec.Struct, frozen=True):
    """What a queue is watched with.

    Attributes:
        subscriptions: Those of the account that asks.
        wanted: The ``$filter`` of what is to be told of.
    """

    subscriptions: Subscriptions
    wanted: str


class Intake:
    """Watches the queue of one archive.

    Args:
        archive: Its name.
        open_queue: Gives what it is watched with, or None where the hub has no such thing. What it
            raises is told, and it is asked again.
        subscribed: Where it is remembered which subscription the archive has.
        wake: Called when there is something new.
        clock: Where the time comes from.
        events: Who is told that it works or does not.
    """

    def __init__(
        self,
        archive: str,
        open_queue: Callable[[], Awaitable[Notifications | None]],
        subscribed: Subscribed,
        wake: Callable[[], None],
        *,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self._archive = archive
        self._open_queue = open_queue
        self._subscribed = subscribed
        self._queue: Notifications | None = None
        self._is_stale = True
        self._wake = wake
        self._clock = clock
        self._events = events
        self._subscription = ""
        self._wanted = ""
        self._settled: datetime | None = None
        self._told = ""

    def settled(self, begun: datetime) -> None:
        """Say that a run that began then has settled everything there was."""
        self._settled = begun

    def reopen(self) -> None:
        """Say that another queue may be wanted now; it is opened with the next look."""
        self._is_stale = True

    async def run(self) -> None:
        """Watch until cancelled. Trouble with the hub or the account is told and waited out.

        Returns when the hub has no subscriptions.
        """
        while True:
            try:
                if self._is_stale:
                    self._is_stale = False
                    self._queue = await self._open_queue()
                if self._queue is None:
                    self._tell(False, "this hub has no subscriptions, so the schedule alone counts")
                    return
                await self._look(self._queue.subscriptions, self._queue.wanted)
                pause = POLL_SECONDS
            except SubscriptionLostError as error:
                # What was in it is found by the run that this wakes.
                self._subscription = ""
                self._tell(False, str(error))
                self._wake()
                pause = POLL_SECONDS
            except S2FetchError as error:
                self._is_stale = True  # other credentials may be there next time
                self._tell(False, str(error))
                pause = TROUBLE_SECONDS
            await self._clock.sleep(pause)

    async def _look(self, subscriptions: Subscriptions, wanted: str) -> None:
        if not self._subscription or wanted != self._wanted:
            self._subscription = await self._subscribe(subscriptions, wanted)
            self._wanted = wanted
        while waiting := await self._read(subscriptions):
            settled = self._settled
            done = entries_before(waiting, settled - SETTLED_MARGIN) if settled else []
            if not done:
                self._wake()
                return
            said = await subscriptions.acknowledge(self._subscription, done[-1].ack_id)
            if len(done) < len(waiting):
                self._wake()
                return
            if said.left == 0 or not said.taken:
                return

    async def _subscribe(self, subscriptions: Subscriptions, wanted: str) -> str:
        """The subscription to what is wanted, in place of the one the archive had before."""
        before = await self._subscribed.read()
        found = await subscriptions.ensure(wanted, instead_of=before)
        if found != before:
            await self._subscribed.write(found)
        return found

    async def _read(self, subscriptions: Subscriptions) -> list[Notification]:
        waiting = await subscriptions.read(self._subscription)
        self._tell(True, f"subscription {self._subscription}")
        return waiting

    def _tell(self, works: bool, why: str) -> None:
        told = f"{works} {why}"
        if told != self._told:
            self._told = told
            self._events.emit(IntakeChanged(archive=self._archive, works=works, why=why))
