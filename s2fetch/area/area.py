"""The area of interest as a value, and the three ways to get one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec


class Area(msgspec.Struct, frozen=True):
    """A geometry a hub can be asked for.

    It is valid, in EPSG:4326 with longitude first, in two dimensions, inside ±180 and ±90 degrees,
    split at the antimeridian, and short enough for a URL (about 1500 characters).

    Attributes:
        wkt: POINT, LINESTRING, POLYGON or MULTIPOLYGON.
        grown_percent: By how much simplification made a polygon larger; 0 when it was left alone.
        notes: What was done to the user's area, as sentences.
    """

    wkt: str
    grown_percent: float = 0.0
    notes: tuple[str, ...] = ()


def from_box(box: str | Sequence[float]) -> Area:
    """The area of a box, west, south, east, north in degrees.

    A box whose west is greater than its east crosses the antimeridian (RFC 7946 5.2).

    Raises:
        AreaError: Not four numbers, out of bounds, or without extent.
    """
    from s2fetch.area import build, reading

    return build.build_box(*reading.read_box(box))


def from_wkt(text: str) -> Area:
    """The area of a geometry in WKT (OGC 06-103r4), longitude first; an ``SRID=4326;`` is ignored.

    Raises:
        AreaError: Malformed, empty, out of bounds, crossing itself, or in another SRID.
    """
    from s2fetch.area import build, reading

    return build.build(reading.read_wkt(text))


def from_geojson(path: Path) -> Area:
    """The area of everything in a GeoJSON file (RFC 7946): geometry, Feature, FeatureCollection.

    Raises:
        AreaError: Unreadable, malformed, empty, out of bounds, crossing itself, or in another
            coordinate reference system; names the file.
    """
    from s2fetch.area import build, reading
    from s2fetch.errors import AreaError

    shape = reading.read_geojson(path)
    try:
        return build.build(shape)
    except AreaError as error:
        raise AreaError(f"{path}: {error.what}", advice=error.advice) from error
