"""Pauses between attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.retry import Transient, growing_pause, product_pause, repeating
from tests.clock import FakeClock


async def test_a_small_request_is_repeated_until_it_succeeds() -> None:
    """With a pause before every further attempt, and word of each."""
    clock, told, left = FakeClock(), [], ["third", "second"]

    async def request() -> str:
        if left:
            raise Transient(left.pop())
        return "answer"

    def tell(what: str, seconds: float) -> None:
        told.append((what, seconds))

    retrying = repeating(attempts=5, first=1, longest=30, sleep=clock.sleep, pausing=tell)
    assert await retrying(request) == "answer"
    assert [what for what, _ in told] == ["second", "third"]
    assert [seconds for _, seconds in told] == clock.slept


async def test_the_last_failure_is_raised_as_it_is() -> None:
    """After so many attempts there is no further pause."""
    clock, asked = FakeClock(), []

    async def request() -> None:
        asked.append(1)
        raise Transient(f"failure {len(asked)}")

    with pytest.raises(Transient, match="failure 4"):
        await repeating(attempts=4, first=1, longest=30, sleep=clock.sleep)(request)
    assert len(asked) == 4
    assert len(clock.slept) == 3


async def test_other_errors_are_not_repeated() -> None:
    """Only what says of itself that it may pass is tried again."""
    clock = FakeClock()

    async def request() -> None:
        raise ValueError

    with pytest.raises(ValueError):
        await repeating(attempts=4, first=1, longest=30, sleep=clock.sleep)(request)
    assert clock.slept == []


async def test_a_host_that_names_a_time_is_not_asked_earlier() -> None:
    """Retry-After goes before our own pauses, up to an hour."""
    clock, wishes = FakeClock(), [7.0, 86_400.0]

    async def request() -> None:
        if wishes:
            raise Transient("busy", retry_after=wishes.pop(0))

    await repeating(attempts=4, first=0.001, longest=0.01, sleep=clock.sleep)(request)
    assert clock.slept == [7, 3600]


async def test_patience_goes_on_after_the_last_attempt() -> None:
    """As long as the caller is patient, with pauses that stay below the longest."""
    clock = FakeClock()

    async def request() -> None:
        raise Transient("down")

    retrying = repeating(
        attempts=2,
        first=1,
        longest=20,
        sleep=clock.sleep,
        patient=lambda: clock.monotonic() < 600,
    )
    with pytest.raises(Transient):
        await retrying(request)
    assert 600 <= clock.monotonic() <= 620
    assert max(clock.slept) <= 20


@given(st.integers(1, 10**6))
def test_the_pause_of_a_product_grows_to_five_minutes(attempts: int) -> None:
    """It doubles from two seconds, never exceeds the longest, and is at least half of that."""
    longest = min(300, 2.0 * 2 ** min(attempts - 1, 20))
    assert longest / 2 <= product_pause(attempts) <= longest


def test_a_growing_pause_doubles() -> None:
    """From the first to the longest, counted from 1."""
    assert [growing_pause(step, 5, 60) for step in (1, 2, 3, 4, 5, 5000)] == [5, 10, 20, 40, 60, 60]
