"""Small products: whole in memory when they have come, and written several with one thread hop.

Opening, writing and hashing a file of 100 kB costs less than handing it to a thread and back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from s2fetch.archive.part import SMALL_BYTES, PartFile
from s2fetch.archive.proof import Hasher
from s2fetch.digest.md5 import Md5
from s2fetch.errors import ArchiveInUseError, ProductError
from s2fetch.product import Product
from s2fetch.transfer.claims import ProductClaim


def is_small(product: Product) -> bool:
    """Whether a product is not worth resuming, and needs nothing but its digest to be proven."""
    small = product.size is not None and product.size <= SMALL_BYTES
    return small and product.best_checksum is not None


class Landing:
    """What puts one small product into its part file.

    Args:
        part: The part file, not open yet.
        opening: Opens it.
        claim: Space on its disk.
        content: The whole product.

    Attributes:
        problem: Why it could not be put there, if that concerns this product only.
    """

    def __init__(
        self,
        part: PartFile,
        opening: Callable[[], None],
        claim: ProductClaim,
        content: bytearray,
    ) -> None:
        self.problem: ProductError | ArchiveInUseError | None = None
        self._part = part
        self._opening = opening
        self._claim = claim
        self._content = content
        self._written = False

    @property
    def size_bytes(self) -> int:
        """Of the product."""
        return len(self._content)

    @property
    def is_over(self) -> bool:
        """Whether it is there, or cannot be put there."""
        return self._written or self.problem is not None

    def write(self, hashing: PairedHashing) -> None:
        """Write it, unless that was done; blocks. May be called again after an ArchiveError.

        Raises:
            DiskFullError: If there is no room for it.
            ArchiveError: If the disk refuses it for another reason.
        """
        if self.is_over:
            return
        try:
            if not self._part.is_open:
                self._opening()
        except (ProductError, ArchiveInUseError) as error:
            self.problem = error
            return
        try:
            self._claim.begin(0)
            content = memoryview(self._content)
            self._part.write(content)
            self._written = True
            self._part.digest(content, hashing.take)
        finally:
            self._claim.release()


def land(landings: Iterable[Landing]) -> None:
    """Write and hash small products; blocks. May be called again with the same ones.

    Raises:
        ArchiveError: As `Landing.write`; those before it have landed.
    """
    hashing = PairedHashing()
    try:
        for landing in landings:
            landing.write(hashing)
    finally:
        hashing.finish()


class PairedHashing:
    """Takes blocks into their digests by twos, which costs hardly more than one (see `digest`)."""

    def __init__(self) -> None:
        self._waiting: tuple[Md5, memoryview] | None = None

    def take(self, hasher: Hasher, block: memoryview) -> None:
        """Take one in, now or together with the next."""
        if not isinstance(hasher, Md5):
            hasher.update(block)
        elif self._waiting is None:
            self._waiting = hasher, block
        else:
            other, others_block = self._waiting
            self._waiting = None
            hasher.update_both(block, other, others_block)

    def finish(self) -> None:
        """Take in what still waits."""
        if self._waiting is not None:
            hasher, block = self._waiting
            self._waiting = None
            hasher.update(block)
