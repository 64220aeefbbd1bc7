"""Runs an operator's command: no shell, bounded in time and output, ended with all its children."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence

import anyio
from anyio.abc import ByteReceiveStream, Process

from s2fetch.units import format_duration

GRACE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL for a command that has used up its time."""
LINGER_SECONDS = 1.0
"""How long the output of a command that has ended is read, when its children keep it open."""
MOST_OUTPUT_BYTES = 2000
"""Of the end of a command's output, for the message of its failure."""

WITHHELD = (
    *("S2FETCH_PASSWORD", "S2FETCH_TOTP_SECRET", "DHUS_PASSWORD", "DHUS_TOTP_SECRET"),
    "CREDENTIALS_DIRECTORY",
    *("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"),
)
"""Variables no command gets: secrets, and what is meant for the daemon itself."""


class CommandError(Exception):
    """A command could not be started, failed, or took too long; the text says which."""


async def run_command(
    arguments: Sequence[str],
    *,
    stdin: bytes,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    seconds: float,
) -> None:
    """Run a command to its end.

    Args:
        arguments: Program and arguments; no shell looks at them.
        stdin: What it can read.
        variables: Added to its environment; characters that would be trouble there are replaced.
        environ: What its environment is made of, without `WITHHELD`.
        seconds: How long it may take; then its process group is ended.

    Raises:
        CommandError: If it did not end with exit code 0 in time.
    """
    told = {name: value for name, value in environ.items() if name not in WITHHELD}
    told |= {name: clean(value) for name, value in variables.items()}
    try:
        # Cancelled in the middle of this, nobody would know of the process that has begun.
        with anyio.CancelScope(shield=True):
            process = await anyio.open_process(
                list(arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=told,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CommandError(f"{arguments[0]} cannot be started: {reason}") from error
    output = bytearray()
    try:
        with anyio.move_on_after(seconds) as limit:
            await _converse(process, stdin, output)
    finally:
        await _end(process)
    if limit.cancelled_caught:
        raise CommandError(
            f"{arguments[0]} was not done after {format_duration(seconds)} and was ended"
        )
    if process.returncode:
        raise CommandError(f"{shlex.join(arguments)} {_why(process.returncode)}{_tail(output)}")


def clean(text: str) -> str:
    """Text from outside without control characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


async def _converse(process: Process, stdin: bytes, output: bytearray) -> None:
    """Write its input and read its output until it has ended."""
    async with anyio.create_task_group() as group:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        group.start_soon(_write, process, stdin)
        group.start_soon(_read, process.stdout, output)
        await process.wait()
        group.cancel_scope.deadline = anyio.current_time() + LINGER_SECONDS


async def _write(process: Process, stdin: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    # A command need not read what it is told.
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        await process.stdin.send(stdin)
    with contextlib.suppress(anyio.BrokenResourceError, OSError):
        await process.stdin.aclose()


async def _read(stream: ByteReceiveStream, output: bytearray) -> None:
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async for block in stream:
            output += block
            del output[:-MOST_OUTPUT_BYTES]


async def _end(process: Process) -> None:
    """End the process group, if the command has not ended; close its pipes."""
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            _signal(process.pid, signal.SIGTERM)
            with anyio.move_on_after(GRACE_SECONDS):
                await process.wait()
            # Even if the command went: a child may have stayed.
            _signal(process.pid, signal.SIGKILL)
        await process.aclose()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _why(code: int) -> str:
    if code > 0:
        return f"failed with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:  # most real-time signals have no name (signal(7))
        return f"was ended by signal {-code}"


def _tail(output: bytearray) -> str:
    """The last line, which is where programs say what went wrong."""
    lines = output.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {clean(last)}" if last else ""
