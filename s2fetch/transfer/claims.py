"""Disk space for one product while it arrives: claimed as listed, corrected as announced."""

from __future__ import annotations

from s2fetch.archive.space import Claim, SpaceGuard
from s2fetch.errors import BodyTooLongError, DiskFullError
from s2fetch.product import Product

STEP_BYTES = 64 << 20
"""A body of unknown length claims its space in steps of this size."""


class ProductClaim:
    """What one product is still going to write. Its methods may block, except `arrived`.

    Args:
        space: The archive's free space.
        product: The product.
    """

    def __init__(self, space: SpaceGuard, product: Product) -> None:
        self._space = space
        self._product = product
        self._claim: Claim | None = None
        self._grows = False

    def begin(self, position: int) -> None:
        """Claim what the catalogue lists, apart from the bytes that are there.

        Raises:
            DiskFullError: If that would not leave the reserve.
        """
        self._renew((self._product.size or 0) - position)

    def correct(self, total: int | None, position: int) -> None:
        """Claim for the length the hub announces, which may not be the listed one.

        Also for bytes that were there when it was claimed, should the hub have begun anew.

        Args:
            total: Length of the whole product; None when neither hub nor catalogue tells.
            position: Bytes that are there.

        Raises:
            BodyTooLongError: If only the announced length does not fit: that one product is to
                blame then, and not the disk.
            DiskFullError: If the disk is too full.
        """
        self._grows = total is None
        claimed = self._claim.left_bytes if self._claim is not None else 0
        if total is None or total - position <= claimed:
            return
        try:
            self._renew(total - position)
        except DiskFullError as error:
            if self._product.size is None or total <= self._product.size:
                raise
            raise BodyTooLongError(
                f"the hub announces {total} bytes, which do not fit on the disk; the catalogue "
                f"lists {self._product.size}",
                product=self._product.name,
            ) from error

    def needs_more(self, count: int) -> bool:
        """Whether `grow` has to be called before so many more bytes are written."""
        return self._grows and self._claim is not None and self._claim.left_bytes < count

    def grow(self, count: int) -> None:
        """Claim the next step of a body of unknown length.

        Raises:
            DiskFullError: If that would not leave the reserve.
        """
        self._renew(count + STEP_BYTES)

    def arrived(self, count: int) -> None:
        """Bytes are on their way to the disk and need no claim any more."""
        if self._claim is not None:
            self._claim.shrink(count)

    def release(self) -> None:
        """Give back what is left; may be called twice."""
        if self._claim is not None:
            self._claim.release()

    def _renew(self, size_bytes: int) -> None:
        self.release()
        self._claim = self._space.claim(max(0, size_bytes))
