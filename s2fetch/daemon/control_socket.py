"""The control socket's file: where it is, who may use it, and that nobody's living one is taken."""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from s2fetch.errors import ArchiveError, UsageError
from s2fetch.lockfile import FileLock, Holder, read_holder

SOCKET_NAME = "control.sock"
MOST_PATH_BYTES = 107
"""What fits into an address, with its closing zero (unix(7))."""
WAITING_CLIENTS = 16
_GONE = frozenset({errno.ECONNREFUSED, errno.ENOENT})


def server_path(environ: Mapping[str, str], user: int) -> Path:
    """Where a daemon's socket is unless the configuration says otherwise.

    ``RUNTIME_DIRECTORY``, which systemd sets, else ``XDG_RUNTIME_DIR``, else ``/run`` for root.

    Raises:
        UsageError: If this user has no such folder.
    """
    if given := environ.get("RUNTIME_DIRECTORY", "").split(":")[0]:
        return Path(given) / SOCKET_NAME
    if given := environ.get("XDG_RUNTIME_DIR", ""):
        return Path(given) / "s2fetch" / SOCKET_NAME
    if user == 0:
        return Path("/run/s2fetch") / SOCKET_NAME
    raise UsageError(
        "there is no folder for the control socket, as XDG_RUNTIME_DIR is not set",
        advice="Set socket below [control] to a path in a folder that only you can write to",
    )


def client_paths(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where a client looks for a daemon, in this order: its own user's, then the system's."""
    own = environ.get("XDG_RUNTIME_DIR", "")
    paths = (Path(own) / "s2fetch" / SOCKET_NAME,) if own else ()
    return (*paths, Path("/run/s2fetch") / SOCKET_NAME)


def check_length(path: Path) -> None:
    """Refuse a path that no socket can have.

    Raises:
        UsageError: If it is too long.
    """
    if len(os.fsencode(path)) > MOST_PATH_BYTES:
        raise UsageError(
            f"{path} is too long for a socket: {len(os.fsencode(path))} bytes, and "
            f"{MOST_PATH_BYTES} is the most",
            advice="Choose a shorter path",
        )


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A socket that listens at a path, mode 0600 from its first moment; removed in the end.

    A lock beside it, which dies with its owner, tells the socket of a dead daemon, which is
    replaced, from that of a living one, which is not.

    Raises:
        UsageError: If another daemon has it, something else is there, or the path cannot be used.
    """
    check_length(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock.try_acquire(path.with_name(f"{path.name}.lock"))
        if lock is None:
            raise _in_use(path, read_holder(path.with_name(f"{path.name}.lock")))
        with lock:
            _clear(path)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as server:
                _bind(server, path)
                file = file_at(path)
                try:
                    yield server
                finally:
                    if file_at(path) == file:  # and not another daemon's, in a folder made anew
                        path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            f"the control socket {path} cannot be used ({error.strerror or error})",
            advice="Set socket below [control] to a path in a folder you can write to",
        ) from error
    except ArchiveError as error:
        raise UsageError(error.what, did=error.did, advice=error.advice) from error


def file_at(path: Path) -> tuple[int, int] | None:
    """Device and number of the file at a path, to tell it from another one; None without one."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def peer(connection: socket.socket) -> tuple[int, int] | None:
    """Process and user at the other end (SO_PEERCRED, unix(7)); None where nobody can tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("iII"))
    process, user, _ = struct.unpack("iII", credentials)
    return int(process), int(user)


def may_control(connection: socket.socket) -> bool:
    """Whether the other end is this user or root; the file's mode decides where nobody can tell."""
    other = peer(connection)
    return other is None or other[1] in (os.geteuid(), 0)


def _bind(server: socket.socket, path: Path) -> None:
    # The mode is there from the start: chmod would leave a moment in which anybody can connect.
    before = os.umask(0o177)
    try:
        server.bind(str(path))
    finally:
        os.umask(before)
    server.listen(WAITING_CLIENTS)
    server.setblocking(False)


def _clear(path: Path) -> None:
    """Remove what a dead daemon left; the lock is ours, so no living one of ours listens there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise UsageError(
            f"{path} is to be the control socket, but something else is there",
            did="It was left as it is",
            advice="Move it away, or set socket below [control] to another path",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.setblocking(False)
        if probe.connect_ex(str(path)) not in _GONE:
            raise _in_use(path, None)
    path.unlink(missing_ok=True)


def _in_use(path: Path, holder: Holder | None) -> UsageError:
    whose = f"{holder}" if holder else "another program"
    return UsageError(
        f"{whose} listens at the control socket {path}",
        did="This daemon was not started",
        advice="Stop the other one, or set socket below [control] to another path",
    )
