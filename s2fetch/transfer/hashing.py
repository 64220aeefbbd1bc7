"""Hashing of blocks as they arrive: of two transfers together, where that can be had.

A thread with a block to hash waits for the block of another transfer, because two together cost
hardly more than one. It waits while another is known to come, and otherwise until its own transfer
wants the memory back (`Turn.hurry`), so that no download is slower than the network for it.
"""

from __future__ import annotations

import threading
from collections import deque

from s2fetch.archive.proof import Hasher, new_hasher
from s2fetch.digest.md5 import Md5
from s2fetch.product import Algorithm


class Turn:
    """One block that is to be hashed. Made when it is handed over; `end` it in any case.

    Args:
        hashing: What all transfers share.
    """

    def __init__(self, hashing: Hashing) -> None:
        self._hashing = hashing
        self.hurried = False
        self.hasher: Md5
        self.block: memoryview
        self._settled = threading.Event()
        self._hashed = False
        self._expected = True
        hashing.expect()

    def take(self, hasher: Hasher, block: memoryview) -> None:
        """Hash the block. Blocks until that is done, and must not be called on the event loop."""
        if not isinstance(hasher, Md5):
            self.end()
            hasher.update(block)
            return
        self.hasher, self.block = hasher, block
        self._expected = False
        other = self._hashing.meet(self)
        if other is None:
            hasher.update(block)
        elif other is not self:
            hasher.update_both(block, other.hasher, other.block)
            other.settle(hashed=True)
        else:
            self._settled.wait()
            if not self._hashed:
                hasher.update(block)

    def end(self) -> None:
        """Nobody has to expect it any more, hashed or not; may be called twice."""
        if self._expected:
            self._expected = False
            self._hashing.not_coming()

    def hurry(self) -> None:
        """Wait only for what is known to come. May be called at any time; does not block."""
        self._hashing.hurry(self)

    def settle(self, *, hashed: bool) -> None:
        """Let `take` go on; called by whoever took this out of those that wait."""
        self._hashed = hashed
        self._settled.set()


class Hashing:
    """What all transfers of a run share; for threads and the event loop alike.

    Attributes:
        waiting: Blocks whose threads wait for another, oldest first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # never held for longer than a few assignments
        self.waiting: deque[Turn] = deque()
        self._transfers = 0
        self._coming = 0

    def new_hasher(self, algorithm: Algorithm) -> Hasher:
        """A digest of nothing yet, which can be taken on together with others if possible."""
        pairing = Md5.if_compiled() if algorithm is Algorithm.MD5 else None
        return new_hasher(algorithm) if pairing is None else pairing

    def begin_transfer(self) -> None:
        """From now on there is one more whose blocks others may wait for."""
        with self._lock:
            self._transfers += 1

    def end_transfer(self) -> None:
        """It has no more blocks."""
        with self._lock:
            self._transfers -= 1

    def expect(self) -> None:
        """A block is going to be hashed."""
        with self._lock:
            self._coming += 1

    def not_coming(self) -> None:
        """A block that was expected is not going to be hashed with another."""
        with self._lock:
            self._coming -= 1
            self._release_hurried()

    def meet(self, turn: Turn) -> Turn | None:
        """What an expected block is to do now.

        Returns:
            Another that waited, to be hashed with it; None when it goes alone; itself when it has
            to wait.
        """
        with self._lock:
            self._coming -= 1
            if self.waiting:
                return self.waiting.popleft()
            if not self._coming and (turn.hurried or self._transfers < 2):
                return None
            self.waiting.append(turn)
            return turn

    def hurry(self, turn: Turn) -> None:
        """Have it wait no longer than for what is coming."""
        with self._lock:
            turn.hurried = True
            self._release_hurried()

    def _release_hurried(self) -> None:
        if self.waiting and not self._coming and self.waiting[0].hurried:
            self.waiting.popleft().settle(hashed=False)
