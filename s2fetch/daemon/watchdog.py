"""Signs of life for the service manager, fed by the engine's own progress.

A process whose event loop turns and whose engine hangs is as dead as one that is gone. So the
manager hears of it only while something moves, or while there is a reason that nothing does.
"""

from __future__ import annotations

from collections.abc import Callable

from s2fetch.clock import Clock
from s2fetch.daemon.notify import Notifier
from s2fetch.events import Event, EventBus, HubPaused, VerificationProgressed

SIGNS = 4
"""How often a sign is due within the time the manager waits for one (sd_watchdog_enabled(3) asks
for two at least)."""


class Heartbeat:
    """The engine's pulse: every event is a beat, and a pause a hub asked for is a rest.

    Files that are hashed again beside a run do not show that the run moves.

    Args:
        clock: Where the time comes from.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._beats = 0
        self._rest_until = clock.monotonic()

    @property
    def beats(self) -> int:
        """How many there were."""
        return self._beats

    @property
    def resting(self) -> bool:
        """Whether nothing has to move now."""
        return self._clock.monotonic() < self._rest_until

    def beat(self) -> None:
        """Something moved that no event tells of."""
        self._beats += 1

    def rest(self, seconds: float) -> None:
        """Nothing may move for so long, for a good reason."""
        self._rest_until = max(self._rest_until, self._clock.monotonic() + seconds)

    def follow(self, bus: EventBus) -> Callable[[], None]:
        """Take the events of a bus for beats; the returned function ends it."""
        return bus.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, VerificationProgressed):
            return
        self._beats += 1
        if isinstance(event, HubPaused):
            self.rest(event.seconds)


class Watchdog:
    """Gives the service manager a sign of life while the engine deserves one.

    Args:
        notifier: The way to the manager.
        seconds: How long the manager waits for a sign before it ends the daemon.
        progress: Anything that changes when the engine moves, such as `Heartbeat.beats`.
        idle: Whether nothing has to move now: no run is under way, or it waits with a reason.
        clock: Where the time comes from.
    """

    def __init__(
        self,
        notifier: Notifier,
        seconds: float,
        *,
        progress: Callable[[], object],
        idle: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._notifier = notifier
        self._pause = seconds / SIGNS
        self._progress = progress
        self._idle = idle
        self._clock = clock
        self._seen: object = progress()

    async def run(self) -> None:
        """Give signs until cancelled."""
        self._notifier.watchdog()
        while True:
            await self._clock.sleep(self._pause)
            self.look()

    def look(self) -> bool:
        """Give one sign if something moved since the last look, or nothing has to."""
        seen, self._seen = self._seen, self._progress()
        return (self._seen != seen or self._idle()) and self._notifier.watchdog()
