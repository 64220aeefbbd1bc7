"""Whatever lies inside a shape on a map lies inside of what becomes of it on the Earth."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2fetch.area.build import Source, build_all
from s2fetch.area.projecting import geographic
from s2fetch.area.sphere import Coordinates
from s2fetch.errors import AreaError
from tests.area.shapes import assert_askable, coast, shape_of

# Reference systems with a window on their map, in metres, in which any polygon makes sense.
WINDOWS = (
    ("EPSG:32632", (-2e5, 1e6, 1.2e6, 9e6)),
    ("EPSG:32701", (2e5, 2e6, 8e5, 9e6)),
    ("EPSG:3857", (-1.9e7, -1.5e7, 1.9e7, 1.5e7)),
    ("EPSG:3832", (0, -1e7, 1e7, 1e7)),
    ("EPSG:3035", (2.5e6, 1.5e6, 6.5e6, 5.5e6)),
    ("EPSG:2193", (1e6, 4.7e6, 2.1e6, 6.2e6)),
    ("EPSG:3031", (-4e6, -4e6, 4e6, 4e6)),
    ("EPSG:3031", (-3e5, -3e5, 3e5, 3e5)),
    ("EPSG:3413", (-3e5, -3e5, 3e5, 3e5)),
)


@cache
def way(crs: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)


def to_degrees(crs: str, points: Coordinates) -> Coordinates:
    return np.column_stack(way(crs).transform(points[:, 0], points[:, 1]))


def placed(shape: Any, crs: str) -> Any:
    """The area of a shape on a map."""
    shape = geographic(shape, lambda points: to_degrees(crs, points), 1.0)
    return build_all([Source(shape, dense=True)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(WINDOWS),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(1e3, 1e6),
    st.integers(3, 40),
    st.integers(0, 10**6),
)
def test_what_is_inside_stays_inside_and_what_is_well_outside_outside(
    window: tuple[str, tuple[float, float, float, float]],
    east: float,
    north: float,
    radius: float,
    corners: int,
    seed: int,
) -> None:
    """In any projection, over the antimeridian and round the poles, with a hole."""
    crs, (west, south, right, top) = window
    radius = min(radius, (right - west) / 4, (top - south) / 4)
    x = west + 2 * radius + east * (right - west - 4 * radius)
    y = south + 2 * radius + north * (top - south - 4 * radius)
    shell = shapely.from_wkt(coast(x, y, radius, corners, seed))
    hole = shapely.Point(shell.representative_point()).buffer(radius / 10, quad_segs=2)
    shape = shell.difference(hole)
    area = placed(shape, crs)
    exact, asked = shape_of(area), assert_askable(area)
    left, bottom, right, top = shape.bounds
    points = np.random.default_rng(seed).uniform((left, bottom), (right, top), (300, 2))
    on_map, on_earth = shapely.points(points), shapely.points(to_degrees(crs, points))
    inside = shapely.contains(shape, on_map) & (shapely.distance(shape.boundary, on_map) > 0.02)
    # What was simple enough to stay was only rounded, to the nearest six decimals.
    rounded = 0.0 if area.exact else 1e-6
    for kept in (exact, asked):
        assert shapely.covers(kept.buffer(rounded), on_earth[inside]).all()
    outside = shapely.distance(shape, on_map) > 20
    assert not shapely.covers(exact, on_earth[outside]).any()


def test_a_straight_line_gets_no_points_it_does_not_need() -> None:
    """Parallels and meridians are straight in Mercator's projection."""
    box = shapely.box(0, 0, 1e6, 5e6)
    shape = geographic(box, lambda points: to_degrees("EPSG:3857", points), 1.0)
    assert shapely.get_num_coordinates(shape) == 5


def test_a_bent_edge_gets_as_few_as_it_needs() -> None:
    """So that one image fits into a URL as it is."""
    box = shapely.box(7e5, 4.9e6, 8e5, 5e6)
    shape = geographic(box, lambda points: to_degrees("EPSG:32632", points), 1.0)
    assert 5 < shapely.get_num_coordinates(shape) < 60


@pytest.mark.parametrize("turn", range(4))
def test_a_corner_at_the_pole_takes_no_detour(turn: int) -> None:
    """A quarter of the polar cap is a quarter of it, whatever longitude the pole is given."""
    angle = math.radians(90 * turn + 10)
    points = [(0.0, 0.0)]
    for step in range(31):
        a = angle + math.radians(3 * step)
        points.append((1e6 * math.cos(a), 1e6 * math.sin(a)))
    area = placed(shapely.Polygon(points), "EPSG:3413")
    shape = shape_of(area)
    assert shape.area == pytest.approx(90 * (90 - shape.bounds[1]), rel=0.02)


@pytest.mark.parametrize("lat", [-90, 90])
def test_a_box_that_ends_at_a_pole_keeps_that_pole(lat: int) -> None:
    """In another system of degrees, whose lines are as straight as ours."""
    box = shapely.box(10, min(lat, 0.8 * lat), 50, max(lat, 0.8 * lat))
    assert shape_of(placed(box, "EPSG:4258")).equals(box)


def test_a_point_that_is_nowhere_is_named() -> None:
    """As it is written."""
    with pytest.raises(AreaError, match="the point 100000000 5 has no place on the Earth"):
        placed(shapely.Point(1e8, 5), "EPSG:32632")


def test_an_outline_that_crosses_itself_is_refused_and_not_mended_by_being_widened() -> None:
    """On the map as in degrees; with the place in degrees."""
    bow = shapely.Polygon([(4e5, 0), (6e5, 4e5), (6e5, 0), (4e5, 4e5), (4e5, 0)])
    with pytest.raises(AreaError, match=r"itself at 9\.0\d+ 1\.80"):
        placed(bow, "EPSG:32632")
