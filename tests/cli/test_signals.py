"""Signals end a run in good order, and a second one at once."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from s2fetch.embedded.faults import Delay, Fault, Kind
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.safe import generate_products
from s2fetch.embedded.state import HubSettings
from tests.cli.conftest import Process, Shell, finish, until

SLOW = HubSettings(bytes_per_second=400_000)


@pytest.fixture
async def slow_hub(shell: Shell, tmp_path: Path) -> AsyncIterator[EmbeddedHub]:
    """A hub from which three products of 2 MB take a while; and commands that begin afresh."""
    shell.fresh = True
    folder = tmp_path / "slow-products"
    generate_products(folder, 3, size=2_000_000)
    async with EmbeddedHub(folder, settings=SLOW) as hub:
        shell.use(hub)
        yield hub


async def in_mid_transfer(shell: Shell, hub: EmbeddedHub) -> Process:
    """A sync that has received some, but not all."""
    process = await shell.start(
        *("sync", "--into", "archive", "--report", "r.json", "--log-format", "json")
    )
    await until(lambda: hub.stats.all_bytes_served > 600_000)
    await until(lambda: any(map(has_begun, (shell.folder / "archive").glob(".s2fetch-*.part"))))
    return process


def has_begun(part: Path) -> bool:
    """Whether the first bytes are in a part file, and not only on their way to the process."""
    with part.open("rb") as file:
        return file.read(1) not in (b"", b"\0")


@pytest.mark.parametrize(
    ("number", "code", "outcome"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 143, "terminated"),
    ],
)
async def test_a_signal_ends_a_run_so_that_the_next_goes_on(
    shell: Shell, slow_hub: EmbeddedHub, number: signal.Signals, code: int, outcome: str
) -> None:
    """Its own exit code, a report, a logout; and what was received is not fetched again."""
    process = await in_mid_transfer(shell, slow_hub)
    process.send_signal(number)
    ended = await finish(process)
    assert ended.code == code, ended.err
    report = msgspec.json.decode((shell.folder / "r.json").read_bytes())
    assert (report["exit_code"], report["outcome"]) == (code, outcome)
    assert report["found"] == 3
    assert [line["exit_code"] for line in ended.logged("run-finished")] == [code]
    assert slow_hub.stats.logouts == 1
    assert list((shell.folder / "archive").glob(".s2fetch-*.part"))

    slow_hub.settings = HubSettings()
    shell.fresh = False
    again = await shell.run("sync", "--into", "archive", "--log-format", "json")
    assert again.code == 0, again.err
    assert max(line["offset"] for line in again.logged("transfer-started")) > 0
    assert len(list((shell.folder / "archive").glob("*.zip"))) == 3


async def test_the_end_of_an_interrupted_run_is_told(shell: Shell, slow_hub: EmbeddedHub) -> None:
    """The summary says how to go on."""
    process = await shell.start("sync", "--into", "archive")
    await until(lambda: slow_hub.stats.all_bytes_served > 100_000)
    process.send_signal(signal.SIGINT)
    ended = await finish(process)
    assert ended.code == 130
    assert "Interrupted. Partial downloads are kept" in ended.out
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_second_signal_ends_the_process_at_once(
    shell: Shell, slow_hub: EmbeddedHub, number: signal.Signals, code: int
) -> None:
    """It does not wait for the logout, which hangs here, and so there is no summary."""
    slow_hub.faults.add(Fault(Delay(3600), on=Kind.LOGOUT, times=None))
    process = await in_mid_transfer(shell, slow_hub)
    process.send_signal(number)
    await until(lambda: slow_hub.stats.requests.get(Kind.LOGOUT, 0) > 0)
    process.send_signal(number)
    ended = await finish(process)
    assert ended.code == code
    assert not (shell.folder / "r.json").exists()


async def test_under_nohup_the_end_of_the_terminal_is_no_reason_to_stop(
    shell: Shell, slow_hub: EmbeddedHub
) -> None:
    """SIGHUP stays ignored when it is."""
    process = await shell.start_script("trap '' HUP; exec $S2FETCH sync --into archive --limit 1")
    await until(lambda: slow_hub.stats.all_bytes_served > 100_000)
    process.send_signal(signal.SIGHUP)
    ended = await finish(process)
    assert ended.code == 0, ended.err


async def test_a_search_can_be_interrupted(shell: Shell, slow_hub: EmbeddedHub) -> None:
    """Every command answers to Ctrl-C with its exit code and without a traceback."""
    slow_hub.faults.add(Fault(Delay(3600), on=Kind.SEARCH, times=None))
    process = await shell.start("search")
    await until(lambda: slow_hub.stats.requests.get(Kind.SEARCH, 0) > 0)
    process.send_signal(signal.SIGINT)
    ended = await finish(process)
    assert ended.code == 130
    assert "Traceback" not in ended.err
