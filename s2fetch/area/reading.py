"""From text and files to geometries, as they are written there."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import shapely
from shapely.errors import ShapelyError

from s2fetch.errors import AreaError

MOST_COLLECTIONS = 1000
"""In one geometry; a footprint or an area has none or a few."""
_EWKT = re.compile(
    r"(?:(?:geography|geometry)')?(?:SRID=(\d+);)?(.*?)'?", re.DOTALL | re.IGNORECASE
)
_SAME_CRS = re.compile(r"EPSG:+4326|.*\bCRS:?:?84|.*:EPSG:[\d.]*:4326", re.IGNORECASE)
_EXCEPTION = re.compile(r"^(?:\w+Exception: )+")


def read_box(box: str | Sequence[float]) -> tuple[float, float, float, float]:
    """West, south, east, north, in degrees.

    Raises:
        AreaError: It is not four numbers.
    """
    advice = "Write west,south,east,north in degrees, for example 11.0,46.0,12.5,47.0"
    items = re.split(r"[\s,]+", box.strip()) if isinstance(box, str) else box
    try:
        west, south, east, north = (float(item) for item in items)
    except (TypeError, ValueError):
        raise AreaError(f"{box!r} is not a box of four numbers", advice=advice) from None
    if not all(math.isfinite(degrees) for degrees in (west, south, east, north)):
        raise AreaError(f"{box!r} is not a box of four numbers", advice=advice)
    return west, south, east, north


def read_wkt(text: str) -> shapely.Geometry:
    """The geometry of WKT or of PostGIS's EWKT.

    Raises:
        AreaError: It is not WKT, or in another reference system than EPSG:4326.
    """
    match = _EWKT.fullmatch(text.strip())
    srid, body = (match[1], match[2]) if match else (None, text)
    if srid not in (None, "4326"):
        advice = "Transform it to EPSG:4326, longitude and latitude in degrees"
        raise AreaError(f"the area is in SRID {srid}", advice=advice)
    if body.upper().count("COLLECTION") > MOST_COLLECTIONS:
        # GEOS reads one inside another by recursion, and takes the process with it.
        raise AreaError(f"the area has more than {MOST_COLLECTIONS} collections of geometries")
    try:
        return shapely.from_wkt(body)
    except ShapelyError as error:
        start = body if len(body) <= 40 else f"{body[:37]}..."
        advice = "Write for example POLYGON((11 46,12 46,12 47,11 46)), its last point as its first"
        raise AreaError(f"{start!r} is not WKT: {_reason(error)}", advice=advice) from error


def read_wkt_file(path: Path) -> Iterator[tuple[int, shapely.Geometry]]:
    """The geometries of a file of WKT, each with the line it begins in; # begins a comment.

    Raises:
        AreaError: Unreadable or malformed; names the file and the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise AreaError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AreaError(f"cannot read {path}: it is not UTF-8 text") from error
    begun: list[str] = []
    first = 0
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        first = first if begun else number
        begun.append(line)
        together = "\n".join(begun)
        whole = "(" in together or together.rstrip().upper().endswith("EMPTY")
        if whole and together.count("(") <= together.count(")"):
            yield first, _wkt_at(together, path, first)
            begun = []
    if begun:
        yield first, _wkt_at("\n".join(begun), path, first)


def _wkt_at(text: str, path: Path, line: int) -> shapely.Geometry:
    try:
        return read_wkt(text)
    except AreaError as error:
        raise AreaError(f"{path}, line {line}: {error.what}", advice=error.advice) from error


def read_geojson(path: Path) -> shapely.Geometry:
    """Every geometry of the file together.

    Raises:
        AreaError: Unreadable, malformed, or in another reference system; names the file.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_no_number)
    except OSError as error:
        raise AreaError(f"cannot read {path}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise AreaError(f"{path} is not JSON: {error.msg} at {where}") from error
    except (ValueError, RecursionError) as error:
        raise AreaError(f"{path} is not GeoJSON: {error}") from error
    if not isinstance(held, dict):
        raise AreaError(f"{path} is not GeoJSON: it holds no object")
    _check_crs(held.get("crs"), path)
    shapes = [_geometry(found, where, path) for where, found in _geometries(held, path)]
    return shapely.GeometryCollection(shapes)


def _geometries(held: dict[str, object], path: Path) -> list[tuple[str, dict[str, object]]]:
    """The geometry objects, each with the words that say where it is."""
    if held.get("type") != "FeatureCollection":
        found = held.get("geometry") if held.get("type") == "Feature" else held
        return [("", found)] if isinstance(found, dict) else []
    features = held.get("features")
    if not isinstance(features, list):
        raise AreaError(f"{path} is not GeoJSON: its features are no list")
    geometries = []
    for number, feature in enumerate(features, 1):
        if not isinstance(feature, dict):
            raise AreaError(f"{path} is not GeoJSON: feature {number} is no object")
        _check_crs(feature.get("crs"), path)
        if isinstance(found := feature.get("geometry"), dict):
            geometries.append((f"feature {number}: ", found))
    return geometries


def _geometry(found: dict[str, object], where: str, path: Path) -> shapely.Geometry:
    try:
        return shapely.from_geojson(json.dumps(_closed(found)))
    except (ShapelyError, RecursionError) as error:
        raise AreaError(f"{path}: {where}not a GeoJSON geometry: {_reason(error)}") from error


def _closed(found: object) -> object:
    """The geometry with its rings closed, which many writers forget (RFC 7946 3.1.6)."""
    if not isinstance(found, dict):
        return found
    coordinates = found.get("coordinates")
    if found.get("type") == "Polygon":
        return {**found, "coordinates": _closed_rings(coordinates)}
    if found.get("type") == "MultiPolygon" and isinstance(coordinates, list):
        return {**found, "coordinates": [_closed_rings(rings) for rings in coordinates]}
    if isinstance(members := found.get("geometries"), list):
        return {**found, "geometries": [_closed(member) for member in members]}
    return found


def _closed_rings(rings: object) -> object:
    if not isinstance(rings, list):
        return rings
    return [
        [*ring, ring[0]] if isinstance(ring, list) and ring and ring[0] != ring[-1] else ring
        for ring in rings
    ]


def _check_crs(crs: object, path: Path) -> None:
    """GeoJSON is WGS 84 (RFC 7946 4); the older ``crs`` member must not say otherwise."""
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or not _SAME_CRS.fullmatch(name):
        advice = "Transform it to EPSG:4326, longitude and latitude in degrees"
        raise AreaError(f"{path} is in the reference system {name or crs}", advice=advice)


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not a coordinate")


def _reason(error: Exception) -> str:
    """GEOS's own words without the names of its exceptions."""
    return _EXCEPTION.sub("", str(error)).strip()
