"""From the plane of a map projection to longitude and latitude, without losing ground.

An edge that is straight on a map is a curve in longitude and latitude. It is given as many points
as it needs, and the area is widened a little before, so that what lies inside stays inside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely

from s2fetch.area.sphere import METRES_PER_DEGREE, Coordinates, parts_of
from s2fetch.errors import AreaError

Transform = Callable[[Coordinates], Coordinates]
"""From n points of a map (x, y) to n points of the Earth (longitude, latitude in degrees)."""

_WIDENED = 1.3
"""By how many times what its edges still bend an area is widened."""
_TOLERANCE = 2e-5
"""Degrees of a great circle that an edge may lie beside its curve: 2.2 m."""
_STRAIGHT = 1e-7
"""As many degrees as no written coordinate shows; edges that bend less are straight."""
_HALVINGS = 14
_SAMPLES = (0.25, 0.5, 0.75)
_POLE = 90 - 1e-9


def geographic(
    shape: shapely.Geometry, transform: Transform, units_per_metre: float
) -> shapely.Geometry:
    """The shape in longitude and latitude, with edges short enough to be straight there.

    Args:
        shape: In the plane of a map; of any kind. Polygons that are not valid are transformed as
            they are.
        transform: To the Earth; points that have no place there may become infinite.
        units_per_metre: Of the map.

    Raises:
        AreaError: A point has no place on the Earth.
    """
    parts = [_geographic(part, transform, units_per_metre) for part in parts_of(shape)]
    return shapely.GeometryCollection(parts)


def _geographic(
    part: shapely.Geometry, transform: Transform, units_per_metre: float
) -> shapely.Geometry:
    if part.geom_type == "Point":
        return shapely.Point(_placed(shapely.get_coordinates(part), transform)[0])
    if part.geom_type != "Polygon":
        return shapely.LineString(_refined(shapely.get_coordinates(part), transform)[0])
    bent, polygon = _polygon(part, transform)
    if bent <= _STRAIGHT or not part.is_valid:
        return polygon
    distance = _WIDENED * bent * METRES_PER_DEGREE * units_per_metre
    wider = part.buffer(distance, join_style="mitre")
    return _polygon(wider, transform)[1]


def _polygon(part: shapely.Geometry, transform: Transform) -> tuple[float, shapely.Geometry]:
    """By how many degrees its edges still bend, and the polygon."""
    rings = [shapely.get_coordinates(ring) for ring in (part.exterior, *part.interiors)]
    refined = [_refined(ring, transform) for ring in rings]
    shell, *holes = (_past_poles(points) for points, _ in refined)
    return max(bent for _, bent in refined), shapely.Polygon(shell, holes)


def _refined(points: Coordinates, transform: Transform) -> tuple[Coordinates, float]:
    """A line's points on the Earth, enough of them, and by how many degrees it still bends."""
    placed = _placed(points, transform)
    bent = np.full(len(points) - 1, np.inf)
    unknown = np.arange(len(bent))
    for _ in range(_HALVINGS):
        bent[unknown] = _bends(points, placed, unknown, transform)
        edges = np.flatnonzero(bent > _TOLERANCE)
        if not edges.size:
            break
        middles = (points[edges] + points[edges + 1]) / 2
        points = np.insert(points, edges + 1, middles, axis=0)
        placed = np.insert(placed, edges + 1, _placed(middles, transform), axis=0)
        bent = np.insert(bent, edges + 1, np.inf)
        firsts = edges + np.arange(len(edges))
        bent[firsts] = np.inf
        unknown = np.concatenate([firsts, firsts + 1])
    finite = bent[np.isfinite(bent)]
    return placed, float(finite.max(initial=0.0))


def _bends(
    points: Coordinates, placed: Coordinates, edges: np.ndarray, transform: Transform
) -> np.ndarray:
    """By how many degrees of a great circle edges lie beside their curves.

    The edges are lines in longitude and latitude that go the short way round the Earth.
    """
    starts, steps = points[edges], points[edges + 1] - points[edges]
    chords = _shorter(placed[edges + 1] - placed[edges])
    worst = np.zeros(len(edges))
    for share in _SAMPLES:
        on_curve = _placed(starts + share * steps, transform)
        narrower = np.column_stack([np.cos(np.radians(on_curve[:, 1])), np.ones(len(edges))])
        away, chord = _shorter(on_curve - placed[edges]) * narrower, chords * narrower
        along, square = (away * chord).sum(axis=1), (chord**2).sum(axis=1)
        foot = np.divide(along, square, out=np.zeros_like(along), where=square > 0)
        beside = away - chord * np.clip(foot, 0, 1)[:, None]
        worst = np.maximum(worst, np.hypot(beside[:, 0], beside[:, 1]))
    return worst


def _placed(points: Coordinates, transform: Transform) -> Coordinates:
    placed = transform(points)
    lost = ~np.isfinite(placed).all(axis=1) | (np.abs(placed[:, 1]) > 90)
    if lost.any():
        x, y = points[int(lost.argmax())]
        raise AreaError(
            f"the point {x:.12g} {y:.12g} has no place on the Earth in its reference system",
            advice="Check whether this is the system that the coordinates are in",
        )
    outside = np.abs(placed[:, 0]) > 180
    placed[outside, 0] = (placed[outside, 0] + 180) % 360 - 180
    return placed


def _shorter(steps: Coordinates) -> Coordinates:
    """Steps in degrees, with longitudes that go the short way round the Earth."""
    turned = steps.copy()
    turned[:, 0] -= 360 * np.round(steps[:, 0] / 360)
    return turned


def _past_poles(ring: Coordinates) -> Coordinates:
    """A ring that comes to a pole by one meridian and leaves it by another, not from 0 degrees.

    A pole has every longitude, and a projection names only one of them.
    """
    at_pole = np.abs(ring[:, 1]) >= _POLE
    if not at_pole.any() or at_pole.all():
        return ring
    first = int(np.flatnonzero(~at_pole)[0])
    around = np.concatenate([ring[first:-1], ring[: first + 1]])
    points: list[Coordinates] = []
    for index, (lon, lat) in enumerate(around):
        if abs(lat) < _POLE:
            points.append(np.array([lon, lat]))
            continue
        pole = 90.0 if lat > 0 else -90.0
        points += [np.array([around[other, 0], pole]) for other in (index - 1, index + 1)]
    return np.array(points)
