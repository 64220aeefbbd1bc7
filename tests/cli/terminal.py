"""Runs a command on a terminal (pty(7)) and reads what it shows."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import termios
from collections.abc import Callable

from tests.cli.conftest import PATIENCE_SECONDS, Process, Shell


class Terminal:
    """A terminal of a given size with a command on it.

    Attributes:
        shown: Everything that was written so far.
    """

    def __init__(self) -> None:
        self.shown = ""
        self._master, self._slave = pty.openpty()
        self._ended = asyncio.Event()

    def resize(self, columns: int, rows: int = 24) -> None:
        """Make the terminal another size."""
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, size)

    async def start(self, shell: Shell, *arguments: str) -> Process:
        """Start ``s2fetch`` on the terminal."""
        process = await shell.start(*arguments, stdout=self._slave, stderr=self._slave)
        asyncio.get_running_loop().add_reader(self._master, self._read)
        return process

    async def until(self, condition: Callable[[str], bool]) -> None:
        """Wait until what is shown satisfies a condition."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition(self.shown):
                await asyncio.sleep(0.01)

    async def end(self, process: Process) -> int:
        """Wait for the end of the process and for the last it has shown."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            code = await process.wait()
            os.close(self._slave)
            await self._ended.wait()
        os.close(self._master)
        return code

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:
            data = b""  # Linux: nobody has the other side open any more
        if data:
            self.shown += data.decode(errors="replace")
        else:
            asyncio.get_running_loop().remove_reader(self._master)
            self._ended.set()


async def on_terminal(shell: Shell, *arguments: str, columns: int = 80) -> tuple[int, str]:
    """Run ``s2fetch`` on a terminal to its end; returns exit code and everything shown."""
    terminal = Terminal()
    terminal.resize(columns)
    process = await terminal.start(shell, *arguments)
    code = await terminal.end(process)
    return code, terminal.shown
