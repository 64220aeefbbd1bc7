"""What a plane does not know about the Earth: bounds, the antimeridian, the poles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
import shapely.affinity
from numpy.typing import NDArray

from s2fetch.errors import AreaError

Coordinates = NDArray[np.float64]

METRES_PER_DEGREE = 111_320
"""Of a great circle, about."""
WORLD = shapely.box(-180, -90, 180, 90)

_SLACK_DEGREES = 1e-9
_DUST_DECIMALS = 12
"""A ten thousandth of a millimetre: less than that only makes the computations divide by zero."""
_LIMITS = np.array([180.0, 90.0])
_METRES = 1000.0
CROSSING_NOTE = (
    "An edge of more than 180 degrees of longitude was taken to cross the antimeridian, "
    "and the area was split there"
)


def in_bounds(shape: shapely.Geometry) -> shapely.Geometry:
    """The shape, with the dust of computations taken off, also beyond 180 or 90 degrees.

    Raises:
        AreaError: A coordinate is out of bounds or no number; says which.
    """
    points: Coordinates = shapely.get_coordinates(shape)
    beyond = np.abs(points) > _LIMITS + _SLACK_DEGREES
    wrong = beyond.any(axis=1) | ~np.isfinite(points).all(axis=1)
    if wrong.any():
        lon, lat = points[int(wrong.argmax())]
        raise AreaError(
            f"the point {lon:.6f} {lat:.6f} is outside of longitude ±180 and latitude ±90",
            advice=_bounds_advice(points),
        )
    return shapely.transform(shape, lambda c: np.clip(c.round(_DUST_DECIMALS), -_LIMITS, _LIMITS))


def _bounds_advice(points: Coordinates) -> str:
    if not np.isfinite(points).all():
        return "Every coordinate must be a number"
    if (np.abs(points[:, ::-1]) <= _LIMITS).all():
        return "Longitude comes first, then latitude: they seem to be swapped"
    if np.abs(points).max() > _METRES:
        return "These seem to be metres: transform them to EPSG:4326, in degrees"
    return "To cross the antimeridian go on with longitude -180"


def parts_of(shape: shapely.Geometry) -> Iterator[shapely.Geometry]:
    """The simple shapes of a collection, at any depth, without the empty ones."""
    for part in getattr(shape, "geoms", [shape]):
        if hasattr(part, "geoms"):
            yield from parts_of(part)
        elif not part.is_empty:
            yield part


def polygons_of(shape: shapely.Geometry) -> shapely.Geometry:
    """Only the polygons of a shape; empty when it has none."""
    polygons = [part for part in parts_of(shape) if part.geom_type == "Polygon"]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def crosses(shape: shapely.Geometry) -> bool:
    """Whether a line or polygon has an edge that goes the short way over the antimeridian.

    Edges from -180 to 180 belong to shapes around the whole Earth when these are valid like that.
    """
    jumps = np.concatenate([np.abs(np.diff(ring[:, 0])) for ring in _rings(shape)])
    wide = jumps[jumps > 180]
    return bool(wide.size) and not (bool((wide == 360).all()) and shape.is_valid)


@dataclass(frozen=True)
class Unwrapped:
    """A line or polygon with longitudes that go on beyond 180, so that a plane will do.

    Attributes:
        shape: Itself. When it goes round the Earth its holes are still to be taken out of it,
            because it had to be cut open somewhere.
        removed: These holes; those that go round the Earth up to the pole.
        pole: ``north`` or ``south`` when the outline goes round the Earth, else empty.
    """

    shape: shapely.Geometry
    removed: tuple[shapely.Geometry, ...] = ()
    pole: str = ""


def unwrapped(shape: shapely.Geometry) -> Unwrapped:
    """Unwrap a line or polygon.

    Raises:
        AreaError: It goes round the Earth and does not tell which pole it encloses.
    """
    rings = [_unwrapped(ring) for ring in _rings(shape)]
    if shape.geom_type != "Polygon":
        return Unwrapped(shapely.LineString(rings[0]))
    shell, holes = rings[0], rings[1:]
    if _turns(shell):
        pole = "north" if shell[:, 1].max() > 0 else "south"
        closed = [_over_pole(hole) if _turns(hole) else hole for hole in holes]
        removed = tuple(shapely.Polygon(hole) for hole in closed)
        return Unwrapped(shapely.Polygon(_over_pole(shell)), removed, pole)
    west, east = shell[:, 0].min(), shell[:, 0].max()
    moved = []
    for hole in holes:
        if _turns(hole):
            raise AreaError("a hole of the area goes round the Earth", advice="Split the area")
        turns = np.ceil((west - hole[:, 0].min()) / 360)
        fits = hole[:, 0].max() + 360 * turns <= east
        moved.append(hole + np.array([360 * turns, 0.0]) if fits else hole)
    return Unwrapped(shapely.Polygon(shell, moved))


def _turns(ring: Coordinates) -> int:
    """How often an unwrapped ring goes round the Earth, eastwards."""
    return round(float(ring[-1, 0] - ring[0, 0]) / 360)


def wrapped(shape: shapely.Geometry, west: float = -180.0) -> shapely.Geometry:
    """The shape cut and moved into the 360 degrees that begin at ``west``."""
    left, _, right, _ = shape.bounds
    if west <= left and right <= west + 360:
        return shape
    pieces = []
    for turn in (-2, -1, 0, 1, 2):
        start = west + 360 * turn
        piece = shape.intersection(shapely.box(start, -90, start + 360, 90))
        pieces += [
            shapely.affinity.translate(part, -360 * turn)
            for part in parts_of(piece)
            if part.geom_type == shape.geom_type or shape.geom_type.startswith("Multi")
        ]
    return shapely.union_all(pieces)


def area_of(shape: shapely.Geometry) -> float:
    """Area on the sphere, in units of its radius squared (by Lambert's cylindrical projection)."""
    projected = shapely.transform(
        shape, lambda c: np.column_stack([np.radians(c[:, 0]), np.sin(np.radians(c[:, 1]))])
    )
    return float(projected.area)


def _rings(shape: shapely.Geometry) -> list[Coordinates]:
    if shape.geom_type != "Polygon":
        return [shapely.get_coordinates(shape)]
    return [shapely.get_coordinates(ring) for ring in (shape.exterior, *shape.interiors)]


def _unwrapped(ring: Coordinates) -> Coordinates:
    jumps = np.diff(ring[:, 0])
    turns = np.where(jumps > 180, -360.0, np.where(jumps < -180, 360.0, 0.0))
    shift = np.concatenate([[0.0], np.cumsum(turns)])
    return np.column_stack([ring[:, 0] + shift, ring[:, 1]])


def _over_pole(ring: Coordinates) -> Coordinates:
    """A ring that goes once round the Earth, closed over the pole on its side of the equator.

    It is cut open at its point next to the pole: no other part of it lies between the two.
    """
    lats = ring[:, 1]
    once = 360.0 * _turns(ring)
    if abs(once) != 360 or (lats.min() < 0 < lats.max()):
        raise AreaError(
            "the area goes round the Earth and does not tell which pole is inside",
            advice="Split it at longitude 180, or add the corners at latitude 90 or -90",
        )
    pole = 90.0 if lats.max() > 0 else -90.0
    first = int(np.abs(lats).argmax())
    around = np.vstack([ring[first:-1], ring[:first] + np.array([once, 0.0])])
    west, lat = around[0]
    return np.vstack([around, [[west + once, lat], [west + once, pole], [west, pole], [west, lat]]])
