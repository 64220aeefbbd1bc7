"""KML and KMZ (OGC 12-007r2): every placemark, in any folder, and in every file they link to.

KML is always in WGS 84, longitude first, so that neither GDAL nor PROJ is needed.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import shapely

from s2fetch.area.build import Source
from s2fetch.area.files import members, unreadable
from s2fetch.errors import AreaError
from s2fetch.paths import is_file
from s2fetch.zips import ANY_FAULT

LARGEST_BYTES = 512 * 1024 * 1024
"""More than that in one file of a KMZ is no area of interest."""
_SHAPES = ("Point", "LineString", "LinearRing", "Polygon", "Track")
_BLANKS_AROUND_COMMA = re.compile(r"\s*,\s*")


def read_kml(path: Path) -> Iterator[Source]:
    """The placemarks of a KML file, and of the files it links to, which lie beside it.

    Raises:
        AreaError: Unreadable, malformed, or linking to what is not there; names the file.
    """
    return _read_with_links(path, set())


def read_kmz(path: Path) -> Iterator[Source]:
    """The placemarks of every KML file in a KMZ.

    Raises:
        AreaError: See `read_kml`.
    """
    sources = [source for source in _members_of(path) if not source.shape.is_empty]
    yield from sources or [Source(shapely.GeometryCollection(), str(path))]


def _members_of(path: Path) -> Iterator[Source]:
    with _opened(path) as archive:
        files = [name for name in members(archive) if name.lower().endswith(".kml")]
        names = {posixpath.basename(name) for name in files}
        for name in files:
            where = f"{path}, {name}"
            root = _parsed(_unpacked(archive, archive.getinfo(name), path), where)
            for link in _links(root):
                # GDAL writes links that lack a folder, so only the name of the file is compared.
                if posixpath.basename(_local(link, where)) not in names:
                    raise _missing(where, link)
            yield _source(root, where)


def _read_with_links(path: Path, known: set[Path]) -> Iterator[Source]:
    known.add(path.resolve())
    try:
        root = _parsed(path.read_bytes(), str(path))
    except OSError as error:
        raise unreadable(path, error) from error
    linked = [path.parent / _local(link, str(path)) for link in _links(root)]
    source = _source(root, str(path))
    if not linked or not source.shape.is_empty:
        yield source
    for other in linked:
        if not is_file(other):
            raise _missing(str(path), str(other))
        if other.suffix.lower() == ".kmz":
            yield from read_kmz(other)
        elif other.resolve() not in known:
            yield from _read_with_links(other, known)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except ANY_FAULT as error:
        raise unreadable(path, error) from error


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> bytes:
    if member.file_size > LARGEST_BYTES:
        raise AreaError(f"cannot read {path}: {member.filename} is larger than 512 MiB")
    try:
        return archive.read(member)
    except ANY_FAULT as error:
        raise unreadable(path, error) from error


def _parsed(content: bytes, where: str) -> ET.Element:
    try:
        return ET.fromstring(content)  # noqa: S314 - the user's own file; expat bounds entities
    except (ET.ParseError, ValueError, LookupError) as error:
        raise AreaError(f"{where} is not KML: {error}") from error


def _tag(element: ET.Element) -> str:
    """Its name without the namespace, of which there is one for every version of KML."""
    return element.tag.rpartition("}")[2]


def _links(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        if _tag(element) == "NetworkLink":
            hrefs = (inner.text or "" for inner in element.iter() if _tag(inner) == "href")
            yield from (href.strip() for href in hrefs if href.strip())


def _local(link: str, where: str) -> str:
    """The path of a link.

    Raises:
        AreaError: It is none, or goes elsewhere: what is not fetched would be missing from the
            area.
    """
    try:
        parts = urlsplit(link)
    except ValueError as error:
        raise AreaError(f"{where} links to {link}, which is no address: {error}") from error
    if parts.scheme or parts.netloc:
        advice = "Save what it links to as a file of its own, and remove the link"
        raise AreaError(f"{where} links to {link}, which is not fetched", advice=advice)
    return unquote(parts.path)


def _missing(where: str, link: str) -> AreaError:
    advice = "Put that file there, or remove the link"
    return AreaError(f"{where} links to {link}, which is not there", advice=advice)


def _source(root: ET.Element, where: str) -> Source:
    shapes: list[shapely.Geometry] = []
    for element in root.iter():
        if _tag(element) == "Placemark":
            name = next((inner.text for inner in element if _tag(inner) == "name"), None)
            try:
                shapes += _shapes(element)
            except (ValueError, RecursionError) as error:
                what = f"{where}, placemark {name or len(shapes) + 1!r}: {error}"
                raise AreaError(what) from error
    return Source(shapely.GeometryCollection(shapes), where)


def _shapes(element: ET.Element) -> Iterator[shapely.Geometry]:
    """The geometries below an element, but for the rings of polygons."""
    for inner in element:
        kind = _tag(inner)
        if kind not in _SHAPES:
            yield from _shapes(inner)
        elif (shape := _shape(kind, inner)) is not None:
            yield shape


def _shape(kind: str, element: ET.Element) -> shapely.Geometry | None:
    if kind == "Polygon":
        outer = [ring for ring in _rings(element, "outerBoundaryIs") if ring]
        holes = [ring for ring in _rings(element, "innerBoundaryIs") if ring]
        return shapely.Polygon(outer[0], holes) if outer else None
    points = _track(element) if kind == "Track" else _points(element)
    if not points:
        return None
    if kind == "Point" or len(points) == 1:
        return shapely.Point(points[0])
    return shapely.LineString(points)


def _rings(polygon: ET.Element, boundary: str) -> Iterator[list[tuple[float, float]]]:
    for element in polygon:
        if _tag(element) == boundary:
            yield from map(_points, element)  # shapely closes those that are open


def _points(element: ET.Element) -> list[tuple[float, float]]:
    """Of ``longitude,latitude[,altitude]`` with blanks between the points."""
    text = next((inner.text or "" for inner in element if _tag(inner) == "coordinates"), "")
    return [_point(item.split(",")) for item in _BLANKS_AROUND_COMMA.sub(",", text).split()]


def _track(element: ET.Element) -> list[tuple[float, float]]:
    """Of ``gx:coord`` elements with blanks between the numbers."""
    return [_point((e.text or "").split()) for e in element if _tag(e) == "coord"]


def _point(numbers: list[str]) -> tuple[float, float]:
    try:
        return float(numbers[0]), float(numbers[1])
    except (ValueError, IndexError):
        raise ValueError(f"{','.join(numbers)!r} is not longitude,latitude") from None
