"""The other end of the control socket. Needs no event loop, as a command asks one question."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Sequence
from pathlib import Path

import msgspec

from s2fetch.daemon.control_messages import MOST_ANSWER_BYTES, PROTOCOL, Answer, Request
from s2fetch.daemon.control_socket import check_length
from s2fetch.errors import DaemonUnreachableError

CONNECT_SECONDS = 5.0
BLOCK_BYTES = 64 * 1024
_ABSENT = frozenset({errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR})
_START = 'Start it with "s2fetch daemon", or give --socket'


class _Greeting(msgspec.Struct):
    """What every version of the protocol has in its answers."""

    protocol: int
    version: str


def ask(request: Request, paths: Sequence[Path], *, seconds: float) -> Answer:
    """Ask the daemon that listens at the first of these paths at which one does.

    Args:
        request: What is wanted.
        paths: At least one.
        seconds: Longest wait for the answer.

    Raises:
        DaemonUnreachableError: If none listens, it does not answer, or it speaks another protocol.
        UsageError: If a path is too long for a socket.
    """
    for path in paths:
        check_length(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
            if _connect(connection, path):
                connection.settimeout(seconds)
                return _understood(_converse(connection, request, path), path)
    where = " or ".join(str(path) for path in paths)
    raise DaemonUnreachableError(f"no daemon listens at {where}", advice=_START)


def _connect(connection: socket.socket, path: Path) -> bool:
    connection.settimeout(CONNECT_SECONDS)
    try:
        connection.connect(str(path))
    except PermissionError as error:
        raise DaemonUnreachableError(
            f"the control socket {path} belongs to another user",
            advice="Ask as the daemon's own user or as root",
        ) from error
    except OSError as error:
        if error.errno in _ABSENT:
            return False
        raise _unanswered(path, error) from error
    return True


def _converse(connection: socket.socket, request: Request, path: Path) -> bytes:
    received = bytearray()
    try:
        # A daemon that refuses whoever asks answers and closes before it has read anything.
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(msgspec.json.encode(request) + b"\n")
        while not received.endswith(b"\n") and len(received) <= MOST_ANSWER_BYTES:
            block = connection.recv(BLOCK_BYTES)
            if not block:
                break
            received += block
    except OSError as error:
        raise _unanswered(path, error) from error
    if not received.endswith(b"\n"):
        raise DaemonUnreachableError(
            f"the daemon at {path} broke off without an answer", advice="Look at the daemon's log"
        )
    return bytes(received)


def _understood(line: bytes, path: Path) -> Answer:
    try:
        greeting = msgspec.json.decode(line, type=_Greeting)
        if greeting.protocol == PROTOCOL:
            return msgspec.json.decode(line, type=Answer)
        theirs = f"s2fetch {greeting.version} with protocol {greeting.protocol}"
    except (msgspec.DecodeError, UnicodeDecodeError):
        theirs = "something else"
    raise DaemonUnreachableError(
        f"the daemon at {path} is {theirs}, which this s2fetch does not understand",
        advice="Use the s2fetch the daemon was started with",
    )


def _unanswered(path: Path, error: OSError) -> DaemonUnreachableError:
    why = "in time" if isinstance(error, TimeoutError) else f"({error.strerror or error})"
    return DaemonUnreachableError(
        f"the daemon at {path} does not answer {why}",
        did="Whether it did what was asked is not known",
        advice="Look at the daemon's log",
    )
