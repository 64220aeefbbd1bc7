"""Catalogue rows with tiny bodies, made of what is said of a product.

Every attribute gets the type that the catalogue's registry gives it (Copernicus Data Space
documentation, OData), and every body is of the format that the product's name promises.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import datetime, timedelta

import blake3
import msgspec

from s2fetch.embedded.entry import Attribute, AttributeType, Entry, hub_time
from s2fetch.embedded.folder import product_id
from s2fetch.embedded.registry import ATTRIBUTES

_NETCDF = b"\x89HDF\r\n\x1a\n"
Values = dict[str, str | int | float | bool]


class MadeProduct(msgspec.Struct, frozen=True, kw_only=True):
    """One product before it is a row.

    Attributes:
        name: By which the body's format is chosen, too.
        collection: As the catalogue names it.
        start: Beginning of sensing.
        end: End of sensing.
        processed: From here to the times at which the hub got and published it are fixed lags.
        box: West, south, east and north of the footprint, degrees; None for none.
        values: Of the attributes, by name; those of the period are added.
    """

    name: str
    collection: str
    start: datetime
    end: datetime
    processed: datetime
    box: tuple[float, float, float, float] | None
    values: Values


def listed(made: MadeProduct) -> tuple[Entry, bytes]:
    """A product's row and body.

    Raises:
        KeyError: The registry does not have the collection.
    """
    body = _body(made.name)
    published = made.processed + timedelta(hours=1, minutes=30)
    own: Mapping[str, AttributeType] = dict(ATTRIBUTES[made.collection])
    period: Values = {
        "beginningDateTime": hub_time(made.start),
        "endingDateTime": hub_time(made.end),
    }
    attributes = tuple(
        Attribute(name, own.get(name, "DateTimeOffset"), value)
        for name, value in (made.values | period).items()
    )
    entry = Entry(
        id=product_id(made.name),
        name=made.name,
        collection=made.collection,
        content_length=len(body),
        sensing_start=hub_time(made.start),
        sensing_end=hub_time(made.end),
        origin_date=hub_time(published - timedelta(minutes=11)),
        publication_date=hub_time(published),
        modification_date=hub_time(published + timedelta(seconds=13)),
        s3_path=f"/eodata/{made.collection.title()}/{made.start:%Y/%m/%d}/{made.name}",
        md5=hashlib.md5(body, usedforsecurity=False).hexdigest(),
        blake3=blake3.blake3(body).hexdigest(),
        checksum_date=hub_time(published + timedelta(seconds=12)),
        footprint=None if made.box is None else _polygon(*made.box),
        attributes=attributes,
    )
    return entry, body


def _body(name: str) -> bytes:
    """A body of the format that the name promises."""
    if name.endswith(".nc"):
        return _NETCDF + name.encode() * 20
    if name.endswith(".EOF"):
        return f"<?xml version='1.0'?><Earth_Explorer_File>{name}</Earth_Explorer_File>".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        member = zipfile.ZipInfo(f"{name}/manifest.safe", date_time=(2024, 6, 1, 0, 0, 0))
        archive.writestr(member, f"<manifest>{name}</manifest>" * 20)
    return buffer.getvalue()


def _polygon(west: float, south: float, east: float, north: float) -> str:
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return f"POLYGON (({', '.join(f'{lon} {lat}' for lon, lat in corners)}))"
