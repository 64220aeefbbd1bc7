"""Reserving disk space for a file without changing its length."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

_KEEP_SIZE = 1
_CANNOT = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV})


def preallocate(descriptor: int, size: int) -> bool:
    """Reserve ``size`` bytes for an open file (fallocate(2), FALLOC_FL_KEEP_SIZE).

    The length stays as it is, so that it still tells how much has been written; Python's own
    ``posix_fallocate`` would change it.

    Returns:
        Whether the space is reserved; False where the system cannot do that.

    Raises:
        OSError: ``ENOSPC`` and the like.
    """
    if sys.platform != "linux" or size <= 0:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    fallocate = getattr(libc, "fallocate64", None)  # not in every C library
    if fallocate is None:
        return False
    code = errno.EINTR
    while code == errno.EINTR:
        if fallocate(descriptor, _KEEP_SIZE, ctypes.c_int64(0), ctypes.c_int64(size)) == 0:
            return True
        code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    # Some file systems keep what they could reserve before there was no more: the whole disk.
    os.ftruncate(descriptor, os.fstat(descriptor).st_size)
    raise OSError(code, os.strerror(code))
