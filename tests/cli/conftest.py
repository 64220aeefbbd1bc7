"""Runs the command as its users do: in a process of its own, against a hub in this one.

Most of these processes are forked with everything imported, see `tests.forked`. Those that begin,
are interrupted or end in a way that may depend on the interpreter are started afresh.
"""

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
from tests.forked import Forked, fork_module, launching

Process = asyncio.subprocess.Process | Forked

PATIENCE_SECONDS = 60.0
"""Only a test that fails waits as long."""


INTERPRETERS = ("PATH", "PYTHONPATH", "LANG", "LC_ALL")
"""Variables that Python reads when it begins."""


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
        fresh: Whether every command begins with an interpreter that has imported nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fresh = False
        self._started: list[Process] = []
        home = folder / "home"
        home.mkdir()
        self._own = {name: os.environ[name] for name in INTERPRETERS if name in os.environ}
        self.environment = dict(self._own)
        self.environment |= {
            "HOME": str(home),
            "S2FETCH_STATE_DIR": str(folder / "state"),
            "TMPDIR": str(folder),
            "TERM": "xterm-256color",
        }

    def use(self, hub: EmbeddedHub) -> None:
        """Set the environment variables the hub tells its users."""
        self.environment |= hub.environment()

    async def start(self, *arguments: str, **options: Any) -> Process:
        """Start ``s2fetch`` with these arguments."""
        return await self.start_module("s2fetch", *arguments, **options)

    async def start_module(self, module: str, *arguments: str, **options: Any) -> Process:
        """Start ``python -m MODULE``, of a module of s2fetch."""
        if self.fresh or any(
            self.environment.get(name) != self._own.get(name) for name in INTERPRETERS
        ):
            return await self.start_program(sys.executable, "-m", module, *arguments, **options)
        process = await fork_module(module, arguments, **self._options(options))
        self._started.append(process)
        return process

    async def start_program(self, *arguments: str, **options: Any) -> asyncio.subprocess.Process:
        """Start any program, with pipes unless told otherwise."""
        process = await asyncio.create_subprocess_exec(*arguments, **self._options(options))
        self._started.append(process)
        return process

    async def run(self, *arguments: str, **options: Any) -> Done:
        """Run ``s2fetch`` to its end."""
        return await finish(await self.start(*arguments, **options))

    async def start_script(self, script: str) -> asyncio.subprocess.Process:
        """Start a shell script, in which ``$S2FETCH`` is the command, by a fresh interpreter."""
        self.environment["S2FETCH"] = f"{sys.executable} -m s2fetch"
        return await self.start_program("bash", "-c", script)

    async def run_script(self, script: str) -> Done:
        """Run such a script to its end; the command is forked like others, see `launching`."""
        async with launching() as command:
            self.environment["S2FETCH"] = command
            return await finish(await self.start_program("bash", "-c", script))

    def _options(self, given: dict[str, Any]) -> dict[str, Any]:
        pipes = {
            "stdin": asyncio.subprocess.DEVNULL,
            "stdout": asyncio.subprocess.PIPE,
            "stderr": asyncio.subprocess.PIPE,
        }
        return {"cwd": self.folder, "env": self.environment, **pipes, **given}

    async def clean_up(self) -> None:
        """End what a failed test left running."""
        for process in self._started:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def finish(process: Process) -> Done:
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
