"""Shapefiles, GeoPackages and FlatGeobuf files, in any reference system, through GDAL and PROJ."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely.errors import ShapelyError

from s2fetch.area import projecting
from s2fetch.area.build import Source
from s2fetch.area.files import library, unreadable
from s2fetch.area.sphere import METRES_PER_DEGREE, Coordinates
from s2fetch.errors import AreaError

if TYPE_CHECKING:
    import pyproj

EXTRA = "vector"
_LARGEST_SHIFT = 0.01
"""Degrees between two datums; a kilometre."""


def read_vector(path: Path) -> Iterator[Source]:
    """Every layer of a file that has geometry, each a source of its own.

    Raises:
        AreaError: Unreadable, without a reference system, or with geometries nobody can use; names
            the file, and the layer where there are several.
    """
    return _read(path, str(path.absolute()), str(path))


def read_zipped(path: Path, members: Iterable[str]) -> Iterator[Source]:
    """As `read_vector`, for members of a zip.

    Raises:
        AreaError: See `read_vector`.
    """
    for member in members:
        # Braces keep the name of the zip whole, whatever it ends with (GDAL, virtual files).
        yield from _read(path, f"/vsizip/{{{path.absolute()}}}/{member}", f"{path}, {member}")


def _read(path: Path, name: str, label: str) -> Iterator[Source]:
    pyogrio = library("pyogrio", EXTRA, path)
    library("pyproj", EXTRA, path)
    try:
        with warnings.catch_warnings():
            # GDAL warns of what does not concern the geometries, such as odd attributes.
            warnings.simplefilter("ignore")
            layers = [layer for layer, kind in pyogrio.list_layers(name) if kind is not None]
            tables = [
                pyogrio.raw.read(name, layer=layer, columns=[], force_2d=True) for layer in layers
            ]
    except RuntimeError as error:  # of which all errors of pyogrio are
        raise unreadable(path, error) from error
    if not layers:
        raise AreaError(f"{label} holds no layer with geometry")
    held = False
    for layer, (meta, _, encoded, _) in zip(layers, tables, strict=True):
        where = label if len(layers) == 1 else f"{label}, layer {layer}"
        shapes = _decoded(encoded, where)
        if shapes:
            held = True
            yield _source(shapes, meta["crs"], where)
    if not held:
        raise AreaError(f"{label}: the area is empty", advice="Give a geometry with coordinates")


def _decoded(encoded: Iterable[bytes | None], where: str) -> list[shapely.Geometry]:
    shapes = []
    for number, wkb in enumerate(encoded, 1):
        try:
            shape = None if wkb is None else shapely.from_wkb(wkb)
        except ShapelyError as error:
            raise AreaError(
                f"{where}, feature {number}: a geometry that cannot be used ({error})",
                advice="Write it as points, lines or polygons",
            ) from error
        if shape is not None and not shape.is_empty:
            shapes.append(shape)
    return shapes


def _source(shapes: list[shapely.Geometry], crs: str | None, where: str) -> Source:
    """The shapes of a layer in longitude and latitude."""
    import pyproj

    system = _system(crs, where)
    together = shapely.GeometryCollection(shapes)
    if system.equals("OGC:CRS84", ignore_axis_order=True):
        return Source(together, where)
    try:
        way = pyproj.Transformer.from_crs(system, "OGC:CRS84", always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise AreaError(f"{where}: no way is known from {system.name} to WGS 84") from error
    if system.is_geographic and not system.is_derived:
        return Source(shapely.transform(together, partial(_shifted, way)), where)
    transform = partial(_transformed, way)
    try:
        placed = projecting.geographic(together, transform, _units_per_metre(system))
    except AreaError as error:
        raise AreaError(f"{where}: {error.what} ({system.name})", advice=error.advice) from error
    return Source(placed, where, dense=True)


def _system(crs: str | None, where: str) -> pyproj.CRS:
    import pyproj

    if crs is None:
        what, advice = "has no reference system", "Give it one with a GIS"
        if where.lower().endswith(".shp"):
            what += ": its .prj file is missing or cannot be understood"
            advice = "Put the .prj file beside it, or write one with a GIS; nothing is guessed"
        raise AreaError(f"{where} {what}", advice=advice)
    try:
        return pyproj.CRS.from_user_input(crs).to_2d()
    except pyproj.exceptions.CRSError as error:
        raise AreaError(f"{where}: the reference system {crs[:60]!r} is not understood") from error


def _transformed(way: pyproj.Transformer, points: Coordinates) -> Coordinates:
    return np.column_stack(way.transform(points[:, 0], points[:, 1]))


def _shifted(way: pyproj.Transformer, points: Coordinates) -> Coordinates:
    """From one datum to another, where what ends at the antimeridian still ends there."""
    placed = _transformed(way, points)
    placed[:, 0] -= 360 * np.round((placed[:, 0] - points[:, 0]) / 360)
    near = np.abs(placed[:, 0]) < 180 + _LARGEST_SHIFT
    placed[near, 0] = np.clip(placed[near, 0], -180, 180)
    return placed


def _units_per_metre(system: pyproj.CRS) -> float:
    if system.is_geographic:
        return 1 / METRES_PER_DEGREE
    factors = [axis.unit_conversion_factor for axis in system.axis_info]
    return 1 / factors[0] if factors and factors[0] > 0 else 1.0
