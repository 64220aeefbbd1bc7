"""The limits of a body: too slow, too fast, too much for the disk."""

from __future__ import annotations

import asyncio
from datetime import UTC
from pathlib import Path

import anyio
import pytest

from s2fetch.archive.space import SpaceGuard
from s2fetch.errors import BodyStalledError, BodyTooLongError, DiskFullError
from s2fetch.product import Product
from s2fetch.timetable import timetable
from s2fetch.transfer.bandwidth import BURST_SECONDS, Bandwidth
from s2fetch.transfer.claims import STEP_BYTES, ProductClaim
from s2fetch.transfer.stall import StallGuard
from tests.sync.clock import JumpingClock

WINDOW = 60.0


class LoopTime:
    """The time of the running event loop, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now = 1000.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self._now)

    async def move(self, seconds: float) -> None:
        """Let so much time pass, and everybody notice it."""
        self._now += seconds
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
async def loop_time(monkeypatch: pytest.MonkeyPatch) -> LoopTime:
    """The event loop's time, standing still."""
    return LoopTime(monkeypatch)


async def test_silence_ends_a_body(loop_time: LoopTime) -> None:
    """The message says how little arrived for how long."""
    guard = StallGuard(1000, WINDOW, "X.SAFE")
    with pytest.raises(BodyStalledError, match=r"X\.SAFE.*1.* kB/s.*1 min"), guard.watch():
        await loop_time.move(WINDOW + 1)


async def test_a_trickle_ends_a_body(loop_time: LoopTime) -> None:
    """Bytes that keep arriving, but too few of them, do not count as arriving."""
    guard = StallGuard(1000, WINDOW, "X.SAFE")

    async def trickle() -> None:
        with guard.watch():
            for _ in range(10):
                guard.arrived(5_999)
                await loop_time.move(WINDOW / 10 + 0.1)

    with pytest.raises(BodyStalledError):
        await trickle()


async def test_a_trickle_after_a_flood_ends_a_body(loop_time: LoopTime) -> None:
    """What came fast before buys no patience for later, and writing it down does not either."""
    guard = StallGuard(1000, WINDOW, "X.SAFE")

    async def transfer() -> None:
        with guard.watch():
            for _ in range(10):
                guard.arrived(60_000)
            for _ in range(10):
                guard.hold()
                guard.arrived(5_999)
                guard.go_on()
                await loop_time.move(WINDOW / 10 + 0.1)

    with pytest.raises(BodyStalledError):
        await transfer()


async def test_a_body_above_the_rate_may_take_as_long_as_it_likes(loop_time: LoopTime) -> None:
    """There is no limit on the whole."""
    guard = StallGuard(1000, WINDOW, "X.SAFE")
    with guard.watch():
        for _ in range(100):
            await loop_time.move(WINDOW * 0.9)
            guard.arrived(60_000)


async def test_our_own_delay_does_not_count(loop_time: LoopTime) -> None:
    """While the disk or the bandwidth limit holds us up, the hub cannot send."""
    guard = StallGuard(1000, WINDOW, "X.SAFE")
    with guard.watch():
        guard.hold()
        await loop_time.move(10 * WINDOW)
        guard.go_on()
        await loop_time.move(WINDOW - 1)


async def test_after_our_own_delay_silence_counts_again(loop_time: LoopTime) -> None:
    """Holding is not a way to never end."""
    guard = StallGuard(1000, WINDOW, "X.SAFE")

    async def silence() -> None:
        with guard.watch():
            guard.hold()
            await loop_time.move(10 * WINDOW)
            guard.go_on()
            await loop_time.move(WINDOW + 1)

    with pytest.raises(BodyStalledError):
        await silence()


@pytest.mark.parametrize(("count", "stalls"), [(1, False), (0, True)])
async def test_without_a_minimum_rate_one_byte_per_window_is_enough(
    loop_time: LoopTime, count: int, stalls: bool
) -> None:
    """Every wait has a bound."""
    guard = StallGuard(0, WINDOW, "X.SAFE")
    stalled = False
    try:
        with guard.watch():
            for _ in range(5):
                await loop_time.move(WINDOW - 1)
                guard.arrived(count)
    except BodyStalledError:
        stalled = True
    assert stalled is stalls


async def test_an_error_of_the_body_is_not_taken_for_a_stall() -> None:
    """What really happened is what is told."""
    guard = StallGuard(1000, WINDOW, "X.SAFE")
    with pytest.raises(ConnectionError), guard.watch():
        raise ConnectionError


async def test_cancellation_from_outside_is_not_taken_for_a_stall() -> None:
    """Ctrl-C ends the run and not only the body."""
    guard = StallGuard(1000, 60, "X.SAFE")
    with anyio.CancelScope() as scope, guard.watch():
        scope.cancel()
        await anyio.sleep_forever()
    assert scope.cancelled_caught


async def test_all_transfers_together_stay_below_the_bandwidth(clock: JumpingClock) -> None:
    """Three transfers that pay for 3 MB at 1 MB/s take three seconds, less the saved-up moment."""
    bandwidth = Bandwidth(1_000_000, clock=clock)
    begin = clock.monotonic()

    async def transfer() -> None:
        for _ in range(10):
            await bandwidth.pay(100_000)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(transfer)
    assert 3 - BURST_SECONDS - 0.001 <= clock.monotonic() - begin <= 3.001


async def test_a_pause_is_not_followed_by_a_flood(clock: JumpingClock) -> None:
    """No more than a moment's allowance is saved up."""
    bandwidth = Bandwidth(1000, clock=clock)
    await clock.sleep(3600)
    begin = clock.monotonic()
    await bandwidth.pay(2000)
    assert clock.monotonic() - begin >= 2 - BURST_SECONDS


async def test_without_a_limit_nobody_waits(clock: JumpingClock) -> None:
    """Not even for a moment."""
    before = clock.monotonic()
    await Bandwidth(None, clock=clock).pay(10**15)
    assert clock.monotonic() == before


def claim_of(size: int | None, free: int, reserve: int = 0) -> tuple[ProductClaim, SpaceGuard]:
    guard = SpaceGuard(Path("/"), reserve, free=lambda _: free)
    return ProductClaim(guard, Product(id="x", name="X.SAFE", size=size)), guard


def claimed(guard: SpaceGuard) -> int:
    return sum(claim.left_bytes for claim in guard.claims)


def test_what_is_there_already_is_not_claimed_again() -> None:
    """Only the bytes that are still to come need space."""
    claim, guard = claim_of(1000, free=400)
    claim.begin(600)
    assert claimed(guard) == 400
    claim.arrived(300)
    assert claimed(guard) == 100
    claim.release()
    claim.release()
    assert claimed(guard) == 0
    claim.begin(1200)
    assert claimed(guard) == 0


def test_a_product_that_does_not_fit_is_not_begun() -> None:
    """Beside the reserve there has to be room for all of it."""
    claim, _ = claim_of(1000, free=1999, reserve=1000)
    with pytest.raises(DiskFullError):
        claim.begin(0)


def test_a_length_only_the_hub_knows_respects_the_reserve() -> None:
    """A catalogue without lengths does not make the disk any larger."""
    claim, _ = claim_of(None, free=2000, reserve=1000)
    claim.begin(0)
    claim.correct(1000, 0)
    with pytest.raises(DiskFullError):
        claim.correct(1001, 0)


def test_an_absurd_announcement_is_the_products_fault() -> None:
    """A hub that announces more than listed, and more than fits, does not end the run."""
    claim, _ = claim_of(1000, free=5000)
    claim.begin(0)
    with pytest.raises(BodyTooLongError, match="announces 6000 bytes"):
        claim.correct(6000, 0)


def test_a_body_that_begins_anew_needs_space_for_all_of_it() -> None:
    """Its old bytes are gone, and what they took can be claimed by others; the disk is to blame."""
    claim, guard = claim_of(1000, free=1500, reserve=500)
    claim.begin(600)
    claim.correct(1000, 600)
    assert claimed(guard) == 400
    claim.correct(1001, 600)
    assert claimed(guard) == 401
    claim.correct(1000, 0)
    assert claimed(guard) == 1000
    claim.begin(600)
    other = guard.claim(600)
    with pytest.raises(DiskFullError):
        claim.correct(1000, 0)
    other.release()


def test_a_body_without_any_length_claims_as_it_grows() -> None:
    """It is stopped before the reserve is used up."""
    claim, guard = claim_of(None, free=STEP_BYTES + 10, reserve=5)
    claim.begin(0)
    claim.correct(None, 0)
    assert claim.needs_more(5)
    claim.grow(5)
    assert not claim.needs_more(5)
    claim.arrived(STEP_BYTES)
    assert claim.needs_more(6)
    with pytest.raises(DiskFullError):
        claim.grow(6)
    assert claimed(guard) == 0


async def test_the_bandwidth_follows_its_timetable_while_somebody_waits(
    clock: JumpingClock,
) -> None:
    """At noon UTC 1 kB/s, from one o'clock on ten times that: nobody has to begin anew."""
    table = timetable({"12:00-13:00": 1000.0}, otherwise=10_000.0, zone=UTC)
    bandwidth = Bandwidth(table, clock=clock)
    await bandwidth.pay(3_600_000)
    assert 3600 - BURST_SECONDS - 1 <= clock.monotonic() <= 3601
    begin = clock.monotonic()
    await bandwidth.pay(100_000)
    assert clock.monotonic() - begin <= 10.001
    assert bandwidth.rate == 10_000


async def test_a_timetable_may_lift_the_limit_and_set_it_again(clock: JumpingClock) -> None:
    """What was owed when the limit was lifted is forgiven."""
    table = timetable({"12:00-12:01": 1.0, "12:02-12:03": 1000.0}, zone=UTC)
    bandwidth = Bandwidth(table, clock=clock)
    await bandwidth.pay(1000)
    assert 59 <= clock.monotonic() <= 61
    begin = clock.monotonic()
    await bandwidth.pay(10**12)
    assert clock.monotonic() == begin
    await clock.sleep(120 - clock.monotonic())
    await bandwidth.pay(5000)
    assert 124 <= clock.monotonic() <= 126
    assert bandwidth.rate == 1000
    await clock.sleep(60)
    assert bandwidth.rate is None
