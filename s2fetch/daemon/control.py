"""The control socket: operators and scripts ask the daemon, and it answers."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from pathlib import Path

import anyio
import msgspec

from s2fetch import __version__
from s2fetch.daemon.control_messages import (
    MOST_REQUEST_BYTES,
    PROTOCOL,
    Answer,
    Command,
    Failure,
    Request,
)
from s2fetch.daemon.control_socket import file_at, listening, may_control
from s2fetch.daemon.controls import Controls
from s2fetch.daemon.events import DaemonAsked
from s2fetch.daemon.state import DaemonState
from s2fetch.errors import S2FetchError, UsageError
from s2fetch.threads import enter_in_thread, leave_in_thread

MOST_CLIENTS = 16
REQUEST_SECONDS = 10.0
"""How long a client may take for a request, from the moment it could make it."""
WORK_SECONDS = 120.0
"""How long a request may take to be done."""
ANSWER_SECONDS = 10.0
"""How long a client may take to read its answer."""
LOOK_SECONDS = 10.0
"""How often the daemon looks whether its socket is still there."""

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Request)


class ControlServer:
    """Answers on the control socket, to the daemon's own user and to root.

    A client that sends too much, too slowly or nothing is let go, and disturbs no other one.

    Args:
        controls: The daemon.
        path: Where the socket is.
    """

    def __init__(self, controls: Controls, path: Path) -> None:
        self._controls = controls
        self._path = path
        self._clients: set[asyncio.Task[None]] = set()

    async def run(self, started: Callable[[], object] = lambda: None) -> None:
        """Serve until cancelled, with a new socket should somebody remove it.

        ``XDG_RUNTIME_DIR`` is removed when its user logs out, and old files in ``/tmp`` are.

        Args:
            started: Called once the socket listens.

        Raises:
            UsageError: If another daemon has the socket, or it cannot be made.
        """
        await self._serve_while_there(started)
        log, told = logging.getLogger("s2fetch"), ""
        while True:
            try:
                await self._serve_while_there(
                    lambda: log.warning("%s had been removed, and is there again", self._path)
                )
            except UsageError as error:
                if str(error) != told:
                    told = str(error)
                    log.warning("%s has been removed: %s", self._path, error)
                await anyio.sleep(LOOK_SECONDS)

    async def _serve_while_there(self, started: Callable[[], object]) -> None:
        """Serve until the socket's file is gone, or another one is in its place."""
        socket_there = listening(self._path)
        listener = await enter_in_thread(socket_there)
        try:
            server = await asyncio.start_unix_server(
                self._serve, sock=listener, limit=MOST_REQUEST_BYTES
            )
            file = file_at(self._path)
            started()
            try:
                while True:
                    await anyio.sleep(LOOK_SECONDS)
                    if await anyio.to_thread.run_sync(file_at, self._path) != file:
                        return
            finally:
                server.close()
                await self._end_clients()
        finally:
            await leave_in_thread(socket_there)

    async def _end_clients(self) -> None:
        clients = tuple(self._clients)
        for client in clients:
            client.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.gather(*clients, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None  # noqa: S101 - asyncio runs this in a task
        self._clients.add(me)
        try:
            await self._converse(reader, writer)
        except asyncio.CancelledError:
            # Only `_end_clients` does that, and asyncio would log it as a failure of the server's.
            writer.transport.abort()
        except (OSError, TimeoutError):
            writer.transport.abort()  # closing would wait for a client that does not read
        finally:
            self._clients.discard(me)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if refusal := self._refusal(writer.get_extra_info("socket")):
            await _write(writer, _failed(refusal))
            return
        while True:
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                await _write(writer, _failed(_misunderstood("it is too long")))
                return
            await _write(writer, await self._answer(line))

    def _refusal(self, connection: socket.socket) -> UsageError | None:
        if not may_control(connection):
            return UsageError(
                "this daemon belongs to another user",
                advice="Ask as the daemon's own user or as root",
            )
        if len(self._clients) > MOST_CLIENTS:
            return UsageError(
                f"{MOST_CLIENTS} clients are connected already", advice="Try again in a moment"
            )
        return None

    async def _answer(self, line: bytes) -> Answer:
        try:
            request = _DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _failed(_misunderstood(str(error)))
        try:
            async with asyncio.timeout(WORK_SECONDS):
                state = await self._do(request)
        except S2FetchError as error:
            return _failed(error)
        except TimeoutError:
            return _failed(UsageError(f"{request.command} takes too long, and was given up"))
        except (
            Exception
        ) as error:  # a defect must neither end the daemon nor leave a client waiting
            logging.getLogger("s2fetch").exception("control request failed")
            return _failed(S2FetchError(f"s2fetch has a defect ({type(error).__name__})"))
        reloaded = request.command is Command.RELOAD
        return Answer(
            protocol=PROTOCOL,
            version=__version__,
            done=request.command,
            state=state,
            needs_restart=self._controls.state().needs_restart if reloaded else "",
        )

    async def _do(self, request: Request) -> DaemonState | None:
        controls = self._controls
        match request.command:
            case Command.STATUS:
                return controls.state()
            case Command.STOP:
                controls.stop()
            case Command.RELOAD:
                await controls.reload()
            case Command.PAUSE:
                await controls.pause(request.archive)
            case Command.RESUME:
                await controls.resume(request.archive)
            case Command.SYNC:
                await controls.sync(request.archive)
        controls.events.emit(
            DaemonAsked(what=request.command, archive=request.archive, via="the control socket")
        )
        return None


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(_ENCODER.encode(answer) + b"\n")
    async with asyncio.timeout(ANSWER_SECONDS):
        await writer.drain()


def _failed(error: S2FetchError) -> Answer:
    failure = Failure(code=error.code, message=str(error), exit_code=int(error.exit_code))
    return Answer(protocol=PROTOCOL, version=__version__, error=failure)


def _misunderstood(why: str) -> UsageError:
    return UsageError(f"the request is not understood: {why}")
