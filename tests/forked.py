"""Modules run as programs, in processes that begin where importing is done.

Such a process is what ``python -m MODULE ARGUMENTS`` would be, with an id, a working folder, an
environment, standard files, signals and an end of its own; only, it is forked by a server that has
imported all of s2fetch (`multiprocessing`'s, one for each process that runs tests), which spares
most of the time that a short command takes. What is different is before and after the program:
variables meant for the interpreter come too late, and nothing is torn down in the end.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import runpy
import shlex
import signal
import socket
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from anyio.abc import TaskGroup

_LAUNCH = Path(__file__).parent / "launch.py"
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.preload"])
_STANDARD = (("stdin", 0, "r", -1), ("stdout", 1, "w", -1), ("stderr", 2, "w", 1))
"""Standard files: names, descriptors, modes and buffering."""


class Forked:
    """Such a process, used like an `asyncio.subprocess.Process`; nothing is written to it.

    Args:
        process: The process, which has begun.
        pipes: The ends to read of pipes into which it writes, by its own descriptors.
    """

    def __init__(self, process: BaseProcess, pipes: Mapping[int, int]) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._pipes = pipes
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(process.sentinel, self._end)

    async def connect(self) -> None:
        """Open our ends of its pipes."""
        self.stdout = await self._reader(1)
        self.stderr = await self._reader(2)

    @property
    def returncode(self) -> int | None:
        """Its exit code, or minus the number of the signal that ended it; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        return await asyncio.shield(self._ended)

    async def communicate(self) -> tuple[bytes | None, bytes | None]:
        """Wait for its end; returns what it has written to its pipes."""
        out, err, _ = await asyncio.gather(_all(self.stdout), _all(self.stderr), self.wait())
        return out, err

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _end(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None
        self._ended.set_result(self._process.exitcode)

    async def _reader(self, number: int) -> asyncio.StreamReader | None:
        if number not in self._pipes:
            return None
        reader = asyncio.StreamReader()
        pipe = os.fdopen(self._pipes[number], "rb", buffering=0)
        await self._loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        return reader


async def fork_module(
    module: str,
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Forked:
    """Run a module as a program.

    Args:
        module: What there is after ``python -m``.
        arguments: What comes then.
        cwd: Its working folder.
        env: Its environment.
        stdin: A descriptor or `DEVNULL`; our own if None.
        stdout: A descriptor, `DEVNULL` or `PIPE`; our own if None.
        stderr: Likewise.
    """
    pipes: dict[int, int] = {}
    with ExitStack() as theirs:
        files = []
        for number, wanted in enumerate((stdin, stdout, stderr)):
            if wanted == PIPE:
                pipes[number], given = os.pipe()
            elif wanted == DEVNULL:
                given = os.open(os.devnull, os.O_RDWR)
            else:
                given = os.dup(number if wanted is None else wanted)
            theirs.callback(os.close, given)
            files.append(_File(given))
        process = _SERVER.Process(
            target=_run, args=(module, list(arguments), cwd, dict(env), files), daemon=True
        )
        await asyncio.to_thread(process.start)  # the first has to wait for the server
    forked = Forked(process, pipes)
    await forked.connect()
    return forked


@asynccontextmanager
async def launching() -> AsyncIterator[str]:
    """Run s2fetch for whoever begins the words given, ``… ARGUMENTS``, instead of a command.

    That costs a shell no interpreter that imports anything. Signals do not reach the process.
    """
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        address = Path(folder) / "socket"  # in a short path, as its length is limited
        listener.bind(str(address))
        listener.listen()
        listener.setblocking(False)
        async with anyio.create_task_group() as group:
            group.start_soon(_launch_all, listener, group)
            # Without the site's packages, as it needs none.
            yield shlex.join([sys.executable, "-I", "-S", str(_LAUNCH), str(address)])
            group.cancel_scope.cancel()


async def _launch_all(listener: socket.socket, group: TaskGroup) -> None:
    loop = asyncio.get_running_loop()
    while True:
        link, _ = await loop.sock_accept(listener)
        group.start_soon(_launch, link)


async def _launch(link: socket.socket) -> None:
    with link:
        (arguments, folder, environment), files = await asyncio.to_thread(_wanted, link)
        try:
            process = await fork_module(
                "s2fetch",
                arguments,
                cwd=Path(folder),
                env=environment,
                stdin=files[0],
                stdout=files[1],
                stderr=files[2],
            )
        finally:
            for file in files:
                os.close(file)
        code = await process.wait()
        link.sendall(b"%d" % (code if code >= 0 else 128 - code))  # as a shell has it


def _wanted(link: socket.socket) -> tuple[Any, list[int]]:
    """What `tests.launch` says, and the files that come with it."""
    link.setblocking(True)
    length, files, _, _ = socket.recv_fds(link, 16, 3)
    told = link.recv(int(length), socket.MSG_WAITALL)
    return json.loads(told), files


class _File:
    """An open file, as an argument of a new process."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __getstate__(self) -> Any:
        return DupFd(self.number)

    def __setstate__(self, state: Any) -> None:
        self.number = state.detach()


def _run(
    module: str, arguments: list[str], cwd: Path, env: dict[str, str], files: list[_File]
) -> None:
    """What the process does: becomes the program's."""
    for number, file in enumerate(files):
        os.dup2(file.number, number)
    os.closerange(len(files), os.sysconf("SC_OPEN_MAX"))
    for name, number, mode, lines in _STANDARD:
        like = getattr(sys, f"__{name}__")
        stream = os.fdopen(
            number, mode, lines, encoding=like.encoding, errors=like.errors, closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    tempfile.tempdir = None
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


async def _all(reader: asyncio.StreamReader | None) -> bytes | None:
    return None if reader is None else await reader.read()
