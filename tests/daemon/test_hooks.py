"""Hooks of an archive are told what there is to know, and do no harm."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from s2fetch.daemon.events import HookFailed, HookFinished
from s2fetch.daemon.hooks import AFTER_RUN, AfterRun, Hooks
from s2fetch.daemon.state import RunState
from s2fetch.events import Event, EventBus
from tests.clock import FakeClock

TOLD = AfterRun(
    hook=AFTER_RUN,
    archive="alps",
    folder="/data/alps",
    run=RunState(started="2024-07-01T12:00:00Z", seconds=9, outcome="failed", fetched=3, failed=1),
)


@pytest.fixture
def hooks(clock: FakeClock, bus: EventBus) -> Hooks:
    return Hooks(environ=os.environ, clock=clock, events=bus)


async def test_a_hook_is_told_about_the_run(
    hooks: Hooks, events: list[Event], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    script = f'echo "$S2FETCH_ARCHIVE $S2FETCH_OUTCOME $S2FETCH_FETCHED" > "{out}"; cat >> "{out}"'
    assert await hooks.after_run(["bash", "-c", script], TOLD, seconds=60)
    first, second = out.read_text().splitlines()
    assert first == "alps failed 3"
    assert msgspec.json.decode(second, type=AfterRun) == TOLD
    assert events == [HookFinished(archive="alps", hook="after-run", seconds=0.0)]


async def test_a_hook_that_fails_is_an_event(hooks: Hooks, events: list[Event]) -> None:
    assert not await hooks.after_run(["/no/such/hook"], TOLD, seconds=60)
    (event,) = events
    assert isinstance(event, HookFailed)
    assert "/no/such/hook cannot be started" in event.error
