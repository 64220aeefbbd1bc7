"""A process that goes on gives back what a run needed."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from s2fetch.cli.tuning import GivesBack
from s2fetch.events import Event, RunFinished

RUN_OVER = RunFinished(
    exit_code=0,
    found=0,
    already=0,
    fetched=0,
    adopted=0,
    waiting=0,
    failed=0,
    received=0,
    seconds=0.0,
)


class Ring:
    """Refers to itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.me = self


@pytest.mark.parametrize("ends", [1, 3])
async def test_what_is_in_cycles_is_freed_after_a_run(ends: int) -> None:
    """Once, however many archives' runs end at the same time."""
    ring = weakref.ref(Ring())
    gives_back = GivesBack(0.0)
    gc.disable()
    try:
        for _ in range(ends):
            gives_back(RUN_OVER)
        assert ring() is not None
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    finally:
        gc.enable()
    assert ring() is None


async def test_other_events_free_nothing() -> None:
    ring = weakref.ref(Ring())
    gc.disable()
    try:
        GivesBack(0.0)(Event())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert ring() is not None
    finally:
        gc.enable()
