"""From any geometry to an `Area`: bounds, antimeridian, validity, size, in this order."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import shapely
from shapely.geometry.polygon import orient

from s2fetch.area import simplify, sphere
from s2fetch.area.area import Area
from s2fetch.errors import AreaError

WIDENED_DEGREES = 1e-5
"""Points and lines among several shapes become polygons of this half width, about a metre."""

_PLACE = re.compile(r"(.*)\[(\S+) (\S+)\]", re.DOTALL)
_REASONS = {
    "Self-intersection": "the area crosses itself",
    "Ring Self-intersection": "the area's outline touches itself",
    "Hole lies outside shell": "the area has a hole outside of its outline",
    "Holes are nested": "the area has a hole inside another hole",
    "Interior is disconnected": "the area is cut in two by a hole",
}


@dataclass(frozen=True)
class Source:
    """A geometry in longitude and latitude, and what is known about it.

    Attributes:
        shape: As it was written or computed.
        label: What messages about it begin with, such as a file; empty for nothing.
        dense: Whether its edges were made short, so that one that crosses the antimeridian is
            known to and not guessed.
        lenient: Whether a shape that crosses itself is taken to mean everything it encloses, as
            for the footprint of a product, which nobody can correct.
    """

    shape: shapely.Geometry
    label: str = ""
    dense: bool = False
    lenient: bool = False


def build_box(west: float, south: float, east: float, north: float) -> Area:
    """The area of a box in degrees; one with ``west > east`` is split at the antimeridian.

    Raises:
        AreaError: It is out of bounds, or has no extent.
    """
    sphere.in_bounds(shapely.MultiPoint([(west, south), (east, north)]))
    if south >= north or west == east:
        raise AreaError(
            f"the box {west:g},{south:g},{east:g},{north:g} has no extent",
            advice="Write west,south,east,north; south must be less than north",
        )
    if west < east:
        return _area(shapely.box(west, south, east, north), [])
    sides = [shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)]
    halves = shapely.MultiPolygon([side for side in sides if side.area > 0])
    return _area(halves, ["The box crosses the antimeridian and was split there"])


def build(shape: shapely.Geometry) -> Area:
    """The area of any one geometry; see `build_all`.

    Raises:
        AreaError: As `build_all`.
    """
    return build_all([Source(shape)])


def build_all(sources: Iterable[Source]) -> Area:
    """The area of all sources together.

    One point stays what it is. Of everything else the union is taken; points and lines among it
    become narrow polygons, as hubs are known to take POINT, POLYGON and MULTIPOLYGON only.

    Raises:
        AreaError: One is empty, out of bounds, or not valid and not to be repaired without a
            change; begins with its label.
    """
    notes: list[str] = []
    parts = [part for source in sources for part in _labelled_parts(source, notes)]
    if not parts:
        raise AreaError("the area is empty", advice="Give a geometry with coordinates")
    if len(parts) == 1 and parts[0].geom_type == "Point":
        return Area(simplify.written(parts[0]), notes=tuple(dict.fromkeys(notes)))
    polygons = [part if _is_polygonal(part) else _widened(part) for part in parts]
    widened = sum(not _is_polygonal(part) for part in parts)
    if widened:
        notes.append(f"{widened} points or lines were widened to polygons, by about a metre")
    united = sphere.polygons_of(shapely.union_all(polygons).intersection(sphere.WORLD))
    return _area(united, notes, growth_known=not widened)


def _labelled_parts(source: Source, notes: list[str]) -> list[shapely.Geometry]:
    try:
        parts = parts_on_sphere(source, notes)
        if not parts:
            raise AreaError("the area is empty", advice="Give a geometry with coordinates")
    except AreaError as error:
        if source.label:
            raise AreaError(f"{source.label}: {error.what}", advice=error.advice) from error
        raise
    return parts


def parts_on_sphere(source: Source, notes: list[str]) -> list[shapely.Geometry]:
    """The valid simple shapes of a source, within ±180 degrees; notes say what was done to them.

    Raises:
        AreaError: See `build_all`.
    """
    shape = sphere.in_bounds(shapely.force_2d(source.shape))
    return [_on_sphere(part, source, notes) for part in sphere.parts_of(shape)]


def _area(shape: shapely.Geometry, notes: list[str], *, growth_known: bool = True) -> Area:
    rounded = _rounded(shape)
    grown, exact = 0.0, None
    if not (rounded.is_valid and simplify.fits(rounded)):
        exact = str(shapely.to_wkt(shape, rounding_precision=-1))
        rounded = simplify.outwards(shape)
        before, after = (shapely.get_num_coordinates(s) for s in (shape, rounded))
        note = f"The area was simplified outwards from {before} to {after} vertices"
        if growth_known and (original := sphere.area_of(shape)) > 0:
            grown = max(0.0, 100 * (sphere.area_of(rounded) / original - 1))
            note += f" and grew by {grown:.1f} percent"
        notes.append(note)
    wkt = simplify.written(_oriented(rounded))
    return Area(wkt, grown, tuple(dict.fromkeys(notes)), exact)


def _on_sphere(part: shapely.Geometry, source: Source, notes: list[str]) -> shapely.Geometry:
    """A simple shape made valid and brought into ±180 degrees."""
    if part.geom_type == "Point":
        return part
    if part.geom_type == "LinearRing":
        part = shapely.LineString(part)
    if not sphere.crosses(part):
        return sphere.wrapped(_valid(part, source, notes))
    flat = sphere.unwrapped(part)
    if not source.dense:
        enclosing = f"The area goes round the Earth and was taken to enclose the {flat.pole} pole"
        notes.append(enclosing if flat.pole else sphere.CROSSING_NOTE)
    whole = sphere.wrapped(_valid(flat.shape, source, notes))
    for hole in flat.removed:
        whole = whole.difference(sphere.wrapped(_valid(hole, source, notes)))
    return whole


def _valid(part: shapely.Geometry, source: Source, notes: list[str]) -> shapely.Geometry:
    """The part itself when valid, or repaired when that does not change what it means.

    Raises:
        AreaError: Names the place.
    """
    if part.is_valid:
        return part
    reason = shapely.is_valid_reason(part)
    match = _PLACE.fullmatch(reason)
    if match:
        lon = (float(match[2]) + 180) % 360 - 180
        what = _REASONS.get(match[1], f"the area is not valid ({match[1]})")
        place = f"at {lon:.6f} {float(match[3]):.6f}"
    else:
        what, place = f"the area is not valid ({reason})", ""
    if part.geom_type == "Polygon":
        # Crossings change the area: the parts of a bow tie count against each other before.
        repaired = shapely.make_valid(part, method="structure", keep_collapsed=False)
        if repaired.is_empty:
            raise AreaError("the area has no extent: all its points lie on a line")
        same = math.isclose(repaired.area, part.area, rel_tol=1e-9)
        if (same or source.lenient) and _is_polygonal(repaired):
            change = "it was repaired without a change" if same else "everything inside was taken"
            notes.append(f"{what[0].upper()}{what[1:]} {place}; {change}")
            return repaired
    raise AreaError(f"{what} {place}".rstrip(), advice="Correct it there; nothing was searched")


def _is_polygonal(shape: shapely.Geometry) -> bool:
    return shape.geom_type in ("Polygon", "MultiPolygon")


def _widened(shape: shapely.Geometry) -> shapely.Geometry:
    return shape.buffer(WIDENED_DEGREES, cap_style="square", quad_segs=2)


def _rounded(shape: shapely.Geometry) -> shapely.Geometry:
    """With the decimals that are written, and still valid; tiny shapes grow rather than vanish."""
    rounded = shapely.set_precision(shape, 10.0**-simplify.DECIMALS)
    if rounded.is_empty or len(list(sphere.parts_of(rounded))) < len(list(sphere.parts_of(shape))):
        wider = shape.buffer(10.0**-simplify.DECIMALS, quad_segs=2)
        rounded = shapely.set_precision(wider.intersection(sphere.WORLD), 10.0**-simplify.DECIMALS)
    return shapely.from_wkt(simplify.written(simplify.with_short_edges(rounded)))


def _oriented(shape: shapely.Geometry) -> shapely.Geometry:
    """Outlines counter-clockwise, holes clockwise (RFC 7946 3.1.6)."""
    polygons = [orient(part) for part in sphere.parts_of(shape)]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
