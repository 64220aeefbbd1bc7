"""How often and after which pauses things are tried again: the whole policy in one place.

Three kinds of trouble are kept apart. A host that asks us to wait, or is down, is no failure of a
product: `hub.gate` decides, for everyone at once. A catalogue or identity request is small and is
repeated where it stands. An attempt at a product goes back to the queue for a while, and its slot
to another product.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import tenacity

PRODUCT_FIRST_SECONDS = 2.0
PRODUCT_LONGEST_SECONDS = 300.0
"""The pause before the next attempt at a product doubles from the first to the longest."""
BUSY_LIMIT = 5
"""How often a hub may ask one product to wait while it serves others; then it counts as failed."""

Sleep = Callable[[float], Awaitable[None]]


def repeating(
    transient: type[Exception], *, attempts: int, first: float, longest: float, sleep: Sleep
) -> tenacity.AsyncRetrying:
    """Repeats a small request with random, exponentially growing pauses.

    Args:
        transient: The error that is worth another try; it is raised after the last one.
        attempts: How often to try.
        first: Scale of the first pause in seconds.
        longest: Longest pause in seconds.
        sleep: How to wait.
    """
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(transient),
        wait=tenacity.wait_random_exponential(multiplier=first, max=longest),
        stop=tenacity.stop_after_attempt(attempts),
        sleep=sleep,
        reraise=True,
    )


def product_pause(attempts: int) -> float:
    """Seconds before the next attempt at a product that has failed that often."""
    longest = min(PRODUCT_LONGEST_SECONDS, PRODUCT_FIRST_SECONDS * 2.0 ** (attempts - 1))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
