"""Free space, counted together with what running transfers are still going to write."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from s2fetch.archive.durable import translating
from s2fetch.errors import DiskFullError


def free_bytes(path: Path) -> int:
    """Bytes an ordinary user can still write on the file system of ``path``.

    A path that does not exist yet is looked up by its nearest folder that does.

    Raises:
        ArchiveError: The file system cannot be asked.
    """
    with translating(path):
        while True:
            try:
                status = os.statvfs(path)
            except (FileNotFoundError, NotADirectoryError):
                if path == path.parent:
                    raise
                path = path.parent
            else:
                return status.f_bavail * status.f_frsize


class Claim:
    """Space set aside for one file that is being written. Made by `SpaceGuard.claim`.

    Ends with `release` or with the ``with`` block.
    """

    def __init__(self, guard: SpaceGuard, size_bytes: int) -> None:
        self._guard = guard
        self._left = size_bytes

    @property
    def left_bytes(self) -> int:
        """What is still to be written."""
        return self._left

    def shrink(self, written_bytes: int) -> None:
        """Say that so many more bytes are on the disk and no longer count as free."""
        with self._guard.lock:
            self._left = max(0, self._left - written_bytes)

    def release(self) -> None:
        """Give back what was not written; calling it again does nothing."""
        with self._guard.lock:
            self._left = 0
            self._guard.claims.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class Volume:
    """What is set aside on one file system, by all archives of this process that lie on it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.claims: set[Claim] = set()


class Volumes:
    """The file systems of a process with several archives."""

    def __init__(self) -> None:
        self._volumes: dict[int, Volume] = {}

    def of(self, root: Path) -> Volume:
        """The volume a folder is on. Blocking.

        Raises:
            ArchiveError: The folder cannot be looked at.
        """
        with translating(root):
            return self._volumes.setdefault(root.stat().st_dev, Volume())


class SpaceGuard:
    """Keeps transfers from filling the disk. Safe to use from several threads.

    Args:
        root: A folder on the file system in question; need not exist yet.
        reserve_bytes: To be left free whatever happens.
        free: How to find the free bytes of a path.
        volume: What others set aside on it; None when there are no others.
    """

    def __init__(
        self,
        root: Path,
        reserve_bytes: int,
        *,
        free: Callable[[Path], int] = free_bytes,
        volume: Volume | None = None,
    ) -> None:
        volume = volume or Volume()
        self.root = root
        self.reserve_bytes = reserve_bytes
        self.lock = volume.lock
        self.claims = volume.claims
        self._free = free

    def claim(self, size_bytes: int) -> Claim:
        """Set space aside for a file of that size before it is written.

        Raises:
            DiskFullError: With it and the other claims, less than the reserve would stay free.
        """
        with self.lock:
            free = self._free(self.root)
            pending = sum(claim.left_bytes for claim in self.claims)
            if free - pending - size_bytes < self.reserve_bytes:
                raise self._full(free, pending, size_bytes)
            claim = Claim(self, size_bytes)
            self.claims.add(claim)
            return claim

    def free_beside(self, size_bytes: int) -> tuple[int, bool]:
        """Free bytes of the file system, and whether so many more could be claimed now.

        Raises:
            ArchiveError: The file system cannot be asked.
        """
        with self.lock:
            free = self._free(self.root)
            pending = sum(claim.left_bytes for claim in self.claims)
            return free, free - pending - size_bytes >= self.reserve_bytes

    def _full(self, free: int, pending: int, size_bytes: int) -> DiskFullError:
        running = f", running transfers still need {_readable(pending)}" if pending else ""
        return DiskFullError(
            f"not enough space in {self.root}: {_readable(free)} are free, "
            f"{_readable(size_bytes)} are needed{running}, "
            f"and {_readable(self.reserve_bytes)} are to stay free",
            needed_bytes=size_bytes,
            did="No more of it was written",
            advice="Free some space or lower the reserve, and run the same command again",
        )


def _readable(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
