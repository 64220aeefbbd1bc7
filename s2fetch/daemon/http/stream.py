"""The event stream (server-sent events, WHATWG HTML Living Standard, section 9.2).

A client gets the daemon's state at most once a tick and every event worth telling. States replace
each other while they wait to be sent; events queue up to a limit, and whoever does not read fast
enough is cut off and may come back: what was missed lately is told again after ``Last-Event-ID``.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque

import msgspec
from aiohttp import web

from s2fetch.clock import Clock, timestamp
from s2fetch.daemon.controls import Controls
from s2fetch.daemon.http.messages import LEVELS, message_of
from s2fetch.daemon.http.settings import HttpSettings
from s2fetch.daemon.state import DaemonState
from s2fetch.events import Event

MOST_QUEUED = 256
"""Events that may wait for one client."""
MOST_REMEMBERED = 200
"""Events told again to those who come, or come back."""
MOST_WARNINGS = 100
"""Warnings and errors told to those who come: what downloads tell must not push them out."""
WRITE_SECONDS = 20.0
"""A client that takes nothing for so long is cut off."""
TOKEN_STEP_SECONDS = 60.0
"""How exactly the life of a token is told to those who watch."""
_RETRY = b"retry: 3000\n\n"
_HEARTBEAT = b": here\n\n"


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """The first message of a stream.

    Attributes:
        resumed: Whether it goes on where the client left off.
        loop_delay_limit: Seconds by which the event loop may be late.
        stall_limit: Seconds for which the engine may have work without any progress.
    """

    resumed: bool
    loop_delay_limit: float
    stall_limit: float


class _Client:
    """One reader of the stream."""

    def __init__(self, request: web.Request, backlog: list[bytes]) -> None:
        self.queue = deque(backlog)
        self.wake = asyncio.Event()
        self.open = True
        self._request = request

    def put(self, message: bytes) -> None:
        if len(self.queue) >= MOST_QUEUED:
            self.cut_off()
        else:
            self.queue.append(message)
            self.wake.set()

    def end(self) -> None:
        self.open = False
        self.wake.set()

    def cut_off(self) -> None:
        """Break the connection without waiting for what it still holds."""
        self.end()
        self.queue.clear()
        transport = self._request.transport
        if transport is not None:
            # Otherwise the system would keep its megabytes for a client that may never take them.
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()

    def take(self) -> bytes:
        self.wake.clear()
        waiting = b"".join(self.queue)
        self.queue.clear()
        return waiting


class EventStream:
    """Everybody who follows the daemon over HTTP.

    Subscribes to the daemon's events until `close`.

    Args:
        controls: The daemon.
        settings: Limits and pace.
        clock: Times of the messages. The pace itself is real time, as the readers live in it.
    """

    def __init__(self, controls: Controls, settings: HttpSettings, clock: Clock) -> None:
        self._controls = controls
        self._settings = settings
        self._clock = clock
        self._run = f"{int(clock.now().timestamp()):x}"
        self._number = 0
        self._remembered: deque[tuple[int, bytes]] = deque(maxlen=MOST_REMEMBERED)
        self._warnings: deque[tuple[int, bytes]] = deque(maxlen=MOST_WARNINGS)
        self._clients: set[_Client] = set()
        self._snapshot = (float("-inf"), b"", b"")
        self._unsubscribe = controls.events.subscribe(self._hear)

    @property
    def clients(self) -> int:
        """How many follow now."""
        return len(self._clients)

    @property
    def full(self) -> bool:
        """Whether no more may follow."""
        return len(self._clients) >= self._settings.streams

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one client until it goes, is too slow, or the daemon ends."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        client = _Client(request, self._beginning(request.headers.get("Last-Event-ID", "")))
        self._clients.add(client)
        try:
            await response.prepare(request)
            await self._follow(client, response)
        except TimeoutError:
            client.cut_off()
        except ConnectionError:
            client.end()
        finally:
            self._clients.discard(client)
        return response

    def end_all(self) -> None:
        """End every stream; clients may come back."""
        for client in tuple(self._clients):
            client.end()

    def close(self) -> None:
        """Hear no more events and end every stream."""
        self._unsubscribe()
        self.end_all()

    async def _follow(self, client: _Client, response: web.StreamResponse) -> None:
        loop = asyncio.get_running_loop()
        shown, last = b"", loop.time()
        while client.open:
            message = client.take()
            state = self._state(loop.time())
            if state is not shown:
                message, shown = message + state, state
            elif not message and loop.time() - last >= self._settings.heartbeat:
                message = _HEARTBEAT
            if message:
                async with asyncio.timeout(WRITE_SECONDS):
                    await response.write(message)
                last = loop.time()
            await _woken(client.wake, self._settings.tick)

    def _beginning(self, last_id: str) -> list[bytes]:
        run, _, number = last_id.partition("-")
        resumed = run == self._run and number.isascii() and number.isdigit()
        after = int(number) if resumed and len(number) < 20 else 0
        oldest = self._remembered[0][0] if self._remembered else self._number + 1
        resumed = resumed and oldest <= after + 1
        after = after if resumed else 0
        hello = Hello(
            resumed=resumed,
            loop_delay_limit=self._settings.loop_delay_limit,
            stall_limit=self._settings.stall_limit,
        )
        first = _RETRY + _frame("hello", msgspec.json.encode(hello))
        earlier = () if resumed else (one for one in self._warnings if one[0] < oldest)
        return [first, *(text for at, text in (*earlier, *self._remembered) if at > after)]

    def _hear(self, event: Event) -> None:
        if event.level not in LEVELS:
            return
        self._number += 1
        name = f"{self._run}-{self._number}"
        told = message_of(event, id=name, time=timestamp(self._clock.now()))
        message = _frame("event", msgspec.json.encode(told), name)
        self._remembered.append((self._number, message))
        if event.level != "info":
            self._warnings.append((self._number, message))
        for client in tuple(self._clients):
            client.put(message)

    def _state(self, now: float) -> bytes:
        """The state as a message: computed once a tick for all, the same object while unchanged."""
        taken, compared, message = self._snapshot
        if now - taken >= self._settings.tick:
            state = self._controls.state()
            encoded = msgspec.json.encode(_lasting(state))
            if encoded != compared:
                compared, message = encoded, _frame("state", msgspec.json.encode(state))
            self._snapshot = now, compared, message
        return message


def _lasting(state: DaemonState) -> DaemonState:
    """The state without what changes all the time: nobody needs to be told every second."""
    accounts = tuple(
        msgspec.structs.replace(
            account, token_seconds=account.token_seconds // TOKEN_STEP_SECONDS * TOKEN_STEP_SECONDS
        )
        if account.token_seconds is not None
        else account
        for account in state.accounts
    )
    return msgspec.structs.replace(state, now="", loop_delay_seconds=0.0, accounts=accounts)


async def _woken(wake: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return


def _frame(name: str, data: bytes, id: str = "") -> bytes:  # noqa: A002 - the standard's own word
    """One message. JSON holds no raw newline, so nothing a hub says can end it early."""
    head = f"id: {id}\nevent: {name}\n" if id else f"event: {name}\n"
    return head.encode() + b"data: " + data + b"\n\n"
