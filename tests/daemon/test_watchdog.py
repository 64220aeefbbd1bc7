"""The service manager gets a sign of life only while the engine deserves one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from s2fetch.daemon.notify import Notifier
from s2fetch.daemon.watchdog import Heartbeat, Watchdog
from s2fetch.events import EventBus, HubPaused, HubResumed
from tests.clock import FakeClock


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.setblocking(False)
        manager.bind(str(tmp_path / "notify"))
        yield manager


@pytest.fixture
def notifier(manager: socket.socket) -> Iterator[Notifier]:
    notifier = Notifier(manager.getsockname())
    yield notifier
    notifier.close()


@pytest.fixture
def heartbeat(clock: FakeClock, bus: EventBus) -> Heartbeat:
    heartbeat = Heartbeat(clock=clock)
    heartbeat.follow(bus)
    return heartbeat


def signs(manager: socket.socket) -> int:
    """How many signs came since the last look."""
    count = 0
    while True:
        try:
            assert manager.recv(100) == b"WATCHDOG=1"
        except BlockingIOError:
            return count
        count += 1


def watching(heartbeat: Heartbeat, notifier: Notifier, clock: FakeClock) -> Watchdog:
    return Watchdog(
        notifier,
        600,
        progress=lambda: heartbeat.beats,
        idle=lambda: heartbeat.resting,
        clock=clock,
    )


async def test_an_engine_that_moves_gives_four_signs_in_the_time_for_one(
    heartbeat: Heartbeat, notifier: Notifier, manager: socket.socket, clock: FakeClock
) -> None:
    """And one at the start."""
    async with anyio.create_task_group() as group:
        group.start_soon(watching(heartbeat, notifier, clock).run)
        while clock.monotonic() < 1200:
            heartbeat.beat()
            await clock.sleep(50)
        group.cancel_scope.cancel()
    assert signs(manager) in (8, 9)


async def test_a_wedged_engine_misses_the_watchdog_though_the_loop_turns(
    heartbeat: Heartbeat, notifier: Notifier, manager: socket.socket, clock: FakeClock
) -> None:
    """One sign at the start, none in the hour after."""
    async with anyio.create_task_group() as group:
        group.start_soon(watching(heartbeat, notifier, clock).run)
        await clock.sleep(3600)
        group.cancel_scope.cancel()
    assert signs(manager) == 1


def test_a_pause_the_hub_asked_for_is_no_reason_to_be_ended(
    heartbeat: Heartbeat,
    notifier: Notifier,
    manager: socket.socket,
    clock: FakeClock,
    bus: EventBus,
) -> None:
    """As long as it lasts, and no longer."""
    dog = watching(heartbeat, notifier, clock)
    bus.emit(HubPaused(host="hub", account="", seconds=3600, reason="busy"))
    assert dog.look()
    clock.advance(3599)
    assert dog.look()
    clock.advance(1)
    assert not dog.look()
    bus.emit(HubResumed(host="hub"))
    assert dog.look()
    assert not dog.look()
    assert signs(manager) == 3
