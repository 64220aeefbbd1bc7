"""Fewer vertices without losing ground: the result always covers the original."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import shapely

from s2fetch.area import sphere

MAXIMUM_VERTICES = 100
MAXIMUM_CHARACTERS = 1500
"""A catalogue query is a GET: the area has to fit into its URL beside everything else."""
DECIMALS = 6
"""About 0.1 m on the ground."""

_STRIDE = 4.0
_CLOSE_ENOUGH = 1.2
_EXPONENTS = re.compile(r"-?[0-9.]+e[+-]?[0-9]+")


def fits(shape: shapely.Geometry) -> bool:
    """Whether a hub can be asked for this shape as it is."""
    vertices = shapely.get_num_coordinates(shape)
    return bool(vertices <= MAXIMUM_VERTICES) and len(written(shape)) <= MAXIMUM_CHARACTERS


def written(shape: shapely.Geometry) -> str:
    """WKT without exponents, needless blanks and digits."""
    wkt = str(shapely.to_wkt(shape, rounding_precision=DECIMALS, trim=True))
    wkt = _EXPONENTS.sub(lambda m: f"{float(m[0]):.{DECIMALS}f}".rstrip("0").rstrip("."), wkt)
    return wkt.replace(", ", ",").replace(" (", "(")


def outwards(shape: shapely.Geometry) -> shapely.Geometry:
    """A shape that fits, is valid and covers the one given, which is polygonal and in the world."""
    shapely.prepare(shape)
    west = _frame(shape)
    flat = sphere.wrapped(shape, west)
    left, bottom, right, top = flat.bounds

    def best_from(start: shapely.Geometry) -> shapely.Geometry | None:
        def attempt(tolerance: float) -> shapely.Geometry | None:
            return accepted(sphere.wrapped(_grown(start, tolerance, west)), shape)

        extent = max(right - left, top - bottom)
        return _smallest(attempt, low=10.0**-DECIMALS, first=extent * 1e-4, high=extent)

    found = best_from(flat)
    # A coast of very many bays is better closed than drawn: a hull needs few vertices.
    hull = shapely.convex_hull(flat)
    if found is None or hull.area < found.area:
        closed = best_from(hull)
        if closed is not None and (found is None or closed.area < found.area):
            found = closed
    if found is not None:
        return found
    # Rare: so scattered that only the box around everything is simple enough.
    margin = 10.0**-DECIMALS
    window = shapely.box(west, -90, west + 360, 90)
    around = shapely.box(left - margin, bottom - margin, right + margin, top + margin)
    return accepted(sphere.wrapped(around.intersection(window)), shape) or with_short_edges(
        sphere.WORLD
    )


def accepted(grown: shapely.Geometry, shape: shapely.Geometry) -> shapely.Geometry | None:
    """The candidate as it will be written, or None when it does not fit or does not cover."""
    rounded = shapely.from_wkt(written(with_short_edges(grown)))
    good = rounded.is_valid and fits(rounded) and rounded.covers(shape)
    return rounded if good else None


def with_short_edges(shape: shapely.Geometry) -> shapely.Geometry:
    """Without edges over 180 degrees, which could be taken for the short way round."""
    west, _, east, _ = shape.bounds
    return shapely.segmentize(shape, 120.0) if east - west > 180 else shape


def _smallest(
    attempt: Callable[[float], shapely.Geometry | None], low: float, first: float, high: float
) -> shapely.Geometry | None:
    """What comes of about the smallest tolerance that works: up in strides, then narrowed down."""
    tolerance = max(low, first)
    while (found := attempt(tolerance)) is None:
        low, tolerance = tolerance, tolerance * _STRIDE
        if tolerance > high:
            return None
    while tolerance / low > _CLOSE_ENOUGH:
        middle = math.sqrt(low * tolerance)
        better = attempt(middle)
        if better is None:
            low = middle
        else:
            found, tolerance = better, middle
    return found


def _grown(flat: shapely.Geometry, tolerance: float, west: float) -> shapely.Geometry:
    """Simplified by the tolerance, then widened by more than what that can have cut off.

    The distances add up: 1 (simplified) + 0.4 (simplified again) + 0.07 (rounded) is less than the
    1.57 that are left of 1.7 where an arc is drawn with two segments to the quadrant.
    """
    simple = flat.simplify(tolerance, preserve_topology=True)
    wide = simple.buffer(1.7 * tolerance, quad_segs=2)
    again = wide.simplify(0.4 * tolerance, preserve_topology=True)
    decimals = min(DECIMALS, max(1, 1 - math.floor(math.log10(tolerance))))
    rounded = shapely.set_precision(again, 10.0**-decimals)
    return rounded.intersection(shapely.box(west, -90, west + 360, 90))


def _frame(shape: shapely.Geometry) -> float:
    """Where to cut the Earth: at 180 degrees, or at 0 when the shape hangs together across 180."""
    west, _, east, _ = shape.bounds
    if west > -180 or east < 180:
        return -180.0
    left, _, right, _ = sphere.wrapped(shape, 0.0).bounds
    return 0.0 if right - left < east - west else -180.0
