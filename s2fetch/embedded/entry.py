"""One row of the embedded hub's catalogue, and time as the catalogue writes it.

Times are kept the way they are sent: UTC, six fractional digits, ``Z``. In that form comparing two
times is comparing two strings.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

AttributeType = Literal["String", "Integer", "Double", "DateTimeOffset", "Boolean"]
"""Value types of the attribute registry (Copernicus Data Space documentation, OData)."""

NEVER_EVICTED = "9999-12-31T23:59:59.999999Z"
"""``EvictionDate`` of products that stay."""


def hub_time(moment: datetime) -> str:
    """The moment as the catalogue writes it, e.g. ``2024-07-15T10:15:59.024000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def read_time(text: str) -> datetime:
    """Read an ISO 8601 time; without a zone it is UTC, as on the service since May 2024.

    Raises:
        ValueError: It is not a time.
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


class Attribute(msgspec.Struct, frozen=True):
    """One attribute of a product.

    Attributes:
        name: As in the registry, e.g. ``cloudCover``.
        type: Its value type.
        value: The value; a ``DateTimeOffset`` is a string in the catalogue's form.
    """

    name: str
    type: AttributeType
    value: str | int | float | bool


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the catalogue lists for one product. It need not be true: tests relist products.

    Attributes:
        id: UUID.
        name: As published, extension included.
        collection: ``Collection/Name``.
        content_type: Media type of the download.
        content_length: Bytes of the download.
        sensing_start: ``ContentDate/Start``.
        sensing_end: ``ContentDate/End``.
        origin_date: When the product reached the archive.
        publication_date: When it was first listed.
        modification_date: When the row last changed.
        online: Whether it can be downloaded now.
        eviction_date: When a rolling copy leaves.
        s3_path: Its place in the object store.
        md5: MD5 of the download; empty when none is listed.
        blake3: BLAKE3 of the download; empty when none is listed.
        checksum_date: When the checksums were computed.
        footprint: WKT, EPSG:4326, lon lat; None for auxiliary data.
        attributes: In registry order.
        quicklook_id: UUID of the quicklook asset; empty when there is none.
        deletion_date: Set for tombstones only.
        deletion_cause: Set for tombstones only.
        recipe: What a generated product was made from; empty for other files.
    """

    id: str
    name: str
    collection: str = "SENTINEL-2"
    content_type: str = "application/octet-stream"
    content_length: int = 0
    sensing_start: str
    sensing_end: str
    origin_date: str
    publication_date: str
    modification_date: str
    online: bool = True
    eviction_date: str = NEVER_EVICTED
    s3_path: str = ""
    md5: str = ""
    blake3: str = ""
    checksum_date: str = ""
    footprint: str | None = None
    attributes: tuple[Attribute, ...] = ()
    quicklook_id: str = ""
    deletion_date: str = ""
    deletion_cause: str = ""
    recipe: str = ""
