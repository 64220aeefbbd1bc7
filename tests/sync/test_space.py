"""Runs that wait for space: nothing is begun, nothing is lost, and they go on by themselves."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from s2fetch.archive import part as part_module
from s2fetch.archive.durable import fsync_file
from s2fetch.archive.space import SpaceGuard
from s2fetch.config.values import OnFull
from s2fetch.embedded.faults import Fault, Slow
from s2fetch.errors import DiskFullError, ExitCode
from s2fetch.events import Event, EventBus, SpaceBack, SpaceLow, TransferStarted
from s2fetch.sync.space import LEAST_BYTES, LONGEST_POLL_SECONDS, POLL_SECONDS, SpaceGate
from tests.archive.disks import small_disk
from tests.clock import FakeClock
from tests.sync.conftest import SiteFactory, on_disk
from tests.sync.site import body_of, catalogue_of, off_loop

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MiB."""
    with small_disk(tmp_path / "disk", size_bytes=12 * MIB) as disk:
        yield disk


def free(disk: Path) -> int:
    statistics = os.statvfs(disk)
    return statistics.f_bavail * statistics.f_frsize


def soon(act: Callable[[], object]) -> None:
    """Do in a thread, without waiting for it, what may block."""
    asyncio.get_running_loop().run_in_executor(None, act)


def fill(disk: Path, leave: int) -> Path:
    """A file that leaves so many bytes free."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(free(disk) - leave))
    return ballast


async def test_a_run_at_its_floor_waits_and_goes_on_when_there_is_space(
    site_factory: SiteFactory, disk: Path
) -> None:
    """It says how much is free and how much has to be, asks the hub for nothing, then fetches."""
    site = await on_disk(site_factory, disk, body_of(2 * MIB), body_of(2 * MIB, 1))
    ballast = fill(disk, 3 * MIB)
    begun: list[int] = []

    async def make_room() -> None:
        # Time passes when both have met the full disk: nobody is between gate and disk then.
        await site.clock.sleep(POLL_SECONDS / 2)
        begun.append(sum(site.stats.bodies.values()))
        soon(ballast.unlink)

    async with anyio.create_task_group() as others:
        site.on(SpaceLow, lambda: others.start_soon(make_room))
        report = await site.sync(reserve="2 MiB", on_full="wait")
    assert report.exit_code == ExitCode.OK
    site.assert_whole()
    (low,) = site.seen(SpaceLow)
    (back,) = site.seen(SpaceBack)
    assert begun == [0]
    assert low.folder == str(site.root)
    assert (low.floor, low.needed) == (2 * MIB, 2 * MIB)
    assert low.free <= 3 * MIB < back.free
    assert site.seen(TransferStarted)[0] not in site.events[: site.events.index(back)]
    assert site.leftovers() == []


async def test_a_disk_that_others_fill_in_mid_transfer_only_delays_the_run(
    site_factory: SiteFactory, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part file is kept, no slot is held, and what was there is not fetched again."""
    site = await on_disk(site_factory, disk, body_of(8 * MIB))
    monkeypatch.setattr(part_module, "preallocate", lambda *_: False)
    ballast: list[Path] = []
    held: list[int] = []
    site.hub.faults.add(Fault(Slow(4 * MIB)))

    def hinder() -> None:
        if not ballast:
            ballast.append(disk / "ballast")
            soon(lambda: fill(disk, 5 * MIB))

    def make_room() -> None:
        held.append(sum(site.stats.open_bodies.values()))
        soon(lambda: ballast[0].unlink(missing_ok=True))

    site.on(TransferStarted, hinder)
    site.on(SpaceLow, make_room)
    report = await site.sync(reserve="0", on_full="wait")
    assert report.exit_code == ExitCode.OK
    site.assert_whole()
    assert len(site.seen(SpaceLow)) == len(site.seen(SpaceBack)) >= 1
    assert set(held) == {0}
    started = site.seen(TransferStarted)
    assert started[-1].offset > MIB
    assert site.leftovers() == []


async def test_a_disk_too_full_for_the_record_of_what_has_arrived_is_waited_for(
    site_factory: SiteFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is written when there is space; no product is fetched twice."""
    site = await site_factory(catalogue_of(*(body_of(1_500_000, n) for n in range(3))))
    whole, refused = fsync_file, [0]

    def full(descriptor: int) -> None:
        refused[0] += 1
        if refused[0] <= 3:
            raise OSError(28, "No space left on device")
        whole(descriptor)

    monkeypatch.setattr("s2fetch.archive.journal.fsync_file", full)
    report = await site.sync(on_full="wait")
    assert report.exit_code == ExitCode.OK
    assert refused[0] > 3
    assert site.seen(SpaceBack)
    assert sum(site.stats.bodies.values()) == 3
    site.assert_whole()


async def test_a_run_that_waits_for_space_can_be_stopped(
    site_factory: SiteFactory, disk: Path
) -> None:
    """At once; the next run finishes what it began."""
    site = await on_disk(site_factory, disk, body_of(2 * MIB))
    ballast = fill(disk, MIB)
    with anyio.CancelScope() as scope:
        site.on(SpaceLow, scope.cancel)
        await site.sync(on_full="wait")
    assert not site.seen(SpaceBack)
    off_loop(ballast.unlink)
    assert (await site.sync()).exit_code == ExitCode.OK
    site.assert_whole()


def gate_of(
    frees: Iterator[int], clock: FakeClock, events: list[Event], on_full: OnFull = OnFull.WAIT
) -> SpaceGate:
    bus = EventBus()
    bus.subscribe(events.append)
    guard = SpaceGuard(Path("/x"), 100, free=lambda _: next(frees))
    return SpaceGate(guard, on_full, clock=clock, events=bus)


async def test_the_gate_opens_only_when_what_was_refused_fits_beside_the_floor() -> None:
    """Not at the first byte that becomes free: there would be no end of low and back."""
    clock, events = FakeClock(), list[Event]()
    needed = 3 * LEAST_BYTES
    frees = iter([100, 100 + needed - 1, 100 + needed])
    gate = gate_of(frees, clock, events)
    gate.close(DiskFullError("full", needed_bytes=needed))
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(gate.wait)
    assert not gate.is_closed
    assert list(frees) == []
    assert [type(event) for event in events] == [SpaceLow, SpaceBack]


async def test_writes_that_fail_although_space_seems_free_are_tried_ever_less_often() -> None:
    """As with the quota of a user; a success begins anew."""
    clock, events = FakeClock(), list[Event]()
    gate = gate_of(iter(lambda: 1 << 40, 0), clock, events)
    for _ in range(12):
        gate.close(DiskFullError("quota"))
        await gate.wait()
    assert clock.slept == sorted(clock.slept)
    assert clock.slept[-1] == LONGEST_POLL_SECONDS
    gate.passed()
    gate.close(DiskFullError("quota"))
    await gate.wait()
    assert clock.slept[-1] == clock.slept[0]


async def test_a_gate_that_is_not_to_wait_raises_what_closes_it() -> None:
    """And stays open."""
    gate = gate_of(iter([]), FakeClock(), [], OnFull.STOP)
    error = DiskFullError("full", needed_bytes=5)
    with pytest.raises(DiskFullError, match="full"):
        gate.close(error)
    await gate.wait()
