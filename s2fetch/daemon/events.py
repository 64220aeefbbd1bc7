"""What the daemon adds to the events of the engine: alerts, hooks, notifications, orders to it."""

from __future__ import annotations

from typing import ClassVar

from s2fetch.events import Event


class AlertBegan(Event, frozen=True, kw_only=True):
    """Something is wrong that the operator wants to know of. ``subject`` is archive or account."""

    name: ClassVar[str] = "alert-began"
    level: ClassVar[str] = "warning"
    rule: str
    subject: str
    message: str


class AlertEnded(Event, frozen=True, kw_only=True):
    """It is over; ``message`` is what it was."""

    name: ClassVar[str] = "alert-ended"
    rule: str
    subject: str
    message: str


class AlertUndelivered(Event, frozen=True, kw_only=True):
    """An alert did not reach its receiver, and is not tried again."""

    name: ClassVar[str] = "alert-undelivered"
    level: ClassVar[str] = "error"
    rule: str
    subject: str
    receiver: str
    error: str


class HookFinished(Event, frozen=True, kw_only=True):
    """A hook of an archive ended well, after so many seconds; ``product`` for one of a product."""

    name: ClassVar[str] = "hook-finished"
    hook: str
    product: str
    seconds: float


class HookFailed(Event, frozen=True, kw_only=True):
    """A hook of an archive did not end well; the archive itself is not concerned."""

    name: ClassVar[str] = "hook-failed"
    level: ClassVar[str] = "warning"
    hook: str
    product: str
    error: str


class DaemonStarted(Event, frozen=True, kw_only=True):
    """The daemon keeps its archives, and answers at ``page``, if there is one, and ``socket``."""

    name: ClassVar[str] = "daemon-started"
    version: str
    archives: int
    page: str
    socket: str


class DaemonStopped(Event, frozen=True, kw_only=True):
    """The daemon has ended in good order."""

    name: ClassVar[str] = "daemon-stopped"


class ConfigurationTaken(Event, frozen=True, kw_only=True):
    """The configuration was read again; ``needs_restart`` are parts that only a restart changes."""

    name: ClassVar[str] = "configuration-taken"
    file: str
    archives: int
    needs_restart: str


class ConfigurationRefused(Event, frozen=True, kw_only=True):
    """The configuration has mistakes; the old one stays in force."""

    name: ClassVar[str] = "configuration-refused"
    level: ClassVar[str] = "error"
    file: str
    error: str


class AlertsNotKept(Event, frozen=True, kw_only=True):
    """Which alerts were told could not be written down; after a restart they are told again."""

    name: ClassVar[str] = "alerts-not-kept"
    level: ClassVar[str] = "warning"
    error: str


class KeeperFailed(Event, frozen=True, kw_only=True):
    """A defect of s2fetch ended what it did for an archive; the others go on, and so will this."""

    name: ClassVar[str] = "keeper-failed"
    level: ClassVar[str] = "error"
    archive: str
    error: str
    traceback: str
    next_try: str


class IntakeChanged(Event, frozen=True, kw_only=True):
    """Notifications of an archive come, or do not and why; its schedule goes on either way."""

    name: ClassVar[str] = "intake-changed"
    works: bool
    why: str


class DaemonAsked(Event, frozen=True, kw_only=True):
    """Somebody had a daemon do something: ``what`` to ``archive`` (empty for all), by which way."""

    name: ClassVar[str] = "daemon-asked"
    what: str
    via: str
