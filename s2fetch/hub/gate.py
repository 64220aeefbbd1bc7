"""The gate in front of a host: when it asks us to wait, or is down, everyone waits together.

An answer that means "wait" (429, 503) closes the gate for the time the host asked for, or for a
growing pause of our own. A host that cannot be reached closes it too, and then lets one request
through at a time, at most one a minute: that one is the probe. Neither costs a product an attempt.
"""

from __future__ import annotations

import random

import anyio

from s2fetch.clock import Clock
from s2fetch.errors import HubBusyError, HubDownError
from s2fetch.events import EventBus, HubPaused, HubResumed
from s2fetch.units import format_duration

BUSY_FIRST_SECONDS = 5.0
BUSY_LONGEST_SECONDS = 60.0
"""Our own pauses after an answer that names no time (the Copernicus Data Space names none)."""
RETRY_AFTER_LONGEST_SECONDS = 3600.0
"""Longest pause a host can ask for; a longer one is cut to this and asked again."""
DOWN_FIRST_SECONDS = 1.0
PROBE_SECONDS = 60.0
"""Pauses between probes of a host that cannot be reached grow from the first to the second."""
SLICE_SECONDS = 0.25
"""How soon a waiter notices that the gate opened early."""


class HostGate:
    """The gate of one host.

    Args:
        host: Host and port, for messages.
        clock: Where the time comes from.
        events: Who is told when the gate closes and opens.
        give_up_after: Seconds without any success after which waiting ends with an error.
    """

    def __init__(self, host: str, *, clock: Clock, events: EventBus, give_up_after: float) -> None:
        self.host = host
        self.successes = 0
        self._clock = clock
        self._events = events
        self._give_up_after = give_up_after
        self._closed_until: dict[str, float] = {}
        self._down = False
        self._probing = False
        self._step = 0
        self._trouble_since: float | None = None
        self._reason = ""

    def __repr__(self) -> str:
        return f"<HostGate of {self.host}: {self._reason or 'open'}>"

    async def wait(self, account: str = "") -> None:
        """Return when a request of that account may be made.

        Raises:
            HubDownError: When nothing has succeeded for longer than the user wants to wait.
        """
        while (left := self._seconds_left(account)) > 0:
            await self._clock.sleep(min(left, SLICE_SECONDS))
            self._give_up_if_too_long()
        if self._down:
            # This caller is the probe. Others wait; should it never come back, one of them is next.
            self._closed_until[""] = self._clock.monotonic() + PROBE_SECONDS
            self._probing = True
        else:
            await anyio.lowlevel.checkpoint()

    def busy(self, error: HubBusyError, account: str = "") -> None:
        """The host asked us to wait; close for everyone, or for that account only."""
        scope = account if error.account_only else ""
        now = self._clock.monotonic()
        if self._closed_until.get(scope, 0.0) > now and error.retry_after is None:
            return  # an answer to a request made before the gate closed
        self._trouble_since = now if self._trouble_since is None else self._trouble_since
        self._step += 1
        if error.retry_after is None:
            longest = min(BUSY_LONGEST_SECONDS, BUSY_FIRST_SECONDS * 2 ** (self._step - 1))
            pause = longest * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret
        else:
            pause = min(error.retry_after, RETRY_AFTER_LONGEST_SECONDS)
        self._close(scope, pause, error.what)
        self._give_up_if_too_long()

    def down(self, reason: str) -> None:
        """The host could not be reached."""
        if self._down and not self._probing:
            return  # the fate of a request made before the gate closed
        now = self._clock.monotonic()
        self._trouble_since = now if self._trouble_since is None else self._trouble_since
        self._down = True
        self._probing = False
        self._step += 1
        self._close("", min(PROBE_SECONDS, DOWN_FIRST_SECONDS * 2 ** (self._step - 1)), reason)
        self._give_up_if_too_long()

    def up(self) -> None:
        """A request was answered properly: open, and forget old trouble step by step."""
        self.successes += 1
        if self._down or self._reason:
            self._events.emit(HubResumed(host=self.host))
        if self._down:
            self._closed_until.pop("", None)
            self._step = 0
        self._down = self._probing = False
        self._reason = ""
        self._trouble_since = None
        self._step = max(0, self._step - 1)

    def _seconds_left(self, account: str) -> float:
        until = max(self._closed_until.get("", 0.0), self._closed_until.get(account, 0.0))
        return until - self._clock.monotonic()

    def _close(self, scope: str, pause: float, reason: str) -> None:
        self._reason = reason
        self._closed_until[scope] = self._clock.monotonic() + pause
        self._events.emit(HubPaused(host=self.host, account=scope, seconds=pause, reason=reason))

    def _give_up_if_too_long(self) -> None:
        if self._trouble_since is None:
            return
        waited = self._clock.monotonic() - self._trouble_since
        if waited > self._give_up_after:
            raise HubDownError(
                f"{self.host} has not answered properly for {format_duration(waited)}: "
                f"{self._reason}",
                did="Everything fetched so far is kept",
                advice="Run the same command again later, or raise give-up-after",
            )
