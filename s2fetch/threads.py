"""Work in threads whose task may be cancelled: it ends soon, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import TypeVar

import anyio

T = TypeVar("T")


def stop_if_cancelled(_: int) -> None:
    """Raise, in a worker thread, once its task is cancelled; called with the bytes of each block.

    A hash over a product takes seconds, and Ctrl-C must not wait for it.
    """
    anyio.from_thread.check_cancelled()


async def enter_in_thread(manager: AbstractContextManager[T]) -> T:
    """Enter what blocks, in a thread; cancelled meanwhile, it is left again before this returns."""
    entered = False

    def enter() -> T:
        nonlocal entered
        value = manager.__enter__()
        entered = True
        return value

    try:
        return await _to_its_end(enter)
    except asyncio.CancelledError:
        if entered:
            await leave_in_thread(manager)
        raise


async def leave_in_thread(manager: AbstractContextManager[object]) -> None:
    """Leave what blocks, in a thread; when this returns it has been left, cancelled or not."""
    await _to_its_end(partial(manager.__exit__, None, None, None))


async def _to_its_end(function: Callable[[], T]) -> T:
    """Call in a thread, and wait for it also when cancelled.

    anyio does so in its own scopes only: asyncio's cancellation (`asyncio.timeout`, Ctrl-C in
    `asyncio.run`) would leave the thread to itself, and what it takes to nobody.
    """
    call = asyncio.ensure_future(anyio.to_thread.run_sync(function))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        with anyio.CancelScope(shield=True):
            await asyncio.wait([call])
        raise
