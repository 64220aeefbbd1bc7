"""The queue between planner and workers."""

from __future__ import annotations

import asyncio
import random

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2fetch.product import Product
from s2fetch.sync.work import QueueStatistics, Work, WorkQueue


def work(number: int) -> Work:
    return Work(Product(id=str(number), name=f"{number}.SAFE"))


async def test_work_comes_out_in_the_order_it_was_put() -> None:
    """Newest first stays newest first."""
    queue = WorkQueue(10)
    queue.open_source()
    for number in range(3):
        await queue.put(work(number))
    taken = [await queue.get() for _ in range(3)]
    assert [each.product.id for each in taken if each] == ["0", "1", "2"]


@pytest.mark.parametrize(("last", "order"), [(False, "0123"), (True, "1230")])
async def test_returned_work_goes_first_or_last(last: bool, order: str) -> None:
    """A second attempt comes before all else, unless the hub puts this product off."""
    queue = WorkQueue(10)
    queue.open_source()
    for number in range(4):
        await queue.put(work(number))
    first = await queue.get()
    assert first is not None
    queue.put_back(first, last=last)
    taken = [await queue.get() for _ in range(4)]
    assert "".join(each.product.id for each in taken if each) == order


async def test_the_planner_is_held_back_until_work_is_settled() -> None:
    """Taking work out makes no room; settling it does."""
    queue = WorkQueue(2)
    queue.open_source()
    await queue.put(work(0))
    await queue.put(work(1))
    await queue.get()
    third = asyncio.create_task(queue.put(work(2)))
    await asyncio.sleep(0.01)
    assert not third.done()
    assert queue.statistics() == QueueStatistics(ready=1, unsettled=2)
    queue.settle()
    with anyio.fail_after(5):
        await third
    assert queue.statistics() == QueueStatistics(ready=2, unsettled=2)


async def test_putting_can_be_cancelled_without_losing_a_place() -> None:
    """What was not put does not count."""
    queue = WorkQueue(1)
    queue.open_source()
    await queue.put(work(0))
    with anyio.move_on_after(0.01):
        await queue.put(work(1))
    assert queue.statistics() == QueueStatistics(ready=1, unsettled=1)
    await queue.get()
    queue.settle()
    with anyio.fail_after(5):
        await queue.put(work(2))
    assert queue.statistics() == QueueStatistics(ready=1, unsettled=1)


async def test_workers_wait_while_work_may_come_back() -> None:
    """A product that waits for its next attempt is not the end."""
    queue = WorkQueue(5)
    queue.open_source()
    await queue.put(work(0))
    taken = await queue.get()
    assert taken is not None
    queue.close_source()
    other = asyncio.create_task(queue.get())
    await asyncio.sleep(0.01)
    assert not other.done()
    queue.put_back(taken)
    with anyio.fail_after(5):
        assert await other is taken
    queue.settle()
    with anyio.fail_after(5):
        assert await queue.get() is None


async def test_all_workers_are_told_of_the_end() -> None:
    """Nobody is left waiting."""
    queue = WorkQueue(5)
    queue.open_source()
    workers = [asyncio.create_task(queue.get()) for _ in range(4)]
    await asyncio.sleep(0)
    queue.close_source()
    with anyio.fail_after(5):
        assert await asyncio.gather(*workers) == [None] * 4


async def test_a_queue_that_nobody_has_opened_is_not_at_its_end() -> None:
    """Workers may start before the planner does."""
    queue = WorkQueue(5)
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(0.01)
    assert not worker.done()
    assert not queue.is_idle(apart_from=1)
    queue.open_source()
    await queue.put(work(0))
    with anyio.fail_after(5):
        assert await worker is not None


async def test_idle_means_settled_and_no_source_but_oneself() -> None:
    """The retrieval desk, a source itself, sees when everything else is done."""
    queue = WorkQueue(5)
    queue.open_source()
    queue.open_source()
    assert not queue.is_idle(apart_from=1)
    queue.close_source()
    assert queue.is_idle(apart_from=1)
    await queue.put(work(0))
    assert not queue.is_idle(apart_from=1)
    queue.settle()
    assert queue.is_idle(apart_from=1)


@given(
    capacity=st.integers(1, 5),
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=4),
    workers=st.integers(1, 4),
    failures=st.integers(0, 4),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_the_capacity_holds_and_everybody_ends(
    capacity: int, counts: list[int], workers: int, failures: int, seed: int
) -> None:
    """Any number of sources and workers, with attempts that fail at once or later."""
    choice = random.Random(seed)

    async def run() -> None:
        queue = WorkQueue(capacity)
        settled: list[str] = []
        most = 0

        async def source(number: int, count: int) -> None:
            for item in range(count):
                if choice.random() < 0.3:
                    await asyncio.sleep(0)
                await queue.put(work(number * 100 + item))
            queue.close_source()

        async def later(item: Work) -> None:
            await asyncio.sleep(0)
            queue.put_back(item)

        async def worker(group: anyio.abc.TaskGroup) -> None:
            nonlocal most
            while (item := await queue.get()) is not None:
                most = max(most, queue.statistics().unsettled)
                await asyncio.sleep(0)
                if item.attempts < failures and choice.random() < 0.5:
                    item.attempts += 1
                    if choice.random() < 0.5:
                        queue.put_back(item, last=choice.random() < 0.5)
                    else:
                        group.start_soon(later, item)
                else:
                    settled.append(item.product.id)
                    queue.settle()

        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                for _ in counts:
                    queue.open_source()
                for number, count in enumerate(counts):
                    group.start_soon(source, number, count)
                for _ in range(workers):
                    group.start_soon(worker, group)
        wanted = [str(n * 100 + item) for n, count in enumerate(counts) for item in range(count)]
        assert sorted(settled) == sorted(wanted)
        assert most <= capacity
        assert queue.statistics() == QueueStatistics(ready=0, unsettled=0)

    asyncio.run(run())
