"""Counting what an account receives, waiting for its quota, noticing that it is slowed down."""

from __future__ import annotations

from datetime import datetime, timedelta

import anyio
import pytest

from s2fetch.account import meter as module
from s2fetch.account.ledger import Ledger
from s2fetch.account.meter import Meter
from s2fetch.account.pacing import hour_of
from s2fetch.account.throttle import MINUTE_SECONDS, MINUTES, THROTTLED_RATE
from s2fetch.clock import timestamp
from s2fetch.events import (
    AccountThrottled,
    AccountUnthrottled,
    Event,
    EventBus,
    QuotaFreed,
    QuotaNotKept,
    QuotaUsedUp,
)
from tests.clock import START, FakeClock

QUOTA = 720_000
"""72,000 at once, and 900 an hour."""
HOUR = 3600


def meter_of(
    ledger: Ledger,
    clock: FakeClock,
    bus: EventBus,
    quota: int | None = QUOTA,
    hub_quota: int | None = None,
) -> Meter:
    return Meter("me", ledger, quota=quota, hub_quota=hub_quota, clock=clock, events=bus)


async def test_what_comes_is_written_down_by_the_hour(
    ledger: Ledger, clock: FakeClock, bus: EventBus
) -> None:
    """At the latest when the account is closed."""
    meter = meter_of(ledger, clock, bus, None)
    for _ in range(1000):
        meter.add(3)
    await meter.flush()
    clock.advance(HOUR)
    meter.add(5)
    await meter.close()
    assert ledger.read() == {hour_of(START): 3000, hour_of(START) + 1: 5}
    await meter.close()
    assert sum(ledger.read().values()) == 3005


async def test_what_has_come_is_written_down_also_when_everything_is_cancelled(
    ledger: Ledger, clock: FakeClock, bus: EventBus
) -> None:
    """Ctrl-C must not make the account look better than it is."""
    meter = meter_of(ledger, clock, bus)
    meter.add(7)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await meter.close()
    assert sum(ledger.read().values()) == 7


async def test_bytes_that_come_during_a_flush_are_kept_for_the_next(
    ledger: Ledger, clock: FakeClock, bus: EventBus
) -> None:
    """None is lost and none counts twice."""
    meter = meter_of(ledger, clock, bus)
    meter.add(10)
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(meter.flush)
            await anyio.lowlevel.checkpoint()
            meter.add(1)
            assert meter.may_start(1)  # which counts them at once
    await meter.close()
    assert sum(ledger.read().values()) == 15


async def test_what_comes_is_written_down_again_and_again(
    ledger: Ledger, clock: FakeClock, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed loses little, however long it has run."""
    monkeypatch.setattr(module, "FLUSH_SECONDS", 0.0)
    meter = meter_of(ledger, clock, bus)
    with anyio.fail_after(30):
        for number in range(1, 4):
            meter.add(10)
            while sum(ledger.read().values()) < 10 * number:
                await anyio.sleep(0.001)
    await meter.close()


async def test_without_a_quota_nobody_waits(
    ledger: Ledger, clock: FakeClock, bus: EventBus, events: list[Event]
) -> None:
    """However much has come."""
    ledger.append(hour_of(START), 10**15)
    meter = meter_of(ledger, clock, bus, None)
    assert meter.may_start(10**12)
    assert not meter.must_wait
    await meter.wait()
    assert events == []


async def test_a_quota_that_leaves_nothing_is_waited_for(
    ledger: Ledger, clock: FakeClock, bus: EventBus, events: list[Event]
) -> None:
    """It says until when, once; then it goes on and says so."""
    ledger.append(hour_of(START), 72_000)
    meter = meter_of(ledger, clock, bus)
    assert meter.must_wait
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(meter.wait)
    assert clock.now() == START + timedelta(hours=1)
    assert max(clock.slept) <= module.LOOK_SECONDS
    assert [type(event) for event in events] == [QuotaUsedUp, QuotaFreed]
    assert isinstance(events[0], QuotaUsedUp)
    assert events[0].until == timestamp(START + timedelta(hours=1))
    assert (events[0].received, events[0].quota) == (72_000, QUOTA)


async def test_a_product_too_large_for_what_is_left_waits_until_it_fits(
    ledger: Ledger, clock: FakeClock, bus: EventBus
) -> None:
    """A smaller one may begin at once."""
    meter = meter_of(ledger, clock, bus)
    await meter.wait()
    meter.add(70_000)
    assert meter.may_start(2_000)
    assert not meter.may_start(3_000)
    assert meter.waits_until is None, "nobody waits yet"
    await meter.wait()
    assert clock.now() == START + timedelta(hours=2)
    assert meter.may_start(3_000)
    meter.add(3_000)
    assert not meter.must_wait, "what was too large has begun"
    await meter.close()


async def test_what_has_been_written_down_counts_before_it_is_read_again(
    ledger: Ledger, clock: FakeClock, bus: EventBus
) -> None:
    """All of an hour, in however many pieces."""
    meter = meter_of(ledger, clock, bus)
    await meter.wait()
    for count in (40_000, 30_000):
        meter.add(count)
        await meter.flush()
    assert meter.may_start(2_000)
    assert not meter.may_start(3_000)


class StandingClock(FakeClock):
    """A clock on which no sleep ever ends."""

    async def sleep(self, seconds: float) -> None:
        """Sleep for ever."""
        self.slept.append(seconds)
        await anyio.sleep_forever()


@pytest.mark.parametrize("quota", [None, 100 * QUOTA])
async def test_another_quota_counts_for_those_who_wait(
    ledger: Ledger, bus: EventBus, events: list[Event], quota: int | None
) -> None:
    """They go on at once when it leaves something."""
    ledger.append(hour_of(START), 72_000)
    meter = meter_of(ledger, StandingClock(), bus)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(meter.wait)
            while meter.waits_until is None:
                await anyio.sleep(0.001)
            assert meter.keeps_waiting
            meter.limit(quota)
    assert not meter.keeps_waiting
    assert meter.may_start(1)
    assert [type(event) for event in events] == [QuotaUsedUp, QuotaFreed]


async def test_what_others_receive_meanwhile_is_waited_for_too(
    ledger: Ledger, clock: FakeClock, bus: EventBus
) -> None:
    """Whoever waits reads the ledger again and again."""
    ledger.append(hour_of(START), 72_000)
    meter = meter_of(ledger, clock, bus)
    bus.subscribe(lambda _: ledger.append(hour_of(START), 9_000))
    await meter.wait()
    assert clock.now() >= START + timedelta(hours=10)


async def test_what_is_under_way_counts_as_received(
    ledger: Ledger, clock: FakeClock, bus: EventBus
) -> None:
    """Two products that fit one after the other do not begin together."""
    meter = meter_of(ledger, clock, bus)
    await meter.wait()
    with meter.claim(50_000):
        assert not meter.may_start(50_000)
    assert meter.may_start(50_000)


async def test_what_other_processes_received_counts(
    ledger: Ledger, clock: FakeClock, bus: EventBus
) -> None:
    """As soon as it is read again."""
    meter = meter_of(ledger, clock, bus)
    await meter.wait()
    Ledger(ledger.path.parent).append(hour_of(START), 72_000)
    assert not meter.must_wait
    clock.advance(61)
    await meter.wait()
    assert clock.now() >= START + timedelta(hours=1)


async def test_waiting_for_the_quota_can_be_cancelled(
    ledger: Ledger, clock: FakeClock, bus: EventBus, events: list[Event]
) -> None:
    """Nothing is freed then."""
    ledger.append(hour_of(START), 72_000)
    meter = meter_of(ledger, clock, bus)
    with anyio.CancelScope() as scope:
        bus.subscribe(lambda _: scope.cancel())
        await meter.wait()
    assert [type(event) for event in events] == [QuotaUsedUp]


async def test_a_ledger_that_cannot_be_written_is_told_once_and_stops_nothing(
    ledger: Ledger, clock: FakeClock, bus: EventBus, events: list[Event]
) -> None:
    """What has come is kept in memory until it can be."""
    folder = ledger.path.parent
    folder.write_text("a file where a folder should be")
    meter = meter_of(ledger, clock, bus)
    meter.add(72_000)
    await meter.flush()
    await meter.flush()
    assert [type(event) for event in events] == [QuotaNotKept]
    assert not meter.may_start(1)
    folder.unlink()
    await meter.close()
    assert sum(ledger.read().values()) == 72_000


async def test_the_pace_is_that_of_all_processes(
    ledger: Ledger, clock: FakeClock, bus: EventBus
) -> None:
    """And of what has not been written down yet; the hub's own quota is what it is held against."""
    ledger.append(hour_of(START), 700)
    meter = meter_of(ledger, clock, bus, None, hub_quota=10_000)
    meter.add(300)
    usage = await meter.usage()
    assert (usage.received, usage.per_day, usage.quota) == (1000, 1000, 10_000)
    reached = datetime.fromisoformat(usage.reached) - START
    assert timedelta(days=8.9) < reached < timedelta(days=9.1)
    await meter.close()
    own = await meter_of(ledger, clock, bus, 5_000, hub_quota=10_000).usage()
    assert own.quota == 5_000, "what the user has set comes first"


async def minutes_at(meter: Meter, rate: float, minutes: int) -> None:
    """A body of so many minutes, in blocks of a few seconds."""
    watch = meter.watch()
    for _ in range(int(minutes * MINUTE_SECONDS / 4)):
        watch.arrived(int(rate * 4), 4.0)


@pytest.mark.parametrize(
    ("used", "rate", "minutes", "throttled"),
    [
        (0.96, THROTTLED_RATE, MINUTES, True),
        (0.96, THROTTLED_RATE, MINUTES - 1, False),
        (0.5, THROTTLED_RATE, 60, False),
        (0.96, 0.3 * THROTTLED_RATE, 60, False),
        (0.96, 1.3 * THROTTLED_RATE, 60, False),
    ],
    ids=["slowed down", "too short", "volume not used", "slower than that", "faster than that"],
)
async def test_being_slowed_down_is_recognised(
    ledger: Ledger,
    clock: FakeClock,
    bus: EventBus,
    events: list[Event],
    used: float,
    rate: float,
    minutes: int,
    throttled: bool,
) -> None:
    """Only with every sign there is; said once, however many bodies show it."""
    quota = 12 * 10**12
    ledger.append(hour_of(START), int(used * quota))
    meter = meter_of(ledger, clock, bus, None, hub_quota=quota)
    meter.add(1)
    await meter.flush()
    await minutes_at(meter, rate, minutes)
    await minutes_at(meter, rate, minutes)
    assert meter.throttled is throttled
    assert [type(event) for event in events] == [AccountThrottled] * throttled
    await meter.close()


async def test_full_speed_is_recognised_again(
    ledger: Ledger, clock: FakeClock, bus: EventBus, events: list[Event]
) -> None:
    """One fast minute is enough, and more of them are nothing new."""
    ledger.append(hour_of(START), QUOTA)
    meter = meter_of(ledger, clock, bus)
    await meter.flush()
    await minutes_at(meter, THROTTLED_RATE, 6)
    await minutes_at(meter, 5 * THROTTLED_RATE, 3)
    assert [type(event) for event in events] == [AccountThrottled, AccountUnthrottled]
    assert not meter.throttled


async def test_one_slow_minute_among_fast_ones_begins_the_count_anew(
    ledger: Ledger, clock: FakeClock, bus: EventBus
) -> None:
    """A network that comes and goes is not the hub."""
    ledger.append(hour_of(START), QUOTA)
    meter = meter_of(ledger, clock, bus)
    await meter.flush()
    watch = meter.watch()
    for minute in range(60):
        watch.arrived(int((1.5 if minute % 5 == 4 else 1) * THROTTLED_RATE * 60), 60.0)
    assert not meter.throttled
