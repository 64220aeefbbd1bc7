"""Footprints of images, as GDAL reads them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine

from s2fetch.area import from_files
from s2fetch.errors import AreaError
from tests.area.shapes import assert_askable, shape_of
from tests.area.test_vector import seen

DRIVERS = {".tif": "GTiff", ".jp2": "JP2OpenJPEG", ".img": "ENVI", ".png": "PNG"}


def from_bounds(west: float, south: float, east: float, north: float) -> Affine:
    """The georeference of an image of 16 columns and 8 rows with its north up."""
    return Affine((east - west) / 16, 0, west, 0, (south - north) / 8, north)


def image(path: Path, size: tuple[int, int] = (8, 16), **georeference: Any) -> Path:
    """An image of one band, rows and columns as given."""
    rows, columns = size
    profile = {"driver": DRIVERS[path.suffix], "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", height=rows, width=columns, **profile, **georeference) as file:
        file.write(np.zeros((1, rows, columns), dtype=np.uint8))
    return path


@pytest.mark.parametrize("suffix", [".tif", ".jp2", ".img"])
def test_the_footprint_of_an_image_is_its_outline(tmp_path: Path, suffix: str) -> None:
    """In degrees it is exact."""
    transform = from_bounds(11, 46, 13, 47)
    path = image(tmp_path / f"a{suffix}", crs="EPSG:4326", transform=transform)
    assert assert_askable(from_files([path])).equals(shapely.box(11, 46, 13, 47))


def test_an_outline_in_metres_bends_and_loses_no_ground(tmp_path: Path) -> None:
    """A Sentinel-2 band has sides of 109.8 km."""
    box = shapely.box(699_960, 4_890_240, 809_760, 5_000_040)
    transform = from_bounds(*box.bounds)
    area = from_files([image(tmp_path / "a.jp2", crs="EPSG:32632", transform=transform)])
    truth = seen(box, "EPSG:32632")
    assert assert_askable(area).covers(truth)
    assert shape_of(area).difference(truth).area < 1e-3 * truth.area
    assert area.notes == ()


def test_a_turned_image_has_a_turned_outline(tmp_path: Path) -> None:
    """Its bounds would be twice as large."""
    pixel = 100 / math.sqrt(2)
    transform = Affine(pixel, -pixel, 600_000, pixel, pixel, 5_000_000)
    path = image(tmp_path / "a.tif", (10, 10), crs="EPSG:32632", transform=transform)
    half = 500 * math.sqrt(2)
    middle = shapely.Point(600_000, 5_000_000 + half)
    ways = ((0, -half), (half, 0), (0, half), (-half, 0))
    turned = shapely.Polygon([(middle.x + x, middle.y + y) for x, y in ways])
    found = shape_of(from_files([path]))
    assert found.hausdorff_distance(seen(turned, "EPSG:32632")) < 1e-5


def test_several_images_are_one_area(tmp_path: Path) -> None:
    """In reference systems of their own."""
    one = image(tmp_path / "a.tif", crs="EPSG:4326", transform=from_bounds(0, 0, 1, 1))
    metres = from_bounds(600_000, 5_000_000, 601_000, 5_001_000)
    two = image(tmp_path / "b.tif", crs="EPSG:32632", transform=metres)
    shape = assert_askable(from_files([one, two]))
    assert len(shape.geoms) == 2


@pytest.mark.parametrize(
    ("crs", "bounds", "inside", "outside"),
    [
        ("EPSG:4326", (-180, -90, 180, 90), (180, 90), None),
        ("EPSG:4326", (-180.05, -90.05, 180.05, 90.05), (0, -90), None),
        ("EPSG:4326", (0, -60, 360, 60), (-90, 0), (0, 70)),
        ("EPSG:4326", (170, -10, 190, 10), (-175, 0), (0, 0)),
        ("EPSG:4326", (-170, -10, 170, 10), (0, 0), (180, 0)),
        ("EPSG:32701", (1e5, 8e6, 2e5, 8.1e6), (-180, -17.6), (0, -17.6)),
        ("EPSG:3031", (-3e6, -3e6, 3e6, 3e6), (10, -90), (10, -40)),
    ],
)
def test_images_at_the_antimeridian_and_the_poles_are_right(
    tmp_path: Path, crs: str, bounds: tuple[float, ...], inside: Any, outside: Any
) -> None:
    """Grids of the whole Earth begin at 0 or at -180, and may be half a pixel too large."""
    transform = from_bounds(*bounds)
    area = from_files([image(tmp_path / "a.tif", crs=crs, transform=transform)])
    shape = assert_askable(area)
    assert shape.covers(shapely.Point(inside))
    assert outside is None or not shape.intersects(shapely.Point(outside))
    assert not any("taken to" in note for note in area.notes)


def control_points(
    lon: float, lat: float, rows: int, columns: int, step: int
) -> list[GroundControlPoint]:
    """A grid like that of a Sentinel-1 measurement: turned, bent, from edge to edge."""
    points = []
    for row in range(0, rows + 1, step):
        for column in range(0, columns + 1, step):
            x, y = placed(lon, lat, row, column)
            points.append(GroundControlPoint(row, column, (x + 180) % 360 - 180, y))
    return points


def placed(lon: float, lat: float, row: float, column: float) -> tuple[float, float]:
    bend = 1e-6 * (row - 50) ** 2
    return lon + 0.02 * column - 0.004 * row + bend, lat - 0.01 * row - 0.002 * column + bend


@pytest.mark.parametrize("lon", [11.0, 179.0])
@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
def test_an_image_with_control_points_alone_has_a_footprint(tmp_path: Path, lon: float) -> None:
    """As measurements of Sentinel-1 are delivered; also over the antimeridian."""
    points = control_points(lon, 46.0, 100, 160, 20)
    path = image(tmp_path / "s1.tif", (100, 160), gcps=points, crs="EPSG:4326")
    border = [(0, c) for c in range(160)] + [(r, 160) for r in range(100)]
    border += [(100, c) for c in range(160, 0, -1)] + [(r, 0) for r in range(100, 0, -1)]
    truth = shapely.Polygon([placed(lon, 46.0, row, column) for row, column in border])
    found = shape_of(from_files([path]))
    unwrapped = shapely.transform(found, lambda c: np.column_stack([c[:, 0] % 360, c[:, 1]]))
    assert unwrapped.buffer(0).symmetric_difference(truth).area < 1e-3 * truth.area


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
def test_an_image_without_georeference_is_an_error(tmp_path: Path) -> None:
    """As pictures are; too few control points do not make one either."""
    with pytest.raises(AreaError, match=r"a\.png has no georeference"):
        from_files([image(tmp_path / "a.png")])
    with pytest.raises(AreaError, match=r"b\.tif has no georeference"):
        from_files([image(tmp_path / "b.tif")])
    two = control_points(11, 46, 100, 100, 100)[:2]
    path = image(tmp_path / "c.tif", (100, 100), gcps=two, crs="EPSG:4326")
    with pytest.raises(AreaError, match=r"c\.tif has control points that do not suffice"):
        from_files([path])


def test_an_image_without_reference_system_is_an_error(tmp_path: Path) -> None:
    """Numbers that look like degrees may be something else."""
    path = image(tmp_path / "a.tif", transform=from_bounds(11, 46, 12, 47))
    with pytest.raises(AreaError, match=r"a\.tif has no reference system"):
        from_files([path])


def test_an_outline_that_is_nowhere_on_the_earth_is_refused(tmp_path: Path) -> None:
    """As of a full disk from a geostationary satellite, whose corners are in space."""
    disk = "+proj=geos +h=35785831 +lon_0=0 +sweep=y"
    assert pyproj.CRS(disk).is_projected
    transform = from_bounds(-5.5e6, -5.5e6, 5.5e6, 5.5e6)
    path = image(tmp_path / "a.tif", crs=disk, transform=transform)
    with pytest.raises(AreaError, match=r"a\.tif: the point .* has no place on the Earth"):
        from_files([path])
