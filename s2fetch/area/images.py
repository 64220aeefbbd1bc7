"""The footprints of images with a georeference, through GDAL.

The outline of the whole image is taken, whatever its pixels hold.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from s2fetch.area.build import Source
from s2fetch.area.files import KNOWN, library, unreadable
from s2fetch.area.projecting import geographic
from s2fetch.area.simplify import with_short_edges
from s2fetch.area.sphere import METRES_PER_DEGREE, Coordinates, wrapped
from s2fetch.errors import AreaError

if TYPE_CHECKING:
    from rasterio import DatasetReader
    from rasterio.crs import CRS

EXTRA = "raster"
_FEWEST_CONTROL_POINTS = 4
_POINTS_PER_SIDE = 20


def read_image(path: Path) -> Iterator[Source]:
    """The footprint of an image, or of the images in a file that holds several.

    Raises:
        AreaError: It cannot be read, or nothing says where on the Earth it lies; names the file.
    """
    errors = library("rasterio.errors", EXTRA, path)
    try:
        with warnings.catch_warnings():
            # Of images without a georeference, which are an error here.
            warnings.simplefilter("ignore")
            footprints = list(_footprints(path))
    except errors.RasterioIOError as error:
        if "not recognized as being in a supported file format" in str(error):
            raise AreaError(f"{path} is no area: it is neither {KNOWN}") from error
        raise unreadable(path, error) from error
    except errors.RasterioError as error:
        raise unreadable(path, error) from error
    if not footprints:
        advice = "Give it one with a GIS, or give the area in another way"
        raise AreaError(f"{path} has no georeference", advice=advice)
    for footprint in footprints:
        yield Source(footprint, str(path), dense=True)


def _footprints(path: Path) -> Iterator[shapely.Geometry]:
    import rasterio

    with rasterio.open(path.absolute()) as image:
        footprint, inner = _footprint(image, path), image.subdatasets
    if footprint is not None:
        yield footprint
        return
    for part in inner:
        with rasterio.open(part) as image:
            footprint = _footprint(image, path)
        if footprint is not None:
            yield footprint


def _footprint(image: DatasetReader, path: Path) -> shapely.Geometry | None:
    if image.transform.is_identity:
        # GDAL's way of saying that there is none.
        return _by_control_points(image, path) if image.gcps[0] else None
    corners = [(0, 0), (0, image.height), (image.width, image.height), (image.width, 0)]
    a, b, c, d, e, f = image.transform[:6]
    outline = shapely.Polygon([(a * x + b * y + c, d * x + e * y + f) for x, y in corners])
    if image.crs is None:
        advice = "Give it one with a GIS; nothing is guessed"
        raise AreaError(f"{path} has no reference system", advice=advice)
    if image.crs.to_epsg() == 4326:
        return _on_sphere(outline)
    if image.crs.is_geographic:
        units_per_metre = 1 / METRES_PER_DEGREE
    else:
        units_per_metre = 1 / image.crs.linear_units_factor[1]
    try:
        return geographic(outline, partial(_transformed, image.crs), units_per_metre)
    except AreaError as error:
        raise AreaError(f"{path}: {error.what}", advice=error.advice) from error


def _on_sphere(outline: shapely.Geometry) -> shapely.Geometry:
    """An outline in degrees, of which grids have up to 360 or half a pixel too many."""
    west, south, east, north = outline.bounds
    if east - west >= 360:
        west, east, outline = -180, 180, shapely.box(-180, south, 180, north)
    shape = wrapped(outline.intersection(shapely.box(west, -90, east, 90)))
    # Long edges must not be taken for short ones across the antimeridian.
    return with_short_edges(shape)


def _by_control_points(image: DatasetReader, path: Path) -> shapely.Geometry:
    """The outline of an image by its control points, as Sentinel-1 measurements have them.

    Between and beyond them by thin plate splines, which go through every one of them.
    """
    from rasterio.control import GroundControlPoint
    from rasterio.transform import GCPTransformer

    points, system = image.gcps
    if system is None or len(points) < _FEWEST_CONTROL_POINTS:
        advice = "Give it a georeference with a GIS, or give the area in another way"
        raise AreaError(f"{path} has control points that do not suffice", advice=advice)
    placed = _transformed(system, np.array([(point.x, point.y) for point in points]))
    # The short way round the Earth from the first of them.
    placed[:, 0] -= 360 * np.round((placed[:, 0] - placed[0, 0]) / 360)
    known = [
        GroundControlPoint(point.row, point.col, lon, lat)
        for point, (lon, lat) in zip(points, placed, strict=True)
    ]
    box = shapely.box(0, 0, image.width, image.height)
    sides = shapely.segmentize(box, max(image.width, image.height) / _POINTS_PER_SIDE)
    pixels = shapely.get_coordinates(sides)
    with GCPTransformer(known, tps=True) as spline:
        lons, lats = spline.xy(pixels[:, 1], pixels[:, 0], offset="ul")
    return _on_sphere(shapely.Polygon(np.column_stack([lons, lats])))


def _transformed(system: CRS, points: Coordinates) -> Coordinates:
    from rasterio._err import CPLE_BaseError
    from rasterio.warp import transform

    try:
        return np.column_stack(transform(system, "EPSG:4326", points[:, 0], points[:, 1])[:2])
    except CPLE_BaseError:
        # Raised for all when one of them has no place on the Earth; that one is to be named.
        if len(points) == 1:
            return np.full((1, 2), np.inf)
        return np.vstack([_transformed(system, points[n : n + 1]) for n in range(len(points))])
