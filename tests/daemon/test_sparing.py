"""Many who look cost no more than one."""

from __future__ import annotations

from datetime import UTC, datetime

import anyio
import pytest

from s2fetch.daemon.sparing import Sparing
from tests.clock import FakeClock


class Question:
    """Counts how often it was asked; the answer is that number."""

    def __init__(self) -> None:
        self.asked = 0

    async def find(self) -> int:
        self.asked += 1
        await anyio.sleep(0)
        return self.asked


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 11, 30, tzinfo=UTC))


async def test_an_answer_is_kept_for_its_time_and_for_its_question(clock: FakeClock) -> None:
    question, kept = Question(), Sparing[int](clock, seconds=300.0)
    assert [await kept.get("alps", 10, question.find) for _ in range(3)] == [1, 1, 1]
    assert await kept.get("coast", 10, question.find) == 2
    assert await kept.get("alps", 20, question.find) == 3
    await clock.sleep(299)
    assert await kept.get("alps", 20, question.find) == 3
    await clock.sleep(2)
    assert await kept.get("alps", 20, question.find) == 4


async def test_who_asks_at_the_same_time_gets_the_same_answer(clock: FakeClock) -> None:
    question, kept = Question(), Sparing[int](clock, seconds=300.0)
    found: list[int] = []

    async def ask() -> None:
        found.append(await kept.get("alps", 10, question.find))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)
    assert found == [1] * 5


async def test_what_cannot_be_found_is_asked_again(clock: FakeClock) -> None:
    async def fail() -> int:
        raise ConnectionError

    question, kept = Question(), Sparing[int](clock, seconds=300.0)
    with pytest.raises(ConnectionError):
        await kept.get("alps", 10, fail)
    assert await kept.get("alps", 10, question.find) == 1
