"""Scrubbing: oldest proof first, so many bytes a day, in nobody's way."""

from __future__ import annotations

import asyncio
import ctypes
import mmap
import os
import platform
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from s2fetch.archive.archive import lock_path
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.proof import digest
from s2fetch.archive.records import State
from s2fetch.errors import ExitCode
from s2fetch.events import FileDamaged, ScrubFinished, ScrubStarted, VerificationProgressed
from s2fetch.lockfile import FileLock
from s2fetch.product import Algorithm
from s2fetch.sync import scrub as module
from s2fetch.sync.idle import IdleThread
from s2fetch.sync.scrub import META, ScrubReport
from s2fetch.sync.verify import examine
from tests.sync.conftest import SiteFactory
from tests.sync.site import Site, body_of, catalogue_of, flip_a_byte, off_loop

DAY = 86_400.0
SIZE = 10_000


@pytest.fixture
async def site(site_factory: SiteFactory) -> Site:
    """An archive of five products of 10,000 bytes, fetched a day after each other."""
    site = await site_factory(catalogue_of(*(body_of(SIZE, n) for n in range(5))))
    for entry in site.entries:
        assert (await site.sync(name=[entry.name])).exit_code == ExitCode.OK
        await site.clock.sleep(DAY)
    return site


async def scrub(site: Site, budget: int = 5 * SIZE, period: str = "10d") -> ScrubReport:
    async with site.client(scrub_budget=budget, scrub_period=period) as client:
        return await client.scrub()


def meta_of(site: Site) -> object:
    def read() -> object:
        with ProgressFile.load(site.root, False) as progress:
            return progress.meta.get(META)

    return off_loop(read)


async def test_a_young_archive_is_left_alone(site: Site) -> None:
    """Nothing is read while every proof is younger than half the period."""
    report = await scrub(site, period="20d")
    assert (report.checked, report.size_bytes, report.verified_share) == (0, 0, 1.0)
    assert not site.seen(ScrubStarted)


async def test_the_oldest_proofs_come_first_and_no_more_than_the_budget(site: Site) -> None:
    """Then the budget of the day is used up, also for another process."""
    await site.clock.sleep(10 * DAY)
    before = site.records()
    report = await scrub(site, budget=2 * SIZE)
    assert (report.checked, report.intact, report.size_bytes) == (2, 2, 2 * SIZE)
    assert (report.budget_left, report.verified_share) == (0, 0.4)
    after = site.records()
    changed = [entry for entry in site.entries if before[entry.id] != after[entry.id]]
    assert changed == site.entries[:2]
    assert all(after[entry.id].verified > before[entry.id].verified for entry in changed)
    again = await scrub(site, budget=2 * SIZE)
    assert (again.checked, again.budget_left, again.verified_share) == (0, 0, 0.4)


async def test_the_next_day_has_a_budget_of_its_own(site: Site) -> None:
    """And goes on with those that have waited longest."""
    await site.clock.sleep(10 * DAY)
    shares = []
    for _ in range(4):
        shares.append((await scrub(site, budget=2 * SIZE)).verified_share)
        await site.clock.sleep(DAY)
    assert shares == [0.4, 0.8, 1.0, 1.0]
    assert len(site.seen(ScrubFinished)) == 3


async def test_a_file_larger_than_the_budget_is_hashed_all_the_same(site: Site) -> None:
    """Once a day, or nobody would ever look at it."""
    await site.clock.sleep(10 * DAY)
    report = await scrub(site, budget=1000)
    assert (report.checked, report.budget_left) == (1, 0)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip_a_byte, "instead of MD5:"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "9999 bytes instead of 10000"),
        (Path.unlink, "missing"),
    ],
    ids=["a byte", "shorter", "missing"],
)
async def test_damage_is_told_and_fetched_again_by_the_next_sync(
    site: Site, damage: Callable[[Path], object], reason: str
) -> None:
    """The others are intact, and are not fetched."""
    await site.clock.sleep(10 * DAY)
    off_loop(lambda: damage(site.path_of(site.entries[1])))
    report = await scrub(site)
    assert report.exit_code == ExitCode.DAMAGED
    assert (report.checked, report.intact) == (5, 4)
    (told,) = site.seen(FileDamaged)
    assert reason in told.reason
    assert site.record(site.entries[1]).state is State.FAILED
    repaired = await site.sync()
    assert (repaired.fetched, repaired.already) == (1, 4)
    site.assert_whole()


async def test_a_touched_file_that_is_intact_gets_its_record_put_right(site: Site) -> None:
    """So that the next sync does not hash it once more."""
    await site.clock.sleep(10 * DAY)
    off_loop(lambda: os.utime(site.path_of(site.entries[0])))
    await scrub(site)
    report = await site.sync()
    assert (report.already, report.adopted) == (5, 0)


async def test_scrubbing_ends_at_a_moments_notice_and_keeps_what_it_found_out(
    site: Site,
) -> None:
    """In the middle of a file; what was hashed counts towards the day's budget."""
    await site.clock.sleep(10 * DAY)
    with anyio.CancelScope() as scope:

        def stop() -> None:
            if site.seen(VerificationProgressed)[-1].done == 2:
                scope.cancel()

        site.on(VerificationProgressed, stop)
        await scrub(site, budget=10 * SIZE)
    assert scope.cancelled_caught
    state = meta_of(site)
    assert isinstance(state, dict)
    assert state["checked"] == 2
    rest = await scrub(site, budget=10 * SIZE)
    assert rest.checked == 3
    assert rest.budget_left == 10 * SIZE - state["size_bytes"] - rest.size_bytes


async def test_the_archive_is_free_while_files_are_hashed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may take its lock at any moment but the ones in which results are written."""
    await site.clock.sleep(10 * DAY)
    examined, taken = examine, []

    def look(*arguments: object, **options: object) -> object:
        lock = FileLock.try_acquire(lock_path(site.root))
        taken.append(lock is not None)
        if lock is not None:
            lock.release()
        return examined(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "examine", look)
    await scrub(site)
    assert taken == [True] * 5


async def test_an_archive_in_use_keeps_its_records_and_is_hashed_another_time(site: Site) -> None:
    """Whoever has the lock is not disturbed; the report says that nothing was written down."""
    await site.clock.sleep(10 * DAY)
    lock = off_loop(lambda: FileLock.try_acquire(lock_path(site.root)))
    assert lock is not None
    before = site.records()
    report = await scrub(site)
    assert (report.checked, report.unrecorded) == (5, 5)
    assert site.records() == before
    off_loop(lock.release)
    assert (await scrub(site)).unrecorded == 0


async def test_a_product_that_was_renewed_meanwhile_is_not_taken_for_damaged(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record is another one by then, and stays."""
    await site.clock.sleep(10 * DAY)
    entry = site.entries[0]
    examined = examine

    def renew_first(root: Path, record: object, *arguments: object, **options: object) -> object:
        if getattr(record, "name", "") == entry.name:
            flip_a_byte(site.path_of(entry))
            now = asyncio.run_coroutine_threadsafe(renew(), loop)
            now.result()
        return examined(root, record, *arguments, **options)  # type: ignore[arg-type]

    async def renew() -> None:
        await site.sync(name=[entry.name])

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(module, "examine", renew_first)
    report = await scrub(site)
    assert report.damaged == []
    assert site.record(entry).state is State.COMPLETE
    assert not site.seen(FileDamaged)


def _io_class() -> int:
    get = {"x86_64": 252, "aarch64": 31}.get(platform.machine())
    if sys.platform != "linux" or get is None:
        pytest.skip("this machine's number of ioprio_get(2) is not known here")
    return int(ctypes.CDLL(None).syscall(get, 1, 0)) >> 13


async def test_the_hashing_thread_is_the_last_to_be_served() -> None:
    """Idle class for the disk, least urgent for the processor; and nobody else's is changed."""

    def priorities(_: Callable[[], None]) -> tuple[int, int]:
        return _io_class(), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    async with IdleThread() as thread:
        assert await thread.run(priorities) == (3, 19)
    assert _io_class() != 3


async def test_the_function_in_the_thread_has_ended_when_its_task_is_cancelled() -> None:
    """Nothing goes on behind one's back."""
    ended = threading.Event()

    def work(check: Callable[[], None]) -> None:
        try:
            scope_cancel()
            while True:
                check()
        finally:
            ended.set()

    loop = asyncio.get_running_loop()
    async with IdleThread() as thread:
        with anyio.CancelScope() as scope:

            def scope_cancel() -> None:
                loop.call_soon_threadsafe(scope.cancel)

            await thread.run(work)
    assert ended.is_set()


def resident(path: Path) -> int:
    """Pages of a file that the system has in memory (mincore(2))."""
    size = path.stat().st_size
    with path.open("r+b") as file, mmap.mmap(file.fileno(), size) as memory:
        view = (ctypes.c_char * size).from_buffer(memory)
        pages = (ctypes.c_ubyte * (-(-size // mmap.PAGESIZE)))()
        result = ctypes.CDLL(None).mincore(ctypes.byref(view), ctypes.c_size_t(size), pages)
        del view
    assert result == 0
    return sum(page & 1 for page in pages)


def test_hashing_from_the_disk_leaves_nothing_in_memory(tmp_path: Path) -> None:
    """What others use stays there; a plain reading is kept, which shows that the test can tell."""
    path = tmp_path / "file"
    path.write_bytes(bytes(8 << 20))
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    digest(path, Algorithm.MD5)
    if not resident(path):
        pytest.skip("this file system keeps nothing in memory")
    digest(path, Algorithm.MD5, from_disk=True)
    if resident(path) == (8 << 20) // mmap.PAGESIZE:
        pytest.skip("this file system is nothing but memory")
    assert resident(path) == 0
