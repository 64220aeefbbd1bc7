"""A thread for work that must not be in anybody's way, and that ends at a moment's notice."""

from __future__ import annotations

import asyncio
import ctypes
import os
import platform
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

import anyio

T = TypeVar("T")

_WHO_THREAD = 1
_CLASS_IDLE = 3 << 13
_IOPRIO_SET = {
    "x86_64": 251,
    "aarch64": 30,
    "riscv64": 30,
    "ppc64le": 273,
    "s390x": 282,
    "armv7l": 314,
    "i686": 289,
}
"""Number of the system call on each machine."""
_LEAST_URGENT = 19


class Stopped(Exception):  # noqa: N818 - not an error, a way out of a thread
    """The work was asked to end."""


class IdleThread:
    """Runs functions one after the other, with the lowest priorities. An async context manager.

    The disk serves the thread when nobody else wants anything (ioprio_set(2), class idle, where the
    disk's scheduler knows classes), and so does the processor. Its own thread, because what has
    been given away of these cannot be taken back.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(
            1, thread_name_prefix="s2fetch-idle", initializer=lower_priority
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown(wait=False)  # nothing runs any more: `run` waits for its function

    async def run(self, function: Callable[[Callable[[], None]], T]) -> T:
        """Call a function in the thread.

        Args:
            function: Given what it has to call often, for example after every block: this raises
                `Stopped` as soon as the task that waits for the function is cancelled.
        """
        stop = threading.Event()

        def check() -> None:
            if stop.is_set():
                raise Stopped

        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._executor, function, check)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            stop.set()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([future])
            future.exception()  # it was `Stopped`, or it was done; nobody wants to know any more
            raise


def lower_priority() -> None:
    """Give the calling thread the lowest priorities for disk and processor, as far as possible."""
    if sys.platform != "linux":
        return
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST_URGENT)
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None, use_errno=True).syscall(number, _WHO_THREAD, 0, _CLASS_IDLE)
