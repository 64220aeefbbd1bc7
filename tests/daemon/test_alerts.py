"""Alerts: once when something begins, once when it is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from s2fetch.clock import timestamp
from s2fetch.daemon.alert_memory import AlertMemory, remember_alerts, remembered_alerts
from s2fetch.daemon.alerts import Alert, AlertRules, Alerts, OpenAlert, Rule, Trouble
from s2fetch.daemon.events import AlertBegan, AlertEnded
from s2fetch.daemon.state import AccountState, Activity, ArchiveState, DaemonState, RunState
from s2fetch.errors import ArchiveError
from s2fetch.events import Event, EventBus
from tests.clock import START, FakeClock

FAILED = RunState(started="2024-07-01T11:00:00Z", seconds=5, outcome="hub", error="hub is down")


class Watch:
    """Alerts with everything they sent."""

    def __init__(self, clock: FakeClock, bus: EventBus, **rules: Any) -> None:
        self.clock = clock
        self.sent: list[Alert] = []
        self.others: tuple[ArchiveState, ...] = ()
        self.alerts = Alerts(AlertRules(**rules), self.sent.append, clock=clock, events=bus)

    def see(self, account: AccountState | None = None, **archive: Any) -> list[str]:
        """Look at a daemon with one archive and one account; what is told."""
        del self.sent[:]
        self.alerts.observe(self.state(account, **archive))
        return [f"{alert.rule} {alert.event}" for alert in self.sent]

    def state(self, account: AccountState | None = None, **archive: Any) -> DaemonState:
        return DaemonState(
            version="1",
            now=timestamp(self.clock.now()),
            started=timestamp(START),
            archives=(ArchiveState(name="alps", folder="/data/alps", **archive), *self.others),
            accounts=(account or AccountState(name="me", slots=2),),
        )


@pytest.fixture
def watch(clock: FakeClock, bus: EventBus) -> Watch:
    return Watch(clock, bus, nothing_new_seconds=48 * 3600)


def test_nothing_wrong_is_nothing_told(watch: Watch) -> None:
    good = RunState(started="2024-07-01T11:00:00Z", seconds=5, outcome="ok")
    assert watch.see(last_run=good, free_bytes=10, floor_bytes=10) == []
    assert watch.see() == []


@pytest.mark.parametrize(
    ("archive", "told", "words"),
    [
        ({"last_run": FAILED}, "run-failed", "the last run of alps ended as hub: hub is down"),
        (
            {"last_run": RunState(started="", seconds=1, outcome="failed", failed=3)},
            "run-failed",
            "the last run of alps ended as failed: 3 products failed",
        ),
        (
            {"activity": Activity.OUT_OF_SPACE, "free_bytes": 4 * 10**8, "floor_bytes": 10**9},
            "disk-floor",
            "/data/alps has 400 MB free, and 1.00 GB is to be left",
        ),
        (
            {"free_bytes": 4 * 10**8, "floor_bytes": 10**9},
            "disk-floor",
            "/data/alps has 400 MB free, and 1.00 GB is to be left",
        ),
        (
            {"damaged": 2},
            "damage",
            "2 products of alps are not what was verified, and are fetched again",
        ),
    ],
)
def test_what_is_wrong_with_an_archive_is_told_once_at_each_end(
    watch: Watch, archive: dict[str, Any], told: str, words: str
) -> None:
    assert watch.see(**archive) == [f"{told} began"]
    (alert,) = watch.sent
    assert (alert.subject, alert.message) == ("alps", words)
    assert alert.since == alert.at == "2024-07-01T12:00:00Z"
    watch.clock.advance(7200)
    assert watch.see(**archive) == []
    assert watch.see() == [f"{told} ended"]
    (over,) = watch.sent
    assert (over.message, over.since, over.at) == (words, alert.since, "2024-07-01T14:00:00Z")
    assert over.id != alert.id
    assert watch.see() == []


@pytest.mark.parametrize(
    ("account", "told"),
    [
        (AccountState(name="me", slots=2, refused="wrong password"), "account-refused"),
        (AccountState(name="me", slots=2, quota_reached="2024-07-20T00:00:00Z"), "quota-pace"),
    ],
)
def test_what_is_wrong_with_an_account_is_told_under_its_name(
    watch: Watch, account: AccountState, told: str
) -> None:
    assert watch.see(account) == [f"{told} began"]
    assert watch.sent[0].subject == "me"
    assert watch.see() == [f"{told} ended"]


def test_nothing_new_is_told_after_its_time_and_ends_with_the_next_product(watch: Watch) -> None:
    """A daemon that has just started counts from its start; a paused archive does not count."""
    assert watch.see() == []
    watch.clock.advance(48 * 3600)
    assert watch.see() == []
    watch.clock.advance(1)
    assert watch.see(activity=Activity.PAUSED) == []
    assert watch.see() == ["nothing-new began"]
    assert watch.sent[0].message == "alps has had no new product for 2 d 00 h"
    assert watch.see(last_arrival=timestamp(watch.clock.now())) == ["nothing-new ended"]


def test_two_troubles_at_once_are_two_alerts(watch: Watch) -> None:
    assert watch.see(last_run=FAILED, damaged=1) == ["run-failed began", "damage began"]
    assert watch.see(damaged=1) == ["run-failed ended"]


def test_another_reason_for_the_same_trouble_is_no_other_alert(watch: Watch) -> None:
    watch.see(last_run=FAILED)
    other = msgspec.structs.replace(FAILED, outcome="account", error="wrong password")
    assert watch.see(last_run=other) == []


def test_what_comes_and_goes_is_told_once_in_the_interval(watch: Watch) -> None:
    """A flapping disk makes two messages an hour, not two a minute."""
    told = []
    for _ in range(90):
        told += watch.see(damaged=1)
        watch.clock.advance(30)
        told += watch.see()
        watch.clock.advance(30)
    assert told == ["damage began", "damage ended"] * 2


def test_trouble_that_stays_after_a_short_break_is_told_when_the_interval_is_over(
    watch: Watch,
) -> None:
    """It is put off, not forgotten."""
    watch.see(damaged=1)
    watch.see()
    assert watch.see(damaged=1) == []
    watch.clock.advance(3600)
    assert watch.see(damaged=1) == ["damage began"]


def test_only_the_rules_that_are_wanted_are_looked_at(clock: FakeClock, bus: EventBus) -> None:
    watch = Watch(clock, bus, rules=(Rule.RUN_FAILED,))
    assert watch.see(last_run=FAILED, damaged=1) == ["run-failed began"]


def test_a_rule_that_is_taken_away_ends_nothing(watch: Watch) -> None:
    """The trouble may be there still."""
    watch.see(damaged=1)
    watch.alerts.follow(AlertRules(rules=(Rule.RUN_FAILED,)))
    assert watch.see(damaged=1) == []
    assert watch.alerts.open == ()


def test_alerts_are_in_the_log_too(watch: Watch, events: list[Event]) -> None:
    watch.see(damaged=1)
    watch.see()
    message = "1 product of alps are not what was verified, and are fetched again"
    assert events == [
        AlertBegan(rule="damage", subject="alps", message=message),
        AlertEnded(rule="damage", subject="alps", message=message),
    ]
    assert [event.level for event in events] == ["warning", "info"]


def test_a_restart_neither_repeats_an_alert_nor_forgets_its_end(
    watch: Watch, clock: FakeClock, bus: EventBus, tmp_path: Path
) -> None:
    path = tmp_path / "alerts.json"
    assert watch.alerts.observe(watch.state(damaged=1))
    remember_alerts(path, AlertMemory(open=watch.alerts.open))
    later = Watch(clock, bus)
    later.alerts = Alerts(
        AlertRules(),
        later.sent.append,
        clock=clock,
        events=bus,
        remembered=remembered_alerts(path).open,
    )
    assert later.see(damaged=1) == []
    run = RunState(started=timestamp(clock.now()), seconds=5, outcome="ok")
    assert later.see(last_run=run) == ["damage ended"]


@pytest.mark.parametrize(
    ("archive", "account"),
    [
        ({"damaged": 1}, None),
        ({"last_run": FAILED}, None),
        ({}, AccountState(name="me", slots=2, refused="wrong password")),
    ],
)
def test_after_a_restart_an_alert_ends_when_a_run_has_shown_that_it_is_over(
    clock: FakeClock, bus: EventBus, archive: dict[str, Any], account: AccountState | None
) -> None:
    """A daemon that has just started knows of no trouble yet."""
    before, later = Watch(clock, bus), Watch(clock, bus)
    before.see(account, **archive)
    later.alerts = Alerts(
        AlertRules(), later.sent.append, clock=clock, events=bus, remembered=before.alerts.open
    )
    earlier = RunState(started="2024-07-01T11:00:00Z", seconds=5, outcome="ok")
    assert later.see(last_run=earlier) == []
    assert [alert.trouble.subject for alert in later.alerts.open] != []
    since = msgspec.structs.replace(earlier, started="2024-07-01T12:00:01Z")
    assert later.see(last_run=msgspec.structs.replace(since, outcome="interrupted")) == []
    assert [told.split()[1] for told in later.see(last_run=since)] == ["ended"]
    assert not later.alerts.open


def test_a_daemon_that_is_about_to_start_ends_no_alert(clock: FakeClock, bus: EventBus) -> None:
    damage = OpenAlert(Trouble(Rule.DAMAGE, "alps", "…"), "2024-06-20T00:00:00Z")
    alerts = Alerts(AlertRules(), lambda _: None, clock=clock, events=bus, remembered=(damage,))
    assert not alerts.observe(DaemonState(version="", now=timestamp(clock.now()), started=""))
    assert alerts.open == (damage,)


def test_a_restart_is_no_new_product(clock: FakeClock, bus: EventBus) -> None:
    """It was silent for days, the daemon starts again, and a run finds nothing: no end is told."""
    rules = AlertRules(nothing_new_seconds=3600)
    silent = OpenAlert(Trouble(Rule.NOTHING_NEW, "alps", "…"), "2024-06-20T00:00:00Z")
    other = OpenAlert(Trouble(Rule.NOTHING_NEW, "tatra", "…"), "2024-06-20T00:00:00Z")
    later = Watch(clock, bus)
    later.alerts = Alerts(
        rules, later.sent.append, clock=clock, events=bus, remembered=(silent, other)
    )
    later.others = (ArchiveState(name="tatra", folder="/data/tatra"),)
    run = RunState(started=timestamp(clock.now()), seconds=5, outcome="ok")
    assert later.see(last_run=run) == []
    assert later.see(last_run=run, last_arrival="2024-06-19T00:00:00Z") == []
    assert later.see(last_run=run, last_arrival=timestamp(clock.now())) == ["nothing-new ended"]


def test_an_alert_of_an_archive_that_is_gone_ends_with_it(clock: FakeClock, bus: EventBus) -> None:
    trouble = Trouble(Rule.DAMAGE, "coast", "1 product of coast …")
    later = Watch(clock, bus)
    later.alerts = Alerts(
        AlertRules(),
        later.sent.append,
        clock=clock,
        events=bus,
        remembered=(OpenAlert(trouble, "2024-07-01T11:00:00Z"),),
    )
    assert later.see() == ["damage ended"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"format":2,"open":[]}', b"[]"])
def test_a_memory_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "alerts.json"
    assert remembered_alerts(path) == AlertMemory()
    path.write_bytes(content)
    assert remembered_alerts(path) == AlertMemory()


def test_a_memory_that_cannot_be_written_is_an_error_of_its_folder(tmp_path: Path) -> None:
    remember_alerts(tmp_path / "missing" / "alerts.json", AlertMemory())
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveError):
        remember_alerts(tmp_path / "file" / "alerts.json", AlertMemory())
