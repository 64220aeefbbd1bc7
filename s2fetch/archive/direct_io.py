"""Writing an open file past the page cache, where the file system allows it (open(2), O_DIRECT).

An archive of terabytes should not push everything else out of memory, and this also saves copying
the bytes. Small blocks go through the cache, for the system to write them together, and leave it
when they are on the disk.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os

DIRECT_BYTES = 1 << 20
"""Smaller blocks go through the page cache."""
ALIGNMENT_BYTES = 4096
"""Direct I/O needs positions and lengths that are multiples of this."""
_NO_DIRECT_IO = frozenset({errno.EINVAL, errno.EOPNOTSUPP})


class DirectWriter:
    """Writes to an open file, past the page cache whenever it can.

    Args:
        descriptor: Of the file; closing it is the caller's.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._possible = hasattr(os, "O_DIRECT")
        self._direct = False

    def write(self, block: memoryview, position: int) -> None:
        """Write every byte of a block.

        Raises:
            OSError: ``ENOSPC`` and the like; some of the bytes may be written.
        """
        aligned = not (position % ALIGNMENT_BYTES or len(block) % ALIGNMENT_BYTES)
        direct = self._possible and aligned and len(block) >= DIRECT_BYTES
        if direct and self._write_direct(block, position):
            return
        self.use_cache()
        while block:
            count = os.pwrite(self._descriptor, block, position)
            block = block[count:]
            position += count

    def use_cache(self) -> None:
        """Go through the page cache again; to be called before reading into any memory."""
        if self._direct:
            flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags & ~os.O_DIRECT)
            self._direct = False

    def leave_cache(self) -> None:
        """Begin to write out what is not on the disk yet; forget the pages of what is."""
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):  # it is advice
                os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def _write_direct(self, block: memoryview, position: int) -> bool:
        try:
            if not self._direct:
                flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
                fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags | os.O_DIRECT)
                self._direct = True
            return os.pwrite(self._descriptor, block, position) == len(block)
        except OSError as error:
            if error.errno not in _NO_DIRECT_IO:
                raise
            self._possible = False
            return False
