"""Turns are shared by priority, and nobody is forgotten."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2fetch.account.account import SlotSource
from s2fetch.account.slots import Slots
from s2fetch.daemon.turns import TurnedSlots, Turns, weight


class Office:
    """Runs tasks that wait for turns and keep them until told.

    Attributes:
        served: The archive of every turn, in order.
    """

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.served: list[str] = []
        self.waiting: list[tuple[str, asyncio.Task[None]]] = []
        self.holding: list[tuple[str, asyncio.Event]] = []

    async def ask(self, archive: str, priority: int = 0) -> None:
        """Begin to wait for a turn."""
        me = asyncio.ensure_future(self._stay(archive, priority))
        self.waiting.append((archive, me))
        await settle()

    async def end_oldest(self) -> None:
        """End the turn that has lasted longest."""
        _, done = self.holding.pop(0)
        done.set()
        await settle()

    async def give_up(self, index: int) -> None:
        """Cancel a task that waits."""
        _, task = self.waiting.pop(index)
        task.cancel()
        await settle()

    async def close(self) -> None:
        """Let everyone have their turn."""
        while self.holding:
            await self.end_oldest()

    async def _stay(self, archive: str, priority: int) -> None:
        async with self.turns.turn(archive, priority):
            me = asyncio.current_task()
            self.waiting = [entry for entry in self.waiting if entry[1] is not me]
            self.served.append(archive)
            done = asyncio.Event()
            self.holding.append((archive, done))
            await done.wait()


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(6):
        await asyncio.sleep(0)


async def test_free_turns_are_had_at_once() -> None:
    turns = Turns(2)
    async with turns.turn("a"), turns.turn("b"):
        assert turns.in_use() == {"a": 1, "b": 1}
    assert turns.in_use() == {}


async def test_a_backlog_does_not_keep_a_daily_increment_waiting() -> None:
    """Whoever comes while a thousand others wait is next, priorities being equal."""
    office = Office(Turns(2))
    for _ in range(1000):
        office.waiting.append(("backlog", asyncio.ensure_future(office._stay("backlog", 0))))
    await settle()
    for _ in range(50):
        await office.end_oldest()
    await office.ask("daily")
    await office.end_oldest()
    await office.end_oldest()
    assert "daily" in office.served[-2:]
    await office.close()


async def test_turns_are_shared_in_proportion_to_the_weights() -> None:
    """Priority 2 gets three turns for each one of priority 0."""
    office = Office(Turns(1))
    for _ in range(60):
        await office.ask("low", 0)
        await office.ask("high", 2)
    for _ in range(40):
        await office.end_oldest()
    counted = Counter(office.served[:40])
    assert counted["low"] == 10
    assert counted["high"] == 30
    await office.close()


async def test_priority_decides_between_those_who_come_together() -> None:
    office = Office(Turns(1))
    await office.ask("first")
    await office.ask("low", 0)
    await office.ask("high", 5)
    await office.end_oldest()
    assert office.served == ["first", "high"]
    await office.close()


async def test_an_archive_that_was_away_saves_up_nothing() -> None:
    """After a quiet day it gets its share, and not a day's turns in a row."""
    office = Office(Turns(1))
    for _ in range(30):
        await office.ask("busy")
    for _ in range(20):
        await office.end_oldest()
    for _ in range(20):
        await office.ask("back")
    del office.served[:]
    for _ in range(10):
        await office.end_oldest()
    assert Counter(office.served)["back"] in (5, 6)
    await office.close()


async def test_the_tasks_of_one_archive_are_served_in_their_order() -> None:
    turns = Turns(1)
    order: list[int] = []

    async def have(number: int) -> None:
        async with turns.turn("a"):
            order.append(number)

    async with anyio.create_task_group() as group, turns.turn("a"):
        for number in range(5):
            group.start_soon(have, number)
        await settle()
        assert turns.waiting() == {"a": 5}
    assert order == [0, 1, 2, 3, 4]


async def test_whoever_is_cancelled_in_the_moment_of_the_call_passes_the_turn_on() -> None:
    """The turn was given but never had: it must not be lost."""
    turns = Turns(1)
    got: list[str] = []

    async def have(name: str) -> None:
        async with turns.turn(name):
            got.append(name)

    holding = turns.turn("holder")
    await holding.__aenter__()
    cancelled = asyncio.ensure_future(have("cancelled"))
    await settle()
    other = asyncio.ensure_future(have("other"))
    await settle()
    await holding.__aexit__(None, None, None)  # calls `cancelled`, which has not run yet
    cancelled.cancel()
    await asyncio.wait_for(other, 5)
    assert got == ["other"]
    assert turns.in_use() == {}


async def test_more_turns_are_had_at_once_and_fewer_after_those_under_way() -> None:
    """A reload can change how many slots an account has."""
    office = Office(Turns(1))
    for _ in range(6):
        await office.ask("a")
    assert len(office.holding) == 1
    office.turns.resize(3)
    await settle()
    assert len(office.holding) == 3
    office.turns.resize(1)
    await office.end_oldest()
    await office.end_oldest()
    assert len(office.holding) == 1
    await office.end_oldest()
    assert len(office.holding) == 1
    await office.close()
    assert len(office.served) == 6


@pytest.mark.parametrize("priority", [-1, 10])
async def test_a_priority_out_of_bounds_is_refused(priority: int) -> None:
    with pytest.raises(ValueError, match="a priority is from 0 to 9"):
        async with Turns(1).turn("a", priority):
            pass


async def test_names_do_not_pile_up() -> None:
    """A year of archives that come and go leaves nothing."""
    turns = Turns(1)
    for number in range(500):
        async with turns.turn(f"archive-{number}"):
            pass
    assert not turns._lines


STEP = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from("abcd")),
    st.tuples(st.just("end"), st.just("")),
    st.tuples(st.just("give up"), st.integers(0, 30).map(str)),
)


@given(
    count=st.integers(1, 3),
    priorities=st.fixed_dictionaries({name: st.integers(0, 9) for name in "abcd"}),
    steps=st.lists(STEP, max_size=60),
)
@settings(max_examples=40, deadline=None)
def test_no_wake_up_is_lost_and_the_bound_holds(
    count: int, priorities: dict[str, int], steps: list[tuple[str, str]]
) -> None:
    """Whatever comes, ends and gives up in whatever order."""

    async def scenario() -> None:
        office = Office(Turns(count))
        since: dict[str, int] = {}
        for step, what in steps:
            if step == "ask":
                await office.ask(what, priorities[what])
            elif step == "end" and office.holding:
                await office.end_oldest()
            elif step == "give up" and office.waiting:
                await office.give_up(int(what) % len(office.waiting))
            assert len(office.holding) == min(count, len(office.holding) + len(office.waiting))
            assert office.turns.in_use() == Counter(name for name, _ in office.holding)
            _check_bound(office, since, priorities)
        await office.close()
        assert not office.waiting
        assert office.turns.in_use() == office.turns.waiting() == {}

    asyncio.run(scenario())


def _check_bound(office: Office, since: dict[str, int], priorities: dict[str, int]) -> None:
    """How many turns others had since an archive has waited without one of its own."""
    waiting = {name for name, _ in office.waiting}
    for name in "abcd":
        begun = since.get(name)
        if name not in waiting:
            since.pop(name, None)
        elif begun is None or name in office.served[begun:]:
            since[name] = len(office.served)
        else:
            for other, turns in Counter(office.served[begun:]).items():
                most = weight(priorities[other]) // weight(priorities[name]) + 2
                assert turns <= most, f"{other} had {turns} turns while {name} waited"


async def test_turned_slots_hold_a_slot_of_the_account_and_a_turn(tmp_path: Path) -> None:
    """The cap stays the account's own, which counts other processes too."""
    slots, turns = Slots("account", tmp_path, 2), Turns(2)
    one: SlotSource = TurnedSlots(slots, turns, "one", 3)
    other: SlotSource = TurnedSlots(slots, turns, "other")
    assert (one.count, one.folder) == (2, tmp_path)
    async with one.slot() as first, other.slot() as second:
        assert {first, second} == {1, 2}
        assert slots.statistics().held == 2
        assert turns.in_use() == {"one": 1, "other": 1}
    assert slots.statistics().held == 0
    assert turns.in_use() == {}
    slots.close()
