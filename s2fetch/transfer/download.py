"""One attempt at one product: from a slot of an account to bytes in a part file, judged."""

from __future__ import annotations

import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import anyio
import msgspec

from s2fetch.account.account import Account
from s2fetch.archive.archive import Archive
from s2fetch.archive.part import PartFile
from s2fetch.archive.sidecar import Sidecar
from s2fetch.clock import Clock
from s2fetch.config.values import Resume, TransferConfig
from s2fetch.errors import (
    ArchiveError,
    BodyTooLongError,
    DiskFullError,
    FileTooLargeError,
    HubAnswerError,
    NotAProductError,
    PartFileError,
    ProductTooLargeError,
    ResumeError,
    TokenRefusedError,
)
from s2fetch.events import EventBus
from s2fetch.hub.base import Hub, Validator
from s2fetch.product import Checksum, Product
from s2fetch.threads import stop_if_cancelled
from s2fetch.transfer.bandwidth import Bandwidth
from s2fetch.transfer.claims import ProductClaim
from s2fetch.transfer.hashing import Hashing
from s2fetch.transfer.landing import Landing, is_small
from s2fetch.transfer.reception import Means, Reception
from s2fetch.transfer.resume import RangeMemory, position_of
from s2fetch.transfer.write_behind import THREADS, Blocks

NEW_TOKEN_SECONDS = 60.0
"""A token that is refused later than this after it was sent may have run out on the way."""
PARTS_LOOKED_THROUGH = 100
"""Part files that are remembered, on top of twice the open ones, before closed ones are dropped."""

_USELESS = (ResumeError, NotAProductError, BodyTooLongError, FileTooLargeError)
"""After these, what is there of a product cannot be gone on with."""


class Arrived(msgspec.Struct, frozen=True):
    """All bytes of a product, neither proven nor under their final name.

    Attributes:
        product: The product.
        part: Where the bytes are, or will be when they have landed; open and locked from then on.
        landing: Puts a small product there, from memory; None when it is there.
        suffix: What the file's name gets after the product's.
        account: Through whose slot they came.
        received: Bytes that came over the network in this attempt.
        seconds: From the request to the last byte.
        from_zero: Whether all of them came in this attempt.
    """

    product: Product
    part: PartFile
    landing: Landing | None
    suffix: str
    account: str
    received: int
    seconds: float
    from_zero: bool

    @property
    def checksum(self) -> Checksum:
        """Computed over all bytes, once they have landed."""
        return self.part.checksum()


class Downloader:
    """Makes attempts. One for all products of a run.

    Args:
        hub: Where products come from.
        archive: Where they go.
        settings: Limits, and whether to resume.
        transfers: How many there are at a time.
        bandwidth: A limit shared with others; None for the settings' own.
        clock: Where the time comes from.
        events: Who is told.
    """

    def __init__(
        self,
        hub: Hub,
        archive: Archive,
        settings: TransferConfig,
        *,
        transfers: int,
        bandwidth: Bandwidth | None = None,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self._hub = hub
        self._archive = archive
        self._means = Means(
            settings=settings,
            bandwidth=bandwidth or Bandwidth(settings.timetable or settings.bandwidth, clock=clock),
            blocks=Blocks(),
            hashing=Hashing(),
            executor=ThreadPoolExecutor(THREADS * transfers, thread_name_prefix="s2fetch-write"),
            clock=clock,
            events=events,
        )
        self._ranges = RangeMemory()
        self._parts: list[PartFile] = []
        self._parts_lock = threading.Lock()
        self._most_parts = PARTS_LOOKED_THROUGH
        self._had_space = False
        self._looking = anyio.Lock()

    def close(self) -> None:
        """End the writing threads and let go of every part file; blocks. Transfers have ended."""
        self._means.executor.shutdown(wait=True)
        for part in self._parts:
            part.close(remove_if_useless=True)

    async def attempt(self, product: Product, account: Account, number: int) -> Arrived:
        """Try once to get a product. Should it fail, the next attempt goes on with the part file.

        Args:
            product: The product.
            account: Through whose slot.
            number: Which attempt it is, from 1.

        Raises:
            HubBusyError: If the hub asked us to wait; this was no attempt.
            ProductError: For everything that concerns this product only.
            ArchiveError: If the disk is the problem.
            AccountError, HubError: If nothing more can be had.
        """
        hasher = self._means.hashing.new_hasher
        part = PartFile(self._archive.folder_of(product), product, hasher)
        claim = ProductClaim(self._archive.space, product)
        opening = partial(self._open, part, product) if is_small(product) else None
        try:
            if opening is None:
                await anyio.to_thread.run_sync(self._resume, part, product, claim)
            elif not self._had_space:
                await self._look_for_space(claim)
            reception: Reception | None = None
            while reception is None:
                await self._hub.wait_until_ready(account.name)
                async with account.slots.slot() as slot:
                    # Getting a slot can take hours, and the hub may want us to wait since.
                    if not self._hub.is_paused(account.name):
                        started = self._means.clock.monotonic()
                        reception = Reception(
                            product=product,
                            part=part,
                            opening=opening,
                            account=account.name,
                            slot=slot,
                            attempt=number,
                            claim=claim,
                            meter=account.meter,
                            means=self._means,
                        )
                        await self._receive(reception, account)
            await reception.finish()
            return _arrived(reception, self._means.clock.monotonic() - started)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_give_up, part, isinstance(error, _USELESS))
            if isinstance(error, FileTooLargeError):
                raise ProductTooLargeError(
                    error.what,
                    product=product.name,
                    did="What came of it was removed, the other products go on",
                    advice=error.advice,
                ) from error
            raise
        finally:
            claim.release()

    async def _look_for_space(self, claim: ProductClaim) -> None:
        """Once a run, before its first small product: they claim their space when they have come.

        On a disk that is full from the beginning, every run would fetch the same ones in vain.
        """
        async with self._looking:
            if not self._had_space:
                await anyio.to_thread.run_sync(claim.begin, 0)
                claim.release()
                self._had_space = True

    def _resume(self, part: PartFile, product: Product, claim: ProductClaim) -> None:
        """Open a part file, ready to go on from what is there, if that can be used."""
        wanted = self._means.settings.resume is Resume.AUTO and self._ranges.worth_asking
        self._open(part, product, resume=wanted)
        claim.begin(part.position)

    def _open(self, part: PartFile, product: Product, *, resume: bool = False) -> None:
        """Open a part file; from a worker thread.

        Raises:
            PartFileError: If it is in the way itself.
            ArchiveInUseError: If another process writes to it.
            ArchiveError: If the disk is the problem.
        """
        self._archive.make_folder(part.folder)
        try:
            if resume or not part.create():
                part.open()
                part.begin(part.resumable if resume else 0, stop_if_cancelled)
        except ArchiveError as error:
            if isinstance(error, DiskFullError) or not _is_alone(part.path):
                raise
            raise PartFileError(
                error.what,
                product=product.name,
                did="The other products go on",
                advice=f"Remove {part.path}, or give it back to the user who runs s2fetch",
            ) from error
        finally:
            if part.is_open:
                self._remember(part)

    def _remember(self, part: PartFile) -> None:
        """Whoever gets a part file closes it; what a cancellation leaves open, `close` does."""
        with self._parts_lock:
            self._parts.append(part)
            if len(self._parts) >= self._most_parts:
                self._parts = [each for each in self._parts if each.is_open]
                self._most_parts = PARTS_LOOKED_THROUGH + 2 * len(self._parts)

    async def _receive(self, reception: Reception, account: Account) -> None:
        """Ask for the body and read it.

        A token that is refused, or is old when the hub fails over it, is renewed once, and a range
        that cannot be had is answered by asking for the whole product; none costs an attempt.
        """
        part = reception.part
        renewed = False
        while True:
            token = await account.tokens.get()
            asked = self._means.clock.monotonic()
            try:
                await self._read(reception, account.name, token)
                return
            except TokenRefusedError:
                account.tokens.refuse(token)
                was_new = self._means.clock.monotonic() - asked < NEW_TOKEN_SECONDS
                if renewed and was_new:
                    raise
                renewed = True
            except HubAnswerError as error:
                if renewed or error.status != 500 or not account.tokens.doubt(token):
                    raise
                renewed = True
            except ResumeError:
                if not part.position:
                    raise
                await anyio.to_thread.run_sync(part.discard)

    async def _read(self, reception: Reception, account: str, token: str) -> None:
        part, product = reception.part, reception.product
        asked = part.position
        kept = part.sidecar or Sidecar(id=product.id, name=product.name)
        validator = Validator(kept.etag, kept.last_modified)
        answered = False
        try:
            async with self._hub.open(
                product, offset=asked, validator=validator, token=token, account=account
            ) as body:
                answered = True
                position = position_of(
                    asked=asked,
                    status=body.status,
                    start=body.start,
                    total=body.total,
                    validator=body.validator,
                    kept_total=kept.total,
                    kept_validator=validator,
                    product=product.name,
                )
                if asked and position:
                    self._ranges.honoured()
                elif asked and not validator.contradicts(body.validator):
                    self._ranges.refused()
                if position != asked:
                    await anyio.to_thread.run_sync(part.discard)
                # A part may come without the length of the whole, which is known by then.
                total = kept.total if position and body.total is None else body.total
                await reception.read(body, total)
        except ResumeError:
            if asked and not answered:
                self._ranges.refused()
            raise
        except BaseException:
            await reception.abandon()
            raise


def _is_alone(path: Path) -> bool:
    """Whether it is this file that is in the way, and not its folder or the disk."""
    return os.path.lexists(path) and os.access(path.parent, os.W_OK | os.X_OK)


def _arrived(reception: Reception, seconds: float) -> Arrived:
    return Arrived(
        product=reception.product,
        part=reception.part,
        landing=reception.landing,
        suffix=reception.suffix,
        account=reception.account,
        received=reception.received,
        seconds=seconds,
        from_zero=reception.from_zero,
    )


def _give_up(part: PartFile, useless: bool) -> None:
    """Leave a part file that can be resumed, or none if its bytes are of no use."""
    # The error that ended the attempt is the one to report.
    with contextlib.suppress(ArchiveError):
        if part.is_open and useless:
            part.discard()
        elif part.is_open:
            part.checkpoint()
    part.close(remove_if_useless=True)
