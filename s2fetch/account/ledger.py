"""The bytes an account has received by hour, kept for all processes and archives of this machine.

One small file in the state folder. What was received is appended as a line and flushed; every line
ends with its own check sum, so that one a crash cut short is never taken for a whole one. When the
file has grown, its lines are summed up by hour in a new file that replaces it. There is no moment
at which a line counts twice or not at all.
"""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from s2fetch.account.slots import account_digest
from s2fetch.archive.durable import (
    UNFINISHED_SUFFIX,
    fsync_folder,
    replace_atomically,
    translating,
    write_all,
)
from s2fetch.errors import ArchiveError
from s2fetch.lockfile import FileLock

FOLD_BYTES = 64 * 1024
"""A larger file is summed up; some 2,500 lines."""
MOST_HOURS = 1500
"""Hours that are kept, the latest ones: two months, so that a wrong clock costs nothing."""
LOCK_SECONDS = 10.0
"""How long another process may keep the file to itself; it does so for milliseconds."""
_LOCK_PAUSE_SECONDS = 0.005


class Ledger:
    """The ledger of one account. Blocking; for worker threads. Safe across processes.

    Args:
        folder: Where its file is, or will be.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "received.log"
        self._lock_path = folder / "received.lock"

    def __repr__(self) -> str:
        return f"<Ledger {self.path}>"

    def read(self) -> dict[int, int]:
        """Bytes received by hour; empty when nothing was. Works while others append.

        Raises:
            ArchiveError: The file cannot be read.
        """
        with translating(self.path):
            try:
                return _summed(self.path.read_bytes().splitlines())
            except FileNotFoundError:
                return {}

    def append(self, hour: int, count: int) -> None:
        """Add bytes to an hour; on the disk when this returns.

        Raises:
            ArchiveError: They could not be written; they do not count then.
        """
        with self._locked(), translating(self.path):
            size = self._append(_line(hour, count))
            if size > FOLD_BYTES:
                # The line is in the file; summing up can wait until there is space for it.
                with contextlib.suppress(ArchiveError):
                    self._fold()

    def _append(self, line: bytes) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if not size:
                fsync_folder(self.path.parent)
            elif os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # a crash cut the line before; it must not spoil this one
            try:
                write_all(descriptor, line, size)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            return size + len(line)
        finally:
            os.close(descriptor)

    def _fold(self) -> None:
        for left in self.path.parent.glob(f".{self.path.name}.*{UNFINISHED_SUFFIX}"):
            left.unlink(missing_ok=True)  # of a process that was killed; the lock is ours
        replace_atomically(self.path, _lines(self.read()))

    def _locked(self) -> FileLock:
        deadline = time.monotonic() + LOCK_SECONDS
        while (lock := FileLock.try_acquire(self._lock_path)) is None:
            if time.monotonic() >= deadline:
                raise ArchiveError(
                    f"another process has kept {self.path} to itself for {LOCK_SECONDS:.0f} s",
                    advice="See whether that process hangs",
                )
            time.sleep(_LOCK_PAUSE_SECONDS)
        return lock


def ledger_folder(state_folder: Path, identity_service: str, user: str) -> Path:
    """Where the ledger of an account is: the same for every archive that uses the account."""
    return state_folder / "received" / account_digest(identity_service, user)


def _line(hour: int, count: int) -> bytes:
    text = b"%d %d" % (hour, count)
    return b"%b %08x\n" % (text, zlib.crc32(text))


def _lines(hours: Mapping[int, int]) -> Iterable[bytes]:
    return (_line(hour, hours[hour]) for hour in sorted(hours)[-MOST_HOURS:])


def _summed(lines: Iterable[bytes]) -> dict[int, int]:
    """The sums of all sound lines."""
    hours: dict[int, int] = {}
    for line in lines:
        text, _, check = line.rpartition(b" ")
        if not text or check != b"%08x" % zlib.crc32(text):
            continue
        hour, _, count = text.partition(b" ")
        hours[int(hour)] = hours.get(int(hour), 0) + int(count)
    return hours
