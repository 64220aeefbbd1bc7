"""Hooks of an archive are told what there is to know, one at a time, and do no harm."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from s2fetch.config import load_config
from s2fetch.daemon import hooks as module
from s2fetch.daemon.events import HookFailed, HookFinished
from s2fetch.daemon.hooks import AfterProduct, AfterRun, Hooks
from s2fetch.daemon.schedule import Schedule
from s2fetch.daemon.state import RunState
from s2fetch.daemon.values import ArchiveEntry, HookConfig, Intake
from s2fetch.events import Event, EventBus, ProductCompleted
from s2fetch.product import Product, Proof
from s2fetch.sync.withdrawals import WithdrawalSettings
from tests.clock import FakeClock
from tests.daemon.server import Server

RUN = RunState(started="2024-07-01T12:00:00Z", seconds=9, outcome="failed", fetched=3, failed=1)
NONE = HookConfig(limit_seconds=60)


class Running:
    """Hooks that are run and waited for."""

    def __init__(self, clock: FakeClock, bus: EventBus) -> None:
        self._clock = clock
        self._bus = bus

    async def __call__(self, put: Callable[[Hooks], object]) -> None:
        async with anyio.create_task_group() as group:
            put(Hooks(group, environ=os.environ, clock=self._clock, events=self._bus))


@pytest.fixture
def running(clock: FakeClock, bus: EventBus) -> Running:
    return Running(clock, bus)


def archive(folder: Path, **hooks: HookConfig) -> ArchiveEntry:
    config = load_config(None, {"into": "alps"}, {})
    own: dict[str, Any] = {"after_run": NONE, "after_product": NONE} | hooks
    return ArchiveEntry(
        name="alps",
        config=msgspec.structs.replace(config, into=folder),
        schedule=Schedule(text="1h", every_seconds=3600),
        priority=0,
        intake=Intake.CATALOGUE,
        recount_seconds=None,
        overlap_seconds=3600,
        withdrawals=WithdrawalSettings(),
        **own,
    )


def bash(script: str, seconds: float = 60) -> HookConfig:
    return HookConfig(arguments=("bash", "-c", script), limit_seconds=seconds)


def completed(number: int = 1) -> ProductCompleted:
    return ProductCompleted(
        archive="alps",
        product=Product(id=f"id-{number}", name=f"P{number}.SAFE"),
        account="me",
        path=f"2024/P{number}.SAFE.zip",
        size=number,
        proof=Proof.MD5,
        received=number,
        seconds=1.0,
    )


async def test_a_hook_is_told_about_the_run(
    running: Running, events: list[Event], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    script = f'echo "$S2FETCH_ARCHIVE $S2FETCH_OUTCOME $S2FETCH_FETCHED" > "{out}"; cat >> "{out}"'
    entry = archive(tmp_path, after_run=bash(script))
    await running(lambda hooks: hooks.after_run(entry, RUN))
    (event,) = events
    first, second = out.read_text().splitlines()
    assert first == "alps failed 3"
    assert msgspec.json.decode(second, type=AfterRun) == AfterRun(
        archive="alps", folder=str(tmp_path), run=RUN
    )
    assert event == HookFinished(archive="alps", hook="after-run", product="", seconds=0.0)


async def test_a_hook_is_told_about_every_product(
    running: Running, events: list[Event], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    script = f'echo "$S2FETCH_HOOK $S2FETCH_PRODUCT $S2FETCH_PATH" > "{out}"; cat >> "{out}"'
    entry = archive(tmp_path, after_product=bash(script))
    await running(lambda hooks: hooks.after_product(entry, completed()))
    (event,) = events
    path = tmp_path / "2024" / "P1.SAFE.zip"
    first, second = out.read_text().splitlines()
    assert first == f"after-product P1.SAFE {path}"
    assert msgspec.json.decode(second, type=AfterProduct) == AfterProduct(
        archive="alps",
        folder=str(tmp_path),
        id="id-1",
        product="P1.SAFE",
        path=str(path),
        size=1,
        proof=Proof.MD5,
    )
    assert event == HookFinished(
        archive="alps", hook="after-product", product="P1.SAFE", seconds=0.0
    )


async def test_a_folder_is_told_from_the_root_wherever_the_daemon_was_started(
    running: Running, events: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = 'cd /; test "$S2FETCH_FOLDER" -ef "$1"'
    hook = HookConfig(arguments=("bash", "-c", script, "hook", str(tmp_path)), limit_seconds=60)
    await running(lambda hooks: hooks.after_run(archive(Path(), after_run=hook), RUN))
    (event,) = events
    assert isinstance(event, HookFinished)


async def test_an_archive_without_hooks_runs_none(
    running: Running, events: list[Event], tmp_path: Path
) -> None:
    await running(lambda hooks: hooks.after_run(archive(tmp_path), RUN))
    await running(lambda hooks: hooks.after_product(archive(tmp_path), completed()))
    assert events == []


async def test_a_hook_that_fails_is_an_event(
    running: Running, events: list[Event], tmp_path: Path
) -> None:
    missing = HookConfig(arguments=("/no/such/hook",), limit_seconds=60)
    entry = archive(tmp_path, after_product=missing)
    await running(lambda hooks: hooks.after_product(entry, completed(7)))
    (event,) = events
    assert isinstance(event, HookFailed)
    assert event.product == "P7.SAFE"
    assert "/no/such/hook cannot be started" in event.error


async def test_hooks_of_an_archive_never_meet_and_keep_their_order(
    running: Running, events: list[Event], tmp_path: Path
) -> None:
    """The hook of the run comes last: by then all of its products are dealt with."""
    busy, out = tmp_path / "busy", tmp_path / "out"
    alone = f'mkdir "{busy}" || exit 1; sleep 0.02; rmdir "{busy}"; '
    entry = archive(
        tmp_path,
        after_product=bash(f'{alone} echo "$S2FETCH_PRODUCT" >> "{out}"'),
        after_run=bash(f'{alone} echo run >> "{out}"'),
    )

    def put(hooks: Hooks) -> None:
        for number in range(5):
            hooks.after_product(entry, completed(number))
        hooks.after_run(entry, RUN)

    await running(put)
    assert [type(event) for event in events] == [HookFinished] * 6
    assert out.read_text().split() == [*(f"P{number}.SAFE" for number in range(5)), "run"]


async def test_too_many_that_wait_are_given_up_and_told(
    running: Running, events: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    entry = archive(tmp_path, after_product=bash("true"))

    def put(hooks: Hooks) -> None:
        for number in range(4):
            hooks.after_product(entry, completed(number))

    await running(put)
    given_up = [event for event in events if isinstance(event, HookFailed)]
    assert [event.product for event in given_up] == ["P2.SAFE", "P3.SAFE"]
    assert "2 others wait" in given_up[0].error


async def test_a_real_daemon_tells_its_hooks_of_products_and_runs(
    server: Server, products: Path
) -> None:
    await server.hub(products)
    hook = server.folder / "hook"
    hook.write_text(
        '#!/bin/sh\ntest -z "$S2FETCH_PASSWORD$DHUS_PASSWORD" || exit 1\n'
        f'test -z "$S2FETCH_PATH" || test -f "$S2FETCH_PATH" || exit 1\n'
        f'echo "$S2FETCH_HOOK" >> "{server.folder}/told"\n'
    )
    hook.chmod(0o700)
    server.shell.environment["DHUS_PASSWORD"] = "secret"
    server.write(f'alps\nafter-run = ["{hook}"]\nafter-product = ["{hook}"]')
    daemon = await server.start()
    await daemon.until("hook-finished", hook="after-run")
    assert not daemon.logged("hook-failed")
    lines = (server.folder / "told").read_text().split()
    assert lines == [*["after-product"] * len(server.files("alps")), "after-run"]
    assert len(lines) > 2


async def test_a_reload_brings_other_hooks_and_archives_with_hooks(
    server: Server, products: Path
) -> None:
    await server.hub(products)
    server.write("alps")
    daemon = await server.start()
    await daemon.until("run-finished", archive="alps")
    server.write("alps", 'coast\nafter-run = ["true"]\nafter-product = ["true"]')
    assert (await server.ctl("reload")).code == 0
    await daemon.until("hook-finished", archive="coast", hook="after-run")
    told = daemon.logged("hook-finished", archive="coast", hook="after-product")
    assert len(told) == len(server.files("coast")) > 0
