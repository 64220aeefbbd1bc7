"""The live view, on a real terminal."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s2fetch.embedded.faults import Fault, Reset
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.embedded.safe import generate_products
from s2fetch.embedded.state import HubSettings
from tests.cli.conftest import Shell
from tests.cli.terminal import Terminal, on_terminal

SLOT = re.compile(r"1  S2[AB]_MSIL1C_\d{8}T\d{6}_T\d\d[A-Z]{3} .*B/s")
TOTAL = re.compile(r"\d/4 products  .* MB/.* MB  .*B/s  ETA .*  0 waiting  0 failed")
SHOW_CURSOR = "\x1b[?25h"
HIDE_CURSOR = "\x1b[?25l"


@pytest.fixture
async def slow_hub(shell: Shell, tmp_path: Path) -> AsyncIterator[EmbeddedHub]:
    """A hub that serves four products so slowly that the view can be looked at."""
    folder = tmp_path / "slow-products"
    generate_products(folder, 4, size=1_500_000)
    async with EmbeddedHub(folder, settings=HubSettings(bytes_per_second=300_000)) as hub:
        shell.use(hub)
        yield hub


async def test_a_terminal_shows_slots_and_a_total(shell: Shell, slow_hub: EmbeddedHub) -> None:
    """A line for each slot, one for everything, a summary in the end, and no log lines."""
    terminal = Terminal()
    terminal.resize(80)
    process = await terminal.start(shell, "sync", "--into", "archive")
    await terminal.until(lambda shown: bool(SLOT.search(shown) and TOTAL.search(shown)))
    slow_hub.settings = HubSettings()
    assert await terminal.end(process) == 0
    assert "4 products match: 4 fetched" in terminal.shown
    assert "transfer-started" not in terminal.shown
    assert terminal.shown.rindex(SHOW_CURSOR) > terminal.shown.rindex(HIDE_CURSOR)


async def test_the_view_survives_a_resize(shell: Shell, slow_hub: EmbeddedHub) -> None:
    """Narrow or wide, the lines follow."""
    terminal = Terminal()
    terminal.resize(100)
    process = await terminal.start(shell, "sync", "--into", "archive")
    await terminal.until(lambda shown: SLOT.search(shown) is not None)
    terminal.resize(30, rows=5)
    seen = len(terminal.shown)
    await terminal.until(lambda shown: "…" in shown[seen:])
    terminal.resize(140, rows=50)
    await terminal.until(lambda shown: "[=" in shown[seen:] or "[ " in shown[seen:])
    slow_hub.settings = HubSettings()
    assert await terminal.end(process) == 0


async def test_warnings_are_shown_above_the_view(shell: Shell, slow_hub: EmbeddedHub) -> None:
    """With what is done about them; they stay when the view is gone."""
    slow_hub.settings = HubSettings()
    slow_hub.faults.add(Fault(Reset(500_000), times=1))
    code, shown = await on_terminal(shell, "sync", "--into", "archive", "--limit", "1")
    assert code == 0
    told = r"S2A_MSIL1C_\d{8}T\d{6}_T32TQM: attempt 1 failed: .*; again in "
    assert re.search(told, shown, re.DOTALL)


async def test_quiet_shows_no_view(shell: Shell, slow_hub: EmbeddedHub) -> None:
    """Nothing at all when nothing is wrong."""
    slow_hub.settings = HubSettings()
    code, shown = await on_terminal(shell, "sync", "--into", "archive", "--quiet")
    assert (code, shown) == (0, "")


@pytest.mark.parametrize("options", [("--log-format", "console"), ("--verbose",)])
async def test_a_log_can_be_had_on_a_terminal(
    shell: Shell, slow_hub: EmbeddedHub, options: tuple[str, ...]
) -> None:
    """Then there is no view, so that the two are never mixed."""
    slow_hub.settings = HubSettings()
    code, shown = await on_terminal(shell, "sync", "--into", "archive", *options)
    assert code == 0
    assert "transfer-started" in shown
    assert HIDE_CURSOR not in shown
    assert "ETA" not in shown


async def test_a_terminal_without_abilities_gets_a_log(shell: Shell, slow_hub: EmbeddedHub) -> None:
    """``TERM=dumb``, as editors set it."""
    slow_hub.settings = HubSettings()
    shell.environment["TERM"] = "dumb"
    code, shown = await on_terminal(shell, "sync", "--into", "archive")
    assert code == 0
    assert "transfer-started" in shown
    assert HIDE_CURSOR not in shown


async def test_an_interrupted_view_leaves_the_terminal_usable(
    shell: Shell, slow_hub: EmbeddedHub
) -> None:
    """The cursor is back, and the summary is there."""
    terminal = Terminal()
    terminal.resize(80)
    process = await terminal.start(shell, "sync", "--into", "archive")
    await terminal.until(lambda shown: SLOT.search(shown) is not None)
    process.send_signal(signal.SIGINT)
    assert await terminal.end(process) == 130
    assert "Interrupted." in terminal.shown
    assert terminal.shown.rindex(SHOW_CURSOR) > terminal.shown.rindex(HIDE_CURSOR)


async def test_a_verification_shows_its_progress(shell: Shell, slow_hub: EmbeddedHub) -> None:
    """And its sums in the end."""
    slow_hub.settings = HubSettings()
    assert (await shell.run("sync", "--into", "archive")).code == 0
    code, shown = await on_terminal(shell, "verify", "--into", "archive")
    assert code == 0
    assert "4 files checked, 4 intact" in shown
