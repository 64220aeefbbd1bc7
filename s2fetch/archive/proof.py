"""Proves that a file is the product the catalogue lists, as well as the catalogue allows."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
from blake3 import blake3

from s2fetch.archive import contents
from s2fetch.archive.durable import translating
from s2fetch.archive.formats import HEAD_BYTES, Format, error_page, recognise
from s2fetch.errors import (
    BodyCutError,
    BodyTooLongError,
    ChecksumMismatchError,
    NotAProductError,
)
from s2fetch.product import Algorithm, Checksum, Product, Proof

BLOCK_BYTES = 1 << 20
"""Files are read in blocks of this size."""

Tick = Callable[[int], None]
"""Told the bytes of every block that was read; may raise to stop."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a file, or a folder, that is the product.

    Attributes:
        size: Bytes of the file, or of all files of an unpacked product.
        checksum: Of the whole file: MD5, or BLAKE3 when the catalogue lists only that. Of an
            unpacked product: BLAKE3 of its manifest.
        proof: What shows that it is the product.
    """

    size: int
    checksum: Checksum
    proof: Proof


class Hasher(Protocol):
    """A digest in the making."""

    def update(self, data: memoryview, /) -> object:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """Of everything taken in so far, lower case."""


def new_hasher(algorithm: Algorithm) -> Hasher:
    """A digest of nothing yet."""
    if algorithm is Algorithm.MD5:
        return hashlib.md5(usedforsecurity=False)
    return blake3()


def wanted_algorithm(product: Product) -> Algorithm:
    """The digest to compute over the product's bytes: MD5 unless only BLAKE3 is listed."""
    best = product.best_checksum
    return best.algorithm if best else Algorithm.MD5


def no_tick(size_bytes: int) -> None:
    """For those who do not want to know."""


def feed_file(
    hasher: Hasher,
    path: Path,
    start: int = 0,
    stop: int | None = None,
    tick: Tick = no_tick,
    *,
    from_disk: bool = False,
) -> int:
    """Take the file's bytes from ``start`` up to ``stop`` (its end when None) into a digest.

    Args:
        hasher: The digest.
        path: The file.
        start: Position of the first byte.
        stop: Position behind the last byte.
        tick: Told the bytes of every block read.
        from_disk: Whether to read what is on the disk and not what is in memory of it, and to leave
            nothing in memory that others had no use for (posix_fadvise(2)).

    Returns:
        How many bytes there were; fewer than asked for when the file is shorter.

    Raises:
        ArchiveError: The file cannot be read.
    """
    buffer = bytearray(BLOCK_BYTES)
    view = memoryview(buffer)
    taken = 0
    with translating(path), path.open("rb", buffering=0) as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), start, 0, os.POSIX_FADV_SEQUENTIAL)
        else:
            from_disk = False
        if from_disk:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.seek(start)
        while stop is None or start + taken < stop:
            wanted = BLOCK_BYTES if stop is None else min(BLOCK_BYTES, stop - start - taken)
            got = file.readinto(view[:wanted])
            if not got:
                break
            hasher.update(view[:got])
            taken += got
            if from_disk:
                os.posix_fadvise(file.fileno(), 0, start + taken, os.POSIX_FADV_DONTNEED)
            tick(got)
    return taken


def digest(
    path: Path,
    algorithm: Algorithm,
    start: int = 0,
    stop: int | None = None,
    tick: Tick = no_tick,
    *,
    from_disk: bool = False,
) -> Checksum:
    """The digest of a file, or of its bytes from ``start`` up to ``stop``; see `feed_file`.

    Raises:
        ArchiveError: The file cannot be read.
    """
    hasher = new_hasher(algorithm)
    feed_file(hasher, path, start, stop, tick, from_disk=from_disk)
    return Checksum(algorithm, hasher.hexdigest())


def prove(path: Path, product: Product, *, tick: Tick = no_tick) -> Evidence:
    """Show that the file is the product, by the best proof the catalogue allows.

    Args:
        path: The file, under whatever name.
        product: What it should be.
        tick: Told the bytes of every block read.

    Raises:
        BodyCutError: It is shorter than listed.
        BodyTooLongError: It is longer than listed.
        ChecksumMismatchError: It has another digest than listed.
        NotAProductError: It is an error page, no valid zip, or a zip that lacks files.
        ArchiveError: It cannot be read.
    """
    if product.best_checksum is None:
        return prove_unlisted(path, product, tick=tick)
    size = check_size(path, product)
    computed = digest(path, wanted_algorithm(product), tick=tick)
    return Evidence(size=size, checksum=computed, proof=check_digest(computed, product))


def prove_unlisted(
    path: Path, product: Product, *, computed: Checksum | None = None, tick: Tick = no_tick
) -> Evidence:
    """As `prove`, when the catalogue lists no digest: by length, zip CRCs and the manifest.

    Args:
        path: The file, under whatever name.
        product: What it should be.
        computed: Digest of the whole file, if it is known already; else the file is read twice.
        tick: Told the bytes of every block read.

    Raises:
        As `prove`.
    """
    size = check_size(path, product)
    with translating(path), path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    reason = error_page(product.name, head, "")
    if reason:
        raise NotAProductError(
            f"the file is no product, {reason}",
            product=product.name,
            did="It was not taken into the archive",
            advice="It is fetched again; should this last, tell the operator of the hub",
        )
    proof = Proof.LENGTH
    if recognise(product.name, head) is Format.ZIP:
        with translating(path):
            known = product.size is not None and product.size > 0
            proof = contents.check_zip(path, product.name, tick, length_known=known)
    if computed is None:
        computed = digest(path, Algorithm.MD5, tick=tick)
    return Evidence(size=size, checksum=computed, proof=proof)


def check_size(path: Path, product: Product) -> int:
    """The file's size, which is the listed one if one is listed.

    Raises:
        BodyCutError: It is shorter than listed.
        BodyTooLongError: It is longer than listed.
        ArchiveError: There is no such file, or it cannot be read.
    """
    with translating(path):
        size = path.stat().st_size
    listed = product.size or size
    if size == listed:
        return size
    kind = BodyCutError if size < listed else BodyTooLongError
    raise kind(
        f"the file has {size} bytes, the catalogue lists {listed}",
        product=product.name,
        did="It was not taken into the archive",
        advice="It is fetched again",
    )


def check_digest(computed: Checksum, product: Product) -> Proof:
    """The proof a digest gives that equals the one listed for its algorithm.

    Raises:
        ChecksumMismatchError: It does not equal it.
    """
    listed = product.checksum(computed.algorithm)
    if listed is None or listed.value.lower() != computed.value:
        raise ChecksumMismatchError(
            f"the bytes have {computed}, the catalogue lists {listed or 'no such digest'}",
            product=product.name,
            did="They were not taken into the archive",
            advice="The product is fetched again; if the same bytes come again, tell the operator "
            "of the hub that its listing may be wrong",
        )
    return Proof.MD5 if computed.algorithm is Algorithm.MD5 else Proof.BLAKE3
