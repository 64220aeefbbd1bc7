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
RETRY_AFTER_LONGEST_SECONDS = 3600.0
"""Longest pause a host can ask for; a longer one is cut to this and asked again."""

Sleep = Callable[[float], Awaitable[None]]


class Transient(Exception):  # noqa: N818 - a signal for the retry policy, not an error by itself
    """A small request failed in a way that may pass.

    Args:
        what: What happened.
        retry_after: Seconds the host asked for, or None.
    """

    def __init__(self, what: str, *, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.retry_after = retry_after


def repeating(
    *,
    attempts: int,
    first: float,
    longest: float,
    sleep: Sleep,
    patient: Callable[[], bool] = lambda: False,
    pausing: Callable[[str, float], None] = lambda _what, _seconds: None,
) -> tenacity.AsyncRetrying:
    """Repeats a small request that raises `Transient`, with random, exponentially growing pauses.

    Args:
        attempts: How often to try; the last `Transient` is raised.
        first: Scale of the first pause in seconds.
        longest: Longest pause in seconds, unless the host asks for more.
        sleep: How to wait.
        patient: Asked after the last attempt: whether to go on all the same.
        pausing: Told before every pause what happened and how many seconds follow.
    """
    growing = tenacity.wait_random_exponential(multiplier=first, max=longest)

    def pause(state: tenacity.RetryCallState) -> float:
        asked = _transient(state).retry_after or 0.0
        return max(growing(state), min(asked, RETRY_AFTER_LONGEST_SECONDS))

    def tell(state: tenacity.RetryCallState) -> None:
        pausing(str(_transient(state)), state.upcoming_sleep)

    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(Transient),
        wait=pause,
        stop=lambda state: state.attempt_number >= attempts and not patient(),
        before_sleep=tell,
        sleep=sleep,
        reraise=True,
    )


def product_pause(attempts: int) -> float:
    """Seconds before the next attempt at a product that has failed that often."""
    longest = growing_pause(attempts, PRODUCT_FIRST_SECONDS, PRODUCT_LONGEST_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


def growing_pause(step: int, first: float, longest: float) -> float:
    """The pause of a step, counted from 1, that doubles from the first to the longest."""
    return min(longest, first * 2.0 ** min(step - 1, 64))


def _transient(state: tenacity.RetryCallState) -> Transient:
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, Transient)  # noqa: S101 - nothing else is retried
    return error
