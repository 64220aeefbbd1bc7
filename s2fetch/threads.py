"""Work in threads that ends soon when the task that waits for it is cancelled."""

from __future__ import annotations

import anyio


def stop_if_cancelled(_: int) -> None:
    """Raise, in a worker thread, once its task is cancelled; called with the bytes of each block.

    A hash over a product takes seconds, and Ctrl-C must not wait for it.
    """
    anyio.from_thread.check_cancelled()
