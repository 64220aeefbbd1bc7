"""Part files: a product while it arrives, beside its target under a name no reader mistakes for it.

A part file has a sidecar that says which version of which product it holds and how much of it is
surely on the disk. The sidecar is written before the first block, so that every byte that follows
can be resumed. After a crash of the program all bytes in the file count; after a crash of the
machine (another boot id) only those that were flushed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from s2fetch.archive.direct_io import ALIGNMENT_BYTES, DirectWriter
from s2fetch.archive.durable import (
    fsync_file,
    fsync_folder,
    translating,
)
from s2fetch.archive.preallocation import preallocate
from s2fetch.archive.proof import Hasher, Tick, new_hasher, wanted_algorithm
from s2fetch.archive.sidecar import (
    PART_PREFIX,
    Sidecar,
    beside,
    boot_id,
    read_sidecar,
    sidecar_of,
    write_sidecar,
)
from s2fetch.errors import ArchiveInUseError
from s2fetch.product import Algorithm, Checksum, Product

SMALL_BYTES = 1 << 20
"""Products up to this come in one block and are never resumed."""
CHECKPOINT_BYTES = 64 << 20
"""A part file is flushed and its sidecar brought up to date this often."""
ROLLBACK_BYTES = 64 << 10
"""The last bytes are fetched again when resuming: servers have put error text at the cut."""

Take = Callable[[Hasher, memoryview], None]
"""Takes bytes into a digest."""


def _take(hasher: Hasher, block: memoryview) -> None:
    hasher.update(block)


class PartFile:
    """One part file, locked while open. Blocking; used from worker threads, one call at a time.

    Only `digest` may be under way beside another.

    Args:
        folder: Where the product will be.
        product: The product.
        hasher: Makes digests of nothing yet.
    """

    def __init__(
        self,
        folder: Path,
        product: Product,
        hasher: Callable[[Algorithm], Hasher] = new_hasher,
    ) -> None:
        digest = hashlib.sha256(product.id.encode()).hexdigest()[:16]
        self.folder = folder
        self.path = folder / f"{PART_PREFIX}{digest}.part"
        self.position = 0
        self._product = product
        self._descriptor = -1
        self._writer = DirectWriter(self._descriptor)
        self._sidecar: Sidecar | None = None
        self._checkpoint_at = CHECKPOINT_BYTES
        self._new_hasher = hasher
        self._hash = hasher(self._algorithm)

    @cached_property
    def sidecar_path(self) -> Path:
        """Where the sidecar is, should there be one."""
        return sidecar_of(self.path)

    # Opening and resuming

    def open(self) -> None:
        """Open, creating it when there is none; find out what of it can be used.

        Raises:
            ArchiveInUseError: If another process writes to it.
            ArchiveError: If it cannot be opened.
        """
        with translating(self.path):
            self.folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            while True:
                descriptor = os.open(self.path, flags, 0o666)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if self._is_at_path(descriptor):
                        break
                except BlockingIOError as error:
                    os.close(descriptor)
                    raise ArchiveInUseError(
                        f"another process is writing {self.path}",
                        product=self._product.name,
                        did="It was left alone",
                        advice="Wait for the other process to end, then run the same command again",
                    ) from error
                except BaseException:
                    os.close(descriptor)
                    raise
                os.close(descriptor)
            self._hold(descriptor)
            self._sidecar = read_sidecar(self.sidecar_path, self._product)

    def create(self) -> bool:
        """Open a new one, to be written from 0; the usual case, with few system calls.

        Returns:
            False when there is one already: `open` finds out what it is.

        Raises:
            ArchiveError: If it cannot be made; its folder has to be there.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with translating(self.path):
            try:
                descriptor = os.open(self.path, flags, 0o666)
            except FileExistsError:
                return False
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._forget()
            except BlockingIOError:
                os.close(descriptor)
                return False  # somebody was quicker, between our two calls
            except BaseException:
                os.close(descriptor)
                raise
        self._hold(descriptor)
        return True

    @property
    def is_open(self) -> bool:
        """Whether `open` has succeeded and `close` has not been called."""
        return self._descriptor >= 0

    @property
    def sidecar(self) -> Sidecar | None:
        """What is known about the bytes that are there; None when they are of no use."""
        return self._sidecar

    @property
    def resumable(self) -> int:
        """The position a transfer can go on from; 0 when it has to start again."""
        if self._sidecar is None:
            return 0
        with translating(self.path):
            length = os.fstat(self._descriptor).st_size
        if self._sidecar.boot != boot_id() or not self._sidecar.boot:
            length = min(length, self._sidecar.durable)
        if self._sidecar.total is not None and length > self._sidecar.total:
            return 0
        kept = max(0, length - ROLLBACK_BYTES)
        return kept - kept % ALIGNMENT_BYTES

    def begin(self, position: int, tick: Tick) -> None:
        """Keep the bytes before a position, hash them, and be ready to write from there.

        Raises:
            ArchiveError: If the file cannot be read or cut.
        """
        self._hash = self._new_hasher(self._algorithm)
        with translating(self.path):
            if not position:
                self._forget()
            if os.fstat(self._descriptor).st_size != position:
                os.ftruncate(self._descriptor, position)
            self._writer.use_cache()
            buffer = memoryview(bytearray(min(SMALL_BYTES, position)))
            done = 0
            while done < position:
                count = os.preadv(self._descriptor, [buffer[: position - done]], done)
                if count == 0:
                    break
                self._hash.update(buffer[:count])
                done += count
                tick(count)
        self.position = done
        self._checkpoint_at = done + CHECKPOINT_BYTES

    def describe(self, *, total: int | None, etag: str, last_modified: str) -> bool:
        """Write the sidecar and reserve the space. To be called before the first block of several.

        Returns:
            Whether the space is reserved.

        Raises:
            DiskFullError: If the space is not there.
            ArchiveError: If the sidecar cannot be written.
        """
        listed = self._product.best_checksum
        durable = self._sidecar.durable if self._sidecar else 0
        self._sidecar = Sidecar(
            id=self._product.id,
            name=self._product.name,
            listed=str(listed) if listed else "",
            total=total,
            etag=etag,
            last_modified=last_modified,
            boot=boot_id(),
            durable=min(durable, self.position),
        )
        write_sidecar(self.sidecar_path, self._sidecar)
        with translating(self.path):
            return total is not None and preallocate(self._descriptor, total)

    # Writing

    def write(self, block: memoryview) -> None:
        """Append a block; `digest` it as well, in the same order.

        Args:
            block: The bytes.

        Raises:
            DiskFullError: If the disk is full; what was written before stays resumable.
            ArchiveError: For any other failure.
        """
        with translating(self.path):
            self._writer.write(block, self.position)
        self.position += len(block)
        if self.position >= self._checkpoint_at and self._sidecar is not None:
            self.checkpoint()

    def digest(self, block: memoryview, hashing: Take = _take) -> None:
        """Hash what is written, in the order of the file.

        Args:
            block: The bytes.
            hashing: Takes them into the digest, at once or later; nobody asks for it before.
        """
        hashing(self._hash, block)

    def checkpoint(self) -> None:
        """Flush, and say so in the sidecar."""
        if self._sidecar is None:
            return
        with translating(self.path):
            os.fdatasync(self._descriptor)
        self._writer.leave_cache()
        self._sidecar.durable = self.position
        self._sidecar.boot = boot_id()
        write_sidecar(self.sidecar_path, self._sidecar)
        with translating(self.path):
            fsync_folder(self.folder)
        self._checkpoint_at = self.position + CHECKPOINT_BYTES

    def checksum(self) -> Checksum:
        """The digest of what was hashed so far, by the algorithm the catalogue lists."""
        return Checksum(self._algorithm, self._hash.hexdigest())

    def head(self, count: int) -> bytes:
        """The first bytes of the file."""
        with translating(self.path):
            self._writer.use_cache()
            return os.pread(self._descriptor, count, 0)

    # Ending

    def begin_flush(self) -> None:
        """Have the system begin to write the file out, without waiting for it.

        Several files that are all begun before the first is flushed share the file system's own
        commit, which halves the time for small ones (posix_fadvise(2), POSIX_FADV_DONTNEED).
        """
        self._writer.leave_cache()

    def flush(self) -> None:
        """Have the whole file on the disk."""
        with translating(self.path):
            if self._sidecar is not None:
                os.ftruncate(self._descriptor, self.position)  # gives back what was reserved
            fsync_file(self._descriptor)
        if self._sidecar is not None:
            self._writer.leave_cache()

    def mtime_ns(self) -> int:
        """Modification time, nanoseconds since 1970."""
        with translating(self.path):
            return os.fstat(self._descriptor).st_mtime_ns

    def rename(self, target: Path) -> None:
        """Give the flushed file another name; flushing the folders is the caller's.

        Raises:
            ArchiveError: If it cannot be renamed; it is still there under its old name then.
        """
        with translating(target):
            try:
                os.replace(self.path, target)  # noqa: PTH105 - one call for every product
            except FileNotFoundError:
                target.parent.mkdir(parents=True, exist_ok=True)
                self.path.replace(target)
            if self._sidecar is not None:
                self.sidecar_path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Start again from nothing; space and sidecar are given back."""
        with translating(self.path):
            self._forget()
            os.ftruncate(self._descriptor, 0)
        self.position = 0
        self._checkpoint_at = CHECKPOINT_BYTES
        self._hash = self._new_hasher(self._algorithm)

    def close(self, *, remove_if_useless: bool = False) -> None:
        """Let go of the file; may be called twice.

        Args:
            remove_if_useless: Leave nothing behind that could not be resumed. Failing to remove it
                is no error: it is in nobody's way.
        """
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        try:
            with contextlib.suppress(OSError):
                if remove_if_useless and (not self._sidecar or not os.fstat(descriptor).st_size):
                    for each in (self.path, *beside(self.path)):
                        each.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    # Inside

    @property
    def _algorithm(self) -> Algorithm:
        return wanted_algorithm(self._product)

    def _hold(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._writer = DirectWriter(descriptor)

    def _is_at_path(self, descriptor: int) -> bool:
        """False when the file was renamed or removed before we got its lock."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(descriptor)
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _forget(self) -> None:
        """Remove the sidecar: what it says must never be believed of other bytes."""
        if self._sidecar is not None or self.sidecar_path.exists():
            self.sidecar_path.unlink(missing_ok=True)
            fsync_folder(self.folder)
        self._sidecar = None
