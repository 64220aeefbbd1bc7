"""The cap on concurrent downloads, over real processes."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import anyio
import pytest

from s2fetch.account.slots import (
    LEASE_SECONDS,
    PASSING_SECONDS,
    STANDSTILL_LOOKS,
    Slots,
    SlotStatistics,
    holders,
    slot_folder,
    slot_path,
)
from s2fetch.errors import ArchiveError, LocksUnsupportedError
from s2fetch.lockfile import FileLock
from tests.clock import FakeClock

ROOT = Path(__file__).parents[2]
SOON = 20.0
"""A bound, in seconds, for what happens within moments."""

Worker = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    """Starts processes that take slots and waits until they hold their first."""
    started: list[asyncio.subprocess.Process] = []

    async def start(count: int, tasks: int, takes: int, hold: float) -> asyncio.subprocess.Process:
        arguments = [str(value) for value in (tmp_path, count, tasks, takes, hold)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.account.slot_worker",
            *arguments,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"held\n"
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


def takes_of(folder: Path) -> list[tuple[int, int, int]]:
    """All takes in the order in which they began: process, begin, end."""
    lines = (folder / "takes").read_text().splitlines()
    found = [tuple(map(int, line.split())) for line in lines]
    return sorted(((pid, began, ended) for pid, began, ended in found), key=lambda take: take[1])


def most_at_a_time(takes: list[tuple[int, int, int]]) -> int:
    """How many slots were held at a time at most."""
    changes = sorted([(began, 1) for _, began, _ in takes] + [(end, -1) for _, _, end in takes])
    held = most = 0
    for _, change in changes:
        held += change
        most = max(most, held)
    return most


def assert_all_free(folder: Path, count: int) -> None:
    """Nobody holds a slot or the turnstile, not even this process."""
    for path in (folder / "turnstile.lock", *(slot_path(folder, n + 1) for n in range(count))):
        lock = FileLock.try_acquire(path)
        assert lock is not None, path
        lock.release()


@pytest.mark.parametrize("count", [1, 2])
async def test_no_more_than_the_cap_are_held_over_all_processes(
    tmp_path: Path, worker: Worker, count: int
) -> None:
    """Three processes with three tasks each: every one gets its turns, and the cap holds."""
    processes = await asyncio.gather(*(worker(count, 3, 12, 0.005) for _ in range(3)))
    for process in processes:
        assert await asyncio.wait_for(process.wait(), 60) == 0
    takes = takes_of(tmp_path)
    assert len(takes) == 36
    assert most_at_a_time(takes) == count
    assert_all_free(tmp_path / "slots", count)


async def test_two_processes_share_one_slot_fairly(tmp_path: Path, worker: Worker) -> None:
    """Neither has it for much longer than a lease while the other one waits."""
    hold = 0.02
    both = await asyncio.gather(*(worker(1, 2, 60, hold) for _ in range(2)))
    for process in both:
        assert await asyncio.wait_for(process.wait(), 60) == 0
    takes = takes_of(tmp_path)
    turns = [(pid, len(list(turn))) for pid, turn in groupby(takes, key=lambda take: take[0])]
    finished = {pid: max(n for n, turn in enumerate(turns) if turn[0] == pid) for pid, _ in turns}
    contested = turns[: min(finished.values()) + 1]
    assert len(contested) >= 3
    assert max(number for _, number in contested) <= 2 * LEASE_SECONDS / hold


async def test_a_killed_process_leaves_its_slot_at_once(tmp_path: Path, worker: Worker) -> None:
    """The locks die with their owner; nothing has to be cleaned up."""
    process = await worker(1, 1, 1, 3600)
    slots = Slots("user", tmp_path / "slots", 1)
    waiting = asyncio.create_task(_take(slots))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    process.send_signal(signal.SIGKILL)
    assert await asyncio.wait_for(waiting, SOON) == 1
    slots.close()


async def test_holders_are_named(tmp_path: Path, worker: Worker) -> None:
    """For `s2fetch login`: who, where, since when, and for which archive."""
    before = datetime.now(UTC).replace(microsecond=0)
    process = await worker(2, 1, 1, 3600)
    (number,) = found = holders(tmp_path / "slots", 2)
    holder = found[number]
    assert (holder.pid, holder.host) == (process.pid, socket.gethostname())
    assert before <= datetime.fromisoformat(holder.since) <= datetime.now(UTC)
    assert holder.note == {"account": "user@example.org", "archive": "/data/archive"}
    process.kill()
    await process.wait()
    assert holders(tmp_path / "slots", 2) == {}


async def _take(slots: Slots, hold: float = 0) -> int:
    async with slots.slot() as number:
        await asyncio.sleep(hold)
        return number


async def test_slots_are_numbered_and_counted(tmp_path: Path) -> None:
    """For the live view: a line for each."""
    slots = Slots("user", tmp_path, 2)
    async with slots.slot() as one, slots.slot() as two:
        assert {one, two} == {1, 2}
        waiting = asyncio.create_task(_take(slots))
        while slots.statistics().waiting == 0:
            await asyncio.sleep(0.005)
        assert slots.statistics() == SlotStatistics(total=2, held=2, waiting=1)
        assert repr(slots) == "<Slots of user: 2/2, 1 waiting>"
    assert await asyncio.wait_for(waiting, SOON) in (1, 2)
    assert slots.statistics() == SlotStatistics(total=2, held=0, waiting=0)
    slots.close()
    assert_all_free(tmp_path, 2)


async def test_two_archives_in_one_process_share_the_cap(tmp_path: Path) -> None:
    """A daemon with several archives on one account is no exception."""
    both = [Slots("user", tmp_path, 2) for _ in range(2)]
    held = most = 0

    async def work(slots: Slots) -> None:
        nonlocal held, most
        for _ in range(5):
            async with slots.slot():
                held += 1
                most = max(most, held)
                await asyncio.sleep(0.002)
                held -= 1

    await asyncio.gather(*(work(slots) for slots in both for _ in range(3)))
    assert most == 2
    for slots in both:
        slots.close()
    assert_all_free(tmp_path, 2)


async def test_a_process_with_a_smaller_cap_keeps_to_it(tmp_path: Path) -> None:
    """Each counts to its own setting; what others hold counts too."""
    large, small = Slots("user", tmp_path, 3), Slots("user", tmp_path, 1)
    async with large.slot(), large.slot() as two:
        waiting = asyncio.create_task(_take(small))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        assert two == 2
    assert await asyncio.wait_for(waiting, SOON) == 1
    large.close()
    small.close()


async def test_a_slot_is_kept_for_the_next_small_product(tmp_path: Path) -> None:
    """For a moment, unless it is given up or somebody in this process waits for it."""
    slots = Slots("user", tmp_path, 1)
    await _take(slots)
    assert FileLock.try_acquire(slot_path(tmp_path, 1)) is None
    since = holders(tmp_path, 1)[1].since
    assert await _take(slots) == 1
    assert holders(tmp_path, 1)[1].since == since
    slots.close()
    assert_all_free(tmp_path, 1)


async def test_a_kept_slot_is_given_back_by_itself(tmp_path: Path) -> None:
    """Somebody else may be waiting."""
    slots = Slots("user", tmp_path, 1)
    await _take(slots)
    other = Slots("user", tmp_path, 1)
    assert await asyncio.wait_for(_take(other), SOON) == 1
    other.close()
    assert_all_free(tmp_path, 1)


async def test_a_slot_is_not_kept_for_longer_than_its_lease(tmp_path: Path) -> None:
    """A process has to queue again, however quick it is; the same time counts for all its uses."""
    clock = FakeClock()
    slots = Slots("user", tmp_path, 1, clock=clock)
    async with slots.slot():
        clock.advance(LEASE_SECONDS / 2)
    async with slots.slot():
        clock.advance(LEASE_SECONDS)
    assert_all_free(tmp_path, 1)
    await _take(slots)
    clock.advance(LEASE_SECONDS)
    assert await _take(slots) == 1
    slots.close()
    assert_all_free(tmp_path, 1)


async def _one_after_another(slots: Slots, clock: FakeClock) -> asyncio.Task[int]:
    """A task that waits for a slot another one has just given back, having had it for long."""
    async with slots.slot():
        waiting = asyncio.create_task(_take(slots))
        while not slots.statistics().waiting:
            await asyncio.sleep(0)
        clock.advance(2 * LEASE_SECONDS)
    return waiting


async def test_a_slot_nobody_queues_for_is_not_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One large product after another: what others would have to be asked is one question."""
    clock = FakeClock()
    slots = Slots("user", tmp_path, 1, clock=clock)
    await _take(slots)
    locked = []
    acquire = FileLock.try_acquire

    def counted(path: Path, note: Mapping[str, str] | None = None) -> FileLock | None:
        locked.append(path)
        return acquire(path, note)

    monkeypatch.setattr(FileLock, "try_acquire", counted)
    for _ in range(3):
        waiting = await _one_after_another(slots, clock)
        assert await asyncio.wait_for(waiting, SOON) == 1
    assert locked == []
    slots.close()
    monkeypatch.undo()
    assert_all_free(tmp_path, 1)


async def test_a_slot_somebody_queues_for_is_let_go(tmp_path: Path) -> None:
    """Whoever stands at the turnstile is next, and this process queues behind."""
    clock = FakeClock()
    slots = Slots("user", tmp_path, 1, clock=clock)
    await _take(slots)
    queueing = FileLock.try_acquire(tmp_path / "turnstile.lock")
    assert queueing is not None
    waiting = await _one_after_another(slots, clock)
    found = None
    while found is None:
        found = FileLock.try_acquire(slot_path(tmp_path, 1))
        await asyncio.sleep(0)
    queueing.release()
    assert not waiting.done()
    found.release()
    assert await asyncio.wait_for(waiting, SOON) == 1
    slots.close()
    assert_all_free(tmp_path, 1)


async def test_whoever_queues_and_does_not_move_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A process that is stopped at the turnstile is passed; when it moves again, it is next."""
    clock = FakeClock()
    slots = Slots("user", tmp_path, 1, clock=clock)
    stopped = FileLock.try_acquire(tmp_path / "turnstile.lock")
    assert stopped is not None
    assert await asyncio.wait_for(_take(slots), SOON) == 1
    assert len(clock.slept) == STANDSTILL_LOOKS - 1
    waiting = await _one_after_another(slots, clock)
    assert await asyncio.wait_for(waiting, SOON) == 1
    assert len(clock.slept) == STANDSTILL_LOOKS - 1
    slots.close()
    clock.advance(PASSING_SECONDS)
    taken = FileLock.try_acquire(slot_path(tmp_path, 1))
    assert taken is not None
    waiting = asyncio.create_task(_take(slots))
    while len(clock.slept) < 4 * STANDSTILL_LOOKS:
        await asyncio.sleep(0)
    assert not waiting.done()
    for lock in (taken, stopped):
        lock.release()
    assert await asyncio.wait_for(waiting, SOON) == 1
    slots.close()
    assert_all_free(tmp_path, 1)


async def test_a_slot_for_a_task_that_gives_up_is_let_go(tmp_path: Path) -> None:
    """It was kept for that task alone."""
    clock = FakeClock()
    slots = Slots("user", tmp_path, 1, clock=clock)
    waiting = await _one_after_another(slots, clock)
    waiting.cancel()
    await asyncio.wait([waiting])
    other = Slots("user", tmp_path, 1)
    assert await asyncio.wait_for(_take(other), SOON) == 1
    other.close()
    assert slots.statistics() == SlotStatistics(total=1, held=0, waiting=0)
    assert_all_free(tmp_path, 1)


@pytest.mark.parametrize("how", ["scope", "task"])
async def test_giving_up_a_wait_leaks_nothing(tmp_path: Path, how: str) -> None:
    """Neither the turnstile nor a slot, whichever way the task is cancelled."""
    slots = Slots("user", tmp_path, 1)
    async with Slots("other", tmp_path, 1).slot():
        if how == "scope":
            with anyio.move_on_after(0.2):
                await _take(slots)
        else:
            waiting = asyncio.create_task(_take(slots))
            await asyncio.sleep(0.2)
            waiting.cancel()
            await asyncio.wait([waiting])
        assert slots.statistics() == SlotStatistics(total=1, held=0, waiting=0)
        lock = FileLock.try_acquire(tmp_path / "turnstile.lock")
        assert lock is not None
        lock.release()
    assert await asyncio.wait_for(_take(slots), SOON) == 1
    slots.close()


async def test_being_cancelled_at_any_instant_leaks_nothing(tmp_path: Path) -> None:
    """Also while a thread is about to lock a slot that nobody will ask for any more."""
    choice = random.Random(7)
    for _ in range(150):
        slots = Slots("user", tmp_path, 2)
        taking = [asyncio.create_task(_take(slots, 0.0005)) for _ in range(3)]
        for _ in range(choice.randrange(12)):
            await asyncio.sleep(0)
        await asyncio.sleep(choice.choice((0, 0, 0.0002, 0.001)))
        for task in taking:
            task.cancel()
        await asyncio.wait(taking)
        assert slots.statistics() == SlotStatistics(total=2, held=0, waiting=0)
        slots.close()
    with anyio.fail_after(SOON):
        while holders(tmp_path, 2):  # the last threads let go on their own
            await asyncio.sleep(0.01)
    assert_all_free(tmp_path, 2)


async def test_a_file_system_without_locks_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without locks the cap would be a guess."""

    def flock(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(LocksUnsupportedError, match="no working locks"):
        await _take(Slots("user", tmp_path, 1))


async def test_a_slot_that_cannot_be_opened_blocks_nobody_else(tmp_path: Path) -> None:
    """The turnstile is given back when the slots behind it are of no use."""
    slot_path(tmp_path, 1).mkdir(parents=True)
    with pytest.raises(ArchiveError, match=r"slot-1\.lock"):
        await _take(Slots("user", tmp_path, 1))
    lock = FileLock.try_acquire(tmp_path / "turnstile.lock")
    assert lock is not None
    lock.release()


async def test_a_slot_is_given_back_after_an_error(tmp_path: Path) -> None:
    """Whatever ends the download."""
    slots = Slots("user", tmp_path, 1)

    async def fail() -> None:
        async with slots.slot():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    slots.close()
    assert_all_free(tmp_path, 1)


def test_an_account_has_one_folder_and_does_not_show_its_name(tmp_path: Path) -> None:
    """The same account means the same slots, however its login is spelt."""
    url = "https://identity.example/token"
    folder = slot_folder(tmp_path, url, "User@Example.org")
    assert folder == slot_folder(tmp_path, url, "user@example.org")
    assert folder != slot_folder(tmp_path, url, "other@example.org")
    assert folder != slot_folder(tmp_path, "https://other.example/token", "user@example.org")
    assert folder.is_relative_to(tmp_path)
    assert "user" not in str(folder.relative_to(tmp_path)).lower()
