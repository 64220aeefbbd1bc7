"""Runs begin when they are due, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio
import pytest

from s2fetch.daemon.agenda import Agenda
from s2fetch.daemon.schedule import parse_schedule
from tests.clock import START, FakeClock

EVERY_SIX_HOURS = parse_schedule("6h")


@pytest.fixture
def clock() -> FakeClock:
    """It is noon."""
    return FakeClock(START)


def agenda(clock: FakeClock, last: datetime | None = START) -> Agenda:
    return Agenda(EVERY_SIX_HOURS, clock=clock, last=last)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


async def test_the_first_run_is_due_at_once(clock: FakeClock) -> None:
    first = agenda(clock, None)
    assert first.is_due()
    await first.wait()
    assert clock.now() == START


async def test_a_run_begins_at_its_moment(clock: FakeClock) -> None:
    """And the next one an interval later."""
    runs = agenda(clock)
    begun = []
    for _ in range(3):
        await runs.wait()
        begun.append(clock.now())
        runs.begin()
    assert begun == [START + hours(n) for n in (6, 12, 18)]


async def test_what_was_missed_while_the_daemon_was_down_is_one_run(clock: FakeClock) -> None:
    """Three days without a daemon are made up for by one run, not by twelve."""
    runs = agenda(clock, START - timedelta(days=3))
    await runs.wait()
    assert clock.now() == START
    runs.begin()
    assert runs.next == START + hours(6)


async def test_a_restart_does_not_bring_a_run_forward(clock: FakeClock) -> None:
    clock.advance(3600)
    assert agenda(clock, START).next == START + hours(6)


async def test_a_run_that_takes_longer_than_the_interval_is_followed_by_one_run(
    clock: FakeClock,
) -> None:
    """The moments that passed meanwhile are one."""
    runs = agenda(clock)
    await runs.wait()
    runs.begin()
    clock.advance(13 * 3600)
    assert runs.is_due()
    runs.begin()
    assert not runs.is_due()
    assert runs.next == START + hours(24)


async def test_a_clock_set_forward_makes_one_run_due(clock: FakeClock) -> None:
    """A machine that wakes from sleep looks the same."""
    runs = agenda(clock)
    clock.jump(20 * 3600)
    before = clock.monotonic()
    await runs.wait()
    assert clock.monotonic() == before
    runs.begin()
    assert runs.next == START + hours(24)


async def test_a_clock_set_forward_while_it_is_waited_is_noticed_within_a_minute(
    clock: FakeClock,
) -> None:
    runs = agenda(clock)
    async with anyio.create_task_group() as group:
        group.start_soon(runs.wait)
        await anyio.lowlevel.checkpoint()
        clock.jump(20 * 3600)
    assert clock.monotonic() <= 60


async def test_a_clock_that_was_a_year_ahead_is_not_waited_for(clock: FakeClock) -> None:
    """Set right while the daemon runs, the next moment by the right time counts."""
    clock.jump(365 * 86400)
    runs = agenda(clock, clock.now())
    clock.jump(-365 * 86400)
    await runs.wait()
    assert clock.now() == START + hours(6)


async def test_a_last_run_in_the_future_is_not_waited_for(clock: FakeClock) -> None:
    """The clock was set right between two processes."""
    assert agenda(clock, START + timedelta(days=365)).next == START + hours(6)


async def test_a_clock_that_is_regulated_repeats_no_run(clock: FakeClock) -> None:
    """A second back just after a run, as time synchronisation does it."""
    runs = agenda(clock)
    await runs.wait()
    runs.begin()
    clock.jump(-1)
    assert runs.next == START + hours(12)


async def test_a_call_makes_a_run_due_while_it_is_waited(clock: FakeClock) -> None:
    """And does not move the schedule."""
    runs = agenda(clock)
    done = anyio.Event()

    async def wait() -> None:
        await runs.wait()
        done.set()

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.lowlevel.checkpoint()
        runs.call()
        await done.wait()
    assert clock.now() < START + hours(1)
    runs.begin()
    assert not runs.is_due()
    assert runs.next == START + hours(6)


async def test_a_cancelled_wait_loses_nothing(clock: FakeClock) -> None:
    runs = agenda(clock)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await runs.wait()
    await runs.wait()
    assert clock.now() == START + hours(6)


async def test_another_schedule_counts_from_the_last_run(clock: FakeClock) -> None:
    """After a reload, daily becomes hourly: what would have been due meanwhile is due now."""
    runs = Agenda(parse_schedule("1d"), clock=clock, last=START)
    clock.advance(2 * 3600)
    runs.reschedule(parse_schedule("1h"))
    assert runs.is_due()
    assert runs.next == datetime(2024, 7, 1, 13, tzinfo=UTC)
