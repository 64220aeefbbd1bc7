"""The ground of Sentinel-2 tiles."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely

from s2fetch.area import from_tiles
from s2fetch.area.mgrs import from_utm
from s2fetch.errors import AreaError
from tests.area.shapes import assert_askable, shape_of

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"


def truth(epsg: int, west: float, top: float) -> shapely.Geometry:
    """A tile from its upper left corner, by PROJ; longitudes from 0 to 360."""
    box = shapely.segmentize(shapely.box(west, top - 109_800, west + 109_800, top), 500)
    way = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)
    return shapely.transform(box, lambda c: around(np.column_stack(way.transform(*c.T))))


def around(points: np.ndarray) -> np.ndarray:
    return np.column_stack([points[:, 0] % 360, points[:, 1]])


# Corners as tile metadata list them (ULX, ULY); south of the equator UTM counts from 10,000 km.
@pytest.mark.parametrize(
    ("name", "epsg", "west", "top"),
    [
        ("32TQM", 32632, 699_960, 4_700_040),
        ("31TCJ", 32631, 300_000, 4_900_020),
        ("17UPV", 32617, 600_000, 6_000_000),
        ("32UNA", 32632, 499_980, 5_600_040),
        ("33NWA", 32633, 499_980, 100_020),
        ("33MWV", 32733, 499_980, 10_000_020),
        ("55HBU", 32755, 199_980, 5_900_040),
        ("43FDA", 32743, 399_960, 4_100_040),
        ("01CDN", 32701, 399_960, 1_300_020),
        ("31XEL", 32631, 499_980, 9_100_020),
    ],
)
def test_a_tile_is_where_its_metadata_say(name: str, epsg: int, west: float, top: float) -> None:
    """On both hemispheres, in the highest bands, and where a row of letters begins anew.

    That is elsewhere in zones with even numbers.
    """
    found = shape_of(from_tiles([name]))
    real = truth(epsg, west, top)
    unwrapped = shapely.transform(found, around).buffer(0)
    assert unwrapped.covers(real)
    assert unwrapped.difference(real).area < 1e-3 * real.area


@pytest.mark.parametrize("name", ["32TQM", "17UPV", "33MWV", "31XEL", "60WWT"])
def test_one_tile_fits_into_a_url_nearly_as_it_is(name: str) -> None:
    """So that nearly nothing is found that only lies beside it."""
    area = from_tiles([name])
    assert_askable(area)
    assert area.grown_percent < 0.05


@pytest.mark.parametrize(("name", "lat"), [("01KAB", -17.0), ("60KYF", -17.0), ("60WWT", None)])
def test_a_tile_at_the_antimeridian_is_split_there(name: str, lat: float | None) -> None:
    """Without anything to be guessed or noted."""
    area = from_tiles([name])
    shape = assert_askable(area)
    assert not any("antimeridian" in note for note in area.notes)
    west, _, east, _ = shape.bounds
    if lat is None or name == "60KYF":
        assert east - west < 10
    else:
        assert shape.geom_type == "MultiPolygon"
        assert shape.covers(shapely.MultiPoint([(180, lat), (-180, lat)]))
        assert not shape.intersects(shapely.Point(0, lat))


def test_neighbouring_tiles_overlap_by_ten_kilometres_and_are_one_area() -> None:
    """As the grid is laid out."""
    tiles = ["32TQM", "32TPM", "32TQN"]
    together = shape_of(from_tiles(tiles))
    assert together.geom_type == "Polygon"
    assert all(together.buffer(1e-6).covers(shape_of(from_tiles([tile]))) for tile in tiles)


@pytest.mark.parametrize("name", ["", "32T", "61TQM", "00TQM", "33NAA", "32IQM", "32TQW", "x2TQM"])
def test_a_tile_that_does_not_exist_is_refused(name: str) -> None:
    """With how to write one."""
    with pytest.raises(AreaError, match=r"is not an MGRS tile.*for example 32TQM"):
        from_tiles([name])


@pytest.mark.parametrize("zone", [1, 31, 60])
def test_utm_is_what_proj_says(zone: int) -> None:
    """To a thousandth of a millimetre, wherever tiles are."""
    points = np.random.default_rng(1).uniform([1e5, -9.3e6], [9e5, 9.3e6], (2000, 2))
    way = pyproj.Transformer.from_crs(32600 + zone, 4326, always_xy=True)
    there = np.column_stack(way.transform(points[:, 0], points[:, 1]))
    error = from_utm(zone)(points) - there
    error[:, 0] = (error[:, 0] + 180) % 360 - 180
    assert np.abs(error).max() < 1e-11 * 1000


@pytest.mark.skipif(not RECORDED.is_dir(), reason="recorded answers are not part of the project")
def test_a_recorded_product_lies_in_its_tile() -> None:
    """The corners of its footprint are those of the tile, to some metres."""
    text = (RECORDED / "manifest-s2.safe").read_text(encoding="utf-8")
    (name,) = set(re.findall(r"_T(\d\d[A-Z]{3})_", text))
    listed = re.search(r"<gml:coordinates>(.*?)<", text, re.DOTALL)
    assert listed is not None
    numbers = [float(number) for number in listed[1].split()]
    corners = shapely.MultiPoint(list(zip(numbers[1::2], numbers[::2], strict=True)))
    tile = shape_of(from_tiles([name]))
    assert max(tile.exterior.distance(corner) for corner in corners.geoms) < 3e-4
    assert tile.buffer(1e-4).covers(corners)
