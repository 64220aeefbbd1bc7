"""The gate in front of a host, on a clock that does not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from s2fetch.clock import Clock
from s2fetch.errors import HubBusyError, HubDownError
from s2fetch.events import Event, EventBus, HubPaused, HubResumed
from s2fetch.hub.gate import DOWN_AFTER, HostGate, own_patience
from tests.clock import FakeClock
from tests.sync.clock import JumpingClock

GIVE_UP = 900.0
GateFactory = Callable[..., HostGate]


@pytest.fixture
def gate_factory(clock: FakeClock, bus: EventBus) -> GateFactory:
    """Makes gates: ``gate_factory(give_up_after=…)``."""

    def make(give_up_after: float = GIVE_UP) -> HostGate:
        return HostGate("hub:443", clock=clock, events=bus, give_up_after=give_up_after)

    return make


@pytest.fixture
def gate(gate_factory: GateFactory) -> HostGate:
    """An open gate."""
    return gate_factory()


def busy(after: float | None = None, *, account_only: bool = False) -> HubBusyError:
    return HubBusyError("hub answered 429", retry_after=after, account_only=account_only)


async def waited(gate: HostGate, clock: Clock, account: str = "") -> float:
    """How long the gate keeps that account waiting."""
    begin = clock.monotonic()
    await gate.wait(account)
    return clock.monotonic() - begin


async def test_an_open_gate_lets_everyone_through_at_once(gate: HostGate, clock: FakeClock) -> None:
    """Without trouble there is no waiting, and nothing to report."""
    assert [await waited(gate, clock, name) for name in ("", "a", "b")] == [0, 0, 0]
    assert repr(gate) == "<HostGate of hub:443: open>"


async def test_everyone_waits_as_long_as_the_host_asks(gate: HostGate, clock: FakeClock) -> None:
    """Retry-After is honoured by all requests to the host (RFC 9110 10.2.3)."""
    gate.busy(busy(120), "a")
    times = await asyncio.gather(*(waited(gate, clock, name) for name in ("", "a", "b")))
    assert times == [120, 120, 120]


async def test_a_pause_beyond_an_hour_is_cut_to_one(
    gate_factory: GateFactory, clock: FakeClock
) -> None:
    """A host is asked again after an hour at the latest, whatever it says."""
    gate = gate_factory(give_up_after=10_000)
    gate.busy(busy(86_400))
    assert await waited(gate, clock) == 3600


async def test_only_the_account_waits_that_has_too_many_downloads(
    gate: HostGate, clock: FakeClock, events: list[Event]
) -> None:
    """The account's own cap is no reason to hold back another account."""
    gate.busy(busy(account_only=True), "a")
    assert [gate.is_paused(name) for name in ("", "a", "b")] == [False, True, False]
    assert await waited(gate, clock, "b") == 0
    assert 3.75 <= await waited(gate, clock, "a") <= 6.25
    assert [event.account for event in events if isinstance(event, HubPaused)] == ["a"]


@pytest.mark.parametrize("after", [None, 0.0], ids=["no time", "a time that is over"])
async def test_pauses_of_our_own_grow_to_a_minute(
    gate: HostGate, clock: FakeClock, after: float | None
) -> None:
    """Without a Retry-After to come: 5, 10, 20, 40, 60, 60 seconds, more or less a quarter."""
    shares = []
    for expected in (5, 10, 20, 40, 60, 60, 60):
        gate.busy(busy(after))
        shares.append(await waited(gate, clock) / expected)
    assert all(0.75 <= share <= 1.25 + 1e-6 for share in shares)
    assert len({round(share, 3) for share in shares}) > 1


async def test_success_lets_pauses_shrink_step_by_step(gate: HostGate, clock: FakeClock) -> None:
    """One success does not make a host that was busy for long as good as new."""
    for _ in range(4):
        gate.busy(busy())
        await gate.wait()
    gate.up()
    gate.up()
    gate.busy(busy())
    assert 15 <= await waited(gate, clock) <= 25


@pytest.mark.parametrize("account_only", [False, True])
async def test_success_ends_a_pause_and_is_told_once(
    gate: HostGate, clock: FakeClock, events: list[Event], account_only: bool
) -> None:
    """Of all or of the account; the next pause is as long as the first, and no shorter."""
    gate.busy(busy(account_only=account_only), "a")
    await gate.wait("a")
    for _ in range(5):
        gate.up("a")
    assert [type(event) for event in events] == [HubPaused, HubResumed]
    gate.busy(busy(account_only=account_only), "a")
    assert 3.75 <= await waited(gate, clock, "a") <= 6.25 + 1e-6


async def test_pauses_of_accounts_grow_apart_from_each_other(
    gate: HostGate, clock: FakeClock
) -> None:
    """Trouble of one account makes nobody else's pauses longer."""
    for _ in range(5):
        gate.busy(busy(account_only=True), "a")
        await gate.wait("a")
    gate.busy(busy(account_only=True), "b")
    assert await waited(gate, clock, "b") <= 6.25


async def test_late_answers_do_not_lengthen_the_pause(
    gate: HostGate, clock: FakeClock, events: list[Event]
) -> None:
    """Answers to requests made before the gate closed bring no news: one pause, one event."""
    gate.busy(busy(10))
    for _ in range(3):
        gate.busy(busy())
        gate.busy(busy(2))
    assert await waited(gate, clock) == 10
    assert len([event for event in events if isinstance(event, HubPaused)]) == 1


async def test_a_later_time_asked_for_counts(gate: HostGate, clock: FakeClock) -> None:
    """A host may ask for more than it did a moment ago; it is never asked earlier than that."""
    gate.busy(busy(10))
    gate.busy(busy(60))
    assert await waited(gate, clock) == 60


async def test_a_late_failure_does_not_shorten_the_pause(gate: HostGate, clock: FakeClock) -> None:
    """A connection that breaks while the host has asked us to wait changes nothing about that."""
    gate.busy(busy(120))
    gate.down("connection refused")
    assert await waited(gate, clock) == 120


async def test_a_late_success_does_not_open_the_gate(
    gate: HostGate, clock: FakeClock, events: list[Event]
) -> None:
    """A request made before the host asked us to wait may still be answered well."""
    gate.busy(busy(30))
    gate.up()
    assert await waited(gate, clock) == 30
    assert not [event for event in events if isinstance(event, HubResumed)]
    gate.up()
    assert [event for event in events if isinstance(event, HubResumed)] == [
        HubResumed(host="hub:443")
    ]


async def test_a_host_that_is_down_is_asked_once_a_minute(
    gate_factory: GateFactory, clock: FakeClock
) -> None:
    """Ten waiters make one probe at a time: after a few quick ones, one a minute."""
    gate = gate_factory(give_up_after=7200)
    probes: list[float] = []
    gate.down("connection refused")

    async def ask() -> None:
        while clock.monotonic() < 1200:
            await gate.wait()
            probes.append(clock.monotonic())
            gate.down("connection refused")

    await asyncio.gather(*(ask() for _ in range(10)))
    in_time = [probe for probe in probes if probe < 1200]
    assert 18 <= len(in_time) <= 25
    assert in_time[:6] == pytest.approx([1, 3, 7, 15, 31, 63])
    assert min(later - earlier for earlier, later in pairwise(in_time[6:])) >= 60


async def test_a_host_that_asks_for_a_moment_is_not_down(
    gate: HostGate, clock: FakeClock, events: list[Event]
) -> None:
    """One that sends everybody away again and again is; an account of its own is not the host."""
    for _ in range(DOWN_AFTER):
        gate.busy(busy())
        gate.busy(busy(account_only=True), "a")
        await waited(gate, clock, "a")
    gate.down("connection refused")
    told = [(e.account, e.down) for e in events if isinstance(e, HubPaused)]
    everybody = [down for account, down in told if not account]
    assert everybody == [*[False] * (DOWN_AFTER - 1), True, True]
    assert [down for account, down in told if account] == [False] * DOWN_AFTER


async def test_failures_of_requests_under_way_are_one_failure(
    gate: HostGate, clock: FakeClock, events: list[Event]
) -> None:
    """Four downloads that break at once when a host goes down are no four probes."""
    for _ in range(4):
        gate.down("connection reset")
    assert await waited(gate, clock) == 1
    assert len(events) == 1


async def test_the_first_answer_of_any_kind_ends_being_down(
    gate: HostGate, clock: FakeClock, events: list[Event]
) -> None:
    """A host that answers, however badly, can be reached; the others need not wait for a probe."""
    gate.down("connection refused")
    await gate.wait()
    gate.answered()
    assert await waited(gate, clock) == 0
    assert isinstance(events[-1], HubResumed)
    assert gate.successes == 0


async def test_another_probe_follows_one_that_never_came_back(
    gate: HostGate, clock: FakeClock
) -> None:
    """The probe may be cancelled before it asks anything; after a minute somebody else goes."""
    gate.down("connection refused")
    await gate.wait()
    assert await waited(gate, clock) == 60


async def test_all_go_on_as_soon_as_the_probe_is_answered(bus: EventBus) -> None:
    """They do not wait for the time of the next probe, and do not look again and again."""
    async with JumpingClock() as clock:
        gate = HostGate("hub:443", clock=clock, events=bus, give_up_after=GIVE_UP)
        gate.down("connection refused")
        await gate.wait()
        others = [asyncio.create_task(waited(gate, clock)) for _ in range(3)]
        await clock.sleep(7)
        gate.answered()
        assert await asyncio.gather(*others) == [7, 7, 7]
        assert clock.slept == 5, "one each, the one that moves the time, and the wait of the probe"


async def test_patience_counts_from_the_end_of_the_last_body(bus: EventBus) -> None:
    """Also for whoever has begun to wait while it came."""
    async with JumpingClock() as clock:
        gate = HostGate("hub:443", clock=clock, events=bus, give_up_after=GIVE_UP)
        with gate.serving():
            gate.busy(busy(3600))
            waiting = asyncio.create_task(gate.wait())
            await clock.sleep(1200)
        with pytest.raises(HubDownError):
            await waiting
        assert clock.monotonic() == 1200 + GIVE_UP


async def test_waiting_can_be_cancelled(gate: HostGate, clock: FakeClock) -> None:
    """A cancelled waiter leaves the gate as it was."""
    gate.busy(busy(50))
    waiter = asyncio.create_task(gate.wait())
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.wait([waiter])
    assert waiter.cancelled()
    begin = clock.monotonic()
    await gate.wait()
    assert begin < 50
    assert clock.monotonic() == 50


@pytest.mark.parametrize("trouble", ["busy", "busy account", "down", "busy for an hour"])
async def test_nothing_waits_for_ever(gate: HostGate, clock: FakeClock, trouble: str) -> None:
    """Without a success for as long as the user wants to wait, everyone ends with an error."""

    def fail() -> None:
        match trouble:
            case "busy":
                gate.busy(busy(30))
            case "busy account":
                gate.busy(busy(account_only=True), "a")
            case "down":
                gate.down("connection refused")
            case _:
                gate.busy(busy(3600))

    async def ask() -> None:
        while True:
            fail()
            await gate.wait("a")

    tasks = [asyncio.create_task(ask()) for _ in range(3)]
    done, _ = await asyncio.wait(tasks, timeout=60)
    assert len(done) == 3
    for task in done:
        error = task.exception()
        assert isinstance(error, HubDownError)
        assert "hub:443 has not answered properly for 15 min" in str(error)
    assert clock.monotonic() == GIVE_UP


async def test_the_last_success_restarts_the_patience(gate: HostGate, clock: FakeClock) -> None:
    """A host that is busy again and again, but works in between, is never given up."""
    for _ in range(100):
        gate.busy(busy(60))
        await gate.wait()
        gate.up()
    assert clock.monotonic() == 6000


async def test_a_host_that_serves_a_body_is_not_given_up(gate: HostGate, clock: FakeClock) -> None:
    """One download may take hours while the account may begin no other."""

    async def ask_for_forty_minutes() -> None:
        for _ in range(40):
            gate.busy(busy(60, account_only=True), "a")
            await gate.wait("a")

    with gate.serving():
        await ask_for_forty_minutes()
    with pytest.raises(HubDownError):
        await ask_for_forty_minutes()
    assert clock.monotonic() == 2400 + GIVE_UP


async def test_who_begins_during_an_outage_has_patience_of_his_own(
    gate: HostGate, clock: FakeClock
) -> None:
    """A run that somebody asks for must not fail for what the runs before it have seen."""

    async def ask_until_given_up() -> float:
        began = clock.monotonic()
        with pytest.raises(HubDownError):  # noqa: PT012 - which of the two is its choice
            while True:
                gate.down("connection refused")
                await gate.wait()
        return clock.monotonic() - began

    await ask_until_given_up()
    with own_patience(clock):
        assert await ask_until_given_up() == GIVE_UP
    assert await ask_until_given_up() <= 61, "the patience of whoever has no beginning is used up"


async def test_trouble_of_long_ago_does_not_count(gate: HostGate, clock: FakeClock) -> None:
    """After hours without any request nobody knows whether the trouble lasted."""
    gate.busy(busy(5))
    clock.advance(10_000)
    gate.busy(busy(5))
    await gate.wait()
    assert clock.monotonic() == 10_005


async def test_a_host_may_be_in_trouble_for_weeks(
    gate_factory: GateFactory, clock: FakeClock
) -> None:
    """Pauses stay at their longest however often they are needed."""
    gate = gate_factory(give_up_after=float("inf"))
    for _ in range(1200):
        gate.busy(busy())
        clock.advance(75)
        gate.down("connection refused")
        clock.advance(60)
        await gate.wait()
    gate.busy(busy())
    assert await waited(gate, clock) <= 75


async def test_the_wall_clock_does_not_matter(gate: HostGate, clock: FakeClock) -> None:
    """Setting the clock by an hour neither opens the gate nor keeps it closed."""
    gate.busy(busy(100))
    clock.jump(3600)
    assert await waited(gate, clock) == 100
    gate.busy(busy(100))
    clock.jump(-7200)
    assert await waited(gate, clock) == 100
