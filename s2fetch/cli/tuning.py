"""Settings of the process that suit a program which moves many bytes for a long time.

They belong to whoever owns the process, so the command line makes them and the library does not.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import Callable

from s2fetch.events import Event, RunFinished, ScrubFinished

_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3
_TRIM_BYTES = 256 << 20
_PAD_BYTES = 16 << 20
_MMAP_BYTES = 32 << 20
_GC_THRESHOLDS = (50_000, 20, 50)


GIVE_BACK_SECONDS = 5.0
"""After the end of a run, when all of it is let go."""


def tune_process() -> None:
    """Spare the work of giving memory back and getting it again, and of looking for cycles.

    TLS bodies go through buffers of 256 KiB that are freed at once: with glibc's defaults every one
    of them is returned to the system and faulted in anew (mallopt(3)). The garbage collector
    otherwise walks through all loaded modules again and again while a catalogue is read.
    """
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.enable()
    mallopt = _of_c_library("mallopt")
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
        mallopt(_M_TOP_PAD, _PAD_BYTES)


def give_back_memory() -> None:
    """Let go of what is in cycles, and give what is free back to the system (malloc_trim(3)).

    Takes some milliseconds; for moments in which nothing else is to be done.
    """
    gc.collect()
    trim = _of_c_library("malloc_trim")
    if trim is not None:
        trim(0)


class GivesBack:
    """A listener that gives memory back some time after a run, for processes that go on.

    What `tune_process` does for a run makes a process keep what the run needed.

    Args:
        seconds: How long after the end of a run.
    """

    def __init__(self, seconds: float = GIVE_BACK_SECONDS) -> None:
        self._seconds = seconds
        self._due: asyncio.TimerHandle | None = None

    def __call__(self, event: Event) -> None:
        """Take one event in; on the event loop."""
        if isinstance(event, RunFinished | ScrubFinished):
            if self._due is not None:
                self._due.cancel()
            loop = asyncio.get_running_loop()
            self._due = loop.call_later(self._seconds, give_back_memory)


def _of_c_library(name: str) -> Callable[..., object] | None:
    """A function of glibc; None where there is another C library, with ways of its own."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
