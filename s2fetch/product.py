"""The unit of everything s2fetch does: a product as a catalogue describes it.

Values only: nothing here reads a file, a clock or a socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import msgspec

AttributeValue = str | int | float | bool
"""What a catalogue attribute may hold."""

NO_ATTRIBUTES: Mapping[str, AttributeValue] = MappingProxyType({})


class Algorithm(StrEnum):
    """A checksum algorithm s2fetch can compute."""

    MD5 = "MD5"
    BLAKE3 = "BLAKE3"


class Checksum(msgspec.Struct, frozen=True, gc=False):
    """A digest of the bytes a hub delivers for a product.

    Attributes:
        algorithm: How it was computed.
        value: Lower-case hexadecimal digest.
    """

    algorithm: Algorithm
    value: str

    def __str__(self) -> str:
        return self.algorithm + ":" + self.value


class Product(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One catalogue entry. Times are aware and in UTC.

    Attributes:
        id: The hub's identifier (a UUID on every hub known today); the key of the progress file.
        name: As published, extension included (``S2B_MSIL2A_….SAFE``). Untrusted: never a path.
        collection: Catalogue collection, e.g. ``SENTINEL-2``; empty when the hub does not say.
        size: Bytes of the whole download, or None when the catalogue lists none (0 on old rows).
        checksums: Of the whole download; empty for rows that have none (yet).
        online: Whether the hub says it can be downloaded now.
        sensing_start: Start of the acquisition.
        sensing_end: End of the acquisition.
        published: When the hub first listed it.
        modified: When the hub last changed the entry (late checksums move it).
        evicted: When a rolling copy leaves the hub; None for products that stay.
        footprint: WKT in EPSG:4326, lon lat; None for auxiliary data.
        attributes: Catalogue attributes; empty unless they were asked for.
    """

    id: str
    name: str
    collection: str = ""
    size: int | None = None
    checksums: tuple[Checksum, ...] = ()
    online: bool = True
    sensing_start: datetime | None = None
    sensing_end: datetime | None = None
    published: datetime | None = None
    modified: datetime | None = None
    evicted: datetime | None = None
    footprint: str | None = None
    attributes: Mapping[str, AttributeValue] = NO_ATTRIBUTES

    def checksum(self, algorithm: Algorithm) -> Checksum | None:
        """The listed checksum of that algorithm, or None."""
        for checksum in self.checksums:
            if checksum.algorithm is algorithm:
                return checksum
        return None

    @property
    def best_checksum(self) -> Checksum | None:
        """The one to verify against: MD5 whenever listed, else BLAKE3, else None."""
        best = None
        for checksum in self.checksums:
            if checksum.algorithm is Algorithm.MD5:
                return checksum
            best = best or checksum
        return best


def without_attributes(product: Product) -> Product:
    """The same product without its attributes, which are most of what it takes in memory."""
    if not product.attributes:
        return product
    return msgspec.structs.replace(product, attributes=NO_ATTRIBUTES)


class Proof(StrEnum):
    """What shows that a file is the product, best first.

    ``MD5`` and ``BLAKE3``: equal to the digest the catalogue lists. ``ZIP_CRC``: the catalogue
    lists no digest; the length is right where one is listed and every zip member's CRC-32 holds.
    ``MANIFEST``: as before, and the product's own manifest lists digests of its files which hold;
    of a product that lies unpacked: those of all its files.
    ``LENGTH``: only the length could be checked (not a zip, no digest listed).
    """

    MD5 = "md5"
    BLAKE3 = "blake3"
    MANIFEST = "manifest"
    ZIP_CRC = "zip-crc"
    LENGTH = "length"
