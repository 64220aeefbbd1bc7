"""Commands of the operator: real ones, which fail, hang and leave children."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anyio
import pytest

from s2fetch.daemon import commands
from s2fetch.daemon.commands import MOST_OUTPUT_BYTES, CommandError, run_command
from tests.cli.conftest import until

PLENTY = 60.0


async def run(script: str, *arguments: str, seconds: float = PLENTY, **variables: str) -> None:
    await run_command(
        ["bash", "-c", script, "hook", *arguments],
        stdin=b'{"told": "everything"}\n',
        variables=variables,
        environ=os.environ,
        seconds=seconds,
    )


async def test_a_command_gets_its_arguments_input_and_variables(tmp_path: Path) -> None:
    """As they are: no shell sees the arguments."""
    out = tmp_path / "out"
    await run(
        'printf "%s|%s|%s" "$1" "$S2FETCH_ALERT_MESSAGE" "$(cat)" > "$2"',
        *("$(rm -rf /); *", str(out)),
        S2FETCH_ALERT_MESSAGE="it's full; `reboot`",
    )
    assert out.read_text() == '$(rm -rf /); *|it\'s full; `reboot`|{"told": "everything"}'


async def test_what_a_hub_said_cannot_break_the_environment(tmp_path: Path) -> None:
    """Zeros, line breaks and half characters."""
    out = tmp_path / "out"
    await run('printf "%s" "$X" > "$1"', str(out), X="a\0b\nc\udc80d")
    assert out.read_text() == "a\ufffdb\ufffdc\ufffdd"


async def test_secrets_and_the_service_managers_socket_stay_with_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    for name in commands.WITHHELD:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("S2FETCH_USER", "me")
    await run('env > "$1"', str(out))
    assert "=secret" not in out.read_text()
    assert "S2FETCH_USER=me" in out.read_text()


async def test_a_command_that_reads_nothing_is_no_failure() -> None:
    """The pipe it leaves behind breaks while a lot is being written."""
    await run_command(
        [sys.executable, "-c", ""],
        stdin=b"x" * 10_000_000,
        variables={},
        environ={},
        seconds=PLENTY,
    )


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo no space; echo no route to host >&2; exit 3", "exit code 3: no route to host"),
        ("exit 1", "failed with exit code 1$"),
        ("kill -KILL $$", "was ended by SIGKILL"),
        ("kill -40 $$", "was ended by signal 40$"),
        ("printf 'one\\n\\033[31mtwo\\n\\n'; exit 1", "exit code 1: \ufffd\\[31mtwo$"),
    ],
)
async def test_a_failure_has_the_last_thing_the_command_said(script: str, told: str) -> None:
    with pytest.raises(CommandError, match=told):
        await run(script)


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("/no/such/program", "cannot be started: No such file or directory"),
        ("/", "cannot be started: Permission denied"),
        ("bad\0name", "cannot be started: embedded null byte"),
    ],
)
async def test_what_cannot_be_started_is_told(program: str, told: str) -> None:
    with pytest.raises(CommandError, match=told):
        await run_command([program], stdin=b"", variables={}, environ={}, seconds=PLENTY)


async def test_a_flood_of_output_is_read_and_forgotten() -> None:
    """Twenty megabytes neither block the command nor stay in memory."""
    output = bytearray()
    process = await anyio.open_process(["bash", "-c", "head -c 20000000 /dev/zero"])
    assert process.stdout is not None
    await commands._read(process.stdout, output)
    await process.wait()
    await process.aclose()
    assert len(output) == MOST_OUTPUT_BYTES


def alive(pid: int) -> bool:
    """Whether a process runs; one that is only not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    """Those that ignore SIGTERM too."""
    pids = tmp_path / "pids"
    script = 'trap "" TERM; (trap "" TERM; sleep 1000) & echo $! $$ > "$1"; wait; sleep 1000'
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(commands, "GRACE_SECONDS", 0.1)
        with pytest.raises(CommandError, match=r"bash was not done after 0\.5 s and was ended"):
            await run(script, str(pids), seconds=0.5)
    child, parent = map(int, pids.read_text().split())
    await until(lambda: not alive(child) and not alive(parent))


async def test_a_cancelled_command_is_asked_to_end(tmp_path: Path) -> None:
    """The daemon stops while a hook runs, which can put away what it has begun."""
    pids = tmp_path / "pids"
    script = (
        'trap "echo bye > $1.end; exit" TERM; echo $$ > "$1.new"; mv "$1.new" "$1"; '
        "sleep 1000 & wait"
    )
    async with anyio.create_task_group() as group:
        group.start_soon(run, script, str(pids))
        await until(pids.exists)
        group.cancel_scope.cancel()
    pid = int(pids.read_text())
    await until(lambda: not alive(pid))
    assert pids.with_suffix(".end").read_text() == "bye\n"


async def test_what_a_command_leaves_running_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A background job that keeps the output open outlives its parent, and holds up nobody."""
    monkeypatch.setattr(commands, "LINGER_SECONDS", 0.05)
    pids = tmp_path / "pids"
    await run('sleep 1000 & echo $! > "$1"', str(pids))
    pid = int(pids.read_text())
    assert alive(pid)
    os.kill(pid, 9)
