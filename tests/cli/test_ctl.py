"""``s2fetch ctl`` against a daemon in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
import pytest

from s2fetch.cli.ctl_text import daemon_text
from s2fetch.daemon.state import DaemonState
from tests.cli.conftest import PATIENCE_SECONDS, Shell
from tests.daemon.fake_daemon import STATE

ROOT = Path(__file__).parents[2]
READABLE = """\
s2fetch 0.1.0, running since 2026-11-01 08:00 UTC; \
the hub does not answer (hub.example.org: Connection refused)

ARCHIVE    DOES          COMPLETE          WAITING  FAILED  QUEUE  \
LAST RUN (UTC)                    NEXT RUN (UTC)
dolomites  syncing       12,345 (8.90 TB)       12       1     34  \
2026-11-20 08:07, ok, 20 fetched  2026-11-20 18:07
alps       out-of-space  0 (0 B)                 0       0      0  \
never                             -
  dolomites: 1 product quarantined
  alps: out-of-space: 400 MB are free, and 1 GB is to be left
  alps: 2 products damaged, to be fetched again
  dolomites has had no new product for 3 days

ACCOUNT    SLOTS  RECEIVED IN 30 DAYS  TOKEN
institute    1/2  3.20 TB of 12.0 TB   8 min 32 s
guest        0/1  0 B                  -
  institute: at today's pace the monthly volume is reached on 2026-12-01 00:00 UTC
  guest: cannot be used: wrong password
  guest: the hub has slowed its connections down

SLOT         ARCHIVE    PRODUCT                                  RECEIVED       RATE
institute 1  dolomites  S2A_MSIL1C_20240601T101031_T32TQM  45 % of 800 MB  5.10 MB/s
institute 2  free
"""


@pytest.fixture
async def daemon(shell: Shell) -> asyncio.subprocess.Process:
    """It listens where this user's daemon does."""
    runtime = shell.folder / "runtime"
    runtime.mkdir()
    shell.environment["XDG_RUNTIME_DIR"] = str(runtime)
    shell.environment["PYTHONPATH"] = str(ROOT)
    process = await shell.start_program(
        *(sys.executable, "-m", "tests.daemon.fake_daemon"),
        str(runtime / "s2fetch" / "control.sock"),
    )
    assert await said(process) == "ready"
    return process


async def said(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        return (await process.stdout.readline()).decode().strip()


async def test_each_action_reaches_the_daemon(
    shell: Shell, daemon: asyncio.subprocess.Process
) -> None:
    for words, told, shown in (
        (
            ("pause", "alps"),
            "pause alps",
            "Paused alps; downloads that are under way come to their end.\n",
        ),
        (("resume",), "resume", "Resumed all archives.\n"),
        (
            ("sync", "dolomites"),
            "sync dolomites",
            "A run of dolomites begins when it is its turn; a paused one, when it is resumed.\n",
        ),
        (("stop",), "stop", "The daemon is stopping; part files stay resumable.\n"),
    ):
        done = await shell.run("ctl", *words)
        assert (done.code, done.out, done.err) == (0, shown, "")
        assert await said(daemon) == told
    assert await daemon.wait() == 0


async def test_the_status_is_a_table_and_the_same_as_json(
    shell: Shell, daemon: asyncio.subprocess.Process
) -> None:
    done = await shell.run("ctl", "status")
    assert (done.code, done.err) == (0, "")
    assert done.out == daemon_text(STATE) + "\n"
    done = await shell.run("ctl", "status", "--json")
    assert msgspec.json.decode(done.out, type=DaemonState) == STATE


async def test_a_daemon_that_answers_and_hangs_is_found_by_a_check(
    shell: Shell, daemon: asyncio.subprocess.Process
) -> None:
    done = await shell.run("ctl", "status", "--check")
    assert (done.code, done.err) == (0, "")
    for words, told in (
        (("pause", "hanging"), "hanging"),
        (("resume", "hanging"), "well"),
    ):
        assert (await shell.run("ctl", *words)).code == 0
        assert await said(daemon) == told
        done = await shell.run("ctl", "status", "--check")
        assert done.code == (10 if told == "hanging" else 0)
        assert ("the engine has work and has not moved for 20 min" in done.err) == bool(done.code)
    assert (await shell.run("ctl", "pause", "--check")).code == 2


async def test_what_is_done_can_be_told_as_json(
    shell: Shell, daemon: asyncio.subprocess.Process
) -> None:
    done = await shell.run("ctl", "--json", "pause")
    answer = msgspec.json.decode(done.out)
    assert (answer["done"], answer["protocol"]) == ("pause", 1)


async def test_what_the_daemon_refuses_is_told_with_its_exit_code(
    shell: Shell, daemon: asyncio.subprocess.Process
) -> None:
    done = await shell.run("ctl", "sync", "andes")
    assert (done.code, done.out) == (2, "")
    assert done.err == "Error: there is no archive andes. There are dolomites, alps.\n"
    done = await shell.run("ctl", "reload", "--json")
    assert done.code == 2
    assert "daemon.toml, line 3, archives[1].schedule" in done.err


@pytest.mark.parametrize("option", [(), ("--socket", "nowhere.sock")])
async def test_without_a_daemon_the_exit_code_is_its_own(
    shell: Shell, option: tuple[str, ...]
) -> None:
    """And the message says where it was looked for."""
    shell.environment["XDG_RUNTIME_DIR"] = str(shell.folder)
    done = await shell.run("ctl", "status", *option)
    assert (done.code, done.out) == (10, "")
    assert done.err.startswith("Error: no daemon listens at ")
    where = option[1] if option else f"{shell.folder}/s2fetch/control.sock or /run/s2fetch/"
    assert where in done.err
    assert "s2fetch daemon" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sync",), "sync needs an archive. Write: s2fetch ctl sync ARCHIVE"),
        (("stop", "alps"), "stop concerns the whole daemon: leave alps out"),
        (("destroy",), "'destroy' is not one of"),
        (("status", "--socket", "x" * 120), "too long for a socket"),
    ],
)
async def test_a_wrong_command_is_told(shell: Shell, words: tuple[str, ...], told: str) -> None:
    done = await shell.run("ctl", *words)
    assert done.code == 2
    assert told in " ".join(done.err.split())


def test_the_status_is_good_to_read() -> None:
    """Columns are straight, and what is wrong stands in words below."""
    assert daemon_text(STATE) + "\n" == READABLE


def test_what_was_asked_of_the_daemon_stands_in_its_first_line() -> None:
    """Whoever wonders why nothing comes reads it there; and the end of the last run below."""
    assert STATE.archives[0].last_run is not None
    run = msgspec.structs.replace(STATE.archives[0].last_run, error="the hub is down")
    archive = msgspec.structs.replace(STATE.archives[0], last_run=run)
    state = msgspec.structs.replace(
        STATE, paused=True, hub_reachable=True, hub_trouble="", archives=(archive,)
    )
    lines = daemon_text(state).splitlines()
    assert lines[0] == ("s2fetch 0.1.0, running since 2026-11-01 08:00 UTC; everything is paused")
    assert "  dolomites: the last run ended early: the hub is down" in lines


def test_names_cannot_steer_the_terminal() -> None:
    """A name comes from a hub or a file."""
    slot = msgspec.structs.replace(STATE.slots[0], product="\x1b[2Jproduct")
    assert "\x1b" not in daemon_text(msgspec.structs.replace(STATE, slots=(slot,)))
