"""Footprint predicates: ``Intersects(<WKT>)``, ``Contains(<WKT>)``, ``IsWithin(<WKT>)``.

Source: Apache Solr reference guide, spatial search (RPT fields), and schema.xml of the open DHuS
core: the index is a grid, and a query's shape may be off by ``distErrPct`` (0.025 unless given) of
its size.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from s2fetch.embedded.dhus.solr.syntax import SolrError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

_PREDICATE = re.compile(r"\s*(\w+)\s*\((.*)\)\s*(?:distErrPct=(\d+(?:\.\d+)?))?\s*", re.DOTALL)
_NUMBER = r"\s*(-?[\d.]+(?:[eE][+-]?\d+)?)\s*"
_ENVELOPE = re.compile(rf"ENVELOPE\s*\({_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}\)", re.IGNORECASE)
_SHAPES = ("Point", "Polygon", "MultiPolygon", "GeometryCollection")
"""What hubs are known to take, besides an envelope."""
_USUAL_ERROR = 0.025
_BOUNDS = "Rect(minX=-180.0,maxX=180.0,minY=-90.0,maxY=90.0)"


def shape_test(text: str, *, approximate: bool) -> Callable[[str], bool]:
    """What a predicate says about a footprint in WKT.

    Args:
        text: The predicate, without quotes.
        approximate: Whether "Intersects" also finds what nearly does, as the index would.

    Raises:
        SolrError: It is not a predicate, or its shape is not one.
    """
    match = _PREDICATE.fullmatch(text)
    if match is None:
        raise SolrError(f"Couldn't parse shape '{text}' because: no spatial operation")
    name, wkt, error = match[1].lower(), match[2], match[3]
    share = _USUAL_ERROR if error is None else float(error)
    area = query_shape(wkt)
    match name:
        case "intersects":
            grown = _grown(area, share if approximate else 0.0)
            return lambda footprint: bool(grown.intersects(geometry(footprint)))
        case "contains":
            parts = getattr(area, "geoms", (area,))
            return lambda footprint: all(map(geometry(footprint).covers, parts))
        case "iswithin":
            solid = _solid(area)
            return lambda footprint: bool(solid.covers(geometry(footprint)))
    raise SolrError(f"Unknown Spatial operation: {match[1]}")


def query_shape(wkt: str) -> BaseGeometry:
    """A shape of a query.

    Raises:
        SolrError: It cannot be read or leaves the world.
    """
    import shapely

    try:
        shape = shapely.from_wkt(_ENVELOPE.sub(_box, wkt))
    except shapely.errors.GEOSException as error:
        raise SolrError(f"Couldn't parse shape '{wkt}' because: {error}") from None
    if shape.is_empty or shape.geom_type not in _SHAPES:
        raise SolrError(f"Couldn't parse shape '{wkt}' because: it is empty or none of a query")
    for x, y, *_ in shapely.get_coordinates(shape):
        if not -180 <= x <= 180:
            raise SolrError(f"Bad X value {x} is not in boundary {_BOUNDS}")
        if not -90 <= y <= 90:
            raise SolrError(f"Bad Y value {y} is not in boundary {_BOUNDS}")
    return shape if shape.is_valid else shapely.make_valid(shape)


@lru_cache(maxsize=16_384)
def geometry(wkt: str) -> BaseGeometry:
    """A footprint."""
    import shapely

    return shapely.from_wkt(wkt)


def _box(match: re.Match[str]) -> str:
    west, east, north, south = match.groups()
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return "POLYGON ((" + ", ".join(" ".join(corner) for corner in corners) + "))"


def _grown(area: BaseGeometry, share: float) -> BaseGeometry:
    """The area and what lies within a share of half its diagonal around it."""
    west, south, east, north = area.bounds
    reach = share * ((east - west) ** 2 + (north - south) ** 2) ** 0.5 / 2
    grown = area.buffer(reach) if reach else area
    return _prepared(grown)


def _solid(area: BaseGeometry) -> BaseGeometry:
    """The polygons of an area as one; of a collection, points and lines cover nothing."""
    import shapely

    if area.geom_type != "GeometryCollection":
        return _prepared(area)
    parts = [part for part in shapely.get_parts(area) if part.area]
    return _prepared(shapely.unary_union(parts))


def _prepared(shape: BaseGeometry) -> BaseGeometry:
    """The same shape, faster in many comparisons."""
    import shapely

    shapely.prepare(shape)
    return shape
