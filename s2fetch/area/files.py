"""Which reader a file of areas needs, told by its content or else by its name."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from s2fetch.area import reading
from s2fetch.area.build import Source
from s2fetch.errors import AreaError
from s2fetch.paths import is_folder
from s2fetch.zips import ANY_FAULT

Reader = Callable[[Path], Iterator[Source]]

KNOWN = (
    "GeoJSON, WKT, KML, KMZ, shapefile (also zipped), GeoPackage, FlatGeobuf, or an image with a "
    "georeference"
)
_HEAD_BYTES = 4096
_BY_START = (
    (b"PK\x03\x04", "zip"),
    (b"SQLite format 3\0", "vector"),
    (b"fgb", "vector"),
    (b"II*\0", "image"),
    (b"II+\0", "image"),
    (b"MM\0*", "image"),
    (b"MM\0+", "image"),
    (b"\0\0\0\x0cjP", "image"),
    (b"\xff\x4f\xff\x51", "image"),
    (b"\x89HDF", "image"),
    (b"CDF", "image"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
)
"""Signatures: zip, SQLite, FlatGeobuf, TIFF and BigTIFF, JPEG 2000, HDF5, netCDF, PNG, JPEG."""
_BY_SUFFIX = {
    **dict.fromkeys((".geojson", ".json"), "geojson"),
    **dict.fromkeys((".wkt", ".txt"), "wkt"),
    ".kml": "kml",
    ".kmz": "zip",
    ".zip": "zip",
    **dict.fromkeys((".shp", ".gpkg", ".fgb"), "vector"),
}
_WKT_START = re.compile(
    rb"(SRID=\d+;|(geography|geometry)'|(MULTI)?(POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION"
    rb"|LINEARRING|#)",
    re.IGNORECASE,
)


def read(path: Path) -> Iterator[Source]:
    """All geometries of a file; an image gives its footprint.

    Raises:
        AreaError: It cannot be read, is of no known kind, or needs an extra that is not installed.
    """
    readers: dict[str, Reader] = {
        "geojson": _read_geojson,
        "wkt": _read_wkt,
        "kml": _read_kml,
        "zip": _read_zip,
        "vector": _read_vector,
        "image": _read_image,
        "unknown": _read_unknown,
    }
    return readers[_kind(path)](path)


def library(name: str, extra: str, path: Path) -> ModuleType:
    """A library that an extra brings.

    Raises:
        AreaError: It is not installed; names the file and the extra.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise AreaError(
            f"cannot read {path}: this needs {name.partition('.')[0]}, which is not installed",
            advice=f"pip install 's2fetch[{extra}]'",
        ) from error


def members(archive: zipfile.ZipFile) -> list[str]:
    """The names in a zip, without the doubles of files that macOS puts there."""
    names = archive.namelist()
    return [name for name in names if not f"/{name}".rpartition("/")[2].startswith("._")]


def unreadable(path: Path, error: Exception) -> AreaError:
    """The error for what an operating system or a library says about a file."""
    reason = (getattr(error, "strerror", None) or str(error)).replace(f"{path}: ", "")
    return AreaError(f"cannot read {path}: {reason}")


def _kind(path: Path) -> str:
    if is_folder(path):
        advice = "Name a file in it; the footprint of a product is --area-product"
        raise AreaError(f"{path} is a folder", advice=advice)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error
    by_start = (kind for start, kind in _BY_START if head.startswith(start))
    return next(by_start, _kind_of_text(head) or _BY_SUFFIX.get(path.suffix.lower(), "unknown"))


def _kind_of_text(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith((b"{", b"[")):
        return "geojson"
    if text.startswith(b"<"):
        return "kml" if re.search(rb"<(\w+:)?kml\b", text) else ""
    return "wkt" if _WKT_START.match(text) else ""


def _read_geojson(path: Path) -> Iterator[Source]:
    yield Source(reading.read_geojson(path), str(path))


def _read_wkt(path: Path) -> Iterator[Source]:
    for number, shape in reading.read_wkt_file(path):
        yield Source(shape, f"{path}, line {number}")


def _read_kml(path: Path) -> Iterator[Source]:
    from s2fetch.area import kml

    return kml.read_kml(path)


def _read_zip(path: Path) -> Iterator[Source]:
    from s2fetch.area import kml, vector

    try:
        with zipfile.ZipFile(path) as archive:
            names = members(archive)
    except ANY_FAULT as error:
        raise unreadable(path, error) from error
    if shapes := [name for name in names if name.lower().endswith((".shp", ".gpkg", ".fgb"))]:
        return vector.read_zipped(path, shapes)
    if any(name.lower().endswith(".kml") for name in names):
        return kml.read_kmz(path)
    advice = "The footprint of a product is --area-product" if ".SAFE" in "".join(names) else ""
    raise AreaError(f"{path} holds no KML, shapefile or GeoPackage", advice=advice)


def _read_vector(path: Path) -> Iterator[Source]:
    from s2fetch.area import vector

    return vector.read_vector(path)


def _read_image(path: Path) -> Iterator[Source]:
    from s2fetch.area import images

    return images.read_image(path)


def _read_unknown(path: Path) -> Iterator[Source]:
    """What may still be an image: some have their header in a file of their own."""
    if find_spec("rasterio") is None:
        advice = "If it is an image: pip install 's2fetch[raster]'"
        raise AreaError(f"{path} is no area: it is neither {KNOWN}", advice=advice)
    return _read_image(path)
