"""What Python raises for a file that is no sound zip, which is more than ``BadZipFile``."""

from __future__ import annotations

import contextlib
import errno
import struct
import zipfile
import zlib
from collections.abc import Iterator
from importlib import import_module


def _of_decompressors() -> Iterator[type[Exception]]:
    """Of those that `zipfile` uses; Python can be built without each of them."""
    for module, name in (("lzma", "LZMAError"), ("compression.zstd", "ZstdError")):
        with contextlib.suppress(ImportError):
            yield getattr(import_module(module), name)


ZIP_ERRORS: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    struct.error,
    zlib.error,
    EOFError,
    IndexError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    *_of_decompressors(),
)
"""Errors that are the zip's own fault; for an `OSError` see `is_zips_fault`."""
ANY_FAULT: tuple[type[Exception], ...] = (OSError, *ZIP_ERRORS)
"""For those who say the same whether the zip or the disk is to blame."""


def is_zips_fault(error: OSError) -> bool:
    """Whether it is about the bytes and not about the disk.

    An offset before the file's start is no valid argument of a seek; what bzip2 cannot read has no
    number at all.
    """
    return error.errno in (None, errno.EINVAL)
