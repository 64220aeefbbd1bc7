"""What several tests of areas need: shapes, and what is promised about every area."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import shapely

from s2fetch.area import Area
from s2fetch.area.simplify import MAXIMUM_CHARACTERS, MAXIMUM_VERTICES


def assert_askable(area: Area) -> Any:
    """Everything that is promised about the WKT of an area."""
    shape = shapely.from_wkt(area.wkt)
    assert shape.is_valid
    assert not shape.is_empty
    assert not shape.has_z
    assert "e" not in area.wkt
    assert ", " not in area.wkt
    west, south, east, north = shape.bounds
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
    assert shape.geom_type in ("Point", "Polygon", "MultiPolygon")
    assert shapely.get_num_coordinates(shape) <= MAXIMUM_VERTICES
    assert len(area.wkt) <= MAXIMUM_CHARACTERS
    for ring in shapely.get_parts(shapely.get_rings(shape)):
        lons = shapely.get_coordinates(ring)[:, 0]
        assert max(abs(a - b) for a, b in zip(lons[1:], lons[:-1], strict=True)) <= 180
    return shape


def wkt_of(points: list[tuple[float, float]]) -> str:
    return "POLYGON((" + ",".join(f"{x!r} {y!r}" for x, y in [*points, points[0]]) + "))"


def coast(lon: float, lat: float, radius: float, count: int, seed: int) -> str:
    """A ragged outline that does not cross itself: a distance for every direction."""
    rng = random.Random(seed)
    phases = [rng.random() * 7 for _ in range(12)]
    angles = 2 * np.pi * np.arange(count) / count
    ragged = sum(0.3 / 2**k * np.sin(2**k * angles + phases[k]) for k in range(1, 12))
    reach = radius * (1 + ragged)
    lons, lats = lon + reach * np.cos(angles), lat + reach * np.sin(angles)
    return wkt_of(list(zip(lons.tolist(), lats.tolist(), strict=True)))


def shape_of(area: Area) -> Any:
    """The area before it was simplified, if it was."""
    return shapely.from_wkt(area.exact or area.wkt)
