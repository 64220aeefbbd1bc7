"""Blocks of several transfers that meet on their way into their digests."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from s2fetch.archive.proof import Hasher
from s2fetch.digest.md5 import Md5
from s2fetch.product import Algorithm
from s2fetch.transfer.hashing import Hashing, Turn

SECONDS = 30.0
"""Bound of every wait; none of them is a measurement."""
BLOCKS = [hashlib.shake_128(bytes([number])).digest(4096) for number in range(4)]


class Counting(Md5):
    """Counts how often it was taken on together with another."""

    pairs = 0

    def update_both(self, data: memoryview, other: Md5, others_data: memoryview) -> None:
        """As in `Md5`."""
        super().update_both(data, other, others_data)
        type(self).pairs += 1


@pytest.fixture
def hasher_type() -> Iterator[type[Counting]]:
    """Digests that count, as far as there are compiled ones."""
    if Md5.if_compiled() is None:
        pytest.skip("installed without a C compiler")
    yield Counting
    Counting.pairs = 0


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Enough for every block of a test."""
    with ThreadPoolExecutor(4) as executor:
        yield executor


def view(data: bytes) -> memoryview:
    return memoryview(bytearray(data))


def new(kind: type[Counting]) -> Counting:
    made = kind.if_compiled()
    assert isinstance(made, Counting)
    return made


def is_waiting(hashing: Hashing, turn: Turn) -> bool:
    """True once its thread is there; ends the test should it never be."""
    bound = threading.Event()
    for _ in range(int(SECONDS * 1000)):
        if turn in hashing.waiting:
            return True
        bound.wait(0.001)
    return False


def take(executor: ThreadPoolExecutor, turn: Turn, hasher: Hasher, data: bytes) -> Future[None]:
    return executor.submit(turn.take, hasher, view(data))


def test_two_blocks_that_are_expected_are_hashed_together(
    threads: ThreadPoolExecutor, hasher_type: type[Counting]
) -> None:
    """Even when the first one's own transfer is in a hurry: the other is certain to come."""
    hashing = Hashing()
    one, other = new(hasher_type), new(hasher_type)
    first, second = Turn(hashing), Turn(hashing)
    done = take(threads, first, one, BLOCKS[0])
    assert is_waiting(hashing, first)
    first.hurry()
    assert not done.done()
    take(threads, second, other, BLOCKS[1]).result(SECONDS)
    done.result(SECONDS)
    assert hasher_type.pairs == 1
    assert one.hexdigest() == hashlib.md5(BLOCKS[0]).hexdigest()
    assert other.hexdigest() == hashlib.md5(BLOCKS[1]).hexdigest()


def test_a_block_waits_for_another_transfer_until_its_own_wants_it_back(
    threads: ThreadPoolExecutor, hasher_type: type[Counting]
) -> None:
    """Nobody else has a block yet, but somebody may soon."""
    hashing = Hashing()
    hashing.begin_transfer()
    hashing.begin_transfer()
    one = new(hasher_type)
    turn = Turn(hashing)
    done = take(threads, turn, one, BLOCKS[0])
    assert is_waiting(hashing, turn)
    assert not done.done()
    turn.hurry()
    done.result(SECONDS)
    assert hasher_type.pairs == 0
    assert one.hexdigest() == hashlib.md5(BLOCKS[0]).hexdigest()


@pytest.mark.parametrize("transfers", [0, 1])
def test_a_single_transfer_waits_for_nobody(
    threads: ThreadPoolExecutor, hasher_type: type[Counting], transfers: int
) -> None:
    """There is nobody who could come."""
    hashing = Hashing()
    for _ in range(transfers):
        hashing.begin_transfer()
    hashing.begin_transfer()
    hashing.end_transfer()
    one = new(hasher_type)
    take(threads, Turn(hashing), one, BLOCKS[0]).result(SECONDS)
    assert one.hexdigest() == hashlib.md5(BLOCKS[0]).hexdigest()


def test_a_block_that_is_never_hashed_keeps_nobody_waiting(
    threads: ThreadPoolExecutor, hasher_type: type[Counting]
) -> None:
    """Its write failed; the other goes on alone."""
    hashing = Hashing()
    one = new(hasher_type)
    first, second = Turn(hashing), Turn(hashing)
    done = take(threads, first, one, BLOCKS[0])
    assert is_waiting(hashing, first)
    first.hurry()
    second.end()
    second.end()
    done.result(SECONDS)
    assert one.hexdigest() == hashlib.md5(BLOCKS[0]).hexdigest()


def test_hurrying_before_the_thread_is_there_counts(
    threads: ThreadPoolExecutor, hasher_type: type[Counting]
) -> None:
    """A short last block is waited for at once, before anybody has begun with it."""
    hashing = Hashing()
    hashing.begin_transfer()
    hashing.begin_transfer()
    turn = Turn(hashing)
    turn.hurry()
    one = new(hasher_type)
    take(threads, turn, one, BLOCKS[0]).result(SECONDS)
    assert one.hexdigest() == hashlib.md5(BLOCKS[0]).hexdigest()


def test_digests_of_other_kinds_wait_for_nobody(threads: ThreadPoolExecutor) -> None:
    """BLAKE3, and MD5 where there is no compiled one."""
    hashing = Hashing()
    hashing.begin_transfer()
    hashing.begin_transfer()
    for hasher in (hashing.new_hasher(Algorithm.BLAKE3), hashlib.md5()):
        take(threads, Turn(hashing), hasher, BLOCKS[0]).result(SECONDS)
        assert hasher.hexdigest() != ""


def test_many_transfers_of_many_blocks_all_get_their_digests(threads: ThreadPoolExecutor) -> None:
    """In whatever order they meet, with and without hurry."""
    hashing = Hashing()
    data = [hashlib.shake_128(bytes([9, number])).digest(64 * 1024) for number in range(4)]

    def transfer(number: int) -> str:
        hashing.begin_transfer()
        hasher = hashing.new_hasher(Algorithm.MD5)
        try:
            for start in range(0, len(data[number]), 1024):
                turn = Turn(hashing)
                if (start // 1024) % (number + 1) == 0:
                    turn.hurry()
                else:
                    threading.Timer(0.001, turn.hurry).start()
                turn.take(hasher, view(data[number][start : start + 1024]))
                turn.end()
        finally:
            hashing.end_transfer()
        return hasher.hexdigest()

    digests = list(threads.map(transfer, range(4), timeout=SECONDS))
    assert digests == [hashlib.md5(piece).hexdigest() for piece in data]
