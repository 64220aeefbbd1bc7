"""Sockets that listen and keep only so many connections, lest strangers take all descriptors."""

from __future__ import annotations

import contextlib
import errno
import socket
from http import HTTPStatus

import msgspec

from s2fetch.daemon.http.problems import CONTENT_TYPE, Problem

_BACKLOG = 128
_STATUS = HTTPStatus.SERVICE_UNAVAILABLE
_PROBLEM = Problem(
    title=_STATUS.phrase,
    status=_STATUS,
    detail="The daemon has as many connections as it takes. Close some, or try again later",
    code="too-many-connections",
)
_BODY = msgspec.json.encode(_PROBLEM)
_REFUSAL = (
    f"HTTP/1.1 {_STATUS} {_STATUS.phrase}\r\nContent-Type: {CONTENT_TYPE}\r\n"
    f"Content-Length: {len(_BODY)}\r\nRetry-After: 60\r\nConnection: close\r\n\r\n"
).encode() + _BODY


class Connections:
    """The connections that some listening sockets share, at most so many.

    Counted are sockets and not requests: one that says nothing, or that has not come through its
    TLS handshake, takes a descriptor too.

    Args:
        most: How many there may be.
        tls: Whether they are encrypted, so that one too many can only be closed and not answered.
    """

    def __init__(self, most: int, *, tls: bool) -> None:
        self._most = most
        self._tls = tls
        self._open: list[socket.socket] = []

    def take(self, connection: socket.socket) -> bool:
        """Take a connection, or close it where there are too many."""
        if len(self._open) >= self._most:
            self._open = [each for each in self._open if each.fileno() != -1]
        if len(self._open) < self._most:
            self._open.append(connection)
            return True
        with contextlib.closing(connection), contextlib.suppress(OSError):
            if not self._tls:
                connection.setblocking(False)
                connection.send(_REFUSAL)
                connection.shutdown(socket.SHUT_WR)
        return False


class ListeningSocket(socket.socket):
    """Gives its server only connections that `Connections` takes."""

    connections: Connections

    def accept(self) -> tuple[socket.socket, object]:
        """The next connection.

        Raises:
            BlockingIOError: There is none, or one too many.
        """
        connection, address = super().accept()
        if not self.connections.take(connection):
            raise BlockingIOError(errno.EAGAIN, "there are too many connections")
        return connection, address


def listen(host: str, port: int, connections: Connections) -> list[ListeningSocket]:
    """Listen on the addresses of a host: ``localhost`` may have two, of which one is not there.

    Raises:
        OSError: None of them, or one that is there, cannot be listened on.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with contextlib.ExitStack() as stack:
        listening = []
        missing: OSError | None = None
        for family, address in dict.fromkeys((each[0], each[4]) for each in found):
            try:
                made = stack.enter_context(ListeningSocket(family, socket.SOCK_STREAM))
                made.connections = connections
                made.setblocking(False)
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                made.bind(address)
                made.listen(_BACKLOG)
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                missing = error
            else:
                listening.append(made)
        if missing is not None and not listening:
            raise missing
        stack.pop_all()
    return listening
