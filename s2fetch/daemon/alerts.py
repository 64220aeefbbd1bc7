"""What is wrong, told once when it begins and once when it is over.

The rules look at the daemon's state, the same that every other face shows, so that an alert and the
dashboard never disagree.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from s2fetch import __version__
from s2fetch.clock import Clock, timestamp
from s2fetch.daemon.events import AlertBegan, AlertEnded
from s2fetch.daemon.state import AccountState, Activity, ArchiveState, DaemonState
from s2fetch.events import EventBus
from s2fetch.units import format_duration, format_size

_CUT_SHORT = frozenset({"interrupted", "terminated"})
"""Outcomes of runs that show nothing: somebody ended them."""
_GOOD_OUTCOMES = frozenset({"ok", "waiting"}) | _CUT_SHORT


class Rule(StrEnum):
    """What can be wrong."""

    RUN_FAILED = "run-failed"
    ACCOUNT_REFUSED = "account-refused"
    DISK_FLOOR = "disk-floor"
    QUOTA_PACE = "quota-pace"
    DAMAGE = "damage"
    NOTHING_NEW = "nothing-new"


class AlertRules(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts are wanted.

    Attributes:
        rules: Those that are on; `Rule.NOTHING_NEW` needs its seconds too.
        nothing_new_seconds: How long an archive may go without a new product.
        interval_seconds: What comes and goes is told again after this time at the earliest.
    """

    rules: tuple[Rule, ...] = tuple(Rule)
    nothing_new_seconds: float | None = None
    interval_seconds: float = 3600.0


class Trouble(msgspec.Struct, frozen=True):
    """One thing that is wrong; ``subject`` is the archive or account."""

    rule: Rule
    subject: str
    message: str

    @property
    def key(self) -> tuple[Rule, str]:
        """What makes two sightings the same trouble."""
        return self.rule, self.subject


class OpenAlert(msgspec.Struct, frozen=True):
    """Trouble that was told and is not over; kept over restarts, so that it is not told again."""

    trouble: Trouble
    since: str


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver gets, as JSON.

    Attributes:
        id: The same in every attempt to deliver it.
        event: ``began`` or ``ended``.
        rule: See `Rule`.
        subject: Name of the archive or account.
        message: What is, or was, wrong, a sentence without its full stop.
        since: When it began, ISO 8601 in UTC.
        at: When this was told.
        host: The machine.
        version: Of s2fetch.
    """

    id: str
    event: str
    rule: Rule
    subject: str
    message: str
    since: str
    at: str
    host: str
    version: str = __version__


class Alerts:
    """Compares what is wrong now with what was told.

    Args:
        rules: What to look for.
        send: Gets every alert; must not block.
        clock: Where the time comes from.
        events: Who is told besides.
        remembered: `open` of the process before this one.
    """

    def __init__(
        self,
        rules: AlertRules,
        send: Callable[[Alert], object],
        *,
        clock: Clock,
        events: EventBus,
        remembered: Sequence[OpenAlert] = (),
    ) -> None:
        self._rules = rules
        self._send = send
        self._clock = clock
        self._events = events
        self._open = {alert.trouble.key: alert for alert in remembered}
        self._told = dict.fromkeys(self._open, clock.monotonic())
        self._unseen = set(self._open)

    @property
    def open(self) -> tuple[OpenAlert, ...]:
        """What was told and is not over."""
        return tuple(self._open.values())

    def follow(self, rules: AlertRules) -> None:
        """Follow other rules; what is no longer looked for is forgotten without a word."""
        self._rules = rules
        for key in tuple(self._open):
            if key[0] not in rules.rules:
                del self._open[key]
                self._unseen.discard(key)

    def observe(self, state: DaemonState) -> bool:
        """Look at the daemon, and tell what began and what is over.

        A daemon that has not started yet shows nothing.

        Returns:
            Whether `open` has changed.
        """
        if not state.started:
            return False
        now = self._clock.monotonic()
        present = {trouble.key: trouble for trouble in find_troubles(state, self._rules)}
        begun = [t for key, t in present.items() if key not in self._open and self._may_tell(key)]
        self._unseen = {key for key in self._unseen - present.keys() if _may_last(key, state)}
        silent = {key for key, alert in self._open.items() if _is_silent(alert, state, self._rules)}
        gone = self._open.keys() - present.keys() - self._unseen - silent
        ended = [alert for key, alert in self._open.items() if key in gone]
        for trouble in begun:
            self._told[trouble.key] = now
            self._begin(trouble)
        for alert in ended:
            self._end(alert)
        return bool(begun or ended)

    def _may_tell(self, key: tuple[Rule, str]) -> bool:
        told = self._told.get(key)
        return told is None or self._clock.monotonic() - told >= self._rules.interval_seconds

    def _begin(self, trouble: Trouble) -> None:
        alert = OpenAlert(trouble, timestamp(self._clock.now()))
        self._open[trouble.key] = alert
        self._events.emit(
            AlertBegan(rule=trouble.rule, subject=trouble.subject, message=trouble.message)
        )
        self._send(self._alert("began", alert))

    def _end(self, alert: OpenAlert) -> None:
        trouble = alert.trouble
        del self._open[trouble.key]
        self._events.emit(
            AlertEnded(rule=trouble.rule, subject=trouble.subject, message=trouble.message)
        )
        self._send(self._alert("ended", alert))

    def _alert(self, event: str, alert: OpenAlert) -> Alert:
        trouble = alert.trouble
        return Alert(
            id=uuid.uuid4().hex,
            event=event,
            rule=trouble.rule,
            subject=trouble.subject,
            message=trouble.message,
            since=alert.since,
            at=timestamp(self._clock.now()),
            host=socket.gethostname(),
        )


def _may_last(key: tuple[Rule, str], state: DaemonState) -> bool:
    """Whether nothing has happened since the daemon was started that could show that it is over.

    What is wrong with an archive or an account shows in a run.
    """
    rule, subject = key
    if rule in _ACCOUNT_RULES:
        return not any(_has_run(archive, state) for archive in state.archives)
    return any(each.name == subject and not _has_run(each, state) for each in state.archives)


def _is_silent(alert: OpenAlert, state: DaemonState, rules: AlertRules) -> bool:
    """Whether nothing came since it was told that nothing had come: a restart is no product."""
    trouble = alert.trouble
    if trouble.rule is not Rule.NOTHING_NEW or rules.nothing_new_seconds is None:
        return False
    since = datetime.fromisoformat(alert.since)
    return any(
        archive.name == trouble.subject
        and archive.activity is not Activity.PAUSED
        and (not archive.last_arrival or datetime.fromisoformat(archive.last_arrival) < since)
        for archive in state.archives
    )


def _has_run(archive: ArchiveState, state: DaemonState) -> bool:
    run = archive.last_run
    if run is None or not run.started or run.outcome in _CUT_SHORT:
        return False
    return datetime.fromisoformat(run.started) >= datetime.fromisoformat(state.started)


def find_troubles(state: DaemonState, rules: AlertRules) -> Iterator[Trouble]:
    """Everything that is wrong by these rules."""
    for archive in state.archives:
        for rule, look in _ARCHIVE_RULES.items():
            if rule in rules.rules and (message := look(archive)):
                yield Trouble(rule, archive.name, message)
        if Rule.NOTHING_NEW in rules.rules and (message := _nothing_new(archive, state, rules)):
            yield Trouble(Rule.NOTHING_NEW, archive.name, message)
    for account in state.accounts:
        for rule, inspect in _ACCOUNT_RULES.items():
            if rule in rules.rules and (message := inspect(account)):
                yield Trouble(rule, account.name, message)


def _run_failed(archive: ArchiveState) -> str:
    run = archive.last_run
    if run is None or run.outcome in _GOOD_OUTCOMES:
        return ""
    failed = f"{run.failed:,} products failed" if run.failed != 1 else "1 product failed"
    return f"the last run of {archive.name} ended as {run.outcome}: {run.error or failed}"


def _disk_floor(archive: ArchiveState) -> str:
    floor = archive.floor_bytes
    if archive.activity is not Activity.OUT_OF_SPACE and archive.free_bytes >= floor:
        return ""
    free = format_size(archive.free_bytes)
    return f"{archive.folder} has {free} free, and {format_size(floor)} is to be left"


def _damage(archive: ArchiveState) -> str:
    if not archive.damaged:
        return ""
    what = "1 product" if archive.damaged == 1 else f"{archive.damaged:,} products"
    return f"{what} of {archive.name} are not what was verified, and are fetched again"


def _nothing_new(archive: ArchiveState, state: DaemonState, rules: AlertRules) -> str:
    if rules.nothing_new_seconds is None or archive.activity is Activity.PAUSED:
        return ""
    last = archive.last_arrival or state.started
    if datetime.fromisoformat(state.now) - datetime.fromisoformat(last) <= timedelta(
        seconds=rules.nothing_new_seconds
    ):
        return ""
    return f"{archive.name} has had no new product for {format_duration(rules.nothing_new_seconds)}"


def _account_refused(account: AccountState) -> str:
    if not account.refused:
        return ""
    return f"the account {account.name} cannot be used: {account.refused}"


def _quota_pace(account: AccountState) -> str:
    if not account.quota_reached:
        return ""
    return f"at today's pace {account.name} reaches its monthly volume on {account.quota_reached}"


_ARCHIVE_RULES: dict[Rule, Callable[[ArchiveState], str]] = {
    Rule.RUN_FAILED: _run_failed,
    Rule.DISK_FLOOR: _disk_floor,
    Rule.DAMAGE: _damage,
}
_ACCOUNT_RULES: dict[Rule, Callable[[AccountState], str]] = {
    Rule.ACCOUNT_REFUSED: _account_refused,
    Rule.QUOTA_PACE: _quota_pace,
}
