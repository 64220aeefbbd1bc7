"""Being told that something is new: a queue at the hub that makes a run begin at once.

A notification is a reason to ask the catalogue for changes, never a replacement for that: queues
overflow, and subscriptions end. So nothing is lost with one. What was told is acknowledged only
after a run that began later has settled everything, by which time it is in the progress file.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from s2fetch.clock import Clock
from s2fetch.errors import AccountError, HubError
from s2fetch.events import EventBus, IntakeChanged
from s2fetch.hub.subscriptions import SubscriptionLostError, Subscriptions, entries_before

POLL_SECONDS = 60.0
"""How often the queue is looked at."""
TROUBLE_SECONDS = 900.0
"""How long nothing is asked after trouble with the subscription; the schedule goes on meanwhile."""
SETTLED_MARGIN = timedelta(seconds=5)
"""The hub's clock may be a little ahead: what was told just before a run is left in the queue."""


class Intake:
    """Watches the queue of one archive.

    Args:
        archive: Its name.
        subscriptions: Those of the account that asks.
        wanted: The ``$filter`` of the archive's selection.
        wake: Called when there is something new.
        clock: Where the time comes from.
        events: Who is told that it works or does not.
    """

    def __init__(
        self,
        archive: str,
        subscriptions: Subscriptions,
        wanted: str,
        wake: Callable[[], None],
        *,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self._archive = archive
        self._subscriptions = subscriptions
        self._wanted = wanted
        self._wake = wake
        self._clock = clock
        self._events = events
        self._subscription = ""
        self._settled: datetime | None = None
        self._told = ""

    def settled(self, begun: datetime) -> None:
        """Say that a run that began then has settled everything there was."""
        self._settled = begun

    async def run(self) -> None:
        """Watch until cancelled. Trouble with the hub or the account is told and waited out."""
        while True:
            try:
                await self._look()
                pause = POLL_SECONDS
            except SubscriptionLostError as error:
                # What was in it is found by the run that this wakes.
                self._subscription = ""
                self._tell(False, str(error))
                self._wake()
                pause = POLL_SECONDS
            except (HubError, AccountError) as error:
                self._tell(False, str(error))
                pause = TROUBLE_SECONDS
            await self._clock.sleep(pause)

    async def _look(self) -> None:
        if not self._subscription:
            self._subscription = await self._subscriptions.ensure(self._wanted)
        self._tell(True, f"subscription {self._subscription}")
        while waiting := await self._subscriptions.read(self._subscription):
            settled = self._settled
            done = entries_before(waiting, settled - SETTLED_MARGIN) if settled else []
            if not done:
                self._wake()
                return
            said = await self._subscriptions.acknowledge(self._subscription, done[-1].ack_id)
            if len(done) < len(waiting):
                self._wake()
                return
            if said.left == 0:
                return

    def _tell(self, works: bool, why: str) -> None:
        told = f"{works} {why}"
        if told != self._told:
            self._told = told
            self._events.emit(IntakeChanged(archive=self._archive, works=works, why=why))
