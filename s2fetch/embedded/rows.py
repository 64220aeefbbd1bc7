"""Catalogue entries as JSON.

Source: Copernicus Data Space documentation, OData; field order and spelling as the service sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from s2fetch.embedded.entry import Entry

SELECTABLE = (
    "Id", "Name", "ContentType", "ContentLength", "OriginDate", "PublicationDate",
    "ModificationDate", "Online", "EvictionDate", "S3Path", "Checksum", "ContentDate", "Footprint",
    "GeoFootprint",
)  # fmt: skip
EXPANDABLE = ("Attributes", "Assets", "Locations")


class ChecksumRow(msgspec.Struct, frozen=True):
    """One checksum."""

    Value: str
    Algorithm: str
    ChecksumDate: str


class Period(msgspec.Struct, frozen=True):
    """``ContentDate``."""

    Start: str
    End: str


class AttributeRow(msgspec.Struct, frozen=True):
    """One attribute."""

    odata_type: str = msgspec.field(name="@odata.type")
    Name: str
    Value: str | int | float | bool
    ValueType: str


class ProductRow(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One product as search and lookup send it."""

    media_type: str = msgspec.field(name="@odata.mediaContentType")
    Id: str
    Name: str
    ContentType: str
    ContentLength: int
    OriginDate: str
    PublicationDate: str
    ModificationDate: str
    Online: bool
    EvictionDate: str
    S3Path: str
    Checksum: tuple[ChecksumRow, ...]
    ContentDate: Period
    Footprint: str | None
    GeoFootprint: msgspec.Raw
    Attributes: tuple[AttributeRow, ...] | msgspec.UnsetType = msgspec.UNSET
    Assets: list[dict[str, str]] | msgspec.UnsetType = msgspec.UNSET
    Locations: list[dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET


class DeletedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One tombstone."""

    media_type: str = msgspec.field(name="@odata.mediaContentType")
    Id: str
    Name: str
    ContentType: str
    ContentLength: int
    OriginDate: str
    DeletionDate: str
    DeletionCause: str
    Checksum: tuple[ChecksumRow, ...]
    ContentDate: Period
    Footprint: str | None
    GeoFootprint: msgspec.Raw
    Attributes: tuple[AttributeRow, ...] | msgspec.UnsetType = msgspec.UNSET


def product_row(entry: Entry, expand: Sequence[str], origin: str) -> ProductRow:
    """The row of a product.

    Args:
        entry: The product.
        expand: Which of `EXPANDABLE` it has.
        origin: Scheme and authority of the catalogue, for links.
    """
    return ProductRow(
        media_type=entry.content_type,
        Id=entry.id,
        Name=entry.name,
        ContentType=entry.content_type,
        ContentLength=entry.content_length,
        OriginDate=entry.origin_date,
        PublicationDate=entry.publication_date,
        ModificationDate=entry.modification_date,
        Online=entry.online,
        EvictionDate=entry.eviction_date,
        S3Path=entry.s3_path,
        Checksum=checksums(entry),
        ContentDate=Period(entry.sensing_start, entry.sensing_end),
        Footprint=_geography(entry.footprint),
        GeoFootprint=geojson(entry.footprint),
        Attributes=attributes(entry) if "Attributes" in expand else msgspec.UNSET,
        Assets=_assets(entry, origin) if "Assets" in expand else msgspec.UNSET,
        Locations=_locations(entry, origin) if "Locations" in expand else msgspec.UNSET,
    )


def deleted_row(entry: Entry, expand: Sequence[str]) -> DeletedRow:
    """The row of a tombstone."""
    return DeletedRow(
        media_type=entry.content_type,
        Id=entry.id,
        Name=entry.name,
        ContentType=entry.content_type,
        ContentLength=entry.content_length,
        OriginDate=entry.origin_date,
        DeletionDate=entry.deletion_date,
        DeletionCause=entry.deletion_cause,
        Checksum=checksums(entry),
        ContentDate=Period(entry.sensing_start, entry.sensing_end),
        Footprint=_geography(entry.footprint),
        GeoFootprint=geojson(entry.footprint),
        Attributes=attributes(entry) if "Attributes" in expand else msgspec.UNSET,
    )


def checksums(entry: Entry) -> tuple[ChecksumRow, ...]:
    """The listed checksums of a product."""
    listed = (("MD5", entry.md5), ("BLAKE3", entry.blake3))
    return tuple(ChecksumRow(value, name, entry.checksum_date) for name, value in listed if value)


def attributes(entry: Entry) -> tuple[AttributeRow, ...]:
    """The attributes of a product."""
    return tuple(
        AttributeRow(f"#OData.CSC.{one.type}Attribute", one.name, one.value, one.type)
        for one in entry.attributes
    )


@lru_cache(maxsize=4096)
def geojson(wkt: str | None) -> msgspec.Raw:
    """A footprint as GeoJSON, or null."""
    if wkt is None:
        return msgspec.Raw(b"null")
    import shapely

    return msgspec.Raw(shapely.to_geojson(shapely.from_wkt(wkt)).encode())


def _geography(wkt: str | None) -> str | None:
    return None if wkt is None else f"geography'SRID=4326;{wkt}'"


def _assets(entry: Entry, origin: str) -> list[dict[str, str]]:
    if not entry.quicklook_id:
        return []
    link = f"{origin}/odata/v1/Assets({entry.quicklook_id})/$value"
    asset = {"Type": "QUICKLOOK", "Id": entry.quicklook_id, "DownloadLink": link}
    return [asset | {"S3Path": entry.s3_path}]


def _locations(entry: Entry, origin: str) -> list[dict[str, Any]]:
    return [
        {
            "FormatType": "Extracted",
            "DownloadLink": f"{origin}/odata/v1/Products({entry.id})/$value",
            "ContentLength": entry.content_length,
            "Checksum": checksums(entry),
            "S3Path": entry.s3_path,
        }
    ]
