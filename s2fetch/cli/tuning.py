"""Settings of the process that suit a program which moves many bytes for a long time.

They belong to whoever owns the process, so the command line makes them and the library does not.
"""

from __future__ import annotations

import ctypes
import gc
import sys

_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3
_TRIM_BYTES = 256 << 20
_PAD_BYTES = 16 << 20
_MMAP_BYTES = 32 << 20
_GC_THRESHOLDS = (50_000, 20, 50)


def tune_process() -> None:
    """Spare the work of giving memory back and getting it again, and of looking for cycles.

    TLS bodies go through buffers of 256 KiB that are freed at once: with glibc's defaults every one
    of them is returned to the system and faulted in anew (mallopt(3)). The garbage collector
    otherwise walks through all loaded modules again and again while a catalogue is read.
    """
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.enable()
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return  # another C library, with ways of its own
    mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)
    mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
    mallopt(_M_TOP_PAD, _PAD_BYTES)
