"""The gate in front of a host: when it asks us to wait, or is down, everyone waits together.

An answer that means "wait" (429, 503) closes the gate for the time the host asked for, or, where it
names none that is still to come, for a growing pause of our own; for everyone, or for one account
when the limit is the account's. A host that cannot be reached closes it too, and then lets one
request through at a time, at most one a minute: that one is the probe. Neither costs a product an
attempt.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import anyio
import msgspec

from s2fetch.clock import Clock, sleep_unless
from s2fetch.errors import HubBusyError, HubDownError
from s2fetch.events import EventBus, HubPaused, HubResumed
from s2fetch.retry import RETRY_AFTER_LONGEST_SECONDS, growing_pause
from s2fetch.units import format_duration

BUSY_FIRST_SECONDS = 5.0
BUSY_LONGEST_SECONDS = 60.0
"""Our own pauses after an answer that names no time (the Copernicus Data Space names none)."""
DOWN_FIRST_SECONDS = 1.0
PROBE_SECONDS = 60.0
"""Pauses between probes of a host that cannot be reached grow from the first to the second."""
QUIET_SECONDS = 300.0
"""Trouble that ended so long ago, with no request since, is over: nobody knows it lasted."""

DOWN_AFTER = 3
"""A host that has sent everybody away so often in a row is as good as down."""

EVERYONE = ""

_BEGAN: ContextVar[float] = ContextVar("_BEGAN", default=-math.inf)


@contextmanager
def own_patience(clock: Clock) -> Iterator[None]:
    """What begins now gives no host up for what was before it.

    In a daemon gates outlive runs: one that begins in the middle of an outage waits as long as
    any other, and has to ask itself.
    """
    token = _BEGAN.set(clock.monotonic())
    try:
        yield
    finally:
        _BEGAN.reset(token)


class _Pause(msgspec.Struct):
    """Until when, how often in a row, and why; no reason when it is over."""

    until: float = 0.0
    step: int = 0
    reason: str = ""


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
        self._pauses: defaultdict[str, _Pause] = defaultdict(_Pause)
        self._unreachable = _Pause()
        self._probing = False
        self._serving = 0
        self._trouble_since: float | None = None
        self._trouble_until = 0.0
        self._changed = anyio.Event()

    def __repr__(self) -> str:
        return f"<HostGate of {self.host}: {self._reasons() or 'open'}>"

    async def wait(self, account: str = EVERYONE) -> None:
        """Return when a request of that account may be made.

        Raises:
            HubDownError: When nothing has succeeded for longer than the user wants to wait.
        """
        while (left := self._seconds_left(account)) > 0:
            patience = self._nothing_since() + self._give_up_after - self._clock.monotonic()
            await sleep_unless(self._clock, min(left, patience), self._changed.wait)
            self._give_up_if_too_long()
        if self._unreachable.reason:
            # This caller is the probe. Others wait; should it never come back, one of them is next.
            self._unreachable.until = self._clock.monotonic() + PROBE_SECONDS
            self._probing = True

    def is_paused(self, account: str = EVERYONE) -> bool:
        """Whether the host has asked us to wait: for those who passed `wait` some time ago."""
        until = max(self._pauses[EVERYONE].until, self._pauses[account].until)
        return until > self._clock.monotonic()

    def busy(self, error: HubBusyError, account: str = EVERYONE) -> None:
        """The host asked us to wait; close for everyone, or for that account only.

        Raises:
            HubDownError: As for `wait`.
        """
        scope = account if error.account_only else EVERYONE
        pause, now = self._pauses[scope], self._clock.monotonic()
        asked = error.retry_after
        if asked is not None:
            asked = min(asked, RETRY_AFTER_LONGEST_SECONDS)
        if pause.until > now:
            # An answer to a request made before the gate closed: no news but a later time.
            pause.until = max(pause.until, now + (asked or 0.0))
            return
        self._trouble()
        pause.step += 1
        if not asked:  # no time, or one that is over: asking again at once would go on for ever
            growing = growing_pause(pause.step, BUSY_FIRST_SECONDS, BUSY_LONGEST_SECONDS)
            asked = growing * random.uniform(0.75, 1.25)  # noqa: S311 - jitter, not a secret
        self._close(pause, scope, asked, error.what)

    def down(self, reason: str) -> None:
        """The host could not be reached.

        Raises:
            HubDownError: As for `wait`.
        """
        pause = self._unreachable
        if pause.reason and not self._probing:
            return  # the fate of a request made before the gate closed
        self._trouble()
        self._probing = False
        pause.step += 1
        seconds = growing_pause(pause.step, DOWN_FIRST_SECONDS, PROBE_SECONDS)
        self._close(pause, EVERYONE, seconds, reason)

    def answered(self) -> None:
        """The host answered, however badly: it can be reached."""
        if self._unreachable.reason:
            self._unreachable = _Pause()
            self._probing = False
            self._notify()
            self._events.emit(HubResumed(host=self.host))

    def up(self, account: str = EVERYONE) -> None:
        """A request was answered properly: open, and forget old trouble step by step."""
        self.answered()
        self.successes += 1
        self._trouble_since = None
        if self._seconds_left(account) > 0:
            return  # the request was made before the gate closed; the pause stands
        resumed = False
        for scope in {EVERYONE, account}:
            pause = self._pauses[scope]
            pause.step = max(0, pause.step - 1)
            resumed = resumed or bool(pause.reason)
            pause.reason = ""
        if resumed:
            self._events.emit(HubResumed(host=self.host))

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Hold while a body arrives: a host that serves one is not given up."""
        self._serving += 1
        try:
            yield
        finally:
            self._serving -= 1
            if self._trouble_since is not None:
                self._trouble_since = self._clock.monotonic()
                self._notify()

    def _notify(self) -> None:
        """Have those who wait look again: the gate has opened early, or patience has grown."""
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def _seconds_left(self, account: str) -> float:
        until = max(
            self._unreachable.until, self._pauses[EVERYONE].until, self._pauses[account].until
        )
        return until - self._clock.monotonic()

    def _reasons(self) -> str:
        pauses = (self._unreachable, *self._pauses.values())
        return "; ".join(dict.fromkeys(pause.reason for pause in pauses if pause.reason))

    def _trouble(self) -> None:
        """Remember since when nothing has succeeded."""
        now = self._clock.monotonic()
        if self._trouble_since is None or now > self._trouble_until + QUIET_SECONDS:
            self._trouble_since = now

    def _close(self, pause: _Pause, scope: str, seconds: float, reason: str) -> None:
        pause.until = self._clock.monotonic() + seconds
        pause.reason = reason
        self._trouble_until = max(self._trouble_until, pause.until)
        down = pause is self._unreachable or (scope == EVERYONE and pause.step >= DOWN_AFTER)
        self._events.emit(
            HubPaused(host=self.host, account=scope, seconds=seconds, reason=reason, down=down)
        )
        self._give_up_if_too_long()

    def _nothing_since(self) -> float:
        """Since when the caller has had no success; never, as long as there is some."""
        if self._trouble_since is None or self._serving:
            return math.inf
        return max(self._trouble_since, _BEGAN.get())

    def _give_up_if_too_long(self) -> None:
        since, now = self._nothing_since(), self._clock.monotonic()
        if now >= since + self._give_up_after:
            raise HubDownError(
                f"{self.host} has not answered properly for {format_duration(now - since)}: "
                f"{self._reasons()}",
                did="Everything fetched so far is kept",
                advice="Run the same command again later, or raise give-up-after",
            )
