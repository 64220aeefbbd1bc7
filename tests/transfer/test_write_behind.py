"""Bytes on their way from the network to the disk."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2fetch.archive.direct_io import ALIGNMENT_BYTES
from s2fetch.archive.part import PartFile, Take
from s2fetch.archive.proof import Hasher, new_hasher
from s2fetch.errors import DiskFullError
from s2fetch.product import Algorithm, Product
from s2fetch.transfer import write_behind
from s2fetch.transfer.hashing import Hashing
from s2fetch.transfer.write_behind import (
    BLOCK_BYTES,
    EARLY_BYTES,
    EARLY_SECONDS,
    THREADS,
    Blocks,
    WriteBehind,
)

BYTES = hashlib.shake_128(b"write behind").digest(3 * BLOCK_BYTES + 4321)


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """The threads of one transfer."""
    with ThreadPoolExecutor(THREADS) as executor:
        yield executor


def part_in(folder: Path, hasher: Callable[[Algorithm], Hasher] = new_hasher) -> PartFile:
    part = PartFile(folder, Product(id="x", name="X.SAFE"), hasher)
    part.open()
    part.begin(0, lambda _: None)
    return part


async def opened(folder: Path) -> PartFile:
    return await asyncio.to_thread(part_in, folder)


async def close(part: PartFile) -> None:
    await asyncio.to_thread(part.close)


@given(
    sizes=st.lists(st.integers(1, BLOCK_BYTES + 5000), max_size=6),
    pauses=st.lists(st.booleans(), min_size=6, max_size=6),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_bytes_arrive_whole_and_in_order_however_they_come(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], pauses: list[bool]
) -> None:
    """Pieces of any size, quick or slow, become the same file and the same digest."""
    folder = tmp_path_factory.mktemp("part")

    async def run() -> None:
        part = await opened(folder)
        with ThreadPoolExecutor(THREADS) as executor:
            async with WriteBehind(part, Blocks(), Hashing(), executor) as writer:
                at = 0
                for size, pause in zip(sizes, pauses, strict=False):
                    await writer.feed(BYTES[at : at + size])
                    at += size
                    if pause:
                        await asyncio.sleep(EARLY_SECONDS)
                await writer.drain()
            await asyncio.to_thread(part.flush)
        written = BYTES[: min(at, len(BYTES))]
        assert part.path.read_bytes() == written
        assert part.checksum().value == hashlib.md5(written).hexdigest()
        part.close()

    asyncio.run(run())


class BusyDisk:
    """Lets writes to a part file end when it is told to go on."""

    def __init__(self, part: PartFile, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go_on, self.ended = (threading.Event() for _ in range(3))
        self._write = part.write
        monkeypatch.setattr(part, "write", self.write)

    def write(self, block: memoryview) -> None:
        self.begun.set()
        self.go_on.wait(30)
        self._write(block)
        self.ended.set()


async def reach(part: PartFile, position: int) -> None:
    """Wait until so much is in the file."""
    with anyio.fail_after(30):
        while part.position < position:
            await asyncio.sleep(0.001)


async def test_a_slow_stream_is_written_before_a_block_is_full(
    tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    """A crash costs little of it, and what was written can be written past the page cache."""
    part = await opened(tmp_path)
    async with WriteBehind(part, Blocks(), Hashing(), executor) as writer:
        await writer.feed(BYTES[:100])
        await asyncio.sleep(EARLY_SECONDS)
        await writer.feed(BYTES[100 : EARLY_BYTES + 100])
        await reach(part, EARLY_BYTES)
        assert part.position % ALIGNMENT_BYTES == 0
        assert part.checksum().value == hashlib.md5(b"").hexdigest(), "hashed with its block"
    await close(part)


async def test_what_comes_while_the_disk_is_busy_is_written_after_it(
    tmp_path: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when nothing more comes: a stream that pauses has what it brought on the disk."""
    part = await opened(tmp_path)
    disk = BusyDisk(part, monkeypatch)
    monkeypatch.setattr(write_behind, "EARLY_SECONDS", 0.0)
    async with WriteBehind(part, Blocks(), Hashing(), executor) as writer:
        await writer.feed(BYTES[:EARLY_BYTES])
        assert await asyncio.to_thread(disk.begun.wait, 30)
        await writer.feed(BYTES[EARLY_BYTES : 3 * EARLY_BYTES])
        disk.go_on.set()
        await reach(part, 3 * EARLY_BYTES)
    assert part.path.read_bytes() == BYTES[: 3 * EARLY_BYTES]
    await close(part)


async def test_bytes_are_written_while_the_block_before_waits_to_be_hashed(
    tmp_path: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may wait for another transfer's block, and a crash must not cost more for it."""
    part = await opened(tmp_path)
    go_on, real = threading.Event(), part.digest

    def waiting(block: memoryview, hashing: Take) -> None:
        go_on.wait(30)
        real(block, hashing)

    monkeypatch.setattr(part, "digest", waiting)
    monkeypatch.setattr(write_behind, "EARLY_SECONDS", 0.0)
    size = BLOCK_BYTES + EARLY_BYTES
    async with WriteBehind(part, Blocks(), Hashing(), executor) as writer:
        await writer.feed(BYTES[:BLOCK_BYTES])
        await reach(part, BLOCK_BYTES)
        await writer.feed(BYTES[BLOCK_BYTES:size])
        await reach(part, size)
        go_on.set()
        await writer.drain()
    assert part.checksum().value == hashlib.md5(BYTES[:size]).hexdigest()
    await close(part)


class Counting(ThreadPoolExecutor):
    """Counts what it was given to do."""

    jobs = 0

    def submit(self, *args: Any, **more: Any) -> Future[Any]:
        """As in `ThreadPoolExecutor`."""
        self.jobs += 1
        return super().submit(*args, **more)


async def test_nothing_is_written_early_while_the_block_before_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both would go to the same place in the file, and the digest would not show it."""
    part = await opened(tmp_path)
    disk = BusyDisk(part, monkeypatch)
    monkeypatch.setattr(write_behind, "EARLY_SECONDS", 0.0)
    size = BLOCK_BYTES + 2 * EARLY_BYTES
    with Counting(THREADS) as executor:
        async with WriteBehind(part, Blocks(), Hashing(), executor) as writer:
            await writer.feed(BYTES[:BLOCK_BYTES])
            assert await asyncio.to_thread(disk.begun.wait, 30)
            await writer.feed(BYTES[BLOCK_BYTES:size])
            jobs = executor.jobs
            disk.go_on.set()
            await writer.drain()
    assert jobs == 1
    assert part.path.read_bytes() == BYTES[:size]
    await close(part)


async def test_a_full_disk_of_one_transfer_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its block is not going to be hashed; its memory is given back, and leaving says nothing."""
    hashing, blocks = Hashing(), Blocks()
    failing, part = [
        await asyncio.to_thread(part_in, tmp_path / name, hashing.new_hasher) for name in "ab"
    ]
    memory = [blocks.take(), blocks.take()]
    for block in memory:
        blocks.give_back(block)

    def full(_: memoryview) -> None:
        raise DiskFullError("no space left")

    monkeypatch.setattr(failing, "write", full)
    with ThreadPoolExecutor(2 * THREADS) as executor, anyio.fail_after(30):
        first = WriteBehind(failing, blocks, hashing, executor)
        async with WriteBehind(part, blocks, hashing, executor) as writer:
            await first.feed(BYTES[:1000])
            with pytest.raises(DiskFullError):
                await first.drain()
            await writer.feed(BYTES)
            await writer.drain()
            await first.close()
            assert {id(blocks.take()), id(blocks.take())} == set(map(id, memory))
    assert part.checksum().value == hashlib.md5(BYTES).hexdigest()
    await close(failing)
    await close(part)


@pytest.mark.parametrize("early", [False, True], ids=["whole blocks", "early"])
async def test_a_full_disk_ends_the_feeding(
    tmp_path: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    """Not only the end: nobody downloads for hours what cannot be kept."""
    part = await opened(tmp_path)
    monkeypatch.setattr(write_behind, "EARLY_SECONDS", 0.0 if early else 60.0)

    def full(_: memoryview) -> None:
        raise DiskFullError("no space left")

    monkeypatch.setattr(part, "write", full)
    fed: list[int] = []

    async def transfer() -> None:
        async with WriteBehind(part, Blocks(), Hashing(), executor) as writer:
            for start in range(0, len(BYTES), BLOCK_BYTES // 2):
                await writer.feed(BYTES[start : start + BLOCK_BYTES // 2])
                fed.append(start)

    with pytest.raises(DiskFullError):
        await transfer()
    assert max(fed) <= 2 * BLOCK_BYTES
    await close(part)


async def test_what_has_arrived_before_trouble_is_written(
    tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    """A hub that breaks every body before a block is full still gets us on."""
    part = await opened(tmp_path)

    async def transfer() -> None:
        async with WriteBehind(part, Blocks(), Hashing(), executor) as writer:
            await writer.feed(BYTES[:50_000])
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await transfer()
    assert part.position == 50_000
    assert part.path.read_bytes() == BYTES[:50_000]
    await close(part)


async def test_leaving_waits_for_the_write_that_is_under_way(
    tmp_path: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the transfer is cancelled: no thread writes to a file that is given up."""
    part = await opened(tmp_path)
    disk = BusyDisk(part, monkeypatch)

    async def transfer() -> None:
        async with WriteBehind(part, Blocks(), Hashing(), executor) as writer:
            await writer.feed(BYTES[:BLOCK_BYTES])
            await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        group.start_soon(transfer)
        await asyncio.to_thread(disk.begun.wait, 5)
        group.cancel_scope.cancel()
        asyncio.get_running_loop().call_later(0.01, disk.go_on.set)
    assert disk.ended.is_set()
    assert part.position == BLOCK_BYTES
    await close(part)


async def test_a_full_block_that_waits_for_the_disk_is_written_once(
    tmp_path: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when a part of it is being written early when it becomes full."""
    part = await opened(tmp_path)
    disk = BusyDisk(part, monkeypatch)
    monkeypatch.setattr(write_behind, "EARLY_SECONDS", 0.0)
    async with WriteBehind(part, Blocks(), Hashing(), executor) as writer:
        await writer.feed(BYTES[:EARLY_BYTES])
        assert await asyncio.to_thread(disk.begun.wait, 30)
        await writer.feed(BYTES[EARLY_BYTES:BLOCK_BYTES])
        waiting = asyncio.create_task(writer.room())
        await asyncio.sleep(0)
        disk.go_on.set()
        assert len(await waiting) == BLOCK_BYTES
        await writer.feed(BYTES[BLOCK_BYTES:])
        await writer.drain()
    await asyncio.to_thread(part.flush)
    assert part.path.read_bytes() == BYTES
    assert part.checksum().value == hashlib.md5(BYTES).hexdigest()
    await close(part)


async def test_memory_goes_from_one_transfer_to_the_next(
    tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    """Two blocks are enough for any number of transfers in a row."""
    blocks = Blocks()
    seen = set()
    for _ in range(3):
        part = await opened(tmp_path)
        async with WriteBehind(part, blocks, Hashing(), executor) as writer:
            await writer.feed(BYTES)
            await writer.drain()
            await writer.close()
        await close(part)
        pair = [blocks.take(), blocks.take()]
        assert blocks.take() not in pair
        seen |= {id(block) for block in pair}
        for block in pair:
            blocks.give_back(block)
    assert len(seen) == 2
