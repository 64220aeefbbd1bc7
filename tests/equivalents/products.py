"""Products that selections of other programs find, and those that they just miss."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from s2fetch.embedded.entry import Attribute, Entry, hub_time
from s2fetch.embedded.folder import FolderCatalogue
from tests.rows import entry_of

Box = tuple[float, float, float, float]
"""West, south, east, north."""

TRIANGLE = "POLYGON((11 46,12 46,11 47,11 46))"
INSIDE: Box = (11.1, 46.1, 11.3, 46.3)
"""Within the triangle, and in its box."""
AROUND: Box = (10.5, 45.5, 12.5, 47.5)
"""Contains the triangle."""
CORNER: Box = (11.8, 46.8, 11.9, 46.9)
"""In the triangle's box only."""
ELSEWHERE: Box = (20.0, 40.0, 21.0, 41.0)


def at(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wkt(box: Box) -> str:
    """A box as a polygon."""
    west, south, east, north = box
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return f"POLYGON(({','.join(f'{lon:g} {lat:g}' for lon, lat in ring)}))"


def optical(
    sensed: datetime,
    *,
    kind: str = "S2MSI1C",
    tile: str = "32TQM",
    cloud: float | None = 1.0,
    place: Box = INSIDE,
    published: datetime | None = None,
    direction: str = "DESCENDING",
    unit: str = "A",
) -> Entry:
    """A product of Sentinel-2."""
    made = sensed + timedelta(hours=4)
    name = (
        f"S2{unit}_MSIL{kind.removeprefix('S2MSI')}_{_stamp(sensed)}_N0206_R022_T{tile}"
        f"_{_stamp(made)}.SAFE"
    )
    values: dict[str, Any] = {
        "productType": kind,
        "processingLevel": kind,
        "tileId": tile,
        "orbitDirection": direction,
        "platformSerialIdentifier": unit,
        "cloudCover": cloud,
    }
    return _entry(name, values, place, sensed, sensed, published)


def radar(
    sensed: datetime,
    *,
    kind: str = "IW_SLC__1S",
    polarisation: str = "DV",
    place: Box = INSIDE,
    published: datetime | None = None,
) -> Entry:
    """A product of Sentinel-1."""
    end = sensed + timedelta(seconds=25)
    channels = {"DV": "VV&VH", "SV": "VV", "DH": "HH&HV"}[polarisation]
    name = f"S1A_{kind}{polarisation}_{_stamp(sensed)}_{_stamp(end)}_022000_026AAA_00AB.SAFE"
    values: dict[str, Any] = {
        "productType": kind,
        "operationalMode": kind[:2],
        "polarisationChannels": channels,
        "orbitDirection": "DESCENDING",
        "platformSerialIdentifier": "A",
    }
    return _entry(name, values, place, sensed, end, published)


def gas(
    sensed: datetime,
    *,
    kind: str = "L2__NO2___",
    stream: str = "OFFL",
    orbit: int = 3322,
    minutes: int = 101,
    place: Box = (0.0, 40.0, 20.0, 60.0),
) -> Entry:
    """A product of Sentinel-5P."""
    end = sensed + timedelta(minutes=minutes)
    made = end + timedelta(days={"NRTI": 0, "OFFL": 6, "RPRO": 300}[stream])
    name = (
        f"S5P_{stream}_{kind}_{_stamp(sensed)}_{_stamp(end)}_{orbit:05}_01_010002_{_stamp(made)}.nc"
    )
    values: dict[str, Any] = {
        "productType": kind,
        "processingLevel": kind[:3].rstrip("_"),
        "processingMode": stream,
        "orbitNumber": orbit,
    }
    return _entry(name, values, place, sensed, end, None)


def body_of(entry: Entry) -> bytes:
    """What is downloaded: a zip, or something that begins as netCDF does."""
    if entry.name.endswith(".nc"):
        return b"\x89HDF\r\n\x1a\n" + entry.name.encode() * 10
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo(f"{entry.name}/manifest.safe", date_time=(2018, 8, 1, 0, 0, 0))
        archive.writestr(member, entry.id * 10)
    return buffer.getvalue()


def catalogue(entries: Iterable[Entry]) -> FolderCatalogue:
    """A hub's catalogue of these, with their sizes and checksums."""
    return FolderCatalogue(served(entry) for entry in entries)


def served(entry: Entry) -> tuple[Entry, bytes]:
    """A row with size and checksum, and what is downloaded."""
    body = body_of(entry)
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return msgspec.structs.replace(entry, content_length=len(body), md5=md5), body


def _entry(
    name: str,
    values: dict[str, Any],
    place: Box,
    start: datetime,
    end: datetime,
    published: datetime | None,
) -> Entry:
    listed = hub_time(published or end + timedelta(hours=6))
    values |= {"beginningDateTime": hub_time(start), "endingDateTime": hub_time(end)}
    attributes = tuple(
        Attribute(key, _TYPES.get(key, "String"), value)  # type: ignore[arg-type]
        for key, value in values.items()
        if value is not None
    )
    return entry_of(
        name,
        sensing_start=hub_time(start),
        sensing_end=hub_time(end),
        publication_date=listed,
        modification_date=listed,
        footprint=wkt(place),
        attributes=attributes,
    )


_TYPES = {
    "cloudCover": "Double",
    "orbitNumber": "Integer",
    "beginningDateTime": "DateTimeOffset",
    "endingDateTime": "DateTimeOffset",
}


def _stamp(time: datetime) -> str:
    return f"{time:%Y%m%dT%H%M%S}"
