"""Locks that die with their owner, so that no crash leaves one behind.

The lock is the operating system's (flock(2)), never the existence of the file: the file stays where
it is for ever and only carries a note about who holds the lock, for messages to people.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from s2fetch.errors import ArchiveError, LocksUnsupportedError

MORE_FILES = "Raise the limit of open files (ulimit -n, or LimitNOFILE= of the service)"
"""What to do when a process has as many as it may."""
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})
_PROBE_PAUSE_SECONDS = 0.001
_MOST_TRIES = 50
_NOTE_BYTES = 64 * 1024


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a lock, as its note says.

    Attributes:
        pid: Process id on ``host``.
        host: Name of the machine.
        since: When the lock was taken, ISO 8601 in UTC.
        note: What the holder added.
    """

    pid: int
    host: str
    since: str
    note: Mapping[str, str] = {}

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


class FileLock:
    """An exclusive lock held by this process. Made by `try_acquire` only.

    The lock belongs to the open file: it ends with `release`, with the ``with`` block, or with the
    process, however that ends. It is not inherited by programs this process starts.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def try_acquire(
        cls, path: Path, note: Mapping[str, str] | None = None, *, since: datetime | None = None
    ) -> FileLock | None:
        """Take the lock at once, or return None when somebody else has it.

        Args:
            path: The lock file; it and its folder are created when missing, and never removed.
            note: Told to those who find the lock taken (`read_holder`).
            since: Written as the time the lock was taken; now when not given.

        Raises:
            LocksUnsupportedError: The file system has no working locks.
            ArchiveError: The file cannot be created or opened.
        """
        for _ in range(_MOST_TRIES):
            descriptor = _open(path)
            try:
                taken = _flock(descriptor, path)
                if taken and _is_same_file(descriptor, path):
                    _write_note(descriptor, note or {}, since or datetime.now(UTC))
                    held, descriptor = descriptor, -1
                    return cls(path, held)
                if not taken and not _only_probed(descriptor, path):
                    return None
            except OSError as error:
                raise _lock_error(error, path) from error
            finally:
                if descriptor >= 0:
                    os.close(descriptor)
            time.sleep(_PROBE_PAUSE_SECONDS)
        return None

    @property
    def held(self) -> bool:
        """False after `release`."""
        return self._descriptor is not None

    def release(self) -> None:
        """Let go of the lock; calling it again does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        # The note only informs; failing to wipe it must not keep the lock.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
        # Closing alone would leave the lock to a child that is between fork and exec.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<FileLock {self.path} {'held' if self.held else 'released'}>"


def read_holder(path: Path) -> Holder | None:
    """Who holds the lock at ``path``, or None when nobody does.

    None is also the answer in the instant in which a new holder has not written its note yet. Does
    not disturb: a lock that was let go is recognised by its empty note alone, and the shared lock
    that tells a dead holder from a living one is told from a real one by `FileLock.try_acquire`.

    Raises:
        LocksUnsupportedError: The file system has no working locks.
        ArchiveError: The file cannot be read.
    """
    with _open_to_look(path) as descriptor:
        if descriptor is None:
            return None
        try:
            note = os.pread(descriptor, _NOTE_BYTES, 0)
        except OSError as error:
            raise _lock_error(error, path) from error
        if not note or _flock(descriptor, path, fcntl.LOCK_SH):
            return None
    try:
        return msgspec.json.decode(note, type=Holder)
    except msgspec.DecodeError:
        return None


def is_locked(path: Path) -> bool:
    """Whether somebody has the lock at ``path``; disturbs nobody, as `read_holder`.

    Raises:
        LocksUnsupportedError: The file system has no working locks.
        ArchiveError: The file cannot be opened.
    """
    with _open_to_look(path) as descriptor:
        return descriptor is not None and not _flock(descriptor, path, fcntl.LOCK_SH)


@contextlib.contextmanager
def _open_to_look(path: Path) -> Iterator[int | None]:
    """A descriptor of a lock file; None where there is none yet."""
    descriptor: int | None = None
    try:
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _lock_error(error, path) from error
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)
    except OSError as error:
        raise _lock_error(error, path) from error


def _flock(descriptor: int, path: Path, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise _lock_error(error, path) from error
    return True


def _only_probed(descriptor: int, path: Path) -> bool:
    """Whether what kept us out was no holder but somebody looking (see `read_holder`)."""
    if not _flock(descriptor, path, fcntl.LOCK_SH):
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def _is_same_file(descriptor: int, path: Path) -> bool:
    """False when the file was removed or replaced before we got the lock: ours locks nothing."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _write_note(descriptor: int, note: Mapping[str, str], since: datetime) -> None:
    holder = Holder(
        pid=os.getpid(),
        host=socket.gethostname(),
        since=since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        note=dict(note),
    )
    os.ftruncate(descriptor, 0)
    # A full disk must not stop a run from taking its lock: the note only informs.
    with contextlib.suppress(OSError):
        os.pwrite(descriptor, msgspec.json.encode(holder), 0)


def _lock_error(error: OSError, path: Path) -> ArchiveError:
    if error.errno in _NO_LOCKS:
        return LocksUnsupportedError(
            f"the file system of {path} has no working locks ({error.strerror})",
            did="Nothing was touched, because two runs at once could damage each other's files",
            advice="Put this folder on a local disk, or mount the network share with locks",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ArchiveError(
            f"the lock file {path} cannot be opened for writing ({error.strerror})",
            advice="Check owner and mode of file and folder, and that it is mounted writable",
        )
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return ArchiveError(
            f"the lock file {path} cannot be opened ({error.strerror})", advice=MORE_FILES
        )
    return ArchiveError(
        f"the lock file {path} cannot be used ({error.strerror or error})",
        advice="Check that its folder is a folder and that the disk is healthy",
    )
