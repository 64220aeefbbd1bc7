"""Whether an answer continues the bytes we have. Pure functions over what both sides say."""

from __future__ import annotations

from s2fetch.errors import BodyCutError, BodyTooLongError, ResumeError
from s2fetch.hub.base import Validator

MOST_REFUSALS = 2
"""A host that has refused so many ranges in a row is not asked for ranges any more."""


def position_of(
    *,
    asked: int,
    status: int,
    start: int,
    total: int | None,
    validator: Validator,
    kept_total: int | None,
    kept_validator: Validator,
    product: str,
) -> int:
    """Where the first byte of an answer belongs: the position asked for, or 0 to start again.

    Appending is safe only on a partial answer that starts where we asked, of a body with the same
    length and the same validator (RFC 9110 13.1.5, 14.4, 15.3.7). A whole answer starts again.

    Args:
        asked: Position asked for; 0 when the whole product was.
        status: 200 or 206.
        start: First position of the answer.
        total: Length of the whole body as the answer has it, or None.
        validator: Version of the answer.
        kept_total: Length of the whole body when the kept bytes arrived, or None.
        kept_validator: Version of the kept bytes.
        product: Name, for the message.

    Raises:
        ResumeError: If the answer is a part that does not continue ours.
    """
    if status == 200:
        return 0
    if start != asked:
        raise ResumeError(f"asked for bytes from {asked}, got them from {start}", product=product)
    if asked and total is not None and kept_total is not None and total != kept_total:
        raise ResumeError(
            f"the product had {kept_total} bytes and has {total} now", product=product
        )
    if asked and kept_validator.contradicts(validator):
        raise ResumeError("the product has changed on the hub since", product=product)
    return asked


class RangeMemory:
    """What a host has shown about continuing bodies, for one run.

    Hubs have refused ranges, and have ignored them, in the past and for months. One refusal may be
    the product's; several in a row, with no range honoured in between, are the host's, and then
    nobody asks it again.
    """

    def __init__(self) -> None:
        self._refusals = 0

    @property
    def worth_asking(self) -> bool:
        """Whether to ask for a part of a product rather than all of it."""
        return self._refusals < MOST_REFUSALS

    def honoured(self) -> None:
        """A part came as it was asked for."""
        self._refusals = 0

    def refused(self) -> None:
        """A part was asked for, and an error or the whole product came."""
        self._refusals += 1


class ExpectedLength:
    """What length a body must have, from what the hub announces and the catalogue lists.

    A digest in the catalogue outranks the length beside it: when both lengths differ and there is a
    digest, the announced one counts and the digest decides in the end. Without a digest the listed
    length is all the proof there is.

    Args:
        announced: By this answer (``Content-Length`` or ``Content-Range``), or None.
        listed: By the catalogue, or None.
        has_digest: Whether the catalogue lists a digest.
        product: Name, for messages.

    Raises:
        BodyTooLongError, BodyCutError: At once, if the lengths differ and no digest can decide.
    """

    def __init__(
        self, announced: int | None, listed: int | None, *, has_digest: bool, product: str
    ) -> None:
        self._product = product
        if announced is not None and listed is not None and announced != listed and not has_digest:
            kind = BodyTooLongError if announced > listed else BodyCutError
            raise kind(
                f"the hub announces {announced} bytes, the catalogue lists {listed}",
                product=product,
            )
        self.total = announced if announced is not None else listed

    def check_not_longer(self, position: int) -> None:
        """Raise as soon as more has arrived than there is.

        Raises:
            BodyTooLongError: So that an endless body cannot fill the disk.
        """
        if self.total is not None and position > self.total:
            raise BodyTooLongError(
                f"more than the expected {self.total} bytes arrived", product=self._product
            )

    def check_whole(self, position: int) -> None:
        """Raise if the body ended before its length.

        Raises:
            BodyCutError: With both numbers.
        """
        if self.total is not None and position < self.total:
            raise BodyCutError(
                f"the body ended after {position} of {self.total} bytes", product=self._product
            )
