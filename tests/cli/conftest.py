"""Runs the command as its users do: in a process of its own, against a hub in this one."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from s2fetch.embedded.hub import EmbeddedHub

PATIENCE_SECONDS = 60.0
"""Only a test that fails waits as long."""


class Done(msgspec.Struct, frozen=True):
    """A process that has ended."""

    code: int
    out: str
    err: str

    @property
    def log(self) -> list[dict[str, Any]]:
        """Standard error as JSON lines; every line has to be one."""
        return [msgspec.json.decode(line) for line in self.err.splitlines()]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of one event."""
        return [line for line in self.log if line["event"] == event]


class Shell:
    """A folder and an environment to run commands in.

    Attributes:
        folder: The working folder.
        environment: Of every command; nothing of the user's own but what Python needs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[asyncio.subprocess.Process] = []
        home = folder / "home"
        home.mkdir()
        kept = ("PATH", "PYTHONPATH", "LANG", "LC_ALL")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.environment |= {
            "HOME": str(home),
            "S2FETCH_STATE_DIR": str(folder / "state"),
            "TMPDIR": str(folder),
            "TERM": "xterm-256color",
        }

    def use(self, hub: EmbeddedHub) -> None:
        """Set the environment variables the hub tells its users."""
        self.environment |= hub.environment()

    async def start(self, *arguments: str, **options: Any) -> asyncio.subprocess.Process:
        """Start ``s2fetch`` with these arguments."""
        return await self.start_program(sys.executable, "-m", "s2fetch", *arguments, **options)

    async def start_program(self, *arguments: str, **options: Any) -> asyncio.subprocess.Process:
        """Start any program, with pipes unless told otherwise."""
        pipes: dict[str, Any] = {
            "stdin": asyncio.subprocess.DEVNULL,
            "stdout": asyncio.subprocess.PIPE,
            "stderr": asyncio.subprocess.PIPE,
        }
        process = await asyncio.create_subprocess_exec(
            *arguments, cwd=self.folder, env=self.environment, **(pipes | options)
        )
        self._started.append(process)
        return process

    async def run(self, *arguments: str, **options: Any) -> Done:
        """Run ``s2fetch`` to its end."""
        return await finish(await self.start(*arguments, **options))

    async def start_script(self, script: str) -> asyncio.subprocess.Process:
        """Start a shell script, in which ``$S2FETCH`` is the command."""
        self.environment["S2FETCH"] = f"{sys.executable} -m s2fetch"
        return await self.start_program("bash", "-c", script)

    async def run_script(self, script: str) -> Done:
        """Run such a script to its end."""
        return await finish(await self.start_script(script))

    async def clean_up(self) -> None:
        """End what a failed test left running."""
        for process in self._started:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def finish(process: asyncio.subprocess.Process) -> Done:
    """Wait for the end of a process, which is killed when it does not come."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
        pytest.fail(f"the process did not end\n{(out or b'').decode()}\n{(err or b'').decode()}")
    assert process.returncode is not None
    return Done(process.returncode, (out or b"").decode(), (err or b"").decode())


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something to become true; fails when it does not."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    """A folder and an environment to run commands in; no hub yet."""
    shell = Shell(tmp_path)
    yield shell
    await shell.clean_up()


@pytest.fixture
async def hub(shell: Shell, products: Path) -> AsyncIterator[EmbeddedHub]:
    """A hub with six small products, which the shell's commands use."""
    async with EmbeddedHub(products) as hub:
        shell.use(hub)
        yield hub
