"""The area of interest as a value, and the ways to get one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from s2fetch.query import Query


class Area(msgspec.Struct, frozen=True):
    """A geometry a hub can be asked for.

    It is valid, in EPSG:4326 with longitude first, in two dimensions, inside ±180 and ±90 degrees,
    split at the antimeridian, and short enough for a URL (about 1500 characters).

    Attributes:
        wkt: POINT, POLYGON or MULTIPOLYGON.
        grown_percent: By how much simplification made a polygon larger; 0 when it was left alone.
        notes: What was done to the user's area, as sentences.
        exact: WKT of the area before it was simplified; None when it was not.
    """

    wkt: str
    grown_percent: float = 0.0
    notes: tuple[str, ...] = ()
    exact: str | None = None

    def applied_to(self, query: Query) -> Query:
        """The query with this as its area."""
        return msgspec.structs.replace(query, area=self.wkt, area_exact=self.exact)


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


def from_files(paths: Iterable[Path]) -> Area:
    """The area of everything in some files together.

    What a file is is told by its content and its name: GeoJSON (RFC 7946), WKT, KML and KMZ (OGC
    12-007r2), shapefile, also zipped, GeoPackage (OGC 12-128r19), FlatGeobuf, or an image with a
    georeference, of which the footprint is taken. All layers and all features count.

    Raises:
        AreaError: Unreadable, malformed, empty, out of bounds, crossing itself, without a
            reference system or a georeference, or in need of an extra; names the file.
    """
    from s2fetch.area import build, files

    return build.build_all(source for path in paths for source in files.read(path))


def from_tiles(names: Iterable[str]) -> Area:
    """The area of Sentinel-2 tiles by their MGRS names without the leading T, e.g. ``32TQM``.

    Raises:
        AreaError: There is no such tile.
    """
    from s2fetch.area import build, mgrs

    return build.build_all(mgrs.tile(name) for name in names)


def from_product(path: Path) -> Area:
    """The footprint of a product on disk, a folder or a zip, from its own metadata.

    Raises:
        AreaError: Unreadable, or no footprint in it; names the file.
    """
    from s2fetch.area import build, manifest

    return build.build_all(manifest.read(path))


def from_footprint(wkt: str, name: str) -> Area:
    """The area of a product's footprint as a catalogue has it.

    Args:
        wkt: In EPSG:4326, longitude first.
        name: What messages call it.

    Raises:
        AreaError: Malformed, or around the Earth in a way that cannot be understood.
    """
    from s2fetch.area import build, reading

    return build.build_all([build.Source(reading.read_wkt(wkt), name, lenient=True)])
